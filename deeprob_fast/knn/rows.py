"""Training rows that may be larger than memory: where they lie, and how they are read piece by piece."""

from collections.abc import Callable
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
