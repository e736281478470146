"""The parts of a data set, checked against each other and put together."""

from dataclasses import replace
from pathlib import Path

from deeprob_fast._files.budget import check_memory
from deeprob_fast._files.refusal import refuse
from deeprob_fast._labels import of_one_kind, one_column
from deeprob_fast._memory import is_mapped
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._base import Dataset
from deeprob_fast.datasets._formats._stored import Stored
from deeprob_fast.datasets._label_files import SUFFIXES, as_integers
from deeprob_fast.datasets._parts import as_rows, check_matrix
from deeprob_fast.datasets._splitting import Split, warn_of_unknown_classes

_MOST_CLASS_NAMES = 1 << 16


def gathered(path: Path, parts: dict[str, Stored], asked: Split) -> Dataset:
    """Return the data set of these parts: X, y, and X_test and y_test or else rows that are set apart for testing."""
    taken = _taken(path, parts)
    shape: tuple[int, ...] = ()
    for features in ("X_test", "X"):
        if features in parts:
            parts[features], shape = as_rows(parts[features])
            check_matrix(parts[features])
    for required in ("y", *(("X_test", "y_test") if {"X_test", "y_test"} & parts.keys() else ())):
        if required not in parts:
            held = ", ".join(part for part in parts if part != "classes")
            what = "labels, or label_key" if required == "y" else "test" if required == "X_test" else "test_labels"
            raise refuse(path, f"must hold an array {required}, or it must be given; found {held}: give {what}")
    labels = _labels(parts)
    groups = _groups(parts)
    x = parts["X"].array(mmap=True)
    if "X_test" not in parts:
        if is_mapped(x) and not asked.keeps_order:
            check_memory(path, x.nbytes, "; split 'last' leaves the rows in the file")
        data = asked.dataset(path.stem, x, labels["y"], groups)
    else:
        asked.refuse(path)
        n_features = parts["X_test"].shape[1]
        if n_features != x.shape[1]:
            raise refuse(path, f"must have as many features in X_test as in X, {x.shape[1]}; it has {n_features}")
        data = Dataset(path.stem, x, labels["y"], parts["X_test"].array(mmap=True), labels["y_test"], groups=groups)
        warn_of_unknown_classes(data.name, data.train_labels, data.test_labels)
    return replace(data, image_shape=shape, class_names=_class_names(parts.get("classes"), labels), taken=taken)


def _labels(parts: dict[str, Stored]) -> dict[str, AnyArray]:
    """Return the labels of the rows, those of text files as integers if that is what all of them print."""
    labels, untyped = {}, {}
    for part, features in (("y", "X"), ("y_test", "X_test")):
        if part not in parts:
            continue
        stored, rows = parts[part], parts[features]
        name = f"{stored.name} of {stored.path}" if stored.name else str(stored.path)
        array = stored.array(mmap=len(stored.shape) != 1)
        column = one_column(name, array, rows.shape[0], rows.path.name)
        labels[part] = of_one_kind(name, column.copy() if column is not array else column)
        if stored.path.suffix.lower() in SUFFIXES:
            untyped[part] = as_integers(labels[part])
    others = [array for part, array in labels.items() if part not in untyped]
    if all(array is not None for array in untyped.values()) and all(array.dtype.kind not in "UO" for array in others):
        labels |= {part: array for part, array in untyped.items() if array is not None}
    return labels


def _groups(parts: dict[str, Stored]) -> AnyArray | None:
    """Return the group of each row of X, if the file has one for each."""
    if "groups" not in parts or parts["groups"].shape != parts["X"].shape[:1]:
        return None
    stored = parts["groups"]
    return of_one_kind(f"{stored.name} of {stored.path}", stored.array(mmap=False))


def _class_names(stored: Stored | None, labels: dict[str, AnyArray]) -> tuple[str, ...]:
    """Return the names that a file gives to the labels 0, 1, ..., if each has one."""
    if stored is None or stored.problem is not None or len(stored.shape) != 1 or stored.shape[0] > _MOST_CLASS_NAMES:
        return ()
    if stored.dtype.kind not in "US" or any(array.dtype.kind not in "iu" or not array.size for array in labels.values()):
        return ()
    if not all(0 <= int(array.min()) <= int(array.max()) < stored.shape[0] for array in labels.values()):
        return ()
    return tuple(map(str, of_one_kind(str(stored.path), stored.array(mmap=False)).tolist()))


def _taken(path: Path, parts: dict[str, Stored]) -> str:
    """Say what became features and labels, and out of which file where that is another one."""
    words = {"X": "features", "y": "labels", "X_test": "test features", "y_test": "test labels"}
    said = []
    for part, word in words.items():
        if part in parts:
            stored = parts[part]
            place = "" if stored.path == path else stored.path.name
            said.append(f"{word}: {f'{stored.name} of {place}' if stored.name and place else stored.name or stored.path.name}")
    return "; ".join(said)
