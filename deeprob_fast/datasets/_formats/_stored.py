"""An array in a file, whatever the format: its shape and type, and its rows mapped, block by block, or all at once."""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._files.budget import check_memory, check_unpacked
from deeprob_fast._files.opening import regular_size
from deeprob_fast._files.refusal import FormatError, reason, refuse, shown
from deeprob_fast._labels import text
from deeprob_fast._typing import AnyArray

BLOCK_BYTES = 16 << 20
_LONGEST = 1 << 48
_MOST_SHOWN = 8


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
    problem : FormatError, optional
        What is wrong with it, told only to those who use it: it keeps nobody from reading the others.
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    view: Callable[[], AnyArray] | None = None
    read: Callable[[], Iterator[AnyArray]] | None = None
    problem: FormatError | None = None

    @property
    def is_matrix(self) -> bool:
        """Whether it has two dimensions."""
        return len(self.shape) == 2

    def usable(self) -> "Stored":
        """Return it; refuse one that has a problem."""
        if self.problem is not None:
            raise self.problem
        return self

    def blocks(self) -> Iterator[AnyArray]:
        """Yield all rows in blocks of bounded size."""
        self.usable()
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
        self.usable()
        if self.view is not None and mmap:
            return self.view()
        check_memory(self.path, size_of(self.path, self.shape, self.dtype))
        if self.view is not None:
            return self._checked(np.array(self.view(), order="C", subok=False))
        if self.dtype == np.dtype("U"):
            return text([value for block in self.blocks() for value in block.tolist()])
        out = np.empty(self.shape, dtype=self.dtype)
        start = 0
        for block in self.blocks():
            stop = min(start + len(block), len(out))
            out[start:stop] = block[: stop - start]
            start += len(block)
        return self._checked(out)

    def _checked(self, array: AnyArray) -> AnyArray:
        """Refuse strings of what is no character: they could not be taken out of the array."""
        if array.dtype.kind == "U" and array.dtype.itemsize > 0:
            characters = array.reshape(-1).view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
            if characters.max(initial=0) > sys.maxunicode:
                raise refuse(self.path, f"must hold text{self.where}; it holds the character {int(characters.max()):#x}")
        return array


def shown_names(names: Sequence[str]) -> str:
    """Return names for a line of output; of many, the first, the last and how many they are."""
    if len(names) <= _MOST_SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[: _MOST_SHOWN - 2])}, ..., {names[-1]} ({len(names)} columns)"


def unusable(path: Path, name: str, problem: FormatError) -> Stored:
    """Return what stands for an array that cannot be read."""
    return Stored(path, name, (), np.dtype(object), problem=problem)


def rows_at_once(shape: tuple[int, ...], dtype: np.dtype[Any], multiple: int = 1) -> int:
    """Return how many rows make a block."""
    row_bytes = max(1, math.prod(shape[1:]) * dtype.itemsize)
    return max(1, BLOCK_BYTES // row_bytes // multiple) * multiple


def size_of(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return how many bytes an array takes, if it can be one."""
    if not all(0 <= length <= _LONGEST for length in shape):
        raise refuse(path, f"must hold an array that can be; its header states the shape {shown(shape)}")
    return math.prod(shape) * dtype.itemsize


def check_size(path: Path, header: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Compare the size of a file that holds one array with what its header states."""
    expected, size = header + size_of(path, shape, dtype), regular_size(path)
    if size != expected:
        raise refuse(path, f"must have {expected} bytes, for {dtype} of shape {shown(shape)}; it has {size}")


def check_plausible(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse a compressed array far larger than its file."""
    check_unpacked(path, f"an array of shape {shown(shape)},", size_of(path, shape, dtype), regular_size(path))


def mapped(path: Path, dtype: np.dtype[Any], offset: int, shape: tuple[int, ...], order: Any = "C") -> AnyArray:
    """Map an array read-only. Its file must not change meanwhile."""
    if 0 in shape:
        return np.empty(shape, dtype=dtype)
    try:
        return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=shape, order=order)
    except (ValueError, OverflowError) as error:  # if it has been cut since it was opened
        raise refuse(path, f"is damaged: {reason(error)}") from error
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from error
