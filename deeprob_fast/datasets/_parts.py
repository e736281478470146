"""The parts of a data set among the arrays of a file: features and labels, by their names; what is ambiguous is refused."""

import math
from dataclasses import replace
from pathlib import Path

from deeprob_fast._files.refusal import refuse
from deeprob_fast.datasets._formats._parquet import side_by_side
from deeprob_fast.datasets._formats._stored import Stored
from deeprob_fast.datasets._names import UNNAMED, counts_rows, may_be_labels, means

Arrays = dict[str, Stored]
_CHANNELS = (1, 3, 4)


def parts_of(path: Path, arrays: Arrays, key: str | None = None, label_key: str | None = None) -> Arrays:
    """Return X, and y, X_test, y_test, groups and classes where they are found."""
    by_part = {part: _named(path, arrays, part) for part in ("X_test", "y_test", "groups", "classes")}
    by_part["y"] = labels_of(path, arrays, label_key)
    features = features_of(path, arrays, key, [stored for stored in by_part.values() if stored is not None])
    if features is by_part["y"]:
        raise refuse(path, f"must hold features and labels in two arrays; both are to be {features.name}")
    by_part["X"] = features
    return {part: stored for part, stored in by_part.items() if stored is not None}


def labels_of(path: Path, arrays: Arrays, label_key: str | None = None) -> Stored | None:
    """Return the array of that name, or the one that is called as labels are; None if none is."""
    if label_key is not None:
        return _keyed(path, arrays, label_key)
    if set(arrays) == set(UNNAMED) and len(arrays[UNNAMED[1]].shape) in (1, 2):
        first, second = (arrays[name] for name in UNNAMED)
        if len(first.shape) >= 2 and second.shape[0] == first.shape[0] and math.prod(second.shape[1:]) == 1:
            return second
    return _named(path, arrays, "y", "label_key")


def features_of(path: Path, arrays: Arrays, key: str | None, others: list[Stored]) -> Stored:
    """Return the array of that name, or the one that can be meant besides the other parts."""
    if key is not None:
        return _keyed(path, arrays, key)
    if (named := _named(path, arrays, "X", "key")) is not None:
        return named
    if "" in arrays:
        return arrays[""]
    rest = [stored for stored in arrays.values() if all(stored is not other for other in others)]
    matrices = [stored for stored in rest if stored.is_matrix]
    if len(matrices) == 1:
        return matrices[0]
    if path.suffix.lower() == ".parquet" and not matrices and rest:
        return _side_by_side(path, rest)
    for stored in rest:
        stored.usable()
    raise refuse(path, f"must hold an array X or one matrix only, or its key must be given; {describe(arrays)}")


def _keyed(path: Path, arrays: Arrays, key: str) -> Stored:
    if key not in arrays or not key:
        raise refuse(path, f"must hold an array {key}; {describe(arrays)}")
    return arrays[key]


def _named(path: Path, arrays: Arrays, part: str, option: str = "") -> Stored | None:
    names = [name for name in arrays if means(name, part)]
    if len(names) > 1:
        remedy = f": give {option}" if option else ""
        raise refuse(path, f"must hold one array for {part}; {' and '.join(names)} may all be it{remedy}")
    return arrays[names[0]] if names else None


def _side_by_side(path: Path, columns: list[Stored]) -> Stored:
    """Return columns of numbers as a matrix, if none of them can be anything else."""
    doubts = []
    for column in columns:
        if column.problem is not None or column.dtype.kind not in "biuf":
            doubts.append(f"{column.name} holds no numbers")
        elif may_be_labels(column.name):
            doubts.append(f"{column.name} may be labels")
        elif counts_rows(column.name):
            doubts.append(f"{column.name} may number the rows")
    if doubts:
        what = "must hold one column of lists, or features only in all columns beside the labels"
        raise refuse(path, f"{what}; {', '.join(doubts)}: leave such columns out, or make them the index of the table")
    return side_by_side(columns)


def as_rows(stored: Stored) -> tuple[Stored, tuple[int, ...]]:
    """Return images as rows of a matrix, and their shape; anything else as it is, and no shape."""
    shape = stored.shape
    are_gray = len(shape) == 3 and stored.dtype.kind == "u" and stored.dtype.itemsize == 1
    if not are_gray and not (len(shape) == 4 and (shape[1] in _CHANNELS or shape[3] in _CHANNELS)):
        return stored, ()
    view, read, flat = stored.view, stored.read, (shape[0], math.prod(shape[1:]))
    rows = replace(
        stored,
        shape=flat,
        view=None if view is None else lambda: view().reshape(flat),
        read=None if read is None else lambda: (block.reshape(len(block), flat[1]) for block in read()),
    )
    if len(shape) == 4 and 1 in (shape[1], shape[3]):  # gray, and so without channels
        return rows, shape[1:3] if shape[3] == 1 else shape[2:]
    return rows, shape[1:]


def check_matrix(stored: Stored) -> Stored:
    """Refuse what is no matrix of real numbers."""
    stored.usable()
    if not stored.is_matrix or stored.dtype.kind not in "fiub" or stored.dtype.itemsize > 8:
        kind = f"{len(stored.shape)}-D {stored.dtype}"
        raise refuse(stored.path, f"must hold a matrix of real numbers{stored.where}; it is {kind}")
    if stored.shape[1] == 0:
        raise refuse(stored.path, f"must have at least one feature{stored.where}; its shape is {stored.shape}")
    return stored


def describe(arrays: Arrays) -> str:
    """List what a file holds."""
    if "" in arrays:
        return "it holds one array, without a name"
    return f"its arrays are {', '.join(f'{name} {stored.shape}' for name, stored in arrays.items()) or 'none'}"
