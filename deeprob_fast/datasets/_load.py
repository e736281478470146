"""Data sets from files. Files are read as data only: nothing in them is ever executed."""

from pathlib import Path

import numpy as np

from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._files.refusal import refuse
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._base import Dataset, split_last_fifth
from deeprob_fast.datasets._embeddings import check_matrix, describe, the_matrix
from deeprob_fast.datasets._formats import open_arrays
from deeprob_fast.datasets._formats._npy import open_npz
from deeprob_fast.datasets._formats._stored import Stored, text_array
from deeprob_fast.datasets._named import NAMED, load_idx_folder

# What the parts of a data set are called in files: by us, and by the search benchmarks.
_FEATURES, _LABELS = ("X", "train"), ("y", "train_labels", "label", "labels")
_TEST_FEATURES, _TEST_LABELS = ("X_test", "test"), ("y_test", "test_labels")
_LARGEST_TEXT = 1 << 26  # bytes; ten million labels of six characters


def load(
    data: str | Path,
    *,
    labels: str | Path | None = None,
    test: str | Path | None = None,
    test_labels: str | Path | None = None,
) -> Dataset:
    """Load a data set by name or from files; features are mapped into memory where the format allows it.

    Parameters
    ----------
    data : str or path
        The name of a data set, a folder of idx files, or a file of any format of `load_embeddings`: with X and y, and X_test and
        y_test or else the last fifth of the rows for testing; or with features only. Instead of X and X_test a file may say train
        and test, instead of y and y_test also train_labels (label, labels) and test_labels. A Parquet file holds one column of
        lists and one of labels.
    labels : path, optional
        Labels of the rows of `data`, if that has features only: `.npy`, `.npz`, or `.txt` with one label a line.
    test : path, optional
        Features for testing, with labels or without, as `data`.
    test_labels : path, optional
        Labels of the rows for testing, as `labels`.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name.
    ValueError
        If a file is damaged, of another format, or the parts do not fit together.
    """
    beside = {"labels": labels, "test": test, "test_labels": test_labels}
    path = Path(data)
    if data in NAMED or path.is_dir():
        given = [name for name, value in beside.items() if value is not None]
        if given:
            msg = f"{given[0]} must be None: {data} has labels and rows for testing of its own"
            raise ValueError(msg)
        return NAMED[str(data)]() if data in NAMED else load_idx_folder(path.name, path)
    if not path.is_file():
        msg = f"data must be {', '.join(NAMED)}, a file or a folder of idx files; got {str(data)!r}"
        raise FileNotFoundError(msg)
    parts = _parts(path, open_arrays(path))
    if labels is not None:
        _add(parts, "y", path, _read_labels(Path(labels)))
    if test is not None:
        of_test = _parts(Path(test), open_arrays(Path(test)))
        _add(parts, "X_test", path, of_test["X"])
        if "y" in of_test:
            _add(parts, "y_test", path, of_test["y"])
    if test_labels is not None:
        _add(parts, "y_test", path, _read_labels(Path(test_labels)))
    return _dataset(path, parts)


def load_npz(path: str | Path) -> Dataset:
    """Load features X and labels y from an .npz file, with X_test and y_test or else the last fifth of the rows for testing.

    Parameters
    ----------
    path : path

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, lacks an array, or its arrays do not fit together.
    """
    path = Path(path)
    return _dataset(path, _parts(path, open_npz(path)))


def _parts(path: Path, arrays: dict[str, Stored]) -> dict[str, Stored]:
    """Find the parts of a data set among the arrays of a file."""
    parts = {}
    for part, names in (("X", _FEATURES), ("y", _LABELS), ("X_test", _TEST_FEATURES), ("y_test", _TEST_LABELS)):
        found = [arrays[name] for name in names if name in arrays]
        if found:
            parts[part] = found[0]
    if "X" not in parts:
        if not any(stored.is_matrix for stored in arrays.values()):
            raise refuse(path, f"must hold an array X; {describe(arrays)}")
        parts["X"] = the_matrix(path, arrays)
    others = [stored for stored in arrays.values() if stored is not parts["X"]]
    if "y" not in parts and path.suffix.lower() == ".parquet" and len(others) == 1 and not others[0].is_matrix:
        parts["y"] = others[0]
    return parts


def _add(parts: dict[str, Stored], part: str, path: Path, stored: Stored) -> None:
    if part in parts:
        raise refuse(path, f"has {part} of its own; {stored.path} must not be given")
    parts[part] = stored


def _dataset(path: Path, parts: dict[str, Stored]) -> Dataset:
    for required in ("X", "y", *(("X_test", "y_test") if {"X_test", "y_test"} & parts.keys() else ())):
        if required not in parts:
            raise refuse(path, f"must hold an array {required}, or it must be given; found {', '.join(parts)}")
    for features, labels in (("X", "y"), ("X_test", "y_test")):
        if features in parts:
            check_matrix(parts[features])
            n_rows, shape = parts[features].shape[0], parts[labels].shape
            if shape != (n_rows,):
                raise refuse(path, f"must hold one label in {labels} for each row of {features}: {n_rows}; it has shape {shape}")
    x, y = parts["X"].array(mmap=True), parts["y"].array(mmap=False)
    if "X_test" not in parts:
        return split_last_fifth(path.stem, x, y)
    n_features = parts["X_test"].shape[1]
    if n_features != x.shape[1]:
        raise refuse(path, f"must have as many features in X_test as in X, {x.shape[1]}; it has {n_features}")
    return Dataset(path.stem, x, y, parts["X_test"].array(mmap=True), parts["y_test"].array(mmap=False))


def _read_labels(path: Path) -> Stored:
    """Open labels that stand in a file of their own."""
    suffix = path.suffix.lower()
    if suffix == ".txt":
        values = _read_lines(path)
        return Stored(path, "", values.shape, values.dtype, view=lambda: values)
    if suffix not in (".npy", ".npz"):
        raise refuse(path, f"must be labels in .npy, .npz or .txt; it ends in {path.suffix or 'nothing'}")
    arrays = open_arrays(path)
    named = [arrays[name] for name in ("", "y") if name in arrays] or list(arrays.values())
    if len(named) != 1 or len(named[0].shape) != 1:
        raise refuse(path, f"must hold labels, one array in one dimension; {describe(arrays)}")
    return named[0]


def _read_lines(path: Path) -> AnyArray:
    if (size := regular_size(path)) > _LARGEST_TEXT:
        raise refuse(path, f"must hold at most {_LARGEST_TEXT} bytes of labels, one a line; it holds {size}")
    try:
        with open_regular(path) as file:
            lines = file.read(_LARGEST_TEXT).decode().splitlines()
    except UnicodeDecodeError as error:
        raise refuse(path, f"must be text in UTF-8: {error}") from error
    try:
        return np.array([int(line) for line in lines], dtype=np.int64)
    except (ValueError, OverflowError):
        return text_array(path, "", [line.strip() for line in lines])
