"""The exact search against the specification: same rows, same distances, bit for bit."""

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import deeprob_fast as df
from deeprob_fast.knn import packing
from tests import reference
from tests.knn.exact import assert_exact
from tests.limits import lower_limits, lowered
from tests.strategies import cast, problems


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problem=problems())
def test_any_problem(isa, problem):
    assert_exact(problem.train, problem.queries, problem.k, problem.metric)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problem=problems())
def test_few_queries_of_any_problem(isa, problem):
    with lowered(few_neighbors=10**9):
        stats = assert_exact(problem.train, problem.queries[:4], problem.k, problem.metric)
    assert stats["strategy"] == "scan"


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("k", [1, 63, 700, 1024])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_few_queries(isa, metric, k, n_threads):
    rng = np.random.default_rng(25)
    train = rng.integers(0, 4, (1999, 5)).astype(np.uint8)
    column = np.sort(rng.standard_normal((1500, 1)), axis=0)[::-1].copy()
    for n_queries in (1, 2, 4):
        stats = assert_exact(train, train[:n_queries], k, metric, n_threads=n_threads)
        assert stats["strategy"] == "scan"
    assert assert_exact(column, np.array([[-9.0]]), min(k, 1000), metric)["strategy"] == "scan"
    assert assert_exact(train, train[:5], k, metric, n_threads=n_threads)["strategy"] != "scan"
    assert assert_exact(train, train[:4], 1025, metric, n_threads=n_threads)["strategy"] != "scan"


def test_few_queries_refuse_bad_rows():
    rows = np.ones((300, 3))
    bad = rows.copy()
    bad[[123, 200]] = np.nan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing.Prepared, "pack", None)  # a scan needs no packing
        with pytest.raises(ValueError, match="train must be finite; row 123 holds NaN"):
            df.nearest_neighbors(bad, rows[:2], 5)
        with pytest.raises(ValueError, match="queries must be finite; row 3 holds NaN"):
            df.nearest_neighbors(rows, bad[120:124], 5)
    with pytest.raises(ValueError, match="queries must be finite; row 3 holds NaN"):
        df.nearest_neighbors(rows, bad[120:125], 5)


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
    assert_exact(rng.standard_normal((n, d)), rng.standard_normal((m, d)), k, metric)


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
    for rows in (1 if k == 7 else 50, 33, 200, 499):
        lower_limits(monkeypatch, piece_bytes=4 * 9 * rows, query_bytes=4 * 9 * 20, few_queries=0)
        n_bytes = 4 * 9 * rows * min(4, max(1, k // 25))  # more for many neighbours
        for n_queries, n_threads in ((40, 1), (40, 3), (3, 3)):
            stats = assert_exact(train, queries[:n_queries], k, metric, n_threads=n_threads)
            assert stats["piece_rows"] == (n_bytes // 36 if n_bytes < 36 * 500 else 0)


def test_a_bad_row_is_told_by_its_number_among_all(monkeypatch):
    lower_limits(monkeypatch, piece_bytes=4 * 2 * 10)
    train = np.random.default_rng(15).standard_normal((35, 2))
    assert assert_exact(train, train[:5], 3, "euclidean")["piece_rows"] == 10
    train[27, 1] = np.nan
    with pytest.raises(ValueError, match="train must be finite; row 27 holds NaN"):
        df.nearest_neighbors(train, train[:5], 3)


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
