"""PROPS as plain .npy files: converted once, read without pickles ever after."""

from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from deeprob_fast._atomic import replacing
from deeprob_fast._files.refusal import refuse, shown
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._formats._npy import open_npy
from deeprob_fast.datasets._layout import N_BYTES

SIGN = "X.npy"


class Parts(NamedTuple):
    """The arrays of PROPS, by the names of their files. Rows of pixels: red, green, blue of one, then of the next."""

    X: AnyArray
    y: AnyArray
    groups: AnyArray
    X_test: AnyArray
    y_test: AnyArray


def write_parts(parts: Parts, folder: Path) -> None:
    """Write one .npy file for each array: all of them, or none where something goes wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as files:
        # The first is finished last: the file that the folder is known by comes when the others are there.
        for path, array in zip(part_files(folder), parts, strict=True):
            np.save(files.enter_context(replacing(path)), array, allow_pickle=False)


def part_files(folder: Path) -> list[Path]:
    """Name the files of a folder that `write_parts` writes, the one that it is known by first."""
    return [folder / f"{name}.npy" for name in Parts._fields]


def read_parts(folder: Path) -> Parts:
    """Read what `write_parts` wrote.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If a file is damaged, or they do not fit together.
    """
    X, X_test = (_read(folder / f"{name}.npy", "u1", (-1, N_BYTES)) for name in ("X", "X_test"))
    return Parts(
        X,
        _read(folder / "y.npy", "u1", (len(X),)),
        _read(folder / "groups.npy", "U", (len(X),)),
        X_test,
        _read(folder / "y_test.npy", "u1", (len(X_test),)),
    )


def _read(path: Path, dtype: str, shape: tuple[int, ...]) -> AnyArray:
    """Read an array by mapping it, which compares what its header states with the size of the file before memory is taken."""
    stored = open_npy(path)[""]
    kind_fits = stored.dtype.str.lstrip("<>|=").startswith(dtype)
    shape_fits = len(stored.shape) == len(shape) and all(
        size in (-1, length) for size, length in zip(shape, stored.shape, strict=True)
    )
    if not kind_fits or not shape_fits or stored.shape[0] == 0:
        stated = str(shape).replace("-1", "n")
        held = f"{stored.dtype.str} of shape {shown(stored.shape)}"
        raise refuse(path, f"must hold an array of type {dtype} and shape {stated}; it holds {held}")
    return stored.array(mmap=False)
