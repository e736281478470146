"""All rows within a radius, by every way there is, equal what the specification says."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import deeprob_fast as df
from deeprob_fast.knn.plan import plan_radius, why_not
from tests import reference
from tests.knn.exact import FILTERED
from tests.limits import lower_limits
from tests.strategies import cast, low_rank, problems

STRATEGIES = ("dense", "integer", "prefix", "boxes")
RNG = np.random.default_rng(51)


@pytest.fixture(autouse=True)
def small_leaves(monkeypatch):
    """Leaves of the tree that sorts a prefix hold few rows, so that the few rows of a test fill many."""
    lower_limits(monkeypatch, leaf_rows=8)


def assert_exact(lists, train, queries, radius, metric):
    expected = reference.within(train, queries, radius, metric)
    np.testing.assert_array_equal(lists.counts, [len(rows) for _, rows in expected])
    for q, (distances, rows) in enumerate(expected):
        part = slice(lists.indptr[q], lists.indptr[q + 1])
        np.testing.assert_array_equal(lists.indices[part], rows)
        np.testing.assert_array_equal(lists.distances[part], distances)


def radius_of(train, queries, share, metric):
    """A radius that is exactly one of the distances, so that so large a share of all pairs is within it."""
    distances = np.sort(reference.distances(train, queries, metric), axis=None)
    if metric == "inner_product":
        distances = distances[::-1]
    return float(distances[int(share * (distances.size - 1))])


def search_all(train, queries, radius, metric, strategy="auto"):
    """Search by an index and by one call, and count."""
    index = df.KNNIndex(train, metric=metric, strategy=strategy)
    lists = index.search_radius(queries, radius)
    assert_exact(lists, train, queries, radius, metric)
    np.testing.assert_array_equal(index.search_radius(queries, radius, count_only=True), lists.counts)
    return index.stats


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problem=problems(), share=st.sampled_from((0.0, 0.02, 0.3, 1.0)))
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_any_problem_by_any_strategy(isa, strategy, problem, share):
    if len(problem.queries) == 0:
        assert df.radius_neighbors(problem.train, problem.queries, 1.0, metric=problem.metric).counts.shape == (0,)
        return
    radius = radius_of(problem.train, problem.queries, share, problem.metric)
    if why_not(problem.train, problem.metric, strategy):
        with pytest.raises(ValueError, match="cannot be used"):
            df.KNNIndex(problem.train, metric=problem.metric, strategy=strategy)
        return
    index = df.KNNIndex(problem.train, metric=problem.metric, strategy=strategy)
    lists = index.search_radius(problem.queries, radius)
    assert_exact(lists, problem.train, problem.queries, radius, problem.metric)
    np.testing.assert_array_equal(index.search_radius(problem.queries, radius, count_only=True), lists.counts)


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "cosine"])
@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("share", [0.0005, 0.05, 1.0])
def test_a_prefix_looks_twice(isa, metric, dtype, share):
    train = cast(20 * low_rank(RNG, 700), dtype)
    queries = np.concatenate([train[:30], cast(20 * low_rank(RNG, 20), dtype)])
    stats = search_all(train, queries, radius_of(train, queries, share, metric), metric, "prefix")
    assert stats["strategy"] == "prefix"
    assert stats["n_candidates"] <= stats["n_passed"] <= stats["n_swept"]


@pytest.mark.parametrize(("strategy", "metric"), FILTERED)
def test_few_rows_get_canonical_distances(isa, metric, strategy):
    train = RNG.standard_normal((3000, 50), dtype=np.float32)
    radius = radius_of(train, train[:40], 0.001, metric)
    stats = search_all(train, train[:40], radius, metric, strategy)
    assert stats["strategy"] == strategy
    assert stats["n_refined"] < 40 * 3000 / 50


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "manhattan", "chebyshev"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_boxes_are_passed_over(isa, metric, dtype):
    train = (RNG.random((5000, 3)) * 200).astype(dtype)
    stats = search_all(train, train[:70] + np.ones(1, dtype=dtype), 12.0, metric, "boxes")
    assert stats["strategy"] == "boxes"
    assert stats["n_passed"] < 70 * 5000 / 4


@pytest.mark.parametrize(("strategy", "metric"), FILTERED)
def test_more_neighbours_of_a_query_than_wait_at_a_time(isa, metric, strategy):
    train = RNG.standard_normal((2000, 16), dtype=np.float32)
    search_all(train, train[:5], radius_of(train, train[:5], 1.0, metric), metric, strategy)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_radius_itself_is_within(isa, strategy):
    train = np.zeros((200, 64 if strategy == "prefix" else 4), dtype=np.float32)
    train[:, 0] = np.arange(200)
    train[:, 1] = np.arange(200) % 2
    search_all(train, train[:20], np.nextafter(3.0, 0), "euclidean", strategy)
    search_all(train, train[:20], 3.0, "euclidean", strategy)
    search_all(train, train[:20], 0.0, "euclidean", strategy)
    assert (df.KNNIndex(train, strategy=strategy).search_radius(train, 0.0).counts == 1).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_equal_rows_and_queries(isa, strategy, metric):
    if (strategy, metric) == ("prefix", "manhattan"):
        pytest.skip("a prefix is of squared distances")
    n_features = 64 if strategy == "prefix" else 5
    distinct = RNG.standard_normal((30, n_features)).astype(np.float32)
    train = distinct[RNG.integers(0, 30, 900)]
    queries = np.concatenate([train[::3], distinct + np.float32(0.01)])
    stats = search_all(train, queries, radius_of(train, queries, 0.2, metric), metric, strategy)
    assert stats["n_distinct"] == 30
    assert stats["n_distinct_queries"] == 60


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("few_queries", [0, 4])
def test_few_queries_are_shared_by_threads(isa, metric, n_threads, few_queries, monkeypatch):
    lower_limits(monkeypatch, few_queries=few_queries)
    train = RNG.standard_normal((3000, 20), dtype=np.float32)
    assert plan_radius(train, metric, 3, 9, n_threads).name == ("scan" if few_queries else "dense")
    radius = radius_of(train, train[:3], 0.1, metric)
    n = df.radius_neighbors(train, train[:3], radius, metric=metric, n_threads=n_threads, count_only=True).sum()
    assert n == round(0.1 * (9000 - 1) + 0.5)
    with pytest.raises(ValueError, match="max_neighbors"):
        df.radius_neighbors(train, train[:3], radius, metric=metric, n_threads=n_threads, max_neighbors=int(n) - 1)
    assert_exact(
        df.radius_neighbors(train, train[:3], radius, metric=metric, n_threads=n_threads), train, train[:3], radius, metric
    )


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("count_only", [False, True])
def test_pieces_of_a_file(isa, metric, count_only, tmp_path, monkeypatch):
    lower_limits(monkeypatch, whole_bytes=1, piece_bytes=4 * 24 * 100, query_bytes=4 * 24 * 60, batches=2)
    np.save(tmp_path / "rows.npy", RNG.standard_normal((1000, 24)))
    train = np.load(tmp_path / "rows.npy", mmap_mode="r")
    queries = np.concatenate([train[:150], train[:150]])
    radius = radius_of(train, queries, 0.02, metric)
    result = df.radius_neighbors(train, queries, radius, metric=metric, count_only=count_only)
    if count_only:
        expected = [len(rows) for _, rows in reference.within(train, queries, radius, metric)]
        np.testing.assert_array_equal(result, expected)
    else:
        assert_exact(result, train, queries, radius, metric)


@pytest.mark.parametrize("scale", [1e-40, 1e-20, 1e20, 1e37])
@pytest.mark.parametrize(("strategy", "metric"), FILTERED)
def test_values_at_the_ends_of_float32(isa, scale, strategy, metric):
    train = (RNG.standard_normal((400, 20)) * scale).astype(np.float32)
    search_all(train, train[:9], radius_of(train, train[:9], 0.1, metric), metric, strategy)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("radius", [1e300, 1e150, 1.7e308, np.inf])
def test_everything_is_within_a_huge_radius(strategy, radius):
    train = RNG.standard_normal((300, 64 if strategy == "prefix" else 6))
    for metric in ("euclidean", "sqeuclidean"):
        assert (df.KNNIndex(train, metric=metric, strategy=strategy).search_radius(train[:4], radius).counts == 300).all()
    if strategy != "boxes":
        assert df.KNNIndex(train, metric="inner_product").search_radius(train[:4], -radius).counts.sum() == 1200
        assert df.KNNIndex(train, metric="inner_product").search_radius(train[:4], radius).counts.sum() == 0


@pytest.mark.parametrize("metric", reference.METRICS)
def test_rows_are_not_their_own_neighbours(metric):
    train = np.repeat(RNG.standard_normal((40, 4)), 2, axis=0)
    train[:2] = 0  # without a direction, and of product 0
    index = df.KNNIndex(train, metric=metric)
    lists = index.search_radius(None, 0.9)
    expected = [rows[rows != q] for q, (_, rows) in enumerate(reference.within(train, train, 0.9, metric))]
    np.testing.assert_array_equal(lists.indices, np.concatenate(expected))
    np.testing.assert_array_equal(lists.counts, [len(rows) for rows in expected])
    np.testing.assert_array_equal(index.search_radius(None, 0.9, count_only=True), lists.counts)
    assert metric in ("cosine", "inner_product") or (lists.counts >= 1).all()
    assert metric == "inner_product" or (lists.counts[2:] >= 1).all()


@pytest.mark.parametrize("strategy", ["dense", "integer", "boxes", "auto"])
def test_the_number_of_neighbours_is_limited(strategy):
    train = np.repeat(RNG.standard_normal((100, 4)), 3, axis=0)
    for queries in (train, train[::3]):
        n = int(df.radius_neighbors(train, queries, 1.5, count_only=True).sum())
        index = df.KNNIndex(train, strategy=strategy)
        assert len(index.search_radius(queries, 1.5, max_neighbors=n).indices) == n
        for count_only in (False, True):
            with pytest.raises(ValueError, match=f"max_neighbors must be at least .* got {n - 1}, and there are more"):
                index.search_radius(queries, 1.5, max_neighbors=n - 1, count_only=count_only)
    with pytest.raises(ValueError, match="max_neighbors"):
        df.radius_neighbors(train, train, 1.5, max_neighbors=0)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"radius": -1.0}, ValueError, "radius must be a number that is at least 0; got -1.0"),
        ({"radius": np.nan}, ValueError, "radius must be a number"),
        ({"radius": np.nan, "metric": "inner_product"}, ValueError, "radius must be a number"),
        ({"radius": "1"}, TypeError, "radius must be a number"),
        ({"queries": [[1.0]]}, ValueError, "queries"),
        ({"queries": [[1.0, np.inf]]}, ValueError, "queries must be finite"),
        ({"train": [[1.0, np.nan]]}, ValueError, "train must be finite"),
        ({"train": np.empty((0, 2))}, ValueError, "train must have at least one row"),
        ({"metric": "hamming"}, ValueError, "metric must be one of"),
        ({"max_neighbors": -1}, ValueError, "max_neighbors"),
        ({"max_neighbors": 1.5}, TypeError, "max_neighbors must be an integer"),
        ({"n_threads": 0}, ValueError, "n_threads"),
    ],
)
def test_bad_input_is_named(changes, error, message):
    arguments = {"train": [[0.0, 1.0]], "queries": [[0.0, 1.0]], "radius": 1.0, **changes}
    with pytest.raises(error, match=message):
        df.radius_neighbors(**arguments)
