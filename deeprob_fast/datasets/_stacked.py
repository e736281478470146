"""Arrays of several files as one: pieces of a matrix one after the other, or rows of classes, whose names are their labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from deeprob_fast._files.refusal import one_line, refuse
from deeprob_fast._labels import text
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._formats._stored import Stored, shown_names
from deeprob_fast.datasets._label_files import as_integers


def stacked(path: Path, name: str, pieces: Sequence[Stored]) -> Stored:
    """Return the rows of all pieces, in their order."""
    first = pieces[0].usable()
    if len(pieces) == 1:
        return replace(first, name=name)
    for piece in pieces:
        piece.usable()
        if not piece.shape or piece.shape[1:] != first.shape[1:] or piece.dtype.kind != first.dtype.kind:
            kinds = (
                f"{first.dtype} of shape {first.shape} in {first.path.name}, {piece.dtype} of {piece.shape} in {piece.path.name}"
            )
            raise refuse(path, f"must hold pieces of one array {one_line(name)}; it holds {kinds}")
    shape = (sum(piece.shape[0] for piece in pieces), *first.shape[1:])
    dtype = np.dtype("U") if first.dtype.kind == "U" else np.result_type(*(piece.dtype for piece in pieces))
    return Stored(path, name, shape, dtype, read=partial(_rows, pieces))


def _rows(pieces: Sequence[Stored]) -> Iterator[AnyArray]:
    for piece in pieces:
        yield from piece.blocks()


def by_class(folder: Path, files: Mapping[str, Sequence[Stored]]) -> dict[str, Stored]:
    """Return the rows of all classes and their labels; integers if that is what all names are. A vector is a row."""
    rows = {label: stacked(folder, label, [_as_rows(stored) for stored in pieces]) for label, pieces in files.items()}
    if not rows:
        return {}
    names = f"{shown_names(list(rows))}, one for each class"
    labels = text([label for label, stored in rows.items() for _ in range(stored.shape[0])])
    numbers = as_integers(labels)
    values = labels if numbers is None else numbers
    return {
        "X": replace(stacked(folder, names, list(rows.values())), path=folder, name=names),
        "y": Stored(folder, "their names", values.shape, values.dtype, view=lambda: values),
    }


def _as_rows(stored: Stored) -> Stored:
    if len(stored.usable().shape) != 1 or stored.dtype.kind not in "biuf":
        return stored
    return replace(stored, shape=(1, *stored.shape), view=None, read=lambda: iter([stored.array(mmap=True)[None]]))
