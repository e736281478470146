"""CIFAR-10's two versions, on files made in their formats: folders and archives, whole and damaged."""

import gzip
import io
import pickle
import struct
import tarfile

import numpy as np
import pytest

from deeprob_fast import datasets
from deeprob_fast.datasets import _archive, _cifar10
from tests.datasets.image_files import cifar_files, tar_bytes, write_files

FOLDER = "cifar-10-batches-bin"
N = 4


@pytest.fixture
def small(monkeypatch):
    """Let files have four records: the format has ten thousand, and nothing else depends on their number."""
    monkeypatch.setattr(_cifar10, "_N_RECORDS", N)
    return cifar_files(N)


def save(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("place", ["folder", "parent", "archive", "plain archive", "folder of archive"])
def test_places(tmp_path, small, place):
    files, contents = small
    given = {
        "folder": lambda: write_files(tmp_path / FOLDER, files),
        "parent": lambda: write_files(tmp_path / FOLDER, files).parent,
        "archive": lambda: save(tmp_path / "cifar-10-binary.tar.gz", gzip.compress(tar_bytes(FOLDER, files))),
        "plain archive": lambda: save(tmp_path / "mine.tar", tar_bytes(f"./{FOLDER}", files)),
        "folder of archive": lambda: save(tmp_path / "cifar-10-binary.tar.gz", tar_bytes(FOLDER, files)).parent,
    }[place]()
    data = datasets.load_cifar10(given)
    train = np.concatenate([contents[f"data_batch_{i}.bin"][0] for i in range(1, 6)])
    np.testing.assert_array_equal(data.train, train.reshape(len(train), -1))
    np.testing.assert_array_equal(data.train_labels, np.concatenate([contents[f"data_batch_{i}.bin"][1] for i in range(1, 6)]))
    np.testing.assert_array_equal(data.test.reshape(-1, 3, 32, 32), contents["test_batch.bin"][0])
    np.testing.assert_array_equal(data.test_labels, contents["test_batch.bin"][1])
    assert (data.class_names[3], data.image_shape) == ("cat", (3, 32, 32))


def test_layout(tmp_path, small):
    folder = write_files(tmp_path, small[0])
    rows = datasets.load_cifar10(folder, layout="HWC")
    planes = datasets.load_cifar10(folder)
    assert rows.image_shape == (32, 32, 3)
    assert rows.train.flags.c_contiguous
    np.testing.assert_array_equal(rows.train.reshape(-1, 32, 32, 3), planes.train.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    with pytest.raises(ValueError, match="layout must be one of CHW, HWC; got 'hwc'"):
        datasets.load_cifar10(folder, layout="hwc")


def test_ten_thousand_records(tmp_path):
    for name in cifar_files(1)[0]:
        with (tmp_path / name).open("wb") as file:
            file.truncate(30_730_000)
    assert datasets.load_cifar10(tmp_path).train.shape == (50_000, 3072)
    for size in (0, 1, 3073, 30_726_927, 30_729_999, 30_730_001, 30_733_073):
        with (tmp_path / "data_batch_3.bin").open("r+b") as file:
            file.truncate(size)
        with pytest.raises(ValueError, match=rf"data_batch_3.bin must hold .* 30730000 bytes; it holds {size}$"):
            datasets.load_cifar10(tmp_path)


@pytest.mark.parametrize("name", cifar_files(1)[0])
def test_cut_at_every_record(tmp_path, small, name):
    folder = write_files(tmp_path, small[0])
    for edge in (record * 3073 + part for record in range(N) for part in (0, 1, 1025, 2049)):
        (folder / name).write_bytes(small[0][name][:edge])
        with pytest.raises(ValueError, match=rf"{name} must hold 4 records of 3073 bytes, 12292 bytes; it holds {edge}$"):
            datasets.load_cifar10(folder)


def test_label_out_of_range(tmp_path, small):
    damaged = bytearray(small[0]["test_batch.bin"])
    damaged[3073 * 2] = 10
    with pytest.raises(ValueError, match=r"test_batch.bin must hold class numbers from 0 to 9; number 2 of them is 10"):
        datasets.load_cifar10(write_files(tmp_path, small[0] | {"test_batch.bin": bytes(damaged)}))


def test_missing_file(tmp_path, small):
    files = {name: content for name, content in small[0].items() if name != "data_batch_4.bin"}
    with pytest.raises(FileNotFoundError, match=r"six files of cifar-10-batches-bin; it lacks data_batch_4.bin"):
        datasets.load_cifar10(write_files(tmp_path / "a", files))
    with pytest.raises(ValueError, match=r"a.tar must .* it lacks data_batch_4.bin"):
        datasets.load_cifar10(save(tmp_path / "a.tar", tar_bytes(FOLDER, files)))


def small_archive(n_records=1):
    """An archive whose members are a block or less: its edges are many, its bytes few."""
    return tar_bytes(FOLDER, cifar_files(n_records)[0])


def test_archive_cut_at_every_block(tmp_path, monkeypatch):
    monkeypatch.setattr(_cifar10, "_N_RECORDS", 1)
    whole = small_archive()
    path = tmp_path / "a.tar.gz"
    end = len(whole.rstrip(b"\0")) // 512 * 512 + 512  # where the end mark begins
    for edge in range(0, end + 1, 512):
        for size in {edge, edge + 1, edge + 511} if edge < end else {end}:
            path.write_bytes(whole[:size])
            with pytest.raises(ValueError, match=r"a\.tar\.gz"):
                datasets.load_cifar10(path)
    path.write_bytes(whole[: end + 512])
    assert len(datasets.load_cifar10(path).test) == 1


def test_zipped_archive_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(_cifar10, "_N_RECORDS", 1)
    whole = gzip.compress(small_archive())
    path = tmp_path / "a.tar.gz"
    for size in {*range(40), *range(40, len(whole), 997), *range(len(whole) - 40, len(whole))}:
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"a\.tar\.gz"):
            datasets.load_cifar10(path)


def test_every_byte_of_a_member_header(tmp_path, monkeypatch):
    """Its checksum covers the header, so no flipped byte may pass; what is not a header is checked in the records."""
    monkeypatch.setattr(_cifar10, "_N_RECORDS", 1)
    whole = small_archive()
    path = tmp_path / "a.tar.gz"
    start = whole.index(f"{FOLDER}/data_batch_4.bin".encode())
    flips = [(i, 0x01) for i in range(512)] + [(i, 1 << bit) for i in (*range(124, 136), 156) for bit in range(8)]  # size, type
    for i, flip in flips:
        damaged = bytearray(whole)
        damaged[start + i] ^= flip
        path.write_bytes(damaged)
        try:
            data = datasets.load_cifar10(path)
        except ValueError as error:
            assert "a.tar.gz" in str(error)  # noqa: PT017  # both ends are allowed, each for its bytes
        else:
            assert 148 <= i < 156, "only the checksum has characters that mean nothing"
            assert data.train.shape == (5, 3072)


def test_zipped_archive_with_a_flipped_bit(tmp_path, monkeypatch):
    """The checksum of gzip stands behind the last member; it is read."""
    monkeypatch.setattr(_cifar10, "_N_RECORDS", 1)
    whole = gzip.compress(small_archive(), compresslevel=0)
    path = tmp_path / "a.tar.gz"
    for position in (len(whole) // 2, len(whole) - 8, len(whole) - 4):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"a\.tar\.gz is damaged"):
            datasets.load_cifar10(path)


def alter(**fields):
    def change(member):
        if member.name.endswith("data_batch_2.bin"):
            for field, value in fields.items():
                setattr(member, field, value)

    return change


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd", "size": 0},
            "data_batch_2.bin must be a plain file; it is of type b'2'",
        ),
        (
            {"type": tarfile.LNKTYPE, "linkname": f"{FOLDER}/data_batch_1.bin", "size": 0},
            "must be a plain file; it is of type b'1'",
        ),
        ({"type": tarfile.FIFOTYPE, "size": 0}, "must be a plain file"),
        ({"name": f"{FOLDER}/data_batch_1.bin"}, "data_batch_1.bin is in the archive twice"),
        ({"name": f"{FOLDER}/../{FOLDER}/data_batch_2.bin"}, "it lacks data_batch_2.bin"),
        ({"name": "/data_batch_2.bin"}, "it lacks data_batch_2.bin"),
    ],
)
def test_members_that_are_not_what_they_seem(tmp_path, small, fields, words):
    with pytest.raises(ValueError, match=words):
        datasets.load_cifar10(save(tmp_path / "a.tar", tar_bytes(FOLDER, small[0], alter(**fields))))
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


def test_a_header_that_lies_about_its_size(tmp_path, small):
    member = tarfile.TarInfo(f"{FOLDER}/data_batch_1.bin")
    for size in (1 << 60, 12293, 12292, -512):
        member.size = size
        path = save(tmp_path / "a.tar", member.tobuf(tarfile.GNU_FORMAT) + bytes(512))
        with pytest.raises(ValueError, match=r"a\.tar"):
            datasets.load_cifar10(path)


def test_archives_without_end(tmp_path, small, monkeypatch):
    many = {f"{i}": b"" for i in range(20)} | small[0]
    path = save(tmp_path / "a.tar", tar_bytes(FOLDER, many))
    assert len(datasets.load_cifar10(path).test) == N
    monkeypatch.setattr(_archive, "_MOST_MEMBERS", 20)
    with pytest.raises(ValueError, match=r"a.tar is damaged: it has more than 20 members"):
        datasets.load_cifar10(path)
    monkeypatch.undo()
    monkeypatch.setattr(_cifar10, "_N_RECORDS", N)
    monkeypatch.setattr(_archive, "_LARGEST_ARCHIVE", 1 << 20)
    bomb = tarfile.TarInfo("zeros")
    bomb.size = 1 << 30
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb") as file:
        file.write(bomb.tobuf())
        file.write(bytes(1 << 22))
    with pytest.raises(ValueError, match=r"b.tar is damaged: zeros states 1073741824 bytes, .* may unpack to 1048576"):
        datasets.load_cifar10(save(tmp_path / "b.tar", content.getvalue()))
    with pytest.raises(ValueError, match=r"c.tar is damaged: it unpacks to more than 1048576 bytes"):
        datasets.load_cifar10(save(tmp_path / "c.tar", gzip.compress(tar_bytes("f", {f"{i}": bytes(1 << 19) for i in range(3)}))))


def test_more_after_the_end(tmp_path, small):
    whole = tar_bytes(FOLDER, small[0])
    with pytest.raises(ValueError, match="there is more after its end mark"):
        datasets.load_cifar10(save(tmp_path / "a.tar", whole + bytes(1 << 17) + b"x"))
    assert len(datasets.load_cifar10(save(tmp_path / "b.tar", whole + bytes(1 << 17))).test) == N


def python_2_pickle(pixels, labels):
    """Pickle a batch as Python 2 did in 2009, when the files were made: text of bytes, and NumPy's old names."""
    rows = pixels.reshape(len(labels), -1)
    return b"".join(
        [
            b"\x80\x02}(U\x0bbatch_labelU\x15training batch 1 of 5U\x06labels](",
            b"".join(struct.pack("<cB", b"K", label) for label in labels),
            b"eU\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01",
            struct.pack("<cicic", b"J", rows.shape[0], b"J", rows.shape[1], b"\x86"),
            b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89",
            struct.pack("<cI", b"T", rows.nbytes) + rows.tobytes(),
            b"tbu.",
        ]
    )


def python_3_pickle(protocol):
    def dump(pixels, labels):
        return pickle.dumps({b"data": pixels.reshape(len(labels), -1), b"labels": list(map(int, labels))}, protocol)

    return dump


PICKLES = {"Python 2": python_2_pickle, "protocol 2": python_3_pickle(2), "protocol 5": python_3_pickle(5)}


@pytest.mark.parametrize("dump", PICKLES)
@pytest.mark.parametrize("place", ["folder", "parent", "archive", "by load"])
def test_the_python_version(tmp_path, small, dump, place):
    files, contents = small
    binary = datasets.load_cifar10(write_files(tmp_path / "binary", files))
    folder = "cifar-10-batches-py"
    pickles = {name.removesuffix(".bin"): PICKLES[dump](*content) for name, content in contents.items()}
    pickles |= {"batches.meta": b"", "readme.html": b""}
    found = {
        "folder": lambda: datasets.load_cifar10(write_files(tmp_path / folder, pickles)),
        "parent": lambda: datasets.load_cifar10(write_files(tmp_path / folder, pickles).parent),
        "archive": lambda: datasets.load_cifar10(
            save(tmp_path / "cifar-10-python.tar.gz", gzip.compress(tar_bytes(folder, pickles)))
        ),
        "by load": lambda: datasets.load(write_files(tmp_path / folder, pickles)),
    }[place]()
    for mine, theirs in zip((found.train, found.test), (binary.train, binary.test), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert found.train_labels.tolist() == binary.train_labels.tolist()
    assert found.test_labels.tolist() == binary.test_labels.tolist()
    assert found.class_names[3] == "cat"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1], "must hold 4 x 3072 bytes in 'data'; it holds float64"),
        ({b"data": np.zeros((4, 3072), np.int8)}, "in 'data'; it holds int8 of shape"),
        ({b"data": np.zeros((3, 3072), np.uint8), b"labels": [0] * 3}, r"it holds uint8 of shape \(3, 3072\)"),
        ({b"data": np.zeros((4, 3072), np.uint8), b"labels": [0] * 3}, "must hold 4 class numbers in 'labels'"),
        ({b"data": np.zeros((4, 3072), np.uint8), b"labels": [0, 1, 2, -1]}, "must hold 4 class numbers in 'labels'"),
        ({b"data": np.zeros((4, 3072), np.uint8), b"labels": [0, 1, 2, 10]}, "class numbers from 0 to 9; number 3 of them is 10"),
        ({b"data": io.BytesIO()}, "data_batch_2 must be a pickle of arrays"),
    ],
)
def test_pickles_that_are_no_batches(tmp_path, small, content, words):
    pickles = {name.removesuffix(".bin"): python_2_pickle(*batch) for name, batch in small[1].items()}
    folder = write_files(tmp_path, pickles | {"data_batch_2": pickle.dumps(content)})
    with pytest.raises(ValueError, match=words):
        datasets.load_cifar10(folder)
