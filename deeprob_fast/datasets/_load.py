"""Data sets from files. Files are read as data only: nothing in them is ever executed."""

from pathlib import Path

import numpy as np

from deeprob_fast._files.budget import check_memory
from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._files.refusal import refuse
from deeprob_fast._rows import is_mapped
from deeprob_fast._scalars import check_path, did_you_mean
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._base import Dataset
from deeprob_fast.datasets._embeddings import check_matrix, describe, the_matrix
from deeprob_fast.datasets._formats import open_arrays
from deeprob_fast.datasets._formats._npy import open_npz
from deeprob_fast.datasets._formats._stored import Stored, text_array
from deeprob_fast.datasets._named import NAMED, SOURCES, load_idx_folder
from deeprob_fast.datasets._splitting import Split, warn_of_unknown_classes

# What the parts of a data set are called in files: by us, and by the search benchmarks.
_FEATURES, _LABELS = ("X", "train"), ("y", "train_labels", "label", "labels")
_TEST_FEATURES, _TEST_LABELS = ("X_test", "test"), ("y_test", "test_labels")
_GROUPS = ("groups", "group")
_LARGEST_TEXT = 1 << 26  # bytes; ten million labels of six characters


def load(
    data: str | Path,
    *,
    labels: str | Path | None = None,
    test: str | Path | None = None,
    test_labels: str | Path | None = None,
    split: str | None = None,
    test_share: float | None = None,
    seed: int = 0,
) -> Dataset:
    """Load a data set by name or from files.

    Parameters
    ----------
    data : str or path
        The name of a data set, a folder of idx files, or a file of any format of `load_embeddings`: with X and y, and perhaps
        X_test and y_test, or groups (group) of the training rows; or with features only. Instead of X and X_test a file may say
        train and test, instead of y and y_test also train_labels (label, labels) and test_labels. A Parquet file holds one column
        of lists and one of labels.
    labels : path, optional
        Labels of the rows of `data`, if that has features only: `.npy`, `.npz`, or `.txt` with one label a line.
    test : path, optional
        Features for testing, with labels or without, as `data`.
    test_labels : path, optional
        Labels of the rows for testing, as `labels`.
    split : {"stratified", "random", "last", "groups", "none"}, optional
        How rows are set apart for testing where there are none: the same share of every class; a share of all; the last rows;
        whole groups, where the file has an array groups or group with one for each row; or no rows. By default "stratified":
        every class with at least two rows has rows on both sides. (For digits "last".)
    test_share : float, optional
        Share of the rows, or of the groups, that is for testing; by default a fifth.
    seed : int
        Of what is drawn. The same rows are drawn on every machine.

    Returns
    -------
    Dataset
        The rows of both parts are in the order of the file; `split` says in words how they were set apart.

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name.
    ValueError
        If a file is damaged, of another format, the parts do not fit together, or the split leaves no training rows of a class;
        if a split is given and there are rows for testing already.
    MemoryError
        If rows are to be read, not mapped, and are larger than the memory of the machine.

    Warns
    -----
    SplitWarning
        If rows for testing that were given are of classes without training rows, or rows of one group are on both sides.

    Notes
    -----
    Features are mapped into memory where the format allows it and they stay in their order: with rows for testing of their own,
    with "last" and with "none". The other splits read all rows of the file once and hold them in memory.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> import deeprob_fast as df
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "rows.npz"
    ...     np.savez(path, X=np.eye(10), y=np.repeat(["ant", "bee"], 5))
    ...     data = df.datasets.load(path)
    >>> data.split, data.test_labels.tolist()
    ('stratified, 20 %, seed 0', ['ant', 'bee'])
    """
    asked = Split(split, test_share, seed)
    beside = {"labels": labels, "test": test, "test_labels": test_labels}
    path = check_path("data", data)
    if data in NAMED or path.is_dir():
        given = [name for name, value in beside.items() if value is not None]
        if given:
            msg = f"{given[0]} must be None: {data} has labels and rows for testing of its own"
            raise ValueError(msg)
        if data in NAMED and data not in SOURCES:
            return NAMED[str(data)](**{name: value for name, value in asked.given().items() if value is not None})
        asked.refuse(data)
        return NAMED[str(data)]() if data in NAMED else load_idx_folder(path.name, path)
    if not path.is_file():
        msg = f"data must be a file, a folder of idx files, or one of {', '.join(NAMED)}; there is no {str(data)!r}"
        msg += did_you_mean(data, NAMED)
        raise FileNotFoundError(msg)
    parts = _parts(path, open_arrays(path))
    if labels is not None:
        _add(parts, "y", path, _read_labels(check_path("labels", labels)))
    if test is not None:
        test = check_path("test", test)
        of_test = _parts(test, open_arrays(test))
        _add(parts, "X_test", path, of_test["X"])
        if "y" in of_test:
            _add(parts, "y_test", path, of_test["y"])
    if test_labels is not None:
        _add(parts, "y_test", path, _read_labels(check_path("test_labels", test_labels)))
    return _dataset(path, parts, asked)


def load_npz(path: str | Path, *, split: str | None = None, test_share: float | None = None, seed: int = 0) -> Dataset:
    """Load features X and labels y from an .npz file, with X_test and y_test, or else rows set apart for testing.

    Parameters
    ----------
    path : path
    split, test_share, seed : optional
        As in `load`.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, lacks an array, or its arrays do not fit together; for splits as `load`.
    """
    path = check_path("path", path)
    return _dataset(path, _parts(path, open_npz(path)), Split(split, test_share, seed))


def _parts(path: Path, arrays: dict[str, Stored]) -> dict[str, Stored]:
    """Find the parts of a data set among the arrays of a file."""
    parts = {}
    named = (("X", _FEATURES), ("y", _LABELS), ("X_test", _TEST_FEATURES), ("y_test", _TEST_LABELS), ("groups", _GROUPS))
    for part, names in named:
        found = [arrays[name] for name in names if name in arrays]
        if found:
            parts[part] = found[0]
    if "X" not in parts:
        if not any(stored.is_matrix for stored in arrays.values()):
            raise refuse(path, f"must hold an array X; {describe(arrays)}")
        parts["X"] = the_matrix(path, arrays)
    others = [stored for stored in arrays.values() if not any(stored is part for part in parts.values())]
    if "y" not in parts and path.suffix.lower() == ".parquet" and len(others) == 1 and not others[0].is_matrix:
        parts["y"] = others[0]
    return parts


def _add(parts: dict[str, Stored], part: str, path: Path, stored: Stored) -> None:
    if part in parts:
        raise refuse(path, f"has {part} of its own; {stored.path} must not be given")
    parts[part] = stored


def _dataset(path: Path, parts: dict[str, Stored], asked: Split) -> Dataset:
    for required in ("X", "y", *(("X_test", "y_test") if {"X_test", "y_test"} & parts.keys() else ())):
        if required not in parts:
            raise refuse(path, f"must hold an array {required}, or it must be given; found {', '.join(parts)}")
    for features, labels in (("X", "y"), ("X_test", "y_test")):
        if features in parts:
            check_matrix(parts[features])
            n_rows, shape = parts[features].shape[0], parts[labels].shape
            if shape != (n_rows,):
                own = parts[labels].path
                of = features if own == parts[features].path else f"{parts[features].path}"
                raise refuse(own, f"must hold one label in {labels} for each row of {of}: {n_rows}; it has shape {shape}")
    x, y = parts["X"].array(mmap=True), parts["y"].array(mmap=False)
    groups = parts["groups"].array(mmap=False) if "groups" in parts and parts["groups"].shape == y.shape else None
    if "X_test" not in parts:
        if is_mapped(x) and not asked.keeps_order:
            check_memory(path, x.nbytes, "; split 'last' leaves the rows in the file")
        return asked.dataset(path.stem, x, y, groups)
    asked.refuse(path)
    n_features = parts["X_test"].shape[1]
    if n_features != x.shape[1]:
        raise refuse(path, f"must have as many features in X_test as in X, {x.shape[1]}; it has {n_features}")
    data = Dataset(path.stem, x, y, parts["X_test"].array(mmap=True), parts["y_test"].array(mmap=False), groups=groups)
    warn_of_unknown_classes(data.name, y, data.test_labels)
    return data


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
