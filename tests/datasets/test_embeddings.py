"""Files of embeddings, made here byte for byte as documented: whole, cut, damaged, lying."""

import contextlib
import json
import pickle
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast._files.refusal import FormatError
from deeprob_fast.datasets import convert_embeddings, load_embeddings
from deeprob_fast.datasets._embeddings import open_matrix
from deeprob_fast.datasets._formats import _stored, _vectors
from tests.limits import recorded_steps

ROWS = (np.random.default_rng(0).standard_normal((7, 5)) * 40).astype(np.float32)
BYTES = np.arange(35, dtype=np.uint8).reshape(7, 5)


def npy(array, version=1, order="C", shape=None):
    """Write the format as NEP 1 describes it."""
    descr, fortran = array.dtype.str, order == "F"
    header = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape or array.shape}, }}".encode()
    length = "<H" if version == 1 else "<I"
    start = 6 + 2 + struct.calcsize(length)
    header += b" " * (-(start + len(header) + 1) % 64) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(length, len(header)) + header + array.tobytes(order)


def safetensors(entries, *, pad=0):
    """Write named arrays with their dtype's name; `pad` spaces shift the data."""
    header, body = {}, b""
    for name, (kind, shape, memory) in entries.items():
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [len(body), len(body) + len(memory)]}
        body += memory
    text = json.dumps(header).encode() + b" " * pad
    return struct.pack("<Q", len(text)) + text + body


def vecs(array):
    return b"".join(struct.pack("<i", len(row)) + row.tobytes() for row in array)


def bins(array):
    return struct.pack("<II", *array.shape) + array.tobytes()


def bfloat16(array):
    """Cut float32 to its upper half."""
    return (np.ascontiguousarray(array).view(np.uint32) >> 16).astype("<u2").tobytes()


FILES: dict[str, tuple[bytes, np.ndarray]] = {
    "rows.npy": (npy(ROWS), ROWS),
    "long.npy": (npy(ROWS, version=2), ROWS),
    "fortran.npy": (npy(ROWS, order="F"), ROWS),
    "big_endian.npy": (npy(ROWS.astype(">f8")), ROWS),
    "rows.fbin": (bins(ROWS), ROWS),
    "rows.u8bin": (bins(BYTES), BYTES),
    "rows.i8bin": (bins(BYTES.astype(np.int8)), BYTES),
    "rows.fvecs": (vecs(ROWS), ROWS),
    "rows.bvecs": (vecs(BYTES), BYTES),
    "rows.safetensors": (safetensors({"X": ("F32", (7, 5), ROWS.tobytes()), "y": ("I64", (7,), bytes(56))}), ROWS),
    "odd.safetensors": (safetensors({"emb": ("F32", (7, 5), ROWS.tobytes())}, pad=1), ROWS),
    "half.safetensors": (safetensors({"X": ("F16", (7, 5), ROWS.astype("<f2").tobytes())}), ROWS.astype(np.float16)),
    "bytes.safetensors": (safetensors({"X": ("U8", (7, 5), BYTES.tobytes())}), BYTES),
    "none.fbin": (bins(ROWS[:0]), ROWS[:0]),
    "none.npy": (npy(ROWS[:0]), ROWS[:0]),
}
MAPPED = [name for name in FILES if not name.startswith("none")]


@pytest.mark.parametrize("name", FILES)
def test_files_byte_for_byte(tmp_path, name):
    memory, expected = FILES[name]
    path = tmp_path / name
    path.write_bytes(memory)
    rows = load_embeddings(path)
    np.testing.assert_array_equal(rows, expected)
    assert rows.dtype == (">f8" if name.startswith("big") else expected.dtype if "i8" not in name else np.int8)
    if name in MAPPED:
        assert isinstance(rows, np.memmap)
        assert not rows.flags.writeable
    own = load_embeddings(str(path), mmap=False)
    assert type(own) is np.ndarray
    assert own.flags.c_contiguous
    own += 1
    np.testing.assert_array_equal(load_embeddings(path), expected)
    assert path.read_bytes() == memory


@pytest.mark.parametrize("name", FILES)
def test_conversion(tmp_path, monkeypatch, name):
    memory, expected = FILES[name]
    (tmp_path / name).write_bytes(memory)
    stored = open_matrix(tmp_path / name)
    monkeypatch.setattr(_stored, "BLOCK_BYTES", 2 * 5 * stored.dtype.itemsize)  # two rows
    assert [len(block) for block in stored.blocks()] == [2, 2, 2, 1][: len(expected)]
    convert_embeddings(tmp_path / name, tmp_path / "out.npy")
    rows = np.load(tmp_path / "out.npy", mmap_mode="r", allow_pickle=False)
    np.testing.assert_array_equal(rows, expected)
    assert rows.flags.c_contiguous
    assert rows.dtype.isnative
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "out.npy"])


@pytest.mark.parametrize("name", FILES)
def test_files_cut_anywhere(tmp_path, name):
    memory, expected = FILES[name]
    path = tmp_path / name
    # A file of rows without a header is whole after each of its rows.
    stride = 4 + expected[0].nbytes if name.endswith("vecs") else len(memory) + 2
    for size in [*range(len(memory)), len(memory) + 1]:
        path.write_bytes((memory + b"\0")[:size])
        if size % stride == 0 and size:
            assert len(load_embeddings(path)) == size // stride
            continue
        with pytest.raises(ValueError, match=f"{name} (must|is damaged)"):
            load_embeddings(path)


@pytest.mark.parametrize("name", MAPPED)
def test_every_byte_of_a_header_damaged(tmp_path, name):
    """What opens all the same is an array of as many bytes."""
    memory, expected = FILES[name]
    path = tmp_path / name
    header = 4 if name.endswith("vecs") else len(memory) - expected.astype("f8" if name.startswith("big") else "f4").nbytes
    n_refused = 0
    for place in range(min(max(header, 4), len(memory))):
        for change in (1, 2, 16, 128, 255):
            damaged = bytearray(memory)
            damaged[place] ^= change
            path.write_bytes(damaged)
            with contextlib.suppress(FormatError):
                assert load_embeddings(path).nbytes <= len(memory)
                continue
            n_refused += 1
    assert n_refused > 0


HUGE = 2**61
LIES = {
    "lie.npy": npy(ROWS, shape=(7, HUGE)),
    "wide.npy": npy(ROWS, shape=(HUGE, HUGE)),
    "sign.npy": npy(ROWS, shape=(-7, -5)),
    "lie.fbin": struct.pack("<II", 2**32 - 1, 2**32 - 1) + bytes(100),
    "lie.u8bin": struct.pack("<II", 7, 2**31) + bytes(100),
    "lie.fvecs": struct.pack("<i", 2**31 - 1) + bytes(100),
    "negative.bvecs": struct.pack("<i", -1) + bytes(100),
    "long.safetensors": struct.pack("<Q", HUGE) + bytes(100),
    "shape.safetensors": safetensors({"X": ("F32", (HUGE, HUGE), bytes(16))}),
    "zero.safetensors": safetensors({"X": ("F32", (0, 2**70), b"")}),
    "sign.safetensors": safetensors({"X": ("F32", (-7, -5), bytes(140))}),
    "float.safetensors": safetensors({"X": ("F32", (7.0, 5.0), bytes(140))}),
    "true.safetensors": safetensors({"X": ("U8", (True, 5), bytes(5))}),
    "kind.safetensors": safetensors({"X": ("F8_E4M3", (7, 5), bytes(35))}),
    "deep.safetensors": struct.pack("<Q", 100_000) + b"[" * 100_000,
    "list.safetensors": struct.pack("<Q", 2) + b"[]",
    "twice.safetensors": struct.pack("<Q", 16) + b'{"a":{},"a":{} }',
    "empty.safetensors": struct.pack("<Q", 8) + b'{"a":{}}',
    "objects.npy": npy(ROWS).replace(b"'<f4'", b"'|O' "),
    "fields.npy": npy(np.zeros(3, dtype=[("a", "f4"), ("b", "f4")])),
    "text.npy": npy(np.array([["a", "b"]])),
    "complex.npy": npy(ROWS.astype(complex)),
    "vector.npy": npy(ROWS[0]),
    "cube.npy": npy(ROWS[None]),
    "number.npy": npy(np.array(3.0)),
    "narrow.npy": npy(ROWS[:, :0]),
    "narrow.fbin": struct.pack("<II", 0, 0),
    "narrow.fvecs": struct.pack("<ii", 0, 0),
    "foreign.npy": b"PK\3\4" + bytes(100),
    "foreign.npz": npy(ROWS),
    "foreign.h5": npy(ROWS),
    "foreign.parquet": npy(ROWS),
    "rows.bin": bins(ROWS),
    "rows": npy(ROWS),
}


@pytest.mark.parametrize("name", LIES)
def test_lies_and_strangers_are_refused(tmp_path, name):
    """Without believing them: no memory is taken for what is not there."""
    for package in ("h5py", "pyarrow.parquet"):
        pytest.importorskip(package)  # now, as an import takes memory of its own
    (tmp_path / name).write_bytes(LIES[name])
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=f"{name} (must|is damaged)"):
            load_embeddings(tmp_path / name)
        assert tracemalloc.get_traced_memory()[1] < 4e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("memory", "words"), [(npy(ROWS)[:-1], "ends before"), (npy(ROWS) + b"\0", "goes on after")])
def test_npz_members_of_another_size(tmp_path, memory, words):
    with zipfile.ZipFile(tmp_path / "rows.npz", "w") as archive:
        archive.writestr("X.npy", memory)
    with pytest.raises(ValueError, match=rf"rows\.npz is damaged: X\.npy {words} its 7 rows of 20 bytes"):
        load_embeddings(tmp_path / "rows.npz")


@pytest.mark.parametrize("name", MAPPED)
def test_a_file_that_is_cut_after_it_was_opened(tmp_path, name):
    """Its size is compared again when it is mapped; of what is cut later, nothing can be told."""
    (tmp_path / name).write_bytes(FILES[name][0])
    stored = open_matrix(tmp_path / name)
    (tmp_path / name).write_bytes(FILES[name][0][: len(FILES[name][0]) // 2])  # in the middle of the rows
    for mmap in (True, False):
        with pytest.raises(FormatError, match=f"{name} is damaged: mmap length is greater than file size"):
            stored.array(mmap=mmap)


def test_a_row_of_another_length_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(_vectors, "BLOCK_BYTES", 3 * 9)  # three rows
    steps = recorded_steps(monkeypatch, _vectors)
    for row in range(1, 7):
        memory = bytearray(vecs(BYTES))
        memory[9 * row] = 6
        (tmp_path / "rows.bvecs").write_bytes(memory)
        with pytest.raises(ValueError, match=rf"must have 5 features in each row, as in its first; row {row} states 6"):
            load_embeddings(tmp_path / "rows.bvecs")
    assert steps == [3] * 6


def test_arrays_of_safetensors_lie_one_after_the_other(tmp_path):
    path = tmp_path / "rows.safetensors"
    for start in (0, 1):
        entry = {"dtype": "U8", "shape": [2, 2], "data_offsets": [start, start + 4]}
        text = json.dumps({"X": {**entry, "data_offsets": [0, 4]}, "Z": entry}).encode()
        path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(5))
        with pytest.raises(ValueError, match=f"must hold its arrays one after the other; Z starts at {start} where 4"):
            load_embeddings(path)


def test_bfloat16_becomes_float32(tmp_path):
    (tmp_path / "rows.safetensors").write_bytes(safetensors({"X": ("BF16", (7, 5), bfloat16(ROWS))}))
    rows = load_embeddings(tmp_path / "rows.safetensors")
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, (ROWS.view(np.uint32) & 0xFFFF0000).view(np.float32))


def test_the_array_that_is_meant(tmp_path):
    path = tmp_path / "rows.npz"
    np.savez(path, a=ROWS, b=BYTES, y=np.arange(7))
    with pytest.raises(ValueError, match=r"array X or one matrix only, .*; its arrays are a \(7, 5\), b \(7, 5\), y \(7,\)"):
        load_embeddings(path)
    np.testing.assert_array_equal(load_embeddings(path, key="b"), BYTES)
    with pytest.raises(ValueError, match="must hold an array c; its arrays are a"):
        load_embeddings(path, key="c")
    with pytest.raises(ValueError, match="must hold a matrix of real numbers in y; it is 1-D int64"):
        load_embeddings(path, key="y")
    np.savez(path, a=ROWS, X=BYTES)
    np.testing.assert_array_equal(load_embeddings(path), BYTES)
    np.savez(path, a=ROWS, y=np.arange(7))
    np.testing.assert_array_equal(load_embeddings(path), ROWS)
    np.save(tmp_path / "rows.npy", ROWS)
    for key in ("X", ""):
        with pytest.raises(ValueError, match=r"must hold an array X?; it holds one array, without a name"):
            load_embeddings(tmp_path / "rows.npy", key=key)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.npy must be a file"):
        load_embeddings(tmp_path / "none.npy")
    with pytest.raises(ValueError, match="must be a regular file; it is a directory"):
        load_embeddings(tmp_path)
    np.save(tmp_path / "rows.npy", ROWS)
    with pytest.raises(ValueError, match=r"rows\.bin must end in \.npy; it ends in \.bin"):
        convert_embeddings(tmp_path / "rows.npy", tmp_path / "rows.bin")


def test_a_failed_conversion_leaves_nothing_behind(tmp_path):
    (tmp_path / "rows.npz").write_bytes(b"no")
    (tmp_path / "old.npy").write_bytes(b"old")
    with pytest.raises(ValueError, match=r"rows\.npz is damaged"):
        convert_embeddings(tmp_path / "rows.npz", tmp_path / "old.npy")
    np.savez(tmp_path / "cut.npz", ROWS)
    memory = (tmp_path / "cut.npz").read_bytes()
    place = memory.index(ROWS.tobytes())
    (tmp_path / "cut.npz").write_bytes(memory[:place] + b"\xff" + memory[place + 1 :])
    with pytest.raises(ValueError, match=r"cut\.npz is damaged: Bad CRC"):
        convert_embeddings(tmp_path / "cut.npz", tmp_path / "old.npy")
    assert (tmp_path / "old.npy").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 3
    # Onto itself: the mapped file is replaced when all of it is read.
    np.save(tmp_path / "rows.npy", np.asfortranarray(ROWS))
    convert_embeddings(tmp_path / "rows.npy", tmp_path / "rows.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy"), ROWS)


class Canary:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_nothing_in_a_file_is_executed(tmp_path):
    canary = tmp_path / "canary"
    objects = np.array([[Canary(canary)]], dtype=object)
    np.save(tmp_path / "evil.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "evil.npz", X=objects)
    for name in ("pickle.npy", "pickle.npz", "pickle.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps(Canary(canary)))
    canary.unlink(missing_ok=True)
    for path in tmp_path.iterdir():
        with pytest.raises(ValueError, match=f"{path.name} (must|is damaged)"):
            load_embeddings(path)
    assert not canary.exists()


@pytest.mark.parametrize(("package", "name"), [("h5py", "rows.h5"), ("pyarrow", "rows.parquet")])
def test_missing_packages_are_named(tmp_path, monkeypatch, package, name):
    (tmp_path / name).write_bytes(b"")
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError, match=rf"this needs {package}: pip install 'deeprob-fast\[io\]'"):
        load_embeddings(tmp_path / name)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("name", MAPPED)
def test_searches_find_the_same_in_files(tmp_path, name, metric):
    memory, expected = FILES[name]
    (tmp_path / name).write_bytes(memory)
    rows = load_embeddings(tmp_path / name)
    for queries in (ROWS, ROWS[:2]):
        found = df.nearest_neighbors(rows, queries, 3, metric=metric)
        for mine, theirs in zip(found, df.nearest_neighbors(np.array(expected), queries, 3, metric=metric), strict=True):
            np.testing.assert_array_equal(mine, theirs)
