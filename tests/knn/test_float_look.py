"""The look in float32 that precedes canonical distances: which rows it serves, and that it excludes no neighbour."""

import numpy as np
import pytest

import deeprob_fast as df
from tests import reference
from tests.knn.exact import strategies_of

RNG = np.random.default_rng(31)
CENTERS = RNG.standard_normal((2, 37))


def crowd(width, n_rows=1500):
    """Rows so near to two centers that no filter tells those of one center apart."""
    return CENTERS[RNG.integers(0, 2, n_rows)] + width * RNG.standard_normal((n_rows, 37))


def search(train, queries, k, metric="euclidean", strategy="dense"):
    index = df.KNNIndex(train, metric=metric, strategy=strategy)
    neighbors = index.search(queries, k)
    distances, indices = reference.nearest(train, queries, k, metric)
    np.testing.assert_array_equal(neighbors.indices, indices)
    np.testing.assert_array_equal(neighbors.distances, distances)
    return index.stats


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize("strategy", ["dense", "integer"])
@pytest.mark.parametrize("k", [1, 9, 100])
def test_it_spares_canonical_distances_of_a_crowd(isa, metric, strategy, k):
    rows = crowd(1e-5).astype(np.float32)
    stats = search(rows, rows[::20], k, metric, strategy)
    assert stats["n_looked"] > 75 * (300 if k < 100 else 20)
    assert stats["n_refined"] < 75 * (4 * k + 90)


@pytest.mark.parametrize("metric", reference.SUMS)
@pytest.mark.parametrize("k", [9, 100])
def test_it_spares_canonical_distances_that_bytes_leave(isa, metric, k):
    rows = RNG.standard_normal((1500, 37)).astype(np.float32)
    stats = search(rows, rows[::20], k, metric, "integer")
    assert stats["n_looked"] > 75
    assert stats["n_refined"] < 75 * 2 * k


@pytest.mark.parametrize(
    ("of_rows", "of_queries", "serves"),
    [
        ("float32", "float32", True),
        ("float16", "float32", True),
        ("int8", "float32", True),
        ("float32", "uint8", True),
        ("uint8", "uint8", False),  # sums of integers cost less
        ("float64", "float32", False),  # float32 does not hold them
        ("float32", "float64", False),
    ],
)
def test_it_serves_what_float32_holds(of_rows, of_queries, serves):
    rows = RNG.integers(0, 90, (1500, 37))
    rows = rows[:, :1] + (rows % 2)
    stats = search(
        rows.astype(of_rows), rows[::20].astype(of_queries), 9, "manhattan" if of_rows == "int8" else "euclidean", "integer"
    )
    assert (stats["n_looked"] > 0) == serves


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("scale", [1e-44, 1e-38, 1e-30, 1e-20, 1e-12, 1, 1e9, 1e17, 1e19, 1e30, 3e37])
def test_values_whose_squares_vanish_or_overflow(metric, scale):
    rows = (crowd(1e-5) * scale).astype(np.float32)
    rows[::3] = 0
    rows[1::7] *= np.float32(1e-6)
    search(rows, rows[::20], 9, metric)
    for strategy in strategies_of(metric):
        search(rows, rows[::20] * np.float32(1 + 1e-5), 3, metric, strategy)


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e15])
def test_small_squares_are_told_apart(scale):
    rows = (crowd(1e-5) * scale).astype(np.float32)
    stats = search(rows, rows[::20], 9)
    assert stats["n_looked"] > 75 * 300
    assert stats["n_refined"] < 75 * 90


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("n_features", [1, 7, 8, 9, 16, 33, 500])
def test_neighbours_that_float32_takes_for_equal(metric, n_features):
    """Distances a few units of float32 apart: what its sums round decides nothing."""
    base = RNG.standard_normal(n_features)
    steps = RNG.standard_normal((2000, n_features))
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    rows = (base + steps * (1 + 1e-7 * RNG.standard_normal((2000, 1)))).astype(np.float32)
    queries = np.tile(base, (70, 1)) + 1e-8 * RNG.standard_normal((70, n_features))
    for strategy in strategies_of(metric):
        search(rows, queries.astype(np.float32), 5, metric, strategy)


def test_it_rests_where_rows_are_tied():
    rows = np.sign(RNG.standard_normal((4000, 37))).astype(np.float32) * np.float32(0.1)
    queries = np.zeros((60, 37), dtype=np.float32)
    queries[:, 0] = np.float32(1e-9) * np.arange(60)
    stats = search(rows, queries, 5, "euclidean")
    assert stats["n_looked"] < stats["n_refined"] / 2
