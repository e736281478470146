"""Memory that starts on a cache line: read by whole vectors, and shared by threads without sharing lines."""

import mmap
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._typing import AnyArray, UInt8

_LINE = 64


def aligned_bytes(size: int) -> UInt8:
    """Return uninitialised bytes; the first lies at the start of a cache line."""
    memory = np.empty(size + _LINE, dtype=np.uint8)
    start = -memory.ctypes.data % _LINE
    return memory[start : start + size]


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> AnyArray:
    """Return an uninitialised array; its first element lies at the start of a cache line."""
    return aligned_bytes(prod(shape) * dtype.itemsize).view(dtype).reshape(shape)


def aligned_zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> AnyArray:
    """Return an array of zeros."""
    array = aligned_empty(shape, dtype)
    array[...] = 0
    return array


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
