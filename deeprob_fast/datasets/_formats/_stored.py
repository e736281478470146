"""An array in a file, whatever the format: its shape and type, and its rows mapped, block by block, or all at once."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._typing import AnyArray

BLOCK_BYTES = 16 << 20
_LONGEST = 1 << 48
# No compression of real data saves as much; a header that states more lies, or is a trap.
_LARGEST_RATIO = 4096


class FormatError(ValueError):
    """A file is not what it should be; the message names it."""


def refuse(path: Path, what: str) -> FormatError:
    """Make the error that says so."""
    return FormatError(f"{path} {what}")


@contextmanager
def damage_told(path: Path, *errors: type[Exception]) -> Iterator[None]:
    """Say which file is damaged when a library stumbles over it."""
    try:
        yield
    except FormatError:
        raise
    except errors as error:
        msg = f"is damaged: {str(error) or type(error).__name__}"
        raise refuse(path, msg) from error


@dataclass(frozen=True)
class Stored:
    """An array in a file.

    Attributes
    ----------
    path : Path
    name : str
        Empty where a file has one array without a name.
    shape : tuple of int
    dtype : dtype
        Strings have any width.
    view : callable, optional
        Returns the array mapped into memory, where the format allows it.
    read : callable, optional
        Yields the rows in blocks of bounded size, where it does not.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    view: Callable[[], AnyArray] | None = None
    read: Callable[[], Iterator[AnyArray]] | None = None

    @property
    def is_matrix(self) -> bool:
        """Whether it has two dimensions."""
        return len(self.shape) == 2

    def blocks(self) -> Iterator[AnyArray]:
        """Yield all rows in blocks of bounded size."""
        if self.view is not None:
            rows, step = self.view(), rows_at_once(self.shape, self.dtype)
            yield from (rows[start : start + step] for start in range(0, len(rows), step))
            return
        if self.read is not None:
            n_rows = 0
            for block in self.read():
                n_rows += len(block)
                yield block
            if n_rows != self.shape[0]:
                raise refuse(self.path, f"must hold {self.shape[0]} rows{self.where}; it holds {n_rows}")

    @property
    def where(self) -> str:
        """The name, for messages."""
        return f" in {self.name}" if self.name else ""

    def array(self, *, mmap: bool) -> AnyArray:
        """Return the array, mapped if it can be and should be."""
        if self.view is not None:
            view = self.view()
            return view if mmap else np.array(view, order="C", subok=False)
        if self.dtype.kind in "US":
            return np.concatenate([np.empty(0, dtype="U1"), *self.blocks()])
        out = np.empty(self.shape, dtype=self.dtype)
        start = 0
        for block in self.blocks():
            stop = min(start + len(block), len(out))
            out[start:stop] = block[: stop - start]
            start += len(block)
        return out


def rows_at_once(shape: tuple[int, ...], dtype: np.dtype[Any], multiple: int = 1) -> int:
    """Return how many rows make a block."""
    row_bytes = max(1, math.prod(shape[1:]) * dtype.itemsize)
    return max(1, BLOCK_BYTES // row_bytes // multiple) * multiple


def size_of(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return how many bytes an array takes, if it can be one."""
    if not all(0 <= length <= _LONGEST for length in shape):
        raise refuse(path, f"must hold an array that can be; its header states the shape {shape}")
    return math.prod(shape) * dtype.itemsize


def check_size(path: Path, header: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Compare the size of a file that holds one array with what its header states."""
    expected, size = header + size_of(path, shape, dtype), path.stat().st_size
    if size != expected:
        raise refuse(path, f"must have {expected} bytes, for {dtype} of shape {shape}; it has {size}")


def check_plausible(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse a compressed array far larger than its file."""
    expected, size = size_of(path, shape, dtype), path.stat().st_size
    if expected > _LARGEST_RATIO * size:
        raise refuse(path, f"states an array of {expected} bytes, shape {shape}, in a file of {size}")


def mapped(path: Path, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...], order: Any = "C") -> AnyArray:
    """Map an array read-only. Its file must not change meanwhile."""
    if 0 in shape:
        return np.empty(shape, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape, order=order)
