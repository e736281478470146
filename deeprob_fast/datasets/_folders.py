"""Folders: of a data set that has a name, or of files whose names say which part of a data set they hold."""

from dataclasses import replace
from pathlib import Path

from deeprob_fast._files.refusal import one_line, refuse
from deeprob_fast.datasets._base import Dataset
from deeprob_fast.datasets._cifar10 import CIFAR10, load_cifar10
from deeprob_fast.datasets._formats import READERS, open_arrays
from deeprob_fast.datasets._formats._stored import Stored
from deeprob_fast.datasets._label_files import SUFFIXES, open_labels
from deeprob_fast.datasets._mnist import load_idx_folder
from deeprob_fast.datasets._names import means

_MOST_FILES = 16


def is_named_folder(folder: Path) -> bool:
    """Tell whether a folder holds no file of arrays, so that it must be that of idx files or of CIFAR-10."""
    return not any(path.suffix.lower() in READERS for path in folder.iterdir())


def load_named_folder(folder: Path) -> Dataset:
    """Load the idx files or the files of CIFAR-10 of a folder."""
    if any((folder / sign).exists() for sign in CIFAR10.signs):
        return replace(load_cifar10(folder), name=folder.name)
    return load_idx_folder(folder.name, folder)


def _is_label_file(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and (means(path.stem, "y") or means(path.stem, "y_test"))


def open_folder(folder: Path) -> dict[str, Stored]:
    """Open the arrays of the files of a folder, by the names of the files: y of train.npz is train_y."""
    arrays: dict[str, Stored] = {}
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in READERS or _is_label_file(path))
    if len(paths) > _MOST_FILES:
        what = f"must hold at most {_MOST_FILES} files of arrays, named as the parts of a data set"
        raise refuse(folder, f"{what}; it holds {len(paths)}")
    for path in paths:
        found = {"": open_labels(path)} if path.suffix.lower() in SUFFIXES else open_arrays(path)
        for inner, stored in found.items():
            name = "_".join(part for part in (path.stem, inner) if part)
            if name in arrays:
                both = f"{arrays[name].path.name} and {path.name}"
                raise refuse(folder, f"must hold one array {one_line(name)}; it is in {both}")
            arrays[name] = replace(stored, name=name)
    return arrays
