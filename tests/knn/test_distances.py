"""Pairwise distances and top-k selection against the specification."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import deeprob_fast as df
from tests import reference
from tests.strategies import Problem, cast, problems

# Errors of the fast stage, relative to |x| |y| for products and to the distance for distances (docs/exactness.md).
TOLERANCE = {"float32": 2e-4, "float64": 1e-12}


def assert_close(found, train, queries, metric):
    with np.errstate(over="ignore", under="ignore"):
        expected = reference.distances(train, queries, metric).astype(found.dtype)
    tolerance, smallest = TOLERANCE[found.dtype.name], np.finfo(found.dtype).smallest_subnormal
    if metric == "inner_product":
        norms = [np.sqrt((np.asarray(a, dtype=np.float64) ** 2).sum(axis=1)) for a in (queries, train)]
        with np.errstate(invalid="ignore"):  # equal infinities
            errors = np.abs(np.where(found == expected, 0, found - expected.astype(np.float64)))
        np.testing.assert_array_less(errors, tolerance * np.outer(*norms) + 2.0 * smallest)
    else:
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=smallest)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(problem=Problem(np.float32([[1e26]]), np.float32([[-1e26]]), 1, "inner_product"))
@given(problem=problems())
def test_any_problem(isa, problem):
    found = df.pairwise_distances(problem.queries, problem.train, metric=problem.metric)
    assert_close(found, problem.train, problem.queries, problem.metric)


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_every_metric_and_dtype(isa, metric, dtype, offset):
    rng = np.random.default_rng(0)
    x, y = (cast(rng.standard_normal((n, 300)) * 30 + offset, dtype) for n in (70, 333))
    found = df.pairwise_distances(x, y, metric=metric)
    assert found.dtype == (np.float64 if dtype == "float64" else np.float32)
    assert_close(found, y, x, metric)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "manhattan", "cosine"])
def test_distances_within_one_set(isa, metric, dtype):
    rng = np.random.default_rng(1)
    x = (rng.standard_normal((60, 40)) + 1e3).astype(dtype)
    x[30:] = x[:30] * (1 + 1e-6)
    found = df.pairwise_distances(x, metric=metric)
    assert (np.diag(found) == 0).all()
    if metric != "cosine":
        np.testing.assert_allclose(found, reference.distances(x, x, metric), rtol=TOLERANCE[dtype])


def test_same_bytes_for_any_number_of_threads(isa):
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((500, 33), dtype=np.float32), rng.standard_normal((301, 33), dtype=np.float32)
    expected = df.pairwise_distances(x, y, n_threads=1)
    for n_threads in (2, 3, 7):
        assert df.pairwise_distances(x, y, n_threads=n_threads).tobytes() == expected.tobytes()


def test_rows_far_outside_the_range_of_the_others(isa):
    train = np.array([[1.0], [1.0], [1.0], [1e26], [-1e14]])
    for metric in ("euclidean", "sqeuclidean", "manhattan"):
        for queries in (train, train.astype(np.float32)):
            assert_close(df.pairwise_distances(queries, train, metric=metric), train, queries, metric)


def test_no_rows():
    assert df.pairwise_distances(np.empty((0, 3)), np.ones((2, 3))).shape == (0, 2)
    assert df.pairwise_distances(np.ones((2, 3)), np.empty((0, 3))).shape == (2, 0)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_top_k_of_any_matrix(isa, data):
    n_columns = data.draw(st.sampled_from((1, 2, 15, 16, 17, 100, 1000)))
    dtype = data.draw(st.sampled_from((*reference.DTYPES, "int64", "int32", "bool")))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    spread = data.draw(st.sampled_from((1, 3, 1000)))
    values = rng.integers(0, spread + 1, (3, n_columns)) if data.draw(st.booleans()) else rng.standard_normal((3, n_columns))
    values = values.astype(bool) if dtype == "bool" else cast_to(values, dtype)
    k = data.draw(st.integers(1, n_columns))
    largest = data.draw(st.booleans())
    found = df.top_k(values, k, largest=largest)
    expected = reference.top_k(values, k, largest=largest)
    np.testing.assert_array_equal(found.indices, expected[1])
    np.testing.assert_array_equal(found.values, expected[0])


def cast_to(values, dtype):
    return values.astype(dtype) if np.dtype(dtype).kind == "i" else cast(values, dtype)


def test_top_k_orders_infinities_and_extremes(isa):
    values = np.array([[np.inf, -np.inf, 0.0, -0.0, 5e-324, np.inf]])
    assert df.top_k(values, 6).indices.tolist() == [[1, 2, 3, 4, 0, 5]]
    assert df.top_k(values, 6, largest=True).indices.tolist() == [[0, 5, 4, 2, 3, 1]]
    integers = np.array([[np.iinfo(np.int64).min, np.iinfo(np.int64).max, 0]])
    assert df.top_k(integers, 3, largest=True).indices.tolist() == [[1, 2, 0]]


def test_top_k_of_strided_rows_and_many_threads(isa):
    rng = np.random.default_rng(3)
    values = rng.integers(0, 9, (50, 3000)).astype(np.float32)[::3, ::-1]
    expected = df.top_k(values, 40, n_threads=1)
    np.testing.assert_array_equal(expected.indices, reference.top_k(values, 40, largest=False)[1])
    assert df.top_k(values, 40, n_threads=5).indices.tobytes() == expected.indices.tobytes()
