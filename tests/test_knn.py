"""The exact search against the specification: same rows, same distances, bit for bit."""

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import deeprob_fast as df
from deeprob_fast import _kernels, _packing, _projection, knn
from tests import reference
from tests.strategies import cast, problems


def assert_exact(train, queries, k, metric, **options):
    """Compare with the specification, bit for bit."""
    found = df.nearest_neighbors(train, queries, k, metric=metric, **options)
    distances, indices = reference.nearest(train, queries, k, metric)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)
    return found


def assert_exact_index(train, queries, k, metric, strategy):
    """Compare an index that uses one strategy with the specification, bit for bit."""
    index = df.KNNIndex(train, metric=metric, strategy=strategy)
    found = index.search(queries, k)
    distances, indices = reference.nearest(train, queries, k, metric)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)
    assert strategy in ("auto", index.stats["strategy"])
    return index


WITH_BYTES = [metric for metric in reference.METRICS if metric != "manhattan"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problem=problems())
def test_any_problem(isa, problem):
    assert_exact(problem.train, problem.queries, problem.k, problem.metric)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problem=problems())
@pytest.mark.parametrize("strategy", ["dense", "integer"])
def test_any_problem_by_any_strategy(isa, strategy, problem):
    metric = "cosine" if problem.metric == "manhattan" else problem.metric
    assert_exact_index(problem.train, problem.queries, problem.k, metric, strategy)


@pytest.mark.parametrize("metric", WITH_BYTES)
@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("k", [1, 10, 1000])
def test_integer_filter(isa, metric, dtype, k):
    rng = np.random.default_rng(k)
    train = cast(rng.standard_normal((1500, 53)) * 30, dtype)
    queries = cast(rng.standard_normal((20, 53)) * 30, dtype)
    index = assert_exact_index(train, queries, k, metric, "integer")
    if k == 10:
        assert index.stats["n_refined"] < len(queries) * len(train) / 4


@pytest.mark.parametrize("metric", WITH_BYTES)
def test_integer_filter_on_rows_of_very_different_lengths(isa, metric):
    rng = np.random.default_rng(17)
    train = rng.standard_normal((900, 40)).astype(np.float32) * np.float32(10) ** rng.integers(-12, 12, (900, 1)).astype(
        np.float32
    )
    train[::50] = 0
    assert_exact_index(train, train[::7], 9, metric, "integer")


@pytest.mark.parametrize("metric", WITH_BYTES)
def test_integer_filter_over_several_depth_blocks(isa, metric):
    rng = np.random.default_rng(18)
    train = rng.standard_normal((200, 2500), dtype=np.float32)
    assert_exact_index(train, train[:20] + np.float32(0.1), 5, metric, "integer")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problem=problems())
def test_few_queries_of_any_problem(isa, problem):
    assert_exact(problem.train, problem.queries[:8], problem.k, problem.metric)


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("k", [1, 63, 700, 1024])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_few_queries(isa, metric, k, n_threads):
    rng = np.random.default_rng(25)
    train = rng.integers(0, 4, (1999, 5)).astype(np.uint8)
    assert_exact(train, train[:8], k, metric, n_threads=n_threads)
    assert_exact(np.sort(rng.standard_normal((1500, 1)), axis=0)[::-1].copy(), np.array([[-9.0]]), min(k, 1000), metric)


def test_few_queries_refuse_bad_rows():
    rows = np.ones((300, 3))
    bad = rows.copy()
    bad[[123, 200]] = np.nan
    with pytest.raises(ValueError, match="train must be finite; row 123 holds NaN"):
        df.nearest_neighbors(bad, rows[:2], 5)
    with pytest.raises(ValueError, match="queries must be finite; row 3 holds NaN"):
        df.nearest_neighbors(rows, bad[120:125], 5)


def low_rank(rng, n_rows, n_features=96, rank=12):
    """Rows near a subspace, as images are."""
    basis = rng.standard_normal((rank, n_features))
    rows = rng.standard_normal((n_rows, rank)) * np.linspace(3, 0.5, rank) @ basis
    return rows + 0.05 * rng.standard_normal((n_rows, n_features))


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
    center = np.median(rows, axis=0).astype(np.float64)
    projection = _projection.mixed(_projection.principal_directions(rows - center, 12, 2), center, 2)
    assert projection.defect < 1e-4
    columns, errors, bad = projection.columns(rows, "euclidean", 2)
    assert bad == -1
    true = reference.distances(rows, rows, "euclidean")
    short = reference.distances(columns, columns, "euclidean")
    assert (short <= true + errors + errors[:, None]).all()
    assert errors.max() < 1e-2 * np.median(true)
    far = ~np.eye(len(rows), dtype=bool)
    assert (short[far] / true[far]).min() > 0.9


def test_prefix_is_chosen_for_a_large_job_near_a_subspace():
    rows = low_rank(np.random.default_rng(23), 12000, 128).astype(np.float32)
    index = df.KNNIndex(rows)
    assert_exact(rows, rows[:3], 5, "euclidean")
    index.search(rows[:3], 5)
    assert index.stats["strategy"] == ("prefix" if _kernels.ISA != "baseline" else index.stats["strategy"])


def test_prefix_refuses_bad_rows_by_their_number():
    rows = low_rank(np.random.default_rng(24), 300)
    index = df.KNNIndex(rows, strategy="prefix")
    bad = rows.copy()
    bad[123, 4] = np.nan
    with pytest.raises(ValueError, match="train must be finite; row 123 holds NaN"):
        df.KNNIndex(bad, strategy="prefix")
    with pytest.raises(ValueError, match="queries must be finite; row 123 holds NaN"):
        index.search(bad, 1)


def test_strategy_is_chosen_by_the_data():
    rng = np.random.default_rng(19)
    normal = rng.standard_normal((4000, 64), dtype=np.float32)
    clusters = normal[rng.integers(0, 2, len(normal))] + np.float32(1e-6) * normal
    for train, expected in ((normal, "integer"), (clusters, "dense"), (normal[:, :5], "dense")):
        index = df.KNNIndex(train)
        index.search(train[:5], 3)
        assert index.stats["strategy"] == (expected if _kernels.ISA != "baseline" else "dense")
        assert index.stats["reason"]


def test_strategies_that_do_not_exist():
    with pytest.raises(ValueError, match="strategy must be one of auto, dense, integer, prefix; got 'boxes3'"):
        df.KNNIndex(np.ones((3, 3)), strategy="boxes3")
    with pytest.raises(ValueError, match='strategy="integer" cannot be used: bytes have no filter for manhattan distances'):
        df.KNNIndex(np.ones((3, 3)), strategy="integer", metric="manhattan")
    with pytest.raises(ValueError, match=r'strategy="integer" cannot be used: more than \d+ features'):
        df.KNNIndex(np.ones((3, 9000), dtype=np.uint8), strategy="integer")


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("k", [1, 10, 100, 1000])
def test_every_metric_dtype_and_k(isa, metric, dtype, k):
    rng = np.random.default_rng(k)
    train = cast(rng.standard_normal((1500, 50)) * 30, dtype)
    assert_exact(train, cast(rng.standard_normal((20, 50)) * 30, dtype), k, metric)


def adversarial():
    """Data on which filters lose their grip."""
    rng = np.random.default_rng(0)
    n, d = 3000, 40
    normal = rng.standard_normal((n, d))
    for offset in (1e4, 1e5, 1e6):
        for spread in (1e-3, 1.0):
            for dtype in (np.float32, np.float64):
                yield f"offset {offset:g}, spread {spread:g}, {np.dtype(dtype)}", (offset + spread * normal).astype(dtype)
    base = rng.standard_normal((n // 100, d)).repeat(100, axis=0)
    yield "near duplicates", (base * (1 + 1e-7 * normal)).astype(np.float32)
    yield "two tight clusters", (base[[0, -1]].repeat(n // 2, axis=0) + 1e-6 * normal).astype(np.float32)
    yield "all rows equal", np.tile(normal[0].astype(np.float32), (n, 1))
    yield "half of the rows equal", np.where(np.arange(n)[:, None] % 2, normal, normal[0]).astype(np.float32)
    yield "ten distinct rows", normal[rng.integers(0, 10, n)].astype(np.float32)
    yield "one-hot rows", np.eye(d, dtype=np.float32)[rng.integers(0, d, n)]
    yield "binary rows", rng.integers(0, 2, (n, d)).astype(np.uint8)
    yield "scaled binary rows", (rng.integers(0, 2, (n, d)) * 0.1).astype(np.float32)
    yield "values 1e-30", (1e-30 * normal).astype(np.float32)
    yield "values 1e+30", (1e30 * normal).astype(np.float32)
    yield "values 1e-30 and 1e+30", (normal * np.where(rng.random((n, 1)) < 0.5, 1e-30, 1e30)).astype(np.float32)
    yield "values 1e-160", 1e-160 * normal
    yield "one huge outlier", np.vstack([normal, np.full((1, d), 1e30)]).astype(np.float32)
    yield "integer grid", rng.integers(0, 3, (n, d)).astype(np.int8)
    yield "grid in two dimensions", rng.integers(0, 8, (n, 2)).astype(np.float32)
    yield "one dimension", normal[:, :1].astype(np.float32)
    yield "signed zeros", np.where(normal > 0, 0.0, -0.0).astype(np.float32)


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize(("name", "train"), [pytest.param(n, t, id=n) for n, t in adversarial()])
def test_adversarial_data(isa, name, train, metric):
    del name
    rng = np.random.default_rng(1)
    queries = np.vstack([train[rng.integers(0, len(train), 12)], train[:3] + train[3:6], np.zeros_like(train[:1])])
    assert_exact(train, queries, 10, metric)


@pytest.mark.parametrize(
    ("n", "m", "d", "k"), [(1, 1, 1, 1), (33, 3, 1, 33), (500, 0, 7, 3), (40, 1, 600, 40), (97, 29, 300, 97)]
)
@pytest.mark.parametrize("metric", reference.METRICS)
def test_edge_shapes(isa, n, m, d, k, metric):
    rng = np.random.default_rng(n)
    found = assert_exact(rng.standard_normal((n, d)), rng.standard_normal((m, d)), k, metric)
    assert found.distances.shape == found.indices.shape == (m, k)


@pytest.mark.parametrize("n_queries", [1, 5, 700])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_same_bytes_for_any_number_of_threads(isa, metric, n_queries):
    rng = np.random.default_rng(3)
    train = rng.integers(0, 4, (4000, 12)).astype(np.float32)
    queries = rng.integers(0, 4, (n_queries, 12)).astype(np.float32)
    expected = df.nearest_neighbors(train, queries, 17, metric=metric, n_threads=1)
    for n_threads in (2, 3, 7):
        found = df.nearest_neighbors(train, queries, 17, metric=metric, n_threads=n_threads)
        assert found.indices.tobytes() == expected.indices.tobytes()
        assert found.distances.tobytes() == expected.distances.tobytes()


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_same_bytes_for_any_batching(size):
    rng = np.random.default_rng(4)
    index = df.KNNIndex(rng.standard_normal((2000, 30), dtype=np.float32), metric="cosine")
    queries = rng.standard_normal((130, 30), dtype=np.float32)
    whole = index.search(queries, 9)
    parts = [index.search(queries[i : i + size], 9) for i in range(0, len(queries), size)]
    assert np.concatenate([p.indices for p in parts]).tobytes() == whole.indices.tobytes()
    assert np.concatenate([p.distances for p in parts]).tobytes() == whole.distances.tobytes()


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("k", [1, 7, 60, 500])
def test_pieces_change_nothing(isa, monkeypatch, metric, k):
    rng = np.random.default_rng(14)
    train = rng.integers(-3, 4, (500, 9)).astype(np.float32)
    queries = rng.integers(-3, 4, (40, 9)).astype(np.float32)
    monkeypatch.setattr(_packing, "_QUERY_BYTES", 4 * 9 * 20)
    for rows in (1 if k == 7 else 50, 33, 200, 499):
        monkeypatch.setattr(knn, "_PIECE_BYTES", 4 * 9 * rows)
        for n_queries, n_threads in ((40, 1), (3, 3)):
            assert_exact(train, queries[:n_queries], k, metric, n_threads=n_threads)


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
    return np.sign(normal) * np.float32(0.1), np.zeros((20, 19), dtype=np.float32)


@pytest.mark.parametrize("kind", ["two clusters", "clusters one after the other", "tiny and huge rows", "equal distances"])
@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("k", [1, 7, 300])
def test_where_bounds_cannot_tell_rows_apart(isa, kind, metric, k):
    train, queries = crowded_data(kind)
    assert_exact(train, queries, k, metric)
    if metric in WITH_BYTES:
        assert_exact_index(train, queries, k, metric, "integer")
    if metric == "euclidean" and k == 7:
        index = df.KNNIndex(train, strategy="dense")
        index.search(queries, k)
        assert index.stats["n_refined"] > len(queries) * len(train) / 8


def test_a_bad_row_is_told_by_its_number_among_all(monkeypatch):
    monkeypatch.setattr(knn, "_PIECE_BYTES", 4 * 2 * 10)
    train = np.random.default_rng(15).standard_normal((35, 2))
    train[27, 1] = np.nan
    with pytest.raises(ValueError, match="train must be finite; row 27 holds NaN"):
        df.nearest_neighbors(train, train[:1], 3)


def test_smaller_k_is_a_prefix():
    rng = np.random.default_rng(5)
    index = df.KNNIndex(rng.integers(0, 3, (900, 6)).astype(np.uint8))
    queries = rng.integers(0, 3, (20, 6)).astype(np.uint8)
    largest = index.search(queries, 900)
    for k in (1, 2, 50, 899):
        np.testing.assert_array_equal(index.search(queries, k).indices, largest.indices[:, :k])


def test_translation_and_zero_padding_change_nothing():
    rng = np.random.default_rng(6)
    train = rng.integers(0, 100, (800, 20)).astype(np.float64)
    queries = rng.integers(0, 100, (10, 20)).astype(np.float64)
    expected = df.nearest_neighbors(train, queries, 10)
    for moved in (train + 2.0**30, np.pad(train, ((0, 0), (0, 5)))):
        near = queries + 2.0**30 if moved.shape == train.shape else np.pad(queries, ((0, 0), (0, 5)))
        found = df.nearest_neighbors(moved, near, 10)
        np.testing.assert_array_equal(found.indices, expected.indices)
        np.testing.assert_allclose(found.distances, expected.distances, rtol=1e-15)


def test_permuted_rows_give_permuted_neighbors():
    rng = np.random.default_rng(7)
    train = rng.standard_normal((1000, 10))
    order = rng.permutation(1000)
    queries = rng.standard_normal((30, 10))
    expected = df.nearest_neighbors(train, queries, 8)
    found = df.nearest_neighbors(train[order], queries, 8)
    np.testing.assert_array_equal(order[found.indices], expected.indices)


def test_equal_rows_have_distance_zero_and_come_in_order():
    row = np.random.default_rng(8).standard_normal((1, 77)).astype(np.float32)
    for metric in ("euclidean", "sqeuclidean", "manhattan", "cosine"):
        found = df.nearest_neighbors(np.repeat(row, 300, axis=0), row, 5, metric=metric)
        assert (found.distances == 0).all()
        assert found.indices.tolist() == [[0, 1, 2, 3, 4]]


def test_filter_refines_few_rows_on_ordinary_data():
    rng = np.random.default_rng(9)
    for strategy, most in (("dense", 15), ("integer", 100)):
        index = df.KNNIndex(rng.standard_normal((20000, 64), dtype=np.float32), strategy=strategy)
        index.search(rng.standard_normal((200, 64), dtype=np.float32), 10)
        assert index.stats["n_refined"] < 200 * most


def test_integers_need_no_bound():
    """Ties by the thousand among small integers are excluded without a canonical distance each."""
    rng = np.random.default_rng(10)
    train = rng.permuted(np.tile(np.repeat([1, -1], 16), (20000, 1)), axis=1).astype(np.int8)
    index = df.KNNIndex(train, strategy="dense")
    found = index.search(np.zeros((1, 32), dtype=np.int8), 10)
    assert found.indices.tolist() == [list(range(10))]
    assert index.stats["n_refined"] < 1000


def test_equal_rows_are_searched_once():
    rng = np.random.default_rng(11)
    train = rng.standard_normal((5, 16))[rng.integers(0, 5, 5000)]
    index = df.KNNIndex(train)
    found = index.search(train[:3], 4000)
    np.testing.assert_array_equal(found.indices, reference.nearest(train, train[:3], 4000, "euclidean")[1])
    assert index.stats["n_distinct"] == 5


def test_index_survives_pickling():
    rng = np.random.default_rng(12)
    index = df.KNNIndex(rng.standard_normal((300, 9)), metric="manhattan", n_threads=1)
    queries = rng.standard_normal((4, 9))
    again = pickle.loads(pickle.dumps(index))
    assert repr(again) == repr(index) == "KNNIndex(300 x 9 float64, metric='manhattan')"
    np.testing.assert_array_equal(again.search(queries, 7).indices, index.search(queries, 7).indices)


def test_mixed_dtypes():
    rng = np.random.default_rng(13)
    train = rng.integers(0, 256, (500, 33)).astype(np.uint8)
    for queries in (rng.random((9, 33)) * 255, (rng.random((9, 33)) * 99).astype(np.float16)):
        assert_exact(train, queries, 6, "euclidean")
