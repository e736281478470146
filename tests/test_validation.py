"""Every message: the argument's name, what was expected, what came. And every layout that must be read as it is."""

import numpy as np
import pytest

import deeprob_fast as df
from tests import reference

ROWS = np.arange(12.0).reshape(4, 3)


class OnlyDlpack:
    """Shares its memory by DLPack and by nothing else."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class Sparse:
    def toarray(self):
        raise AssertionError


def nan_at(row):
    values = ROWS.copy()
    values[row, 1] = np.nan
    return values


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: df.nearest_neighbors(ROWS, ROWS[0], 1), ValueError, r"queries must be 2-D, \(n_rows, n_features\); got shape \(3,\)"),
        (lambda: df.nearest_neighbors(ROWS[None], ROWS, 1), ValueError, r"train must be 2-D.*got shape \(1, 4, 3\)"),
        (lambda: df.nearest_neighbors(ROWS, ROWS[:, :2], 1), ValueError, r"queries must have 3 features.*got shape \(4, 2\)"),
        (lambda: df.nearest_neighbors(ROWS[:0], ROWS, 1), ValueError, r"train must have at least one row; got shape \(0, 3\)"),
        (lambda: df.nearest_neighbors(ROWS[:, :0], ROWS, 1), ValueError, r"train must have at least one feature"),
        (lambda: df.nearest_neighbors(ROWS, ROWS, 0), ValueError, "k must be between 1 and 4 .*; got 0"),
        (lambda: df.nearest_neighbors(ROWS, ROWS, 5), ValueError, "k must be between 1 and 4 .*; got 5"),
        (lambda: df.nearest_neighbors(ROWS, ROWS, 2.0), TypeError, "k must be an integer; got 2.0"),
        (lambda: df.nearest_neighbors(ROWS, ROWS, True), TypeError, "k must be an integer; got True"),
        (lambda: df.nearest_neighbors(ROWS, ROWS, 1, metric="l2"), ValueError, "metric must be one of euclidean.*got 'l2'"),
        (lambda: df.nearest_neighbors(ROWS, ROWS, 1, metric=np.ones(5)), ValueError, "metric must be one of"),
        (lambda: df.nearest_neighbors(ROWS, ROWS, 1, n_threads=0), ValueError, "n_threads must be between 1 .*; got 0"),
        (lambda: df.nearest_neighbors(ROWS, ROWS, 1, n_threads=1.5), TypeError, "n_threads must be an integer; got 1.5"),
        (lambda: df.nearest_neighbors(nan_at(2), ROWS, 1), ValueError, "train must be finite; row 2 holds NaN"),
        (lambda: df.nearest_neighbors(ROWS, nan_at(3), 1), ValueError, "queries must be finite; row 3 holds NaN"),
        (lambda: df.nearest_neighbors(ROWS, np.full((4, 3), -np.inf), 1), ValueError, "queries must be finite; row 0 holds infinity"),
        (lambda: df.nearest_neighbors(1e100 * ROWS, ROWS, 1), ValueError, r"train must be finite; row 0 holds 2e\+100, whose square"),
        (lambda: df.nearest_neighbors(ROWS, ROWS.astype(complex), 1), TypeError, "queries must hold real numbers.*complex128"),
        (lambda: df.nearest_neighbors(ROWS.astype(str), ROWS, 1), TypeError, "train must hold real numbers"),
        (lambda: df.nearest_neighbors([[1, 2], [3]], ROWS, 1), TypeError, "train must be convertible to an array; got list"),
        (lambda: df.nearest_neighbors([[2**60]], [[1]], 1), ValueError, r"train must hold integers up to 2\*\*53"),
        (lambda: df.nearest_neighbors(Sparse(), ROWS, 1), TypeError, "train must be a dense array; got sparse Sparse"),
        (lambda: df.KNNIndex(object()), TypeError, "train must hold real numbers.*object"),
        (lambda: df.pairwise_distances(ROWS, ROWS[:, :1]), ValueError, r"Y must have 3 features.*got shape \(4, 1\)"),
        (lambda: df.pairwise_distances(nan_at(1)), ValueError, "X must be finite; row 1 holds NaN"),
        (lambda: df.pairwise_distances(ROWS, nan_at(1)), ValueError, "Y must be finite; row 1 holds NaN"),
        (lambda: df.pairwise_distances(nan_at(2), ROWS), ValueError, "X must be finite; row 2 holds NaN"),
        (lambda: df.top_k(ROWS[0], 1), ValueError, r"values must be 2-D; got shape \(3,\)"),
        (lambda: df.top_k(ROWS, 4), ValueError, "k must be between 1 and 3 .*; got 4"),
        (lambda: df.top_k(nan_at(2), 1), ValueError, "values must not hold NaN; row 2 does"),
        (lambda: df.top_k(ROWS.astype(complex), 1), TypeError, "values must hold real numbers"),
        (lambda: df.top_k(ROWS.astype(np.uint64), 1), TypeError, "values must hold real numbers or integers that fit int64"),
        (lambda: df.evaluate_knn(ROWS, [0, 1], ROWS, [0] * 4), ValueError, r"train_labels must be 1-D .* 4 rows of train; got shape \(2,\)"),
        (lambda: df.evaluate_knn(ROWS, [0] * 4, ROWS, [[0, 1]] * 4), ValueError, r"query_labels must be 1-D.*got shape \(4, 2\)"),
        (lambda: df.evaluate_knn(ROWS, [0] * 4, ROWS[:0], []), ValueError, "queries must have at least one row"),
        (lambda: df.evaluate_knn(ROWS, [0] * 4, ROWS, [0] * 4, k=()), ValueError, "k must hold at least one"),
        (lambda: df.evaluate_knn(ROWS, [0] * 4, ROWS, [0] * 4, k=(1, 9)), ValueError, "k must be between 1 and 4"),
        (lambda: df.evaluate_knn(ROWS, [0] * 4, ROWS, [0] * 4, k=1, temperature="hot"), TypeError, "temperature must be a number"),
    ],
)  # fmt: skip
def test_messages(call, error, words):
    with pytest.raises(error, match=words):
        call()


def layouts():
    """The same rows in every layout that an array can have."""
    rng = np.random.default_rng(0)
    rows = rng.integers(-100, 100, (60, 11)).astype(np.float32)
    yield "C order", rows
    yield "Fortran order", np.asfortranarray(rows)
    yield "every second row", np.repeat(rows, 2, axis=0)[::2]
    yield "every second column", np.repeat(rows, 2, axis=1)[:, ::2]
    yield "reversed", np.ascontiguousarray(rows[::-1, ::-1])[::-1, ::-1]
    yield "columns of a wider matrix", np.pad(rows, ((0, 0), (3, 4)))[:, 3:-4]
    yield "big-endian", rows.astype(">f4")
    for offset in (1, 2, 3):
        memory = np.empty(rows.nbytes + 4, dtype=np.uint8)
        view = memory[offset : offset + rows.nbytes].view(np.float32).reshape(rows.shape)
        view[:] = rows
        yield f"unaligned by {offset}", view
    read_only = rows.copy()
    read_only.setflags(write=False)
    yield "read-only", read_only
    yield "lists", rows.tolist()
    yield "int8", rows.astype(np.int8)
    for dtype in ("int16", "int32", "int64"):
        yield dtype, rows.astype(dtype)
    yield "DLPack only", OnlyDlpack(rows)


@pytest.mark.parametrize(("name", "rows"), [pytest.param(n, r, id=n) for n, r in layouts()])
def test_every_layout_gives_the_same(isa, name, rows):
    del name
    plain = dict(layouts())["C order"]
    queries = plain[:9] + np.float32(0.25)
    expected = reference.nearest(plain, queries, 7, "euclidean")
    found = df.nearest_neighbors(rows, queries, 7)
    np.testing.assert_array_equal(found.indices, expected[1])
    np.testing.assert_array_equal(found.distances, expected[0])
    np.testing.assert_array_equal(df.nearest_neighbors(plain, rows, 1).indices[:, 0], np.arange(60))
    # Wider integers come out as float64.
    np.testing.assert_allclose(df.pairwise_distances(rows, plain), df.pairwise_distances(plain), rtol=1e-6)


@pytest.mark.parametrize("dtype", reference.DTYPES)
def test_aligned_rows_are_not_copied(dtype):
    rows = np.ones((6, 8), dtype=dtype)[::2, 1:5]
    assert np.shares_memory(df.KNNIndex(rows).train, rows)
    shared = OnlyDlpack(np.ones((3, 2), dtype=dtype))
    assert np.shares_memory(df.KNNIndex(shared).train, shared.array)


def test_zero_stride_rows():
    rows = np.broadcast_to(np.arange(5.0), (40, 5))
    assert df.nearest_neighbors(rows, rows[:2], 3).indices.tolist() == [[0, 1, 2]] * 2


def test_memory_mapped_rows_are_read_in_place(tmp_path):
    rows = np.random.default_rng(1).standard_normal((50, 6)).astype(np.float32)
    path = tmp_path / "rows.npy"
    np.save(path, rows)
    mapped = np.load(path, mmap_mode="r")
    index = df.KNNIndex(mapped)
    assert np.shares_memory(index.train, mapped)
    np.testing.assert_array_equal(index.search(mapped, 3).indices, df.nearest_neighbors(rows, rows, 3).indices)
    assert np.load(path).tobytes() == rows.tobytes()


def test_torch_tensors_are_read_in_place():
    torch = pytest.importorskip("torch", reason="torch is a peer, not a dependency")
    rows = torch.arange(24, dtype=torch.float32).reshape(8, 3)
    index = df.KNNIndex(rows)
    assert index.train.ctypes.data == rows.data_ptr()
    assert index.search(rows[2:3], 1).indices.tolist() == [[2]]


def test_data_frames():
    pandas = pytest.importorskip("pandas", reason="pandas is not a dependency")
    frame = pandas.DataFrame({"a": [0.0, 1.0, 5.0], "b": [0.0, 1.0, 5.0]})
    assert df.nearest_neighbors(frame, frame[1:2], 2).indices.tolist() == [[1, 0]]


def test_arguments_are_never_written():
    rows = np.random.default_rng(2).standard_normal((100, 9))
    queries = rows[:10].copy()
    before = rows.tobytes(), queries.tobytes()
    for metric in reference.METRICS:
        df.nearest_neighbors(rows, queries, 5, metric=metric)
        df.pairwise_distances(rows, queries, metric=metric)
    df.top_k(rows, 5)
    assert (rows.tobytes(), queries.tobytes()) == before


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("n_features", [1, 7, 16, 40])
def test_what_is_not_finite_is_refused_in_every_type(isa, dtype, value, n_features):
    rows = np.ones((60, n_features), dtype=dtype)
    rows[31, -1] = value
    what = "NaN" if np.isnan(value) else "infinity"
    with pytest.raises(ValueError, match=f"train must be finite; row 31 holds {what}"):
        df.nearest_neighbors(rows, rows[:1], 1)
    with pytest.raises(ValueError, match=f"queries must be finite; row 31 holds {what}"):
        df.nearest_neighbors(rows[:20], rows, 1)
    with pytest.raises(ValueError, match=f"X must be finite; row 31 holds {what}"):
        df.softmax_loss(np.ones((n_features, 2)), rows, np.zeros(60, dtype=int))
