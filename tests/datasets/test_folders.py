"""Folders as data sets: a file for each part, each split, each class, or each piece of a matrix."""

from typing import Any

import numpy as np
import pytest

from deeprob_fast import datasets
from tests.datasets.labelled_rows import NAMES, X, Y, check, rows_and_labels


def test_folders_of_parts(tmp_path):
    folders: dict[str, dict[str, Any]] = {
        "plain": {"X_train.npy": X[:60], "y_train.npy": Y[:60], "X_test.npy": X[60:], "y_test.npy": Y[60:]},
        "splits": {"train.npz": {"embeddings": X[:60], "labels": Y[:60]}, "test.npz": {"embeddings": X[60:], "labels": Y[60:]}},
    }
    for folder, files in folders.items():
        (tmp_path / folder).mkdir()
        for name, content in files.items():
            save = np.savez if isinstance(content, dict) else np.save
            save(tmp_path / folder / name, **(content if isinstance(content, dict) else {"arr": content}))
        data = datasets.load(tmp_path / folder)
        assert data.name == folder
        np.testing.assert_array_equal(data.train, X[:60])
        np.testing.assert_array_equal(data.test_labels, Y[60:])
    (tmp_path / "text").mkdir()
    np.save(tmp_path / "text" / "embeddings.npy", X)
    (tmp_path / "text" / "labels.txt").write_text("\n".join(map(str, Y)), encoding="utf-8")
    (tmp_path / "text" / "notes.txt").write_text("of no interest", encoding="utf-8")
    assert check(datasets.load(tmp_path / "text")).taken == "features: embeddings of embeddings.npy; labels: labels of labels.txt"
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty must hold train-images"):
        datasets.load(tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match=r"data must be .*; there is no 'none\.npz'"):
        datasets.load("none.npz")


def in_folder(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            np.savez(folder / name, **content)
        elif isinstance(content, str):
            (folder / name).write_text(content, encoding="utf-8")
        else:
            np.save(folder / name, content)
    return folder


def test_folders_of_pieces(tmp_path):
    cuts = [slice(0, 40), slice(40, 41), slice(41, 90)]
    names = {
        "counted": ["features_0", "features_1", "features_2"],
        "from one": ["embeddings-00001-of-00003", "embeddings-00002-of-00003", "embeddings-00003-of-00003"],
    }
    for folder, pieces in names.items():
        files = {f"{name}.npy": X[cut] for name, cut in zip(pieces, cuts, strict=True)}
        data = datasets.load(in_folder(tmp_path / folder, {**files, "labels.txt": "\n".join(map(str, Y))}), split="last")
        np.testing.assert_array_equal(rows_and_labels(data)[0], X)
        assert rows_and_labels(data)[1] == Y.tolist()
    many = {f"part-{i}.npz": {"X": X[3 * i : 3 * i + 3], "y": Y[3 * i : 3 * i + 3]} for i in range(30)}
    data = datasets.load(in_folder(tmp_path / "both", many), split="last")
    np.testing.assert_array_equal(rows_and_labels(data)[0], X)
    assert rows_and_labels(data)[1] == Y.tolist()
    assert data.taken == "features: X; labels: y"


def test_folders_of_classes(tmp_path):
    by_name = {name: X[name == NAMES] for name in np.unique(NAMES)}
    files = in_folder(tmp_path / "files", {f"{name}.npy": rows for name, rows in by_name.items()})
    data = check(datasets.load(files), X, NAMES)
    assert data.split == "stratified, 20 %, seed 0"
    words = ", ".join(np.unique(NAMES))
    assert data.taken == f"features: {words}, one for each class; labels: their names"
    vectors = {f"{label}/{i}.npy": row for i, (row, label) in enumerate(zip(X, Y, strict=True))}
    data = check(datasets.load(in_folder(tmp_path / "vectors", vectors)))
    assert data.train_labels.dtype.kind == "i"
    split = {f"train/{name}.npy": rows[1:] for name, rows in by_name.items()}
    split |= {f"test/{name}/first.npy": rows[:1] for name, rows in by_name.items()}
    data = check(datasets.load(in_folder(tmp_path / "split", split)), X, NAMES)
    assert (data.split, sorted(data.test_labels)) == ("its own", sorted(by_name))


def test_folders_of_splits(tmp_path):
    parts = {"train/X.npy": X[:60], "train/y.npy": Y[:60], "test/X.npy": X[60:], "test/y.txt": "\n".join(map(str, Y[60:]))}
    data = datasets.load(in_folder(tmp_path / "split", parts))
    np.testing.assert_array_equal(data.train, X[:60])
    np.testing.assert_array_equal(data.test_labels, Y[60:])
    words = (
        "features: train/X of X.npy",
        "labels: train/y of y.npy",
        "test features: test/X of X.npy",
        "test labels: test/y of y.txt",
    )
    assert data.taken == "; ".join(words)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            ["features_0.npy", "features_2.npy"],
            "must hold every piece of features once, .*; it holds features_0.npy, features_2.npy",
        ),
        (["features_2.npy", "features_3.npy"], "must hold every piece of features once"),
        (["features_0.npy", "features_00.npy"], "must hold every piece of features once"),
        (["features_0-of-3.npy", "features_1-of-3.npy"], "must hold every piece of features once"),
        (["features.npy", "features_0.npy", "features_1.npy"], "must hold every piece of features once"),
        (["X.npy", "X.npz"], "must hold one file X; it holds X.npy, X.npz"),
    ],
)
def test_pieces_that_are_not_all(tmp_path, files, words):
    folder = in_folder(tmp_path / "x", {name: {"a": X} if name.endswith("z") else X for name in files})
    with pytest.raises(ValueError, match=words):
        datasets.load(folder)


def test_pieces_that_do_not_fit(tmp_path):
    with pytest.raises(
        ValueError, match=r"must hold pieces of one array features; it holds float64 of shape \(90, 3\) in features_0"
    ):
        datasets.load(in_folder(tmp_path / "width", {"features_0.npy": X, "features_1.npy": X[:, :2]}))
    with pytest.raises(ValueError, match=r"cat\.npz must hold one array, the rows of one class; it holds a, b"):
        datasets.load(in_folder(tmp_path / "two", {"cat/cat.npz": {"a": X, "b": X}, "dog/dog.npz": {"a": X}}))
