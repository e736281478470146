"""Search problems on which filters err most easily, and every way to solve them, held against the specification bit for bit."""

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import _kernels
from deeprob_fast.knn import packing, queries
from tests import reference
from tests.knn.exact import strategies_of
from tests.limits import lower_limits, lowered, recorded_steps
from tests.safety.hostile import Source
from tests.strategies import cast, low_rank

_QUERIES = 14  # in float32, which are packed at a time where queries are cut


class Problem(NamedTuple):
    """Training rows, queries, k, a metric and a number of threads."""

    train: Any
    queries: Any
    k: int
    metric: str
    n_threads: int


FAMILIES = {
    "normal": lambda rng, n, d: rng.standard_normal((n, d)),
    "ties": lambda rng, n, d: rng.integers(-3, 4, (n, d)).astype(float),
    "offset": lambda rng, n, d: 1e4 + rng.standard_normal((n, d)),
    "nearly parallel": lambda rng, n, d: rng.standard_normal(d) * 1e4 + rng.standard_normal((n, d)) * 1e-3,
    "norms": lambda rng, n, d: rng.standard_normal((n, d)) * 10.0 ** rng.integers(-60, 60, (n, 1)),
    "tiny": lambda rng, n, d: rng.standard_normal((n, d)) * 1e-160,
    "large": lambda rng, n, d: rng.standard_normal((n, d)) * 1e70,
    "subnormal": lambda rng, n, d: rng.integers(-8, 9, (n, d)) * 5e-324,
    "one ulp apart": lambda rng, n, d: 1 + rng.integers(0, 3, (n, d)) * 2.0**-52,
    "one float32 ulp apart": lambda rng, n, d: 1 + rng.integers(0, 3, (n, d)) * 2.0**-23,
    "repeated": lambda rng, n, d: rng.standard_normal((max(1, n // 8), d))[rng.integers(0, max(1, n // 8), n)],
    "zeros": lambda rng, n, d: rng.standard_normal((n, d)) * (rng.random((n, 1)) > 0.3),
    "outlier": lambda rng, n, d: rng.standard_normal((n, d)) * np.where(np.arange(n) == n // 3, 1e12, 1.0)[:, None],
    "bytes": lambda rng, n, d: rng.integers(-200, 300, (n, d)).astype(float),
    "near a subspace": lambda rng, n, d: low_rank(rng, n, d, min(3, d)),
    "clusters": lambda rng, n, d: rng.standard_normal((4, d))[rng.integers(0, 4, n)] + 1e-7 * rng.standard_normal((n, d)),
}


def draw(source, way):
    """Draw a problem for a way to solve it."""
    n = source.choice(1, 2, 7, 31, 33, 64, 100, 257)
    d = source.choice(1, 2, 3, 5, 8, 9, 12) if way == "boxes" else source.choice(1, 2, 3, 5, 8, 9, 16, 17, 33, 64, 70)
    n_queries = source.choice(1, 3, 20, 200, 600)
    metric = source.choice(*(reference.SUMS if way == "integer" else reference.METRICS))
    if way == "boxes":
        metric = source.choice("euclidean", "sqeuclidean", "manhattan", "chebyshev")
    if way == "prefix":
        n, d, metric = (
            source.choice(33, 100, 257, 300),
            source.choice(64, 70, 96),
            source.choice("euclidean", "sqeuclidean", "cosine"),
        )
    if way == "few queries":
        n_queries = source.choice(1, 2, 3, 4)
    n_queries = max(1, min(n_queries, 1_500_000 // (n * d)))
    name = source.choice(*FAMILIES)
    train = cast(FAMILIES[name](source.rng, n, d), source.choice(*reference.DTYPES))
    other = FAMILIES[source.choice(name, name, name, "normal")](source.rng, n_queries, d)
    if source.happens(0.3):
        other = train[source.rng.integers(0, n, n_queries)].astype(float)
    queries = cast(other, source.choice(*reference.DTYPES))
    k = source.choice(1, min(2, n), min(5, n), max(1, n - 1), n)
    return name, Problem(train, queries, k, metric, source.choice(1, 2, 3))


def one_shot(problem, **options):
    train, queries, k, metric, n_threads = problem
    return df.nearest_neighbors(train, queries, k, metric=metric, n_threads=n_threads, **options)


def by_callback(problem):
    """Few queries as well are packed then, and the last call says that all is done."""
    told: list[float] = []
    found = one_shot(problem, callback=told.append)
    assert told[-1] == 1
    return found


def few_queries(problem):
    found, stats = one_shot(problem, return_stats=True)
    assert stats["strategy"] == "scan"
    return found


def decided(problem):
    """Let the plan try every filter, however small the job is."""
    with lowered(few_queries=0, small_job=0, prefix_job=-1, tree_rows=1, tree_job=0, tree_queries_per_feature=0):
        found, stats = one_shot(problem, return_stats=True)
    assert "too small" not in stats["reason"]
    return found


def pieces(problem):
    """Cut rows and queries into pieces, with any filter, and count them."""
    rows = 4  # of float32; of bytes, and for many neighbours, a piece has four times as many
    with pytest.MonkeyPatch.context() as patch:
        _cut(patch, rows, problem.train.shape[1], few_queries=0, small_job=0, tree_rows=10**9)
        steps = recorded_steps(patch, queries)
        found, stats = one_shot(problem, return_stats=True)
    assert max(steps) > 1 or stats["n_distinct_queries"] <= 4 * _QUERIES  # of bytes four times as many
    assert stats["piece_rows"] > 0 or len(problem.train) <= 16 * rows or _repeats(problem.train)
    return found


def _cut(patch, rows, n_features, **changes):
    row_bytes = 4 * n_features
    lower_limits(patch, piece_bytes=row_bytes * rows, query_bytes=row_bytes * _QUERIES, **changes)


def _repeats(rows):
    return len(np.unique(rows, axis=0)) < len(rows)


def mapped(problem):
    """Rows in a file, of bytes in either order, some of them converted piece by piece."""
    train = problem.train
    swapped = train.astype(train.dtype.newbyteorder(">" if problem.k % 2 else "="))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder) / "rows"
        path.write_bytes(b"x" * (problem.n_threads - 1) + swapped.tobytes())
        rows = np.memmap(path, dtype=swapped.dtype, mode="r", offset=problem.n_threads - 1, shape=train.shape)
        _cut(patch, 20, train.shape[1], converted_bytes=0, whole_bytes=0, few_queries=0)
        found, stats = one_shot(problem._replace(train=rows), return_stats=True)
    assert stats["piece_rows"] > 0
    return found


def by_strategy(strategy):
    def search(problem):
        train, queries, k, metric, n_threads = problem
        with pytest.MonkeyPatch.context() as patch:
            lower_limits(patch, leaf_rows=8, column_bytes=0)  # one group of panels at a time
            steps = recorded_steps(patch, packing)
            index = df.KNNIndex(train, metric=metric, strategy=strategy, n_threads=n_threads)
        found = index.search(queries, k)
        stats = index.stats
        if strategy == "prefix":
            # There are none along which all rows are equal, or with too large numbers.
            assert stats["strategy"] == "prefix" or stats["reason"] == "no directions"
            if stats["strategy"] == "prefix":
                assert max(steps) > 1 or len(np.unique(train, axis=0)) <= _kernels.group_rows()
        else:
            assert strategy in ("auto", stats["strategy"])
        assert stats["isa"] == _kernels.ISA
        assert stats["n_queries"] == len(queries)
        return found

    return search


WAYS = {
    "one shot": one_shot,
    "callback": by_callback,
    "few queries": few_queries,
    "decided": decided,
    "pieces": pieces,
    "mapped": mapped,
    **{strategy: by_strategy(strategy) for strategy in ("auto", "dense", "integer", "prefix", "boxes")},
}


def assert_same(found, expected, what):
    """Compare bit for bit, but for the sign of zero, which the specification leaves open."""
    distances, indices = expected
    assert found.indices.dtype == np.int64
    assert found.distances.dtype == np.float64
    bits, wanted = (found.distances + 0.0).view(np.int64), (np.ascontiguousarray(distances) + 0.0).view(np.int64)
    wrong = (found.indices != indices).any(axis=1) | (bits != wanted).any(axis=1)
    assert not wrong.any(), f"{what}: {int(wrong.sum())} of {len(wrong)} queries are not exact, first {int(wrong.argmax())}"


def solve(seed, number):
    """Solve one problem in one way, and return the way, the family, the metric and how many queries there were."""
    source = Source(seed, number)
    way = source.choice(*WAYS)
    family, problem = draw(source, way)
    train, queries, k, metric, n_threads = problem
    what = f"{way}, {family}, {metric}, {train.dtype} {train.shape}, {queries.dtype} {queries.shape}, k={k}, {n_threads} threads"
    with np.errstate(all="ignore"):
        assert_same(WAYS[way](problem), reference.nearest(train, queries, k, metric), what)
        n_queries = len(queries)
        if source.happens(0.1) and len(train) > 1:
            k = min(k, len(train) - 1)
            strategy = source.choice("auto", *strategies_of(problem.metric))
            index = df.KNNIndex(train, metric=metric, strategy=strategy, n_threads=n_threads)
            assert_same(index.search(None, k), reference.nearest_others(train, k, metric), f"itself, {strategy}, {what}")
            n_queries += len(train)
    return way, family, metric, n_queries
