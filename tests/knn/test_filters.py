"""The filters: each of them, forced, gives what the specification says; the choice follows the data."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import deeprob_fast as df
from deeprob_fast import _kernels
from deeprob_fast.knn import centering, directions
from tests import reference
from tests.knn.exact import assert_exact, assert_exact_index, strategies_of
from tests.limits import lower_limits
from tests.strategies import cast, low_rank, problems


@pytest.fixture(autouse=True)
def small_cells(monkeypatch):
    """Leaves of the tree that sorts a prefix hold few rows, so that the few rows of a test fill many."""
    lower_limits(monkeypatch, leaf_rows=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problem=problems())
@pytest.mark.parametrize("strategy", ["dense", "integer"])
def test_any_problem_by_any_strategy(isa, strategy, problem):
    if strategy == "integer" and problem.metric not in reference.SUMS:
        with pytest.raises(ValueError, match="no sums of bytes for metric chebyshev"):
            df.KNNIndex(problem.train, metric=problem.metric, strategy=strategy)
        return
    assert_exact_index(problem.train, problem.queries, problem.k, problem.metric, strategy)


@pytest.mark.parametrize("metric", reference.SUMS)
@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("k", [1, 10, 1000])
def test_integer_filter(isa, metric, dtype, k):
    rng = np.random.default_rng(k)
    train = cast(rng.standard_normal((1500, 53)) * 30, dtype)
    queries = cast(rng.standard_normal((20, 53)) * 30, dtype)
    index = assert_exact_index(train, queries, k, metric, "integer")
    if k == 10:
        assert index.stats["n_refined"] < len(queries) * len(train) / 4


@pytest.mark.parametrize("metric", reference.SUMS)
def test_integer_filter_on_rows_of_very_different_lengths(isa, metric):
    rng = np.random.default_rng(17)
    train = rng.standard_normal((900, 40)).astype(np.float32) * np.float32(10) ** rng.integers(-12, 12, (900, 1)).astype(
        np.float32
    )
    train[::50] = 0
    assert_exact_index(train, train[::7], 9, metric, "integer")


@pytest.mark.parametrize("metric", reference.SUMS)
def test_integer_filter_over_several_depth_blocks(isa, metric):
    rng = np.random.default_rng(18)
    train = rng.standard_normal((200, 2500), dtype=np.float32)
    assert_exact_index(train, train[:20] + np.float32(0.1), 5, metric, "integer")


@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("k", [1, 10, 1000])
@pytest.mark.parametrize("n_features", [1, 15, 53, 2500])
def test_largest_differences(isa, dtype, k, n_features):
    rng = np.random.default_rng(k)
    train = cast(rng.standard_normal((1100, n_features)) * 30, dtype)
    queries = cast(rng.standard_normal((20, n_features)) * 30, dtype)
    index = assert_exact_index(train, queries, k, "chebyshev", "dense")
    assert k == 1000 or np.dtype(dtype).kind == "i" or index.stats["n_refined"] < len(queries) * len(train) / 4


def test_largest_differences_of_rows_that_float32_does_not_hold(isa):
    rng = np.random.default_rng(3)
    train = rng.standard_normal((300, 9))
    train[::40] *= 1e70
    queries = np.concatenate([rng.standard_normal((20, 9)), train[:3]])
    index = assert_exact_index(train, queries, 5, "chebyshev", "dense")
    assert index.stats["n_passed"] < len(queries) * len(train) * 0.9


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "cosine"])
@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("k", [1, 10, 400])
def test_prefix_filter(isa, metric, dtype, k):
    rng = np.random.default_rng(20)
    rows = cast(low_rank(rng, 1540), dtype)
    index = assert_exact_index(rows[40:], rows[:40], k, metric, "prefix")
    if k == 10:
        assert index.stats["n_refined"] < 40 * 150


HARD = {
    "Gaussian": lambda normal: normal,
    "few distinct rows": lambda normal: np.tile(normal[:3], (300, 1)) + np.arange(900)[:, None] % 5,
    "lengths from 1e-12 to 1e12": lambda normal: (
        normal * np.float32(10) ** (np.arange(900) % 25 - 12)[:, None].astype(np.float32)
    ),
    "outlier": lambda normal: np.vstack([normal[:-1], np.full((1, 70), 1e30, np.float32)]),
    "beyond float32": lambda normal: normal.astype(np.float64) * 1e60,
    "offset": lambda normal: 1e6 + normal.astype(np.float64) * 1e-3,
    "zeros between": lambda normal: np.where(np.arange(900)[:, None] % 3 == 0, 0, normal),
    "one-hot": lambda _: np.eye(70)[np.arange(900) % 70] * np.arange(1, 901)[:, None],
    "a line": lambda normal: normal[:, :1] * np.ones((1, 70), np.float32),
}


@pytest.mark.parametrize("data", HARD)
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_prefix_filter_on_hard_data(isa, metric, data):
    train = HARD[data](np.random.default_rng(21).standard_normal((900, 70), dtype=np.float32))
    index = df.KNNIndex(train, metric=metric, strategy="prefix")
    found = index.search(train[::9], 6)
    distances, indices = reference.nearest(train, train[::9], 6, metric)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)
    # Dense where the sample has no directions in the range of float32.
    out_of_range = metric == "euclidean" and data in ("beyond float32", "outlier")
    assert index.stats["strategy"] == ("dense" if out_of_range else "prefix")


def test_columns_of_a_projection_are_never_farther_apart_than_the_rows(isa):
    rng = np.random.default_rng(22)
    rows = low_rank(rng, 300).astype(np.float32)
    origin = centering.Centering(np.median(rows, axis=0).astype(np.float64), 1.0)
    projection = directions.rotated(directions.principal_directions(rows - origin.center, 12), np.array([5, 12]))
    assert projection.defect < 1e-4
    (columns, errors), bad = projection.columns(rows, "euclidean", origin, directions.ByteRows.empty(*rows.shape), 2)
    assert bad == -1
    true = reference.distances(rows, rows, "euclidean")
    far = ~np.eye(len(rows), dtype=bool)
    # The coordinates of the first stage and its rest; those of both stages and the rest of the second.
    for stage, share in ((np.arange(6), 0.5), (np.r_[:5, 6:14], 0.9)):
        short = reference.distances(columns[:, stage], columns[:, stage], "euclidean")
        assert (short <= true + errors + errors[:, None]).all()
        assert np.median(short[far] / true[far]) > share
    assert errors.max() < 1e-2 * np.median(true)


def test_prefix_is_chosen_for_a_large_job_near_a_subspace():
    rows = low_rank(np.random.default_rng(23), 12000, 128).astype(np.float32)
    index = assert_exact_index(rows, rows[:30], 5, "euclidean", "auto")
    assert index.stats["strategy"] == "prefix"


def test_columns_may_be_packed_in_parts(isa, monkeypatch):
    rows = low_rank(np.random.default_rng(26), 1000)
    rows[700:900] = rows[:200]
    lower_limits(monkeypatch, column_bytes=1, query_bytes=1)
    assert_exact_index(rows[:690], rows[::30], 7, "euclidean", "prefix")
    index = assert_exact_index(rows, rows[::30], 7, "cosine", "prefix")
    assert index.stats["n_distinct"] == 800
    rows[650, 0] = np.inf
    with pytest.raises(ValueError, match="train must be finite; row 650 holds inf"):
        df.KNNIndex(rows, strategy="prefix")


def test_prefix_in_pieces(monkeypatch):
    rows = low_rank(np.random.default_rng(27), 90000, 128).astype(np.float32)
    whole = df.KNNIndex(rows).search(rows[:900], 5)
    # Several batches of sorted queries meet each piece.
    lower_limits(monkeypatch, prefix_piece_bytes=1 << 20, query_bytes=1 << 17)
    pieces, stats = df.nearest_neighbors(rows, rows[:900], 5, return_stats=True)
    assert 0 < stats["piece_rows"] < len(rows)
    assert stats["strategy"] == "prefix"
    np.testing.assert_array_equal(pieces.indices, whole.indices)
    np.testing.assert_array_equal(pieces.distances, whole.distances)


def test_prefix_refuses_bad_rows_by_their_number():
    rows = low_rank(np.random.default_rng(24), 300)
    index = df.KNNIndex(rows, strategy="prefix")
    bad = rows.copy()
    bad[123, 4] = np.nan
    with pytest.raises(ValueError, match="train must be finite; row 123 holds NaN"):
        df.KNNIndex(bad, strategy="prefix")
    with pytest.raises(ValueError, match="queries must be finite; row 123 holds NaN"):
        index.search(bad, 1)


def test_groups_of_rows_that_are_too_far_are_passed_over(isa):
    rng = np.random.default_rng(6)
    rows = (low_rank(rng, 8000) + 200 * rng.standard_normal((20, 96))[rng.integers(0, 20, 8000)]).astype(np.float32)
    index = df.KNNIndex(rows, strategy="prefix")
    index.search(rows[::10], 5)
    assert index.stats["n_swept"] < 800 * len(rows) / 4
    dense = df.KNNIndex(rows, strategy="dense")
    dense.search(rows[::10], 5)
    assert 800 * len(rows) <= dense.stats["n_swept"] < 1.2 * 800 * len(rows)


def test_strategy_is_chosen_by_the_data():
    rng = np.random.default_rng(19)
    normal = rng.standard_normal((8000, 96), dtype=np.float32)
    clusters = normal[rng.integers(0, 2, len(normal))] + np.float32(1e-6) * normal
    for train, metric, expected in (
        (normal, "manhattan", "integer"),
        (clusters, "euclidean", "dense"),
        (normal[:, :5], "cosine", "dense"),
        (normal[:1000], "euclidean", "dense"),
    ):
        index = df.KNNIndex(train, metric=metric)
        index.search(train[:5], 3)
        assert index.stats["strategy"] == (expected if _kernels.ISA != "baseline" else "dense")
        assert index.stats["reason"]


def test_strategies_that_do_not_exist():
    with pytest.raises(ValueError, match="strategy must be one of auto, boxes, dense, integer, prefix; got 'bytes'"):
        df.KNNIndex(np.ones((3, 3)), strategy="bytes")
    for metric, things in (("manhattan", "manhattan distances"), ("inner_product", "inner products")):
        with pytest.raises(ValueError, match=f'strategy="prefix" cannot be used: a prefix has no filter for {things}'):
            df.KNNIndex(np.ones((3, 80)), strategy="prefix", metric=metric)
    with pytest.raises(ValueError, match=r'strategy="integer" cannot be used: more than \d+ features'):
        df.KNNIndex(np.ones((3, 9000), dtype=np.uint8), strategy="integer")


def crowded_data(kind):
    rng = np.random.default_rng(16)
    normal = rng.standard_normal((1200, 19)).astype(np.float32)
    if kind == "two clusters":
        rows = normal[rng.integers(0, 2, len(normal))] + np.float32(1e-6) * normal
        return rows, rows[::40]
    if kind == "clusters one after the other":
        rows = normal[np.arange(len(normal)) // 600] + np.float32(1e-6) * normal
        return rows, rows[::40]
    if kind == "tiny and huge rows":
        rows = normal * np.where(rng.random((len(normal), 1)) < 0.5, 1e-30, 1e30).astype(np.float32)
        return rows, rows[::40]
    # Queries that differ where all rows are alike: equal ones would be searched once.
    alike = np.arange(19) < 2
    rows = np.where(alike, np.float32(0), np.sign(normal) * np.float32(0.1))
    return rows, np.where(alike, normal[:20], np.float32(0))


@pytest.mark.parametrize("kind", ["two clusters", "clusters one after the other", "tiny and huge rows", "equal distances"])
@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("k", [1, 7, 300])
def test_where_bounds_cannot_tell_rows_apart(isa, kind, metric, k):
    train, queries = crowded_data(kind)
    assert_exact(train, queries, k, metric)
    for strategy in strategies_of(metric):
        assert_exact_index(train, queries, k, metric, strategy)
    if metric == "euclidean" and k == 7:
        index = df.KNNIndex(train, strategy="dense")
        index.search(queries, k)
        assert index.stats["n_distinct_queries"] == len(queries)
        assert index.stats["n_looked"] + index.stats["n_refined"] > len(queries) * len(train) / 8


def test_filter_refines_few_rows_on_ordinary_data():
    rng = np.random.default_rng(9)
    for strategy, most in (("dense", 15), ("integer", 100)):
        index = df.KNNIndex(rng.standard_normal((20000, 64), dtype=np.float32), strategy=strategy)
        index.search(rng.standard_normal((200, 64), dtype=np.float32), 10)
        assert index.stats["n_refined"] < 200 * most


@pytest.mark.parametrize(("metric", "strategy"), [("euclidean", "dense"), ("manhattan", "dense"), ("manhattan", "integer")])
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_integers_need_no_bound(isa, metric, strategy, dtype):
    """Ties by the thousand among small integers are excluded without a canonical distance each."""
    rng = np.random.default_rng(10)
    train = rng.permuted(np.tile(np.repeat([1, -1], 16), (20000, 1)), axis=1).astype(dtype)
    index = df.KNNIndex(train, metric=metric, strategy=strategy)
    found = index.search(np.zeros((1, 32), dtype=dtype), 10)
    assert found.indices.tolist() == [list(range(10))]
    assert index.stats["n_refined"] < 1000


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_what_centring_rounds_to_an_integer_is_none(isa, metric):
    train = np.arange(1.0, 601)[:, None]
    train[0], train[1], train[590] = 1e-20, 2e-20, 0
    assert_exact_index(train, np.zeros((20, 1)), 1, metric, "dense")


@pytest.mark.parametrize("strategy", ["integer", "prefix"])
def test_rows_next_to_a_center_that_float32_does_not_hold(isa, strategy):
    rng = np.random.default_rng(27)
    rows = np.full((700, 80), 1e6 + 0.1)
    rows[::2] += 1e-3 * rng.standard_normal((350, 80))
    rows[1::4] += 1e-9 * rng.integers(-1, 2, (175, 80))
    queries = rows[:40] + 1e-9 * rng.integers(-1, 2, (40, 80))
    assert_exact_index(rows, queries, 9, "euclidean", strategy)
    assert_exact_index(rows, queries.astype(np.float32), 9, "euclidean", strategy)


@pytest.mark.parametrize("strategy", ["auto", "dense", "integer", "prefix"])
@pytest.mark.parametrize("exponent", [-240, -200, -150, -140, -100, -80, -70, 70, 100, 150, 240])
def test_rows_beyond_the_range_of_float32(strategy, exponent):
    """A power of two changes no order, as long as float64 holds the squares; the center is among the rows."""
    rng = np.random.default_rng(23)
    rows = low_rank(rng, 1001) if strategy == "prefix" else rng.standard_normal((4001, 8))
    rows[-1] = 0
    scaled = np.ldexp(rows, exponent)
    for metric in ("euclidean", "inner_product") if strategy != "prefix" else ("euclidean",):
        expected = df.KNNIndex(rows, metric=metric, strategy="dense").search(rows[-30:], 5).indices
        index = df.KNNIndex(scaled, metric=metric, strategy=strategy)
        np.testing.assert_array_equal(index.search(scaled[-30:], 5).indices, expected)


@pytest.mark.parametrize("strategy", ["auto", "dense", "integer"])
@pytest.mark.parametrize(("far", "near"), [(1e70, 1e-70), (1e30, 1e-30), (1e25, 1e-25), (1e15, 1e-25)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_with_rows_far_from_the_origin(dtype, far, near, strategy):
    """A feature that all rows share, far larger than the others, by which they differ; queries that are small everywhere."""
    if far > 1e38 and dtype == "float32":
        pytest.skip("beyond float32")
    rng = np.random.default_rng(24)
    train = np.column_stack([np.full(2000, far), rng.standard_normal(2000) * near]).astype(dtype)
    queries = np.column_stack([np.zeros(20), rng.standard_normal(20)]).astype(dtype)
    index = df.KNNIndex(train, metric="inner_product", strategy=strategy)
    np.testing.assert_array_equal(index.search(queries, 3).indices, reference.nearest(train, queries, 3, "inner_product")[1])


@pytest.mark.parametrize("strategy", ["auto", "boxes", "dense", "integer", "prefix"])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
def test_signalling_nan_is_refused_without_a_warning(strategy, metric):
    rows = low_rank(np.random.default_rng(25), 2001, 8 if strategy == "boxes" else 64).astype(np.float32)
    rows.view(np.uint32)[:, 3] = 0x7FA00001
    with pytest.raises(ValueError, match=r"must be finite; row 0 holds NaN|cannot be used"):
        df.KNNIndex(rows, metric=metric, strategy=strategy)
    with pytest.raises(ValueError, match="queries must be finite; row 0 holds NaN"):
        df.KNNIndex(rows[:, 4:], metric=metric).search(rows[:, :-4], 3)
