"""Folders: of a data set that has a name, or of files that hold the parts of one, which their names tell."""

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from deeprob_fast._files.refusal import one_line, refuse
from deeprob_fast.datasets._base import Dataset
from deeprob_fast.datasets._cifar10 import CIFAR10, load_cifar10
from deeprob_fast.datasets._formats import READERS, open_arrays
from deeprob_fast.datasets._formats._stored import Stored
from deeprob_fast.datasets._label_files import SUFFIXES, open_labels
from deeprob_fast.datasets._mnist import load_idx_folder
from deeprob_fast.datasets._names import means, natural
from deeprob_fast.datasets._stacked import by_class, stacked

_MOST_FILES = 4096
_SPLITS = ("train", "test")
# features_0, features-00001-of-00004
_PIECE = re.compile(r"(.+?)[-_. ]?([0-9]{1,9})(?:[-_]of[-_]([0-9]{1,9}))?")

Arrays = dict[str, Stored]


def is_named_folder(folder: Path) -> bool:
    """Tell whether a folder holds no file of arrays, so that it must be that of idx files or of CIFAR-10."""
    return not _files(folder) and not _folders(folder)


def load_named_folder(folder: Path) -> Dataset:
    """Load the idx files or the files of CIFAR-10 of a folder."""
    if any((folder / sign).exists() for sign in CIFAR10.signs):
        return replace(load_cifar10(folder), name=folder.name)
    return load_idx_folder(folder.name, folder)


def open_folder(folder: Path) -> Arrays:
    """Open the arrays of a folder by the names of its files: y of train.npz is train_y, and so is y of train/y.npy.

    Numbered files of one part hold its rows one after the other. Files, or folders of files, whose names mean no part hold the
    rows of one class each.
    """
    if files := _files(folder):
        return _of_files(folder, files)
    inner = _folders(folder)
    if all(path.name.lower() in _SPLITS for path in inner):
        return {
            f"{path.name}_{name}": replace(stored, name=f"{path.name}/{stored.name}")
            for path in inner
            for name, stored in open_folder(path).items()
        }
    return by_class(folder, {path.name: [_only(file) for file in _files(path)] for path in inner})


def _files(folder: Path) -> list[Path]:
    """Return the files of arrays, and those of labels beside them."""
    paths = sorted(path for path in folder.iterdir() if path.is_file() and (_is_array(path) or _is_labels(path)))
    if len(paths) > _MOST_FILES:
        raise refuse(folder, f"must hold at most {_MOST_FILES} files of arrays; it holds {len(paths)}")
    return paths if any(map(_is_array, paths)) else []


def _is_array(path: Path) -> bool:
    return path.suffix.lower() in READERS


def _is_labels(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and (means(path.stem, "y") or means(path.stem, "y_test"))


def _folders(folder: Path) -> list[Path]:
    """Return the folders in a folder that hold files of arrays, or folders of classes."""
    inner = sorted(path for path in folder.iterdir() if path.is_dir())
    return [path for path in inner if _files(path) or (path.name.lower() in _SPLITS and _folders(path))]


def _means_part(name: str) -> bool:
    return name.lower() in _SPLITS or any(means(name, part) for part in ("X", "y", "X_test", "y_test"))


def _open(path: Path) -> Arrays:
    return {"": open_labels(path)} if path.suffix.lower() in SUFFIXES else open_arrays(path)


def _only(path: Path) -> Stored:
    arrays = _open(path)
    if len(arrays) != 1:
        raise refuse(path, f"must hold one array, the rows of one class; it holds {one_line(', '.join(arrays) or 'none')}")
    return next(iter(arrays.values()))


def _of_files(folder: Path, paths: list[Path]) -> Arrays:
    groups = _grouped(folder, paths)
    opened = {path: _open(path) for path in paths}
    if not any(map(_means_part, groups)):
        if len(paths) > 1 and all(len(arrays) == 1 for arrays in opened.values()):
            return by_class(folder, {path.stem: [_only(path)] for path in paths})
        if len({frozenset(arrays) for arrays in opened.values()}) == 1:  # each holds some rows of every part
            groups = {"": sorted(paths, key=lambda path: natural(path.name))}
    arrays: Arrays = {}
    for base, members in groups.items():
        for inner in opened[members[0]]:
            name = "_".join(part for part in (base, inner) if part)
            lacks = [path.name for path in members if inner not in opened[path]]
            if lacks or name in arrays:
                what = f"{lacks[0]} lacks it" if lacks else f"it is in {arrays[name].path.name} and {members[0].name}"
                raise refuse(folder, f"must hold one array {one_line(name)}; {what}")
            arrays[name] = stacked(folder, name, [opened[path][inner] for path in members])
    return arrays


class _Piece(NamedTuple):
    """A file that holds one of several pieces of a part."""

    path: Path
    part: str
    number: int
    n_stated: int | None


def _piece(path: Path) -> _Piece | None:
    match = _PIECE.fullmatch(path.stem)
    if match is None or _means_part(path.stem) or not _means_part(match[1]):
        return None
    return _Piece(path, match[1], int(match[2]), int(match[3]) if match[3] else None)


def _grouped(folder: Path, paths: list[Path]) -> dict[str, list[Path]]:
    """Return the pieces of each part in the order of their numbers; every other file is alone."""
    groups: dict[str, list[Path]] = {}
    pieces: dict[str, list[_Piece]] = {}
    for path in paths:
        if (piece := _piece(path)) is None:
            groups.setdefault(path.stem, []).append(path)
        else:
            pieces.setdefault(piece.part, []).append(piece)
    for part, members in pieces.items():
        members.sort(key=lambda piece: piece.number)
        first, n = members[0].number, len(members)
        is_whole = first in (0, 1) and [piece.number for piece in members] == list(range(first, first + n))
        if part in groups or not is_whole or any(piece.n_stated not in (None, n) for piece in members):
            held = one_line(", ".join(piece.path.name for piece in members))
            raise refuse(folder, f"must hold every piece of {part} once, numbered from 0 or 1; it holds {held}")
        groups[part] = [piece.path for piece in members]
    for stem, same in groups.items():
        if stem not in pieces and len(same) > 1:
            raise refuse(folder, f"must hold one file {stem}; it holds {', '.join(path.name for path in same)}")
    return groups
