"""Loaders, on files made here in exactly the documented formats, whole and damaged."""

import gzip
import pickle
import struct
from functools import partial

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import datasets

IMAGES = np.arange(4 * 3 * 2, dtype=np.uint8).reshape(4, 3, 2)
LABELS = np.array([1, 0, 1, 2], dtype=np.uint8)


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_folder(folder, *, zipped=False, images=None):
    folder.mkdir(exist_ok=True)
    for prefix in ("train", "t10k"):
        for name, content in (
            (f"{prefix}-images-idx3-ubyte", images or idx(IMAGES)),
            (f"{prefix}-labels-idx1-ubyte", idx(LABELS)),
        ):
            if zipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_folder(tmp_path, zipped):
    data = datasets.load(write_folder(tmp_path / "mine", zipped=zipped))
    assert data.name == "mine"
    assert data.n_classes == 3
    np.testing.assert_array_equal(data.train, IMAGES.reshape(4, 6))
    np.testing.assert_array_equal(data.test_labels, LABELS)


def test_idx_cut_at_every_byte(tmp_path):
    whole = idx(IMAGES)
    for size in range(len(whole)):
        with pytest.raises(ValueError, match=r"train-images-idx3-ubyte must (be an idx file|hold 24 bytes)"):
            datasets.load_fashion_mnist(write_folder(tmp_path, images=whole[:size] or b"\0"))


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (idx(IMAGES) + b"\0", "must hold 24 bytes .* it holds 25"),
        (b"\0\0\x0d\x03" + idx(IMAGES)[4:], "its first bytes are 00000d03"),
        (idx(LABELS), "must be an idx file of bytes in 3 dimensions"),
        (struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2**32 - 1) + b"\0", r"it holds 1$"),
        (idx(IMAGES[:3]), "must hold one label for each train image; it holds 3 images, 4 labels"),
    ],
)
def test_damaged_idx(tmp_path, images, words):
    with pytest.raises(ValueError, match=words):
        datasets.load_fashion_mnist(write_folder(tmp_path, images=images))


def test_damaged_gzip(tmp_path):
    folder = write_folder(tmp_path, zipped=True)
    path = folder / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    for damaged in (whole[:-9], b"\0" + whole, whole[:12] + b"\xff\xff" + whole[14:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"is damaged|must"):
            datasets.load_fashion_mnist(folder)


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"must hold train-images-idx3-ubyte or .*; it holds nothing"):
        datasets.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="must be the folder of the Fashion-MNIST idx files"):
        datasets.load_fashion_mnist(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"data must be a file, .* or one of digits, .*; there is no 'nothing'$"):
        datasets.load("nothing")
    with pytest.raises(FileNotFoundError, match=r"there is no 'Fashion_mnist' \(did you mean 'fashion-mnist'\?\)$"):
        datasets.load("Fashion_mnist")


def test_no_name_is_no_folder(tmp_path, monkeypatch):
    """An empty name would stand for the working folder, whatever is in it."""
    monkeypatch.chdir(tmp_path)
    np.save("rows.npy", np.eye(3))
    np.save("y.npy", [0, 1, 2])
    index = df.KNNIndex(np.eye(3))
    for call, argument in (
        (lambda: datasets.load(""), "data"),
        (lambda: datasets.load("rows.npy", labels=""), "labels"),
        (lambda: datasets.load("rows.npy", labels="y.npy", test=""), "test"),
        (lambda: datasets.load("rows.npy", labels="y.npy", test_labels=""), "test_labels"),
        (lambda: datasets.load_npz(""), "path"),
        (lambda: datasets.load_embeddings(""), "path"),
        (lambda: datasets.convert_embeddings("", "out.npy"), "source"),
        (lambda: datasets.convert_embeddings("rows.npy", ""), "target"),
        (lambda: datasets.load_mnist(""), "folder"),
        (lambda: datasets.load_cifar10(""), "folder"),
        (lambda: datasets.load_props(""), "folder"),
        (lambda: index.save(""), "path"),
        (lambda: df.KNNIndex.load(""), "path"),
        (lambda: df.figures.save("", ["svm_margin"]), "directory"),
    ):
        with pytest.raises(ValueError, match=f"^{argument} must name a file or a folder; got ''"):
            call()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.npy", "y.npy"]


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors", ".skops"])
def test_a_folder_that_is_missing_is_no_hidden_file(tmp_path, suffix):
    """What cannot be written is named as it was given."""
    np.save(tmp_path / "rows.npy", np.eye(3))
    target = tmp_path / "missing" / f"out{suffix}"
    model = df.SoftmaxClassifier(max_epochs=1).fit(np.eye(4), [0, 1, 0, 1]) if suffix == ".skops" else np.eye(2)
    write = partial(df.save, model) if suffix != ".npy" else partial(datasets.convert_embeddings, tmp_path / "rows.npy")
    with pytest.raises(FileNotFoundError) as caught:
        write(target)
    assert caught.value.filename == str(target)
    with pytest.raises(FileNotFoundError) as caught:
        df.KNNIndex(np.eye(3)).save(target)
    assert caught.value.filename == str(target)


def test_real_fashion_mnist():
    if not datasets.FASHION_MNIST_FOLDER.is_dir():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    data = datasets.load("fashion-mnist")
    assert data.train.shape == (60000, 784)
    assert data.test.shape == (10000, 784)
    assert np.bincount(data.test_labels).tolist() == [1000] * 10


def test_digits():
    data = datasets.load("digits")
    assert (data.train.shape, data.test.shape, data.train.dtype.name) == ((1438, 64), (359, 64), "uint8")


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_npz_splits(tmp_path):
    x, y = np.arange(20.0).reshape(10, 2), np.array(list("aabbccddee"))
    data = datasets.load(save(tmp_path / "all.npz", X=x, y=y))
    # Every class of two rows has one on each side, whatever share that is.
    assert (data.name, data.train.shape, data.test.shape) == ("all", (5, 2), (5, 2))
    data = datasets.load_npz(save(tmp_path / "split.npz", X=x, y=y, X_test=x[:3], y_test=y[:3], classes=y))
    assert (data.train.shape, data.test_labels.tolist()) == ((10, 2), ["a", "a", "b"])


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"y": [0]}, "must hold an array X or one matrix only, .*; its arrays are y"),
        ({"X": [[1.0]]}, "must hold an array y"),
        ({"X": [[1.0]], "y": [0], "X_test": [[1.0]]}, "must hold an array y_test"),
        ({"X": [[1.0], [2.0]], "y": [0]}, "y of .*bad.npz must be 1-D with one label for each of the 2 rows"),
        ({"X": [["one"]], "y": [0]}, "must hold a matrix of real numbers in X; it is 2-D <U3"),
        ({"X": [1.0], "y": [0]}, "must hold a matrix of real numbers in X; it is 1-D float64"),
    ],
)
def test_incomplete_npz(tmp_path, arrays, words):
    with pytest.raises(ValueError, match=words):
        datasets.load(save(tmp_path / "bad.npz", **arrays))


class Canary:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_nothing_in_a_file_is_executed(tmp_path):
    canary = tmp_path / "canary"
    objects = np.array([Canary(canary)], dtype=object)
    np.savez(tmp_path / "evil.npz", X=objects, y=objects)
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Canary(canary)))
    np.save(tmp_path / "single.npy", np.ones(3))
    (tmp_path / "text.npz").write_text("hello", encoding="utf-8")
    whole = save(tmp_path / "whole.npz", X=np.ones((50, 3)), y=np.ones(50)).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    canary.unlink(missing_ok=True)
    for name in ("evil.npz", "pickle.npz", "single.npy", "text.npz", "cut.npz"):
        with pytest.raises(ValueError, match=r"must hold plain arrays|is damaged|must hold a matrix"):
            datasets.load(tmp_path / name)
    assert not canary.exists()
