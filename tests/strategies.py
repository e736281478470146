"""Hypothesis strategies: search problems of the shapes, values and layouts that break things."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from tests.reference import DTYPES, METRICS

# One less, equal and one more than the widths of vectors and tiles.
SIZES = (1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 257)
FEATURES = (1, 2, 3, 7, 8, 9, 16, 31, 64, 100, 256, 257, 513)


@dataclass(frozen=True)
class Problem:
    """Training rows, queries, k and a metric."""

    train: np.ndarray
    queries: np.ndarray
    k: int
    metric: str


def _values(rng, shape, kind, scale, offset):
    if kind == "normal":
        return rng.standard_normal(shape) * scale + offset
    if kind == "grid":
        return rng.integers(-2, 3, shape) * scale + offset
    if kind == "binary":
        return rng.integers(0, 2, shape) * scale
    if kind == "constant":
        return np.full(shape, scale + offset)
    if kind == "few_rows":
        return rng.standard_normal((3, shape[1]))[rng.integers(0, 3, shape[0])] * scale + offset
    # One huge row, many tiny ones.
    values = rng.standard_normal(shape) * scale
    if shape[0]:
        values[rng.integers(0, shape[0])] *= 1e12
    return values


def cast(values, dtype):
    """Bring values into the range of a dtype."""
    dtype = np.dtype(dtype)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return np.clip(np.rint(values), info.min, info.max).astype(dtype)
    limit = {"float16": 6e4, "float32": 1e30, "float64": 1e60}[dtype.name]
    return np.clip(values, -limit, limit).astype(dtype)


def low_rank(rng, n_rows, n_features=96, rank=12):
    """Rows near a subspace, as images are."""
    basis = rng.standard_normal((rank, n_features))
    rows = rng.standard_normal((n_rows, rank)) * np.linspace(3, 0.5, rank) @ basis
    return rows + 0.05 * rng.standard_normal((n_rows, n_features))


@st.composite
def problems(draw, metrics=METRICS, dtypes=DTYPES):
    """Draw a search problem; values come from a drawn seed, which shrinks poorly but covers much."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_train = draw(st.sampled_from(SIZES))
    n_queries = draw(st.sampled_from((0, 1, 2, 13, 14, 15, 40)))
    n_features = draw(st.sampled_from(FEATURES))
    kind = draw(st.sampled_from(("normal", "grid", "binary", "constant", "few_rows", "outlier")))
    scale = draw(st.sampled_from((1.0, 1e-3, 20.0, 1e-30, 1e15)))
    offset = draw(st.sampled_from((0.0, 0.0, 1e4, 1e6)))
    train = cast(_values(rng, (n_train, n_features), kind, scale, offset), draw(st.sampled_from(dtypes)))
    queries = cast(_values(rng, (n_queries, n_features), kind, scale, offset), draw(st.sampled_from(dtypes)))
    if n_queries and draw(st.booleans()):
        queries = queries.astype(np.float64)
        picked = rng.integers(0, n_train, n_queries // 2)
        queries[: n_queries // 2] = train[picked]
    k = draw(st.sampled_from(sorted({1, min(5, n_train), n_train})))
    return Problem(train, queries, k, draw(st.sampled_from(metrics)))
