"""How a search runs, and why: one test for each way, by the plan itself."""

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import _kernels
from deeprob_fast.knn.checks import check_train_source
from deeprob_fast.knn.costs import COSTS
from deeprob_fast.knn.plan import STRATEGIES, plan_index, plan_search, plan_selections
from tests.limits import lowered
from tests.strategies import low_rank

RNG = np.random.default_rng(0)
NORMAL = RNG.standard_normal((4000, 64), dtype=np.float32)
PLANE = RNG.random((20000, 2))
has_bytes = pytest.mark.skipif(_kernels.ISA == "baseline", reason="bytes cost as much as numbers on this level")


def search(rows, n_queries=500, k=10, metric="euclidean", **options):
    return plan_search(rows, metric, n_queries, k, 2, **options)


def test_few_queries_are_compared_with_the_rows_as_they_are():
    plan = search(NORMAL, 4, 1024)
    assert (plan.name, plan.reason, plan.strategy) == ("scan", "at most 4 queries", None)
    for other in (search(NORMAL, 5), search(NORMAL, 4, 1025), search(NORMAL, 4, tells_progress=True)):
        assert other.name == "dense"
        assert other.reason == "too small a job to try a filter"


def test_few_features_lie_in_boxes_where_that_pays():
    plan = search(PLANE)
    assert plan.name == "boxes"
    assert "of the dense cost" in plan.reason
    assert search(PLANE, 200).name == "dense"
    assert search(PLANE, metric="cosine").name == "dense"
    assert search(RNG.standard_normal((3000, 12)), 3000).name == "dense"  # tried, and not worth it


@has_bytes
def test_bytes_where_few_rows_pass():
    rows = RNG.standard_normal((12000, 96), dtype=np.float32)
    plan = search(rows, 4000, metric="manhattan")
    assert plan.name == "integer"
    assert plan.reason.startswith("on a sample, bytes let ")
    assert 0 < plan.predicted_cost < 1
    narrow = search(NORMAL[:, :7], 4000, metric="inner_product")
    assert (narrow.name, narrow.reason) == ("dense", "too small a job to try a filter")
    with lowered(small_job=0):
        assert search(NORMAL[:, :7], 4000, metric="inner_product").reason == "fewer than 8 features"
    two_clusters = NORMAL[RNG.integers(0, 2, 4000)] + np.float32(1e-6) * NORMAL
    assert search(two_clusters, 4000).name == "dense"
    assert search(np.zeros((20, 8193), dtype=np.int8)).reason == "more than 8192 features"


@has_bytes
def test_a_prefix_near_a_subspace():
    rows = low_rank(np.random.default_rng(23), 12000, 128).astype(np.float32)
    plan = search(rows, 12000)
    assert plan.name == "prefix"
    assert "directions let" in plan.reason
    with lowered(prefix_job=1e12):
        assert search(rows, 12000).name != "prefix"
    assert search(rows, 12000, metric="inner_product").name != "prefix"


def test_pieces_where_the_rows_take_more_than_one():
    assert not search(NORMAL).by_pieces
    with lowered(piece_bytes=4 * 64 * 1000):
        plan = search(NORMAL)
        assert (plan.piece_rows, plan.groups_pieces) == (1000, False)
        assert search(NORMAL, k=100).piece_rows == 0  # four times as many: all of them
        repeated = NORMAL[RNG.integers(0, 100, 4000)]
        whole = search(repeated)
        assert not whole.by_pieces
        assert len(whole.duplicates.representatives) == 100


def test_a_large_file_is_grouped_piece_by_piece(tmp_path):
    np.save(tmp_path / "rows.npy", NORMAL)
    np.save(tmp_path / "swapped.npy", NORMAL.astype(">f4"))
    mapped = check_train_source(np.load(tmp_path / "rows.npy", mmap_mode="r"))
    assert search(mapped).name == "dense"
    with lowered(whole_bytes=0, converted_bytes=0):
        plan = search(mapped)
        assert plan.groups_pieces
        assert plan.by_pieces
        assert search(NORMAL[:, :2]).name == "boxes"  # in memory they are worth a copy
        converted = search(check_train_source(np.load(tmp_path / "swapped.npy", mmap_mode="r")), 2)
        assert converted.groups_pieces
        assert converted.name == "dense"


def test_selections_of_rows_share_a_plan_unless_boxes_may_serve():
    assert plan_selections(PLANE, "euclidean", 100, 5, 2) is None
    plan = plan_selections(NORMAL, "euclidean", 100, 5, 2)
    assert plan is not None
    assert (plan.by_pieces, plan.groups_pieces) == (True, False)
    repeated = plan_selections(NORMAL[RNG.integers(0, 100, 4000)], "euclidean", 100, 5, 2)
    assert repeated is not None
    assert repeated.groups_pieces


@pytest.mark.parametrize("requested", STRATEGIES[1:])
def test_what_is_asked_for(requested):
    rows = PLANE[:500] if requested == "boxes" else NORMAL[:500]
    plan = plan_index(rows, "euclidean", requested, 1)
    assert (plan.name, plan.reason, plan.requested) == (requested, "asked for", requested)
    auto = plan_index(rows, "euclidean", "auto", 1)
    assert (auto.name, auto.requested) == ("dense", "auto")


def test_a_search_tells_its_plan():
    for n_queries, name in ((3, "scan"), (50, "dense")):
        neighbors, stats = df.nearest_neighbors(NORMAL, NORMAL[:n_queries], 5, return_stats=True)
        np.testing.assert_array_equal(neighbors.indices[:, 0], np.arange(n_queries))
        assert stats["strategy"] == name
        assert stats["n_queries"] == n_queries
        assert 5 * n_queries <= stats["n_refined"] <= 4000 * n_queries
    index = df.KNNIndex(NORMAL)
    index.search(NORMAL[:50], 5)
    assert set(stats) - set(index.stats) == {"piece_rows"}


def test_every_level_has_its_costs():
    assert set(COSTS) == set(_kernels.LEVELS)
