"""Training rows that may be larger than memory: where they lie, and how they are read piece by piece."""

import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from deeprob_fast._typing import AnyArray, Int64


class RowSource(Protocol):
    """What a search by pieces needs of the training rows; arrays have it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n_rows, n_features)."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the rows as they come out."""
        ...

    @property
    def size(self) -> int:
        """n_rows * n_features."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice | Int64, /) -> AnyArray: ...


class ConvertedRows:
    """Rows in a file whose layout the kernels cannot read: those asked for are converted, never all of them."""

    def __init__(self, array: AnyArray, dtype: np.dtype[Any], convert: Callable[[AnyArray], AnyArray]) -> None:
        self._array = array
        self._convert = convert
        self.dtype = dtype
        self.shape: tuple[int, ...] = array.shape
        self.size = array.size

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | Int64, /) -> AnyArray:
        return self._convert(self._array[rows])


def is_mapped(array: AnyArray) -> bool:
    """Tell whether the array's memory is a mapped file."""
    owner: object = array
    while owner is not None:
        if isinstance(owner, mmap.mmap):
            return True
        owner = owner.obj if isinstance(owner, memoryview) else getattr(owner, "base", None)
    return False


def is_mapped_from(array: AnyArray, path: Path) -> bool:
    """Tell whether the array's memory is that file, whoever mapped it: the kernel knows (on Linux)."""
    address = array.__array_interface__["data"][0]
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    for line in lines:
        span, _, _, _, _, *name = line.split(maxsplit=5)
        first, last = (int(end, 16) for end in span.split("-"))
        if first <= address < last and name:
            # A line feed is written as \012, which may also be what the name has.
            return any(_is_same(path, spelling) for spelling in (name[0], name[0].replace(r"\012", "\n")))
    return False


def _is_same(path: Path, other: str) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them is not there
        return False


class SelectedRows:
    """Some rows of an array, in an order of their own: those asked for are copied, never all of them."""

    def __init__(self, array: AnyArray, numbers: Int64) -> None:
        self._array = array
        self._numbers = numbers
        self.dtype = array.dtype
        self.shape: tuple[int, ...] = (len(numbers), *array.shape[1:])
        self.size = len(numbers) * array.shape[1]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | Int64, /) -> AnyArray:
        selected: AnyArray = self._array[self._numbers[rows]]
        return selected
