"""PROPS as plain .npy files: converted once, read without pickles ever after."""

from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np

from deeprob_fast._atomic import replacing
from deeprob_fast._typing import AnyArray
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
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise
    except Exception as error:
        # The header is Python text, and what NumPy raises for one that is damaged depends on its release.
        msg = f"{path} is damaged: {str(error) or type(error).__name__}"
        raise ValueError(msg) from error
    if not isinstance(mapped, np.memmap):
        msg = f"{path} must be an .npy file; it is an archive of several"
        raise ValueError(msg)  # noqa: TRY004  # the file is wrong, not an argument
    kind_fits = mapped.dtype.str.lstrip("<>|=").startswith(dtype)
    shape_fits = mapped.ndim == len(shape) and all(size in (-1, found) for size, found in zip(shape, mapped.shape, strict=True))
    if not kind_fits or not shape_fits or len(mapped) == 0:
        stated = str(shape).replace("-1", "n")
        msg = f"{path} must hold an array of type {dtype} and shape {stated}; it holds {mapped.dtype.str} of shape {mapped.shape}"
        raise ValueError(msg)
    if (found := path.stat().st_size) != (expected := mapped.offset + mapped.nbytes):
        msg = f"{path} must hold {expected} bytes, as its header states; it holds {found}"
        raise ValueError(msg)
    return np.array(mapped)
