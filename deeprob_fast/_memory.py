"""Memory that starts on a cache line: read by whole vectors, and shared by threads without sharing lines."""

from math import prod
from typing import Any

import numpy as np

from deeprob_fast._typing import AnyArray, UInt8

_LINE = 64


def aligned_bytes(size: int) -> UInt8:
    """Return bytes that hold anything."""
    memory = np.empty(size + _LINE, dtype=np.uint8)
    start = -memory.ctypes.data % _LINE
    return memory[start : start + size]


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> AnyArray:
    """Return an array that holds anything."""
    return aligned_bytes(prod(shape) * dtype.itemsize).view(dtype).reshape(shape)


def aligned_zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> AnyArray:
    """Return an array of zeros."""
    array = aligned_empty(shape, dtype)
    array[...] = 0
    return array
