"""Data sets from files. Files are read as data only: nothing in them is ever executed."""

from pathlib import Path

from deeprob_fast._files.refusal import refuse
from deeprob_fast._scalars import check_path, did_you_mean
from deeprob_fast.datasets._base import Dataset
from deeprob_fast.datasets._folders import is_named_folder, load_named_folder, open_folder
from deeprob_fast.datasets._formats import open_arrays
from deeprob_fast.datasets._formats._npy import open_npz
from deeprob_fast.datasets._formats._stored import Stored
from deeprob_fast.datasets._gather import gathered
from deeprob_fast.datasets._label_files import SUFFIXES, open_labels
from deeprob_fast.datasets._named import NAMED, SOURCES
from deeprob_fast.datasets._names import means
from deeprob_fast.datasets._parts import describe, labels_of, parts_of
from deeprob_fast.datasets._splitting import Split


def load(
    data: str | Path,
    *,
    labels: str | Path | None = None,
    test: str | Path | None = None,
    test_labels: str | Path | None = None,
    key: str | None = None,
    label_key: str | None = None,
    split: str | None = None,
    test_share: float | None = None,
    seed: int = 0,
) -> Dataset:
    """Load a data set by name or from files.

    Parameters
    ----------
    data : str or path
        The name of a data set, or a file of any format of `load_embeddings`: with X and y, and perhaps X_test and y_test, or
        groups of the training rows; or with features only. The names that are common for these parts are known (x_train,
        embeddings, train_labels, target, ...; see the guide). A Parquet file holds one column of lists, or features in columns
        side by side. Or a folder: of idx files, of CIFAR-10, or of files whose names say which parts, pieces or classes they
        hold.
    labels : path, optional
        Labels of the rows of `data`, if that has features only: any of these formats, `.txt` with one label a line, or `.csv` or
        `.tsv` with one column, or one that is called as labels are.
    test : path, optional
        Features for testing, with labels or without, as `data`.
    test_labels : path, optional
        Labels of the rows for testing, as `labels`.
    key, label_key : str, optional
        Names of the arrays or columns of features and of labels, where the files have several.
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
        Its `taken` says what became features and labels, its `split` how the rows for testing were set apart. The rows of both
        parts are in the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name.
    ValueError
        If a file is damaged, of another format, the parts do not fit together, a label is missing, or it is not clear what is
        meant: columns that may be labels, or number the rows, never become features. If the split leaves no training rows of a
        class, or is given and there are rows for testing already.
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
    beside = {"labels": labels, "test": test, "test_labels": test_labels, "key": key, "label_key": label_key}
    path = check_path("data", data)
    if not (data in NAMED or path.exists()):
        msg = f"data must be a file, a folder, or one of {', '.join(NAMED)}; there is no {str(data)!r}{did_you_mean(data, NAMED)}"
        raise FileNotFoundError(msg)
    if data in NAMED or (path.is_dir() and is_named_folder(path)):
        refused = [name for name, value in beside.items() if value is not None]
        if refused:
            msg = f"{refused[0]} must be None: {data} has labels and rows for testing of its own"
            raise ValueError(msg)
        if data in NAMED and data not in SOURCES:
            return NAMED[str(data)](**{name: value for name, value in asked.given().items() if value is not None})
        asked.refuse(data)
        return NAMED[str(data)]() if data in NAMED else load_named_folder(path)
    of_data = None if labels is not None else label_key
    parts = parts_of(path, open_folder(path) if path.is_dir() else open_arrays(path), key, of_data)
    if labels is not None:
        _add(parts, "y", path, _read_labels(check_path("labels", labels), label_key, "y"))
    if test is not None:
        for part, stored in _test_parts(check_path("test", test), key, label_key).items():
            _add(parts, part, path, stored)
    if test_labels is not None:
        _add(parts, "y_test", path, _read_labels(check_path("test_labels", test_labels), label_key, "y_test"))
    return gathered(path, parts, asked)


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
    return gathered(path, parts_of(path, open_npz(path)), Split(split, test_share, seed))


def _test_parts(path: Path, key: str | None, label_key: str | None) -> dict[str, Stored]:
    """Return the features and labels of a file of rows for testing, by either name."""
    arrays = open_arrays(path)
    parts = parts_of(path, arrays, key if key in arrays else None, label_key if label_key in arrays else None)
    if parts.get("X") is parts.get("X_test"):
        parts.pop("X")
    test_parts = {"X_test": parts.get("X_test", parts.get("X")), "y_test": parts.get("y_test", parts.get("y"))}
    return {part: stored for part, stored in test_parts.items() if stored is not None}


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
        labels = labels_of(path, arrays, label_key)
    else:
        named = [arrays[name] for name in arrays if means(name, part)] or [arrays[name] for name in arrays if means(name, "y")]
        labels = (named or list(arrays.values()))[0] if len(named or arrays) == 1 else None
    if labels is None:
        raise refuse(path, f"must hold labels, one array in one dimension, or label_key must be given; {describe(arrays)}")
    return labels.usable()
