"""Cosine distances of directions that are nearly the same, and of rows so short or long that squares vanish or overflow."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

import deeprob_fast as df
from tests import reference

# Largest relative errors, for means that are so many times the spread of the features (docs/exactness.md has what was measured).
ERRORS = {1.0: 1e-14, 1e2: 1e-12, 1e4: 2e-10, 1e6: 2e-8, 1e8: 2e-6}


def rows_around_a_mean(ratio, n_train, n_queries, n_features=8):
    rng = np.random.default_rng(0)
    mean = ratio * rng.standard_normal(n_features)
    return [mean + rng.standard_normal((n, n_features)) for n in (n_train, n_queries)]


def decimal_distances(train, queries):
    """1 - cos with 60 digits: what real numbers give."""
    with localcontext() as context:
        context.prec = 60
        directions = []
        for rows in (train, queries):
            numbers = [[Decimal(x) for x in row] for row in rows.tolist()]
            norms = [sum(x * x for x in row).sqrt() for row in numbers]
            directions.append([[x / norm for x in row] for row, norm in zip(numbers, norms, strict=True)])
        return [[1 - sum(map(Decimal.__mul__, q, t)) for t in directions[0]] for q in directions[1]]


def by_products(train, queries):
    """1 - x.y / (norm(x) norm(y)) in float64."""
    norms = [np.sqrt(reference.lane_sum(rows * rows)) for rows in (queries, train)]
    return 1 - np.array([reference.lane_sum(q * train) for q in queries]) / np.outer(*norms)


def assert_near_decimals(ratio, n_train, n_queries, strategy):
    train, queries = rows_around_a_mean(ratio, n_train, n_queries)
    exact = decimal_distances(train, queries)
    found = df.KNNIndex(train, metric="cosine", strategy=strategy).search(queries, 10)
    expected = [sorted(range(n_train), key=row.__getitem__)[:10] for row in exact]
    wrong = found.indices != np.array(expected)
    errors = [
        abs(Decimal(float(distance)) / row[index] - 1)
        for row, distances, indices in zip(exact, found.distances, found.indices, strict=True)
        for distance, index in zip(distances, indices, strict=True)
    ]
    assert max(errors) < ERRORS[ratio]
    assert not wrong.any()
    return np.argsort(by_products(train, queries), axis=1, kind="stable")[:, :10] != np.array(expected)


@pytest.mark.parametrize("strategy", ["auto", "dense", "integer"])
@pytest.mark.parametrize("ratio", ERRORS)
def test_neighbours_are_those_of_decimal_arithmetic(isa, ratio, strategy):
    wrong_by_products = assert_near_decimals(ratio, 400, 10, strategy)
    assert wrong_by_products.mean() > 0.9 or ratio < 1e8


@pytest.mark.slow
@pytest.mark.parametrize("ratio", ERRORS)
def test_neighbours_among_ten_thousand_rows(isa, ratio):
    assert_near_decimals(ratio, 10_000, 100, "auto")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("strategy", ["auto", "dense", "integer"])
def test_short_and_long_rows_have_the_directions_of_others(isa, dtype, strategy):
    rng = np.random.default_rng(1)
    plain = rng.integers(-9, 10, (200, 5)).astype(dtype)
    plain[:2] = [[1, 2, 3, 4, 5], [1, 2, 3, 4, 6]]
    # Powers of two change no direction.
    exponents = rng.integers(-140, 120, (200, 1)) if dtype == "float32" else rng.integers(-1065, 240, (200, 1))
    scaled = np.ldexp(plain, exponents)
    assert (np.ldexp(scaled, -exponents) == plain).all()
    found = df.KNNIndex(scaled, metric="cosine", strategy=strategy).search(scaled, 20)
    distances, indices = reference.nearest(scaled, scaled, 20, "cosine")
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)
    as_plain = np.sort(reference.distances(plain, plain, "cosine"), axis=1)[:, :20]
    np.testing.assert_allclose(found.distances, as_plain, rtol=1e-14, atol=1e-30)


def test_tiny_rows_have_directions(isa):
    rows = np.array([[1e-100, 2e-100], [1e-300, 2e-300], [5e-324, 0.0], [1.0, 2.0], [0.0, 0.0]])
    apart = 1 - 5**-0.5  # of (1, 2) and (1, 0)
    for found in (df.pairwise_distances(rows, metric="cosine"), df.nearest_neighbors(rows, rows, 5, metric="cosine")):
        distances = found if isinstance(found, np.ndarray) else np.take_along_axis(found.distances, np.argsort(found.indices), 1)
        np.testing.assert_allclose(
            distances[:4, :4], [[0, 0, apart, 0], [0, 0, apart, 0], [apart, apart, 0, apart], [0, 0, apart, 0]], atol=1e-15
        )
        assert (np.diag(distances)[:4] == 0).all()
        assert (distances[4] == 1).all()
