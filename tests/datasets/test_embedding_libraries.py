"""Files that other libraries write, and data sets from files of every format."""

import math
import struct

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import datasets
from deeprob_fast._files.refusal import FormatError
from deeprob_fast.datasets import convert_embeddings, load_embeddings
from deeprob_fast.datasets._embeddings import open_matrix
from deeprob_fast.datasets._formats import _stored

ROWS = (np.random.default_rng(0).standard_normal((40, 6)) * 40).astype(np.float32)
LABELS = np.arange(40) % 3


def test_safetensors_of_its_own_library(tmp_path):
    library = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "rows.safetensors"
    for dtype in ("float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "bool"):
        library.save_file({"X": ROWS.astype(dtype), "y": LABELS}, path, metadata={"made by": "a test"})
        rows = load_embeddings(path)
        assert isinstance(rows, np.memmap)
        assert rows.dtype == dtype
        np.testing.assert_array_equal(rows, library.load_file(path)["X"])


@pytest.fixture
def h5py():
    return pytest.importorskip("h5py")


@pytest.mark.parametrize("userblock", [0, 512])
def test_hdf5(tmp_path, monkeypatch, h5py, userblock):
    monkeypatch.setattr(_stored, "BLOCK_BYTES", 100)
    path = tmp_path / "rows.h5"
    with h5py.File(path, "w", userblock_size=userblock) as file:
        file["f4"] = ROWS
        file["group/f8"] = ROWS.astype(">f8")
        file["f2"] = ROWS.astype(np.float16)
        file["b1"] = ROWS > 0
        file.create_dataset("chunks", data=ROWS, chunks=(7, 2), compression="gzip", shuffle=True)
        file.create_dataset("never written", (40, 6), np.float32)
        file["text"] = [["a"]]
        file["empty"] = h5py.Empty("f4")
    with h5py.File(path) as file:
        for key in ("f4", "group/f8", "f2", "b1", "chunks", "never written"):
            rows = load_embeddings(path, key=key)
            np.testing.assert_array_equal(rows, file[key][...])
            assert rows.dtype == file[key].dtype
            assert isinstance(rows, np.memmap) == (key not in ("chunks", "never written"))
            assert len(list(open_matrix(path, key).blocks())) > 2
            convert_embeddings(path, tmp_path / "out.npy", key=key)
            np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), rows)
    for key in ("text", "empty"):
        with pytest.raises(ValueError, match=f"must hold an array {key}; its arrays are b1"):
            load_embeddings(path, key=key)


def test_hdf5_leads_to_no_other_file(tmp_path, h5py):
    (tmp_path / "secret").write_bytes(ROWS.tobytes())
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["X"] = ROWS
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["link"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "X")
        file.create_dataset("outside", ROWS.shape, ROWS.dtype, external=[(str(tmp_path / "secret"), 0, ROWS.nbytes)])
        layout = h5py.VirtualLayout(ROWS.shape, ROWS.dtype)
        layout[...] = h5py.VirtualSource(str(tmp_path / "other.h5"), "X", ROWS.shape)
        file.create_virtual_dataset("virtual", layout)
    for key in ("link", "outside", "virtual"):
        with pytest.raises(ValueError, match=f"must hold an array {key}; its arrays are none"):
            load_embeddings(tmp_path / "rows.h5", key=key)


def test_hdf5_that_claims_much(tmp_path, h5py):
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file.create_dataset("X", (2**40, 6), np.float32, chunks=(100, 6))
    with pytest.raises(ValueError, match=r"states an array of shape \(1099511627776, 6\), of \d+ bytes in \d+ packed ones"):
        load_embeddings(tmp_path / "rows.h5")


def damaged_everywhere(path, changes):
    """Write damaged versions; none may do worse than be refused."""
    whole = path.read_bytes()
    n_refused = 0
    for place in range(len(whole)):
        for change in changes:
            path.write_bytes(whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])
            try:
                load_embeddings(path)
            except FormatError:
                n_refused += 1
    return n_refused


@pytest.mark.parametrize("chunks", [None, (2, 3)])
def test_damaged_hdf5(tmp_path, h5py, chunks):
    path = tmp_path / "rows.h5"
    with h5py.File(path, "w", libver="latest") as file:  # smaller, and with checksums
        file.create_dataset("X", data=ROWS[:4, :3], chunks=chunks)
    whole = path.read_bytes()
    assert damaged_everywhere(path, [255]) > 100
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"rows\.h5 is damaged"):
            load_embeddings(path)


@pytest.fixture
def arrow():
    return pytest.importorskip("pyarrow")


@pytest.fixture
def write(tmp_path, arrow):
    from pyarrow import parquet

    def write(name="rows.parquet", **columns):
        parquet.write_table(arrow.table(columns), tmp_path / name, row_group_size=9)
        return tmp_path / name

    return write


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "uint8", "int64"])
def test_parquet(tmp_path, monkeypatch, arrow, write, dtype):
    monkeypatch.setattr(_stored, "BLOCK_BYTES", 100)
    rows = ROWS.astype(np.int8).astype(dtype)
    fixed = arrow.FixedSizeListArray.from_arrays(arrow.array(rows.ravel()), 6)
    names = [str(i) for i in LABELS]
    for path in (
        write("fixed.parquet", embedding=fixed, label=names),
        write("lists.parquet", embedding=arrow.array(list(rows)), label=LABELS),
        write("large.parquet", label=names, v=arrow.array(list(rows), arrow.large_list(fixed.type.value_type))),
        write("wide.parquet", **{f"column {i}": rows[:, i] for i in range(6)}),
    ):
        found = load_embeddings(path)
        np.testing.assert_array_equal(found, rows)
        assert found.dtype == dtype
        assert len(list(open_matrix(path).blocks())) > 2
        convert_embeddings(path, tmp_path / "out.npy")
        np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), rows)


def test_parquet_that_is_no_matrix(arrow, write):
    lists = [list(row) for row in ROWS]
    for column, words in (
        ([*lists[:30], *([[1.0]] * 10)], "must hold 6 numbers in each row of v, as in its first; row 30 holds 1"),
        ([*lists[:30], None, *lists[31:]], "must hold a value in each row of v; that of row 30 is missing"),
        ([*lists[:30], [None] * 6, *lists[31:]], "must hold numbers in v; one of row 30 is missing"),
        ([[] for _ in lists], r"must have at least one feature in v; its shape is \(40, 0\)"),
    ):
        with pytest.raises(ValueError, match=words):
            load_embeddings(write(v=arrow.array(column, arrow.list_(arrow.float32()))))
    with pytest.raises(ValueError, match="features only in all columns beside the labels; b holds no numbers: leave such"):
        load_embeddings(write(a=LABELS, b=[str(i) for i in LABELS]))
    with pytest.raises(ValueError, match="must hold a value in each row of a; that of row 1 is missing"):
        load_embeddings(write(a=[1.0, None, 2.0]))


def test_damaged_parquet(arrow, write):
    path = write(v=arrow.array(list(ROWS[:4, :3])))
    whole = path.read_bytes()
    assert damaged_everywhere(path, [255]) > 100
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"rows\.parquet is damaged"):
            load_embeddings(path)


def test_damaged_text_in_parquet(write):
    """Numbers of words that are not there, and words that are no text."""
    path = write(v=list(ROWS), y=[f"é{i}" for i in LABELS])
    whole, found = path.read_bytes(), set()
    start = whole.index("é0".encode())
    for place in range(start - 30, start + 120):
        for change in (1, 3, 255):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ change]) + whole[place + 1 :])
            try:
                datasets.load(path)
            except FormatError as error:
                found |= {words for words in ("names text", "codec can't decode") if words in str(error)}
    assert found == {"names text", "codec can't decode"}


def test_damaged_npz(tmp_path):
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "rows.npz", X=ROWS[:4, :3])
        assert damaged_everywhere(tmp_path / "rows.npz", [1, 255]) > 100


def test_npz_in_any_order(tmp_path, monkeypatch):
    monkeypatch.setattr(_stored, "BLOCK_BYTES", 100)
    for rows in (ROWS, np.asfortranarray(ROWS), ROWS.astype(">f8"), ROWS[:0], ROWS[:1]):
        np.savez_compressed(tmp_path / "rows.npz", rows)
        np.testing.assert_array_equal(load_embeddings(tmp_path / "rows.npz"), rows)
        n_blocks = 1 if rows.flags.fnc else math.ceil(rows.nbytes / 100)  # columns are read as a whole
        assert len(list(open_matrix(tmp_path / "rows.npz").blocks())) == n_blocks
        convert_embeddings(tmp_path / "rows.npz", tmp_path / "out.npy")
        np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), rows)


PARTS = {"X": ROWS[:30], "y": LABELS[:30], "X_test": ROWS[30:], "y_test": LABELS[30:]}
ANN_BENCHMARKS = dict(zip(("train", "train_labels", "test", "test_labels"), PARTS.values(), strict=True))


def save(path, arrays):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".safetensors":
        pytest.importorskip("safetensors.numpy").save_file(arrays, path)
    else:
        with pytest.importorskip("h5py").File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array
    return path


@pytest.mark.parametrize("arrays", [PARTS, ANN_BENCHMARKS])
@pytest.mark.parametrize("name", ["all.npz", "all.safetensors", "all.hdf5"])
def test_data_sets_in_one_file(tmp_path, name, arrays):
    data = datasets.load(save(tmp_path / name, arrays))
    assert (data.name, data.n_classes) == ("all", 3)
    for mine, theirs in zip((data.train, data.train_labels, data.test, data.test_labels), PARTS.values(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert isinstance(data.train, np.memmap) == (not name.endswith("npz"))
    first_two = dict(list(arrays.items())[:2])
    assert datasets.load(save(tmp_path / name, first_two)).test.shape == (6, 6)


def test_data_sets_in_parquet(write):
    names = [f"class {i}" for i in LABELS]
    for options, columns in (
        ({"label_key": "kind"}, {"embedding": list(ROWS), "kind": names}),
        ({}, {"v": list(ROWS), "label": names, "page": LABELS}),
        ({"key": "w", "label_key": "kind"}, {"v": list(ROWS[:, :2]), "w": list(ROWS), "kind": names, "page": LABELS}),
    ):
        data = datasets.load(write(**columns), **options, split="last")
        np.testing.assert_array_equal(data.train, ROWS[:32])
        assert data.test_labels.tolist() == names[32:]
    with pytest.raises(ValueError, match="must hold an array y, or it must be given; found X"):
        datasets.load(write(v=list(ROWS), page=LABELS, kind=names))


TEXTS: dict[str, dict[str, object]] = {
    "in one stretch": {},
    "in chunks": {"chunks": (7,)},
    "packed": {"chunks": (7,), "compression": "gzip"},
    "packed and shuffled": {"chunks": (7,), "compression": "gzip", "shuffle": True},
    "not all written": {"chunks": (7,), "maxshape": (None,)},
}


@pytest.mark.parametrize("userblock", [0, 512])
@pytest.mark.parametrize("layout", TEXTS)
def test_labels_in_hdf5_text(tmp_path, h5py, layout, userblock):
    n_written = 28 if layout == "not all written" else 40
    for dtype, names in ((h5py.string_dtype(), [f"é{i}" for i in LABELS]), (np.dtype("S5"), [f"e{i}" for i in LABELS])):
        with h5py.File(tmp_path / "all.h5", "w", userblock_size=userblock) as file:
            file["X"] = ROWS
            file.create_dataset("y", (40,), dtype, **TEXTS[layout])[:n_written] = names[:n_written]
        data = datasets.load(tmp_path / "all.h5", split="last")
        assert [*data.train_labels, *data.test_labels] == names[:n_written] + [""] * (40 - n_written)


def test_text_of_hdf5_that_is_not_there(tmp_path, h5py):
    filled = {"fillvalue": "ant", "chunks": (7,)}
    for options, words in (({}, "in one stretch or in chunks"), (filled, "it has chunks that stand for a value of their own")):
        with h5py.File(tmp_path / "all.h5", "w") as file:
            file["X"] = ROWS
            file.create_dataset("y", (40,), h5py.string_dtype(), **options)
        with pytest.raises(ValueError, match=rf"all.h5 must hold .*{words}"):
            datasets.load(tmp_path / "all.h5")


def test_labels_in_a_file_of_their_own(tmp_path):
    features, test = tmp_path / "rows.npy", tmp_path / "test.fbin"
    np.save(features, ROWS)
    test.write_bytes(struct.pack("<ii", 10, 6) + ROWS[:10].tobytes())
    np.save(tmp_path / "y.npy", LABELS)
    np.savez(tmp_path / "y.npz", y=LABELS, other=LABELS)
    (tmp_path / "y.txt").write_text("".join(f"{i}\n" for i in LABELS), encoding="utf-8")
    (tmp_path / "t.txt").write_text("".join(f" class {i}\n" for i in LABELS[:10]), encoding="utf-8")
    for name in ("y.npy", "y.npz", "y.txt"):
        data = datasets.load(features, labels=tmp_path / name, split="last")
        assert isinstance(data.train, np.memmap)
        np.testing.assert_array_equal(data.test_labels, LABELS[32:])
    (tmp_path / "far.txt").write_text("".join(f"{i + 7}\n" for i in LABELS[:10]), encoding="utf-8")
    with pytest.raises(TypeError, match="y_test must be labels of the same kind as y, numbers; got text"):
        datasets.load(features, labels=tmp_path / "y.npy", test=test, test_labels=tmp_path / "t.txt")
    with pytest.warns(datasets.SplitWarning, match="10 test rows of rows are of classes that no training row has"):
        data = datasets.load(features, labels=tmp_path / "y.npy", test=test, test_labels=tmp_path / "far.txt")
    assert (len(data.train), len(data.test)) == (40, 10)
    assert data.test_labels[:2].tolist() == [7, 8]
    whole = save(tmp_path / "test.npz", {"X": ROWS[:10], "y": LABELS[:10]})
    np.testing.assert_array_equal(datasets.load(features, labels=tmp_path / "y.npy", test=whole).test_labels, LABELS[:10])
    assert df.evaluate_knn(data.train, data.train_labels, data.test, LABELS[:10], k=1).accuracies == {1: 1.0}


def test_parts_that_do_not_fit(tmp_path):
    np.save(tmp_path / "rows.npy", ROWS)
    np.save(tmp_path / "y.npy", LABELS)
    np.save(tmp_path / "short.npy", LABELS[1:])
    np.save(tmp_path / "narrow.npy", ROWS[:, 1:])
    (tmp_path / "y.csv").write_text("1\n", encoding="utf-8")
    (tmp_path / "y.doc").write_text("1\n", encoding="utf-8")
    (tmp_path / "y.txt").write_bytes(b"\xff\n")
    save(tmp_path / "all.npz", PARTS)
    for data, options, words in (
        ("rows.npy", {}, "rows.npy must hold an array y, or it must be given; found X"),
        (
            "rows.npy",
            {"labels": "short.npy"},
            r"short.npy must be 1-D .* 40 rows of rows.npy; got shape \(39,\)",
        ),
        (
            "rows.npy",
            {"labels": "rows.npy"},
            r"rows.npy must be 1-D .*; got shape \(40, 6\)",
        ),
        (
            "rows.npy",
            {"labels": "y.csv"},
            r"y.csv must be 1-D .* 40 rows of rows.npy; got shape \(1,\)",
        ),
        ("rows.npy", {"labels": "y.doc"}, r"y.doc must end in one of .npy, .npz"),
        ("rows.npy", {"labels": "y.txt"}, r"y.txt must be text in UTF-8"),
        ("rows.npy", {"labels": "y.npy", "test": "rows.npy"}, "must hold an array y_test, or it must be given"),
        ("rows.npy", {"labels": "y.npy", "test_labels": "y.npy"}, "must hold an array X_test, or it must be given"),
        (
            "rows.npy",
            {"labels": "y.npy", "test": "narrow.npy", "test_labels": "y.npy"},
            "features in X_test as in X, 6; .* 5",
        ),
        ("all.npz", {"labels": "y.npy"}, r"all.npz has y of its own; .*y.npy must not be given"),
        ("all.npz", {"test": "rows.npy"}, "all.npz has X_test of its own"),
    ):
        with pytest.raises(ValueError, match=words):
            datasets.load(tmp_path / data, **{name: tmp_path / value for name, value in options.items()})
    with pytest.raises(ValueError, match="labels must be None: digits has labels and rows for testing of its own"):
        datasets.load("digits", labels=tmp_path / "y.npy")
