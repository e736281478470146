"""pairwise_distances over the whole range of its dtype, against long double, whose exponents reach further."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import deeprob_fast as df
from tests import reference

Wide = np.longdouble
pytestmark = pytest.mark.skipif(np.finfo(Wide).maxexp <= 1024, reason="long double is no wider than a double here")

EXPONENTS = {"float32": (-40, 38), "float64": (-300, 300)}
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def wide_distances(x, y, metric):
    """Distances, and the sizes that errors are relative to: those of the terms where these cancel."""
    x, y = x.astype(Wide), y.astype(Wide)
    if metric == "inner_product":
        return (x[:, None] * y).sum(axis=-1), abs(x[:, None] * y).sum(axis=-1)
    if metric == "cosine":
        missing = ~x.any(axis=1)[:, None] | ~y.any(axis=1)
        x, y = (rows / np.maximum(np.sqrt((rows * rows).sum(axis=1, keepdims=True)), np.finfo(Wide).tiny) for rows in (x, y))
        distances = np.where(missing, 1, np.minimum(((x[:, None] - y) ** 2).sum(axis=-1) / 2, 2))
        # Directions are rounded: their distance is off by about 4e-16, half its square by 4e-16 of it and 1e-31.
        return distances, distances + 1e-3 * np.sqrt(distances) + 1e-18
    differences = abs(x[:, None] - y)
    if metric == "manhattan":
        distances = differences.sum(axis=-1)
    elif metric == "chebyshev":
        distances = differences.max(axis=-1)
    else:
        distances = (differences**2).sum(axis=-1)
        distances = np.sqrt(distances) if metric == "euclidean" else distances
    return distances, distances


@st.composite
def pairs_of_rows(draw):
    """Draw two sets of rows whose elements have exponents that are equal in a matrix, in a row or nowhere."""
    dtype = draw(st.sampled_from(sorted(EXPONENTS)))
    low, high = EXPONENTS[dtype]
    n_features = draw(st.integers(1, 20))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def rows(n):
        shape = draw(st.sampled_from([(1, 1), (n, 1), (n, n_features)]))
        center = draw(st.integers(low + 5, high - 5))
        least, most = draw(st.sampled_from([(low, high), (center, center)]))
        exponents = np.clip(rng.uniform(least, most, shape) + rng.uniform(-5, 5, (n, 1)), low, high)
        signs = np.clip(rng.standard_normal((n, n_features)), -1, 1) * (rng.random((n, n_features)) > 0.2)
        return (Wide(10) ** exponents.astype(Wide) * signs).astype(dtype)

    x, y = rows(draw(st.sampled_from((1, 15, 33, 70)))), rows(draw(st.sampled_from((1, 17, 64))))
    n = min(len(x), len(y))
    relation = draw(st.sampled_from(["apart", "equal", "next"]))
    if relation != "apart":
        y[:n] = x[:n] if relation == "equal" else np.nextafter(x[:n], np.array(np.inf, dtype))
    return x, y


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=pairs_of_rows(), metric=st.sampled_from(reference.METRICS), to_itself=st.booleans())
def test_the_whole_range_of_the_dtype(isa, rows, metric, to_itself):
    x, y = rows
    y = x if to_itself else y
    found = df.pairwise_distances(x, None if to_itself else y, metric=metric)
    limits, tolerance = np.finfo(found.dtype), TOLERANCE[found.dtype.name]
    largest = Wide(limits.max)
    assert not np.isnan(found).any()
    exact, sizes = wide_distances(x, y, metric)
    # What is lost below the normal numbers, a result cannot say; sums whose terms leave the range may cancel to any number.
    errors = abs(found.astype(Wide) - exact) - 16 * Wide(limits.smallest_subnormal)
    within = (abs(exact) < largest * (1 - tolerance)) & (sizes * 1e-3 < largest)
    assert (errors <= tolerance * sizes)[within].all()
    beyond = (abs(exact) > largest * (1 + tolerance)) & (sizes * tolerance < abs(exact))
    assert np.isinf(found[beyond]).all()
    if to_itself:
        assert (found == found.T).all()
        assert metric in ("inner_product", "cosine") or not np.diag(found).any()


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000])
def test_rows_with_themselves_are_symmetric(isa, dtype, metric, n):
    rng = np.random.default_rng(n)
    x = (rng.standard_normal((n, 19)) * 5 + 60).astype(dtype)
    found = df.pairwise_distances(x, metric=metric)
    assert (found == found.T).all()
    assert metric == "inner_product" or not np.diag(found).any()
    # Rows elsewhere in memory have every distance computed.
    apart = df.pairwise_distances(x, x.copy(), metric=metric)
    np.testing.assert_allclose(found, apart, rtol=1e-4 if found.dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_squares_that_leave_the_range(isa, metric):
    for dtype, exponent in (("float32", 25), ("float32", -30), ("float64", 200), ("float64", -250)):
        x = np.array([[3, 0], [0, 4]], dtype) * np.array(f"1e{exponent}", dtype)
        expected, _ = wide_distances(x, x, metric)
        with np.errstate(over="ignore", under="ignore"):
            expected = expected.astype(dtype)
        np.testing.assert_allclose(df.pairwise_distances(x, metric=metric), expected, rtol=TOLERANCE[dtype])
