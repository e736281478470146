"""Thresholds that are guessed, from the rows that come first and from likely errors: they spare work, and change no result."""

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import _kernels
from deeprob_fast.knn.centering import Centering
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.packing import Prepared
from deeprob_fast.knn.plan import plan_index
from deeprob_fast.knn.scattering import scattered
from deeprob_fast.knn.search import search_whole
from tests import reference
from tests.knn.exact import FILTERED
from tests.limits import lowered
from tests.strategies import low_rank

RNG = np.random.default_rng(41)
N_ROWS = 6000
ROWS = RNG.standard_normal((N_ROWS, 24), dtype=np.float32)
QUERIES = RNG.standard_normal((60, 24), dtype=np.float32)


def assert_equal(found, train, queries, k, metric):
    distances, indices = reference.nearest(train, queries, k, metric)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)


def search(train, queries, k, strategy="dense", metric="euclidean", n_threads=2):
    """Search an index; return how it ran."""
    index = df.KNNIndex(train, strategy=strategy, metric=metric, n_threads=n_threads)
    assert_equal(index.search(queries, k), train, queries, k, metric)
    return index.stats


def in_units(train, queries, k, strategy, *, scatters=False, metric="euclidean", prefix=None):
    """Search rows that are packed in units of 1, from the origin; return what was counted."""
    chosen = Strategy(strategy, Centering(np.zeros(train.shape[1]), 1.0), prefix, scatters=scatters)
    found, counts = search_whole(Prepared.pack(train, metric, chosen, 2), queries, k, 2)
    assert_equal(found, train, queries, k, metric)
    return counts


def deceiving(k):
    """Rows of which a sample, those that are packed first, holds all that are not shifted."""
    rows = ROWS + np.float32(3)
    rows[np.random.default_rng(k).permutation(scattered(N_ROWS)[: N_ROWS // 8])[: 2 * k]] -= np.float32(3)
    return rows


@pytest.mark.parametrize("n_rows", [*range(1, 40), 1000, 6000, 46368])  # the last is a Fibonacci number
def test_any_rows_that_follow_each_other_lie_evenly_spread(n_rows):
    order = scattered(n_rows)
    np.testing.assert_array_equal(np.sort(order), np.arange(n_rows))
    for size in (16, n_rows // 10, n_rows // 3):
        if size < 2 or size >= n_rows:
            continue
        gaps = np.diff(np.sort(order[size : 2 * size] if 2 * size <= n_rows else order[:size]))
        assert gaps.max() < 3 * n_rows / size


def test_a_sample_rarely_holds_more_of_the_nearest_than_its_rank(isa):
    n_rows, rng = 20000, np.random.default_rng(42)
    for k in (1, 10, 200, 5000, n_rows):
        ranks = np.array([_kernels.sample_rank(k, n, n_rows) for n in range(0, n_rows + 1, 100)])
        assert ranks[-1] == k
        assert (np.diff(ranks) >= 0).all()
        assert ranks[0] == min(k, 6)
        # How many of k rows lie among the first n of a random order, for 300 orders.
        places = np.sort([rng.choice(n_rows, k, replace=False) for _ in range(300)], axis=1)
        held = np.array([np.searchsorted(row, np.arange(0, n_rows + 1, 100)) for row in places])
        assert ((held > ranks).any(axis=1)).mean() < 0.02
        assert (held.mean(axis=0) <= ranks).all()


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize(("k", "most"), [(100, 3.0), (600, 1.7)])
def test_a_sample_spares_candidates(isa, metric, k, most):
    stats = search(ROWS, QUERIES, k, metric=metric)
    assert k <= stats["n_candidates"] / len(QUERIES) < most * k
    assert stats["n_repeated"] <= 2
    # Integers may be tied by the thousand: these are met in their order, which excludes ties, and no sample tells anything.
    whole = np.rint(4 * ROWS)
    assert search(whole, QUERIES, k, metric=metric)["n_candidates"] / len(QUERIES) > 1.2 * most * k


@pytest.mark.parametrize(("strategy", "metric"), FILTERED)
@pytest.mark.parametrize("k", [3, 40, 300])
def test_a_sample_that_deceives(isa, strategy, metric, k):
    rows, queries = deceiving(k), QUERIES[:20]
    if metric in ("cosine", "inner_product"):
        # The nearest have the largest product and the smallest angle.
        rows, queries = 3 - rows, np.abs(queries) + 1
    stats = search(rows, queries, k, strategy, metric)
    if k == 3:
        assert stats["n_repeated"] == 0  # thresholds for few neighbours never rest on the share of a sample
    elif strategy == "dense" or k == 300:  # the errors of bytes hide much
        assert stats["n_repeated"] > len(queries) / 2


def test_few_queries_are_deceived(isa):
    far_apart = np.concatenate([QUERIES[:1], QUERIES[1:50] + 3, QUERIES[50:52], QUERIES[1:20] + 3])
    rows = deceiving(40)
    stats = search(rows, far_apart, 40, n_threads=1)
    assert 3 <= stats["n_repeated"] < 25  # those that lie between two are searched again with them


def test_few_queries_are_deceived_in_segments_and_pieces(isa):
    rows = deceiving(40)
    assert search(rows, QUERIES[:3], 40, n_threads=4)["n_repeated"] > 0
    for piece_rows in (1000, 3000, 5999):
        with lowered(piece_bytes=4 * 24 * piece_rows, few_queries=0):
            for n_queries, n_threads in ((60, 2), (3, 4)):
                found, stats = df.nearest_neighbors(rows, QUERIES[:n_queries], 21, n_threads=n_threads, return_stats=True)
                assert stats["piece_rows"] == piece_rows
                assert_equal(found, rows, QUERIES[:n_queries], 21, "euclidean")


def test_equal_rows_are_scattered_too(isa):
    rows = ROWS[np.random.default_rng(43).integers(0, 900, N_ROWS)]
    for k in (1, 30, 700):
        stats = search(rows, QUERIES, k)
        assert stats["n_distinct"] <= 900
        assert search(rows, rows[:50], k)["n_distinct"] <= 900


@pytest.mark.parametrize("strategy", ["dense", "integer"])
def test_rows_that_come_nearer_one_by_one(isa, strategy):
    # In their order, each row would be nearer than all before.
    rows = ROWS[np.argsort(-np.linalg.norm(ROWS, axis=1))]
    stats = search(rows, 0.01 * QUERIES, 5, strategy)
    assert stats["n_passed"] / len(QUERIES) < 600


# With the largest errors in their place, 598, 694 and 512 candidates were left in bytes of seven bits; finer bytes leave fewer.
@pytest.mark.parametrize(("metric", "most"), [("euclidean", 500), ("cosine", 500), ("inner_product", 400)])
def test_likely_errors_spare_candidates(isa, metric, most):
    rows = np.random.default_rng(5).standard_normal((N_ROWS, 300)).astype(np.float32)
    queries = rows[::100] + np.float32(0.1)
    stats = search(rows, queries, 5, "integer", metric)
    assert stats["n_candidates"] < most * len(queries)
    assert stats["n_repeated"] == 0


@pytest.mark.parametrize("strategy", ["integer", "integer, scattered", "prefix"])
@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_errors_that_are_as_large_as_they_may_be(isa, metric, strategy):
    # Every row is rounded towards the queries: distances are longer than those between bytes by the largest error.
    rng = np.random.default_rng(44)
    signs = np.where(rng.random((N_ROWS, 64)) < 0.5, -1, 1)
    steps = rng.integers(4, 30, (N_ROWS, 1))
    rows = (signs * (steps + 0.49)).astype(np.float32)
    queries = np.zeros((20, 64), dtype=np.float32)
    queries[:, 0] = np.arange(20) / 100
    name, _, scattering = strategy.partition(", ")
    prefix = plan_index(rows, metric, "prefix", 2).strategy.prefix if name == "prefix" else None
    counts = in_units(rows, queries, 9, name, scatters=scattering != "", metric=metric, prefix=prefix)
    assert counts.n_repeated == len(queries)


def test_a_prefix_is_rarely_wrong(isa):
    rows = low_rank(np.random.default_rng(3), 4000, 96).astype(np.float32)
    assert search(rows, rows[::20] + np.float32(0.01), 10, "prefix")["n_repeated"] < 10


@pytest.mark.parametrize(("strategy", "metric"), FILTERED)
def test_ties_of_rows_that_are_scattered(isa, strategy, metric):
    rows = np.random.default_rng(2).integers(-1, 2, (2000, 12)).astype(np.float32)
    for k in (1, 7, 50):
        in_units(rows, rows[::50] * np.float32(1 if metric == "manhattan" else 3), k, strategy, scatters=True, metric=metric)
