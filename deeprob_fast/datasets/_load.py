"""Data sets from files. Files are read as data only: nothing in them is ever executed."""

from pathlib import Path

from deeprob_fast._files.refusal import refuse
from deeprob_fast.datasets._base import Dataset
from deeprob_fast.datasets._folders import is_named_folder, load_named_folder, open_folder
from deeprob_fast.datasets._formats import open_arrays
from deeprob_fast.datasets._formats._npy import open_npz
from deeprob_fast.datasets._formats._stored import Stored
from deeprob_fast.datasets._gather import gathered
from deeprob_fast.datasets._label_files import SUFFIXES, open_labels
from deeprob_fast.datasets._named import NAMED
from deeprob_fast.datasets._names import means
from deeprob_fast.datasets._parts import describe, labels_of, parts_of


def load(
    data: str | Path,
    *,
    labels: str | Path | None = None,
    test: str | Path | None = None,
    test_labels: str | Path | None = None,
    key: str | None = None,
    label_key: str | None = None,
) -> Dataset:
    """Load a data set by name or from files; features are mapped into memory where the format allows it.

    Parameters
    ----------
    data : str or path
        The name of a data set, or a file of any format of `load_embeddings`: with X and y, and X_test and y_test or else the last
        fifth of the rows for testing; or with features only. The names that are common for these parts are known (x_train,
        embeddings, train_labels, target, ...; see the guide). A Parquet file holds one column of lists, or features in columns
        side by side. Or a folder: of idx files, of CIFAR-10, or of files whose names say which parts they hold.
    labels : path, optional
        Labels of the rows of `data`, if that has features only: any of these formats, `.txt` with one label a line, or `.csv` or
        `.tsv` with one column, or one that is called as labels are.
    test : path, optional
        Features for testing, with labels or without, as `data`.
    test_labels : path, optional
        Labels of the rows for testing, as `labels`.
    key, label_key : str, optional
        Names of the arrays or columns of features and of labels, where the files have several.

    Returns
    -------
    Dataset
        Its `taken` says what became features and labels.

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name.
    ValueError
        If a file is damaged, of another format, the parts do not fit together, a label is missing, or it is not clear what is
        meant: columns that may be labels, or number the rows, never become features.
    """
    beside = {"labels": labels, "test": test, "test_labels": test_labels, "key": key, "label_key": label_key}
    path = Path(data)
    if not str(data) or not (data in NAMED or path.exists()):
        msg = f"data must be {', '.join(NAMED)}, a file or a folder; got {str(data)!r}"
        raise FileNotFoundError(msg)
    if data in NAMED or (path.is_dir() and is_named_folder(path)):
        given = [name for name, value in beside.items() if value is not None]
        if given:
            msg = f"{given[0]} must be None: {data} has labels and rows for testing of its own"
            raise ValueError(msg)
        return NAMED[str(data)]() if data in NAMED else load_named_folder(path)
    of_data = None if labels is not None else label_key
    parts = parts_of(path, open_folder(path) if path.is_dir() else open_arrays(path), key, of_data)
    if labels is not None:
        _add(parts, "y", path, _read_labels(Path(labels), label_key, "y"))
    if test is not None:
        for part, stored in _test_parts(Path(test), key, label_key).items():
            _add(parts, part, path, stored)
    if test_labels is not None:
        _add(parts, "y_test", path, _read_labels(Path(test_labels), label_key, "y_test"))
    return gathered(path, parts)


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
    return gathered(path, parts_of(path, open_npz(path)))


def _test_parts(path: Path, key: str | None, label_key: str | None) -> dict[str, Stored]:
    """Return the features and labels of a file of rows for testing, by either name."""
    arrays = open_arrays(path)
    parts = parts_of(path, arrays, key if key in arrays else None, label_key if label_key in arrays else None)
    if parts.get("X") is parts.get("X_test"):
        parts.pop("X")
    found = {"X_test": parts.get("X_test", parts.get("X")), "y_test": parts.get("y_test", parts.get("y"))}
    return {part: stored for part, stored in found.items() if stored is not None}


def _add(parts: dict[str, Stored], part: str, path: Path, stored: Stored) -> None:
    if part in parts:
        raise refuse(path, f"has {part} of its own; {stored.path} must not be given")
    parts[part] = stored


def _read_labels(path: Path, label_key: str | None, part: str) -> Stored:
    """Open labels that stand in a file of their own."""
    if path.suffix.lower() in SUFFIXES:
        return open_labels(path, label_key)
    arrays = open_arrays(path)
    if label_key is not None and "" not in arrays:
        found = labels_of(path, arrays, label_key)
    else:
        named = [arrays[name] for name in arrays if means(name, part)] or [arrays[name] for name in arrays if means(name, "y")]
        found = (named or list(arrays.values()))[0] if len(named or arrays) == 1 else None
    if found is None:
        raise refuse(path, f"must hold labels, one array in one dimension, or label_key must be given; {describe(arrays)}")
    return found.usable()
