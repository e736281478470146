"""MNIST and Fashion-MNIST, on files made in their format, whole and damaged."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from deeprob_fast import datasets
from tests.datasets.image_files import idx, idx_files, write_files

LOADERS = {"mnist": datasets.load_mnist, "fashion-mnist": datasets.load_fashion_mnist}


@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("zipped", [False, True])
def test_whole(tmp_path, name, zipped):
    files = idx_files()
    data = LOADERS[name](write_files(tmp_path, files, zipped=zipped))
    assert (data.name, data.image_shape, len(data.class_names)) == (name, (28, 28), 10)
    assert data.train.tobytes() == files["train-images-idx3-ubyte"][16:]
    assert data.test.tobytes() == files["t10k-images-idx3-ubyte"][16:]
    assert data.train_labels.tobytes() == files["train-labels-idx1-ubyte"][8:]
    assert (data.train.shape, data.test.shape, data.train.dtype.name) == ((5, 784), (3, 784), "uint8")


def test_gzip_is_known_by_content(tmp_path):
    files = idx_files()
    whole = datasets.load_mnist(write_files(tmp_path / "a", files))
    mixed = {name: gzip.compress(content) for name, content in files.items()}
    mixed["t10k-labels-idx1-ubyte.gz"] = files["t10k-labels-idx1-ubyte"]
    del mixed["t10k-labels-idx1-ubyte"]
    np.testing.assert_array_equal(datasets.load_mnist(write_files(tmp_path / "b", mixed)).test, whole.test)


@pytest.mark.parametrize("name", idx_files())
def test_every_bit_of_every_header(tmp_path, name):
    files = idx_files(size=(3, 2))
    folder = write_files(tmp_path, files)
    for position in range(16 if "images" in name else 8):
        for bit in range(8):
            damaged = bytearray(files[name])
            damaged[position] ^= 1 << bit
            (folder / name).write_bytes(damaged)
            with pytest.raises(ValueError, match=name):
                datasets.load_mnist(folder)


@pytest.mark.parametrize("name", idx_files())
def test_gzip_cut_at_every_byte(tmp_path, name):
    folder = write_files(tmp_path, idx_files(size=(3, 2)), zipped=True)
    path = folder / f"{name}.gz"
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=name):
            datasets.load_mnist(folder)


def test_a_header_that_lies_takes_no_memory(tmp_path):
    huge = struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**15, 2**15) + bytes(1 << 25)
    folder = write_files(tmp_path, idx_files() | {"train-images-idx3-ubyte": huge}, zipped=True)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"ubyte.gz states an array of .* of 2305843009213693952 bytes .* so small"):
        datasets.load_mnist(folder)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("train-labels-idx1-ubyte", idx(np.array([0, 1, 10, 3, 4], np.uint8)), "from 0 to 9; number 2 of them is 10"),
        ("train-labels-idx1-ubyte", idx(np.zeros(4, np.uint8)), "it holds 5 images, 4 labels"),
        ("t10k-images-idx3-ubyte", idx(np.zeros((3, 28, 27), np.uint8)), r"of its training images, \(28, 28\); .* \(28, 27\)"),
        ("t10k-images-idx3-ubyte", idx(np.zeros((3, 0, 28), np.uint8)), r"t10k-images-idx3-ubyte must hold images"),
    ],
)
def test_files_that_do_not_fit(tmp_path, name, content, words):
    with pytest.raises(ValueError, match=words):
        datasets.load_mnist(write_files(tmp_path, idx_files() | {name: content}))


def test_missing_file(tmp_path):
    folder = write_files(tmp_path, idx_files())
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="must hold t10k-labels-idx1-ubyte or"):
        datasets.load_mnist(folder)
    with pytest.raises(FileNotFoundError, match="must be the folder of the MNIST idx files"):
        datasets.load_mnist(folder / "train-images-idx3-ubyte")
