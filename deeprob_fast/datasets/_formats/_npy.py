"""NumPy's own formats: `.npy`, mapped, and `.npz`, read."""

import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._formats._stored import (
    Stored,
    check_plausible,
    check_size,
    damage_told,
    mapped,
    refuse,
    rows_at_once,
    size_of,
)

# What NumPy's parser of headers lets through, besides ValueError.
_HEADER_ERRORS = (ValueError, SyntaxError, TypeError, EOFError, RecursionError, OverflowError, tokenize.TokenError)
# An encrypted member is a RuntimeError, an unknown compression a NotImplementedError.
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError)


class _Header(NamedTuple):
    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]
    size: int


def _read_header(path: Path, file: IO[bytes]) -> _Header:
    with damage_told(path, *_HEADER_ERRORS), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged literals, and of headers that Python 2 wrote
        version = np.lib.format.read_magic(file)
        if version == (1, 0):
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(file)
        else:
            # The third version differs in names of fields only, and fields are refused.
            shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(file)
    if dtype.hasobject:
        raise refuse(path, "must hold plain arrays; it holds Python objects, which are never loaded")
    size_of(path, shape, dtype)
    return _Header(shape, is_fortran, dtype, file.tell())


def open_npy(path: Path) -> dict[str, Stored]:
    """Open the array of an .npy file."""
    with path.open("rb") as file:
        header = _read_header(path, file)
    check_size(path, header.size, header.shape, header.dtype)
    order = "F" if header.is_fortran else "C"
    view = partial(mapped, path, header.dtype, header.size, header.shape, order)
    return {"": Stored(path, "", header.shape, header.dtype, view=view)}


def open_npz(path: Path) -> dict[str, Stored]:
    """Open the arrays of an .npz file."""
    arrays = {}
    with damage_told(path, *_ZIP_ERRORS), zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            name = member.removesuffix(".npy")
            if name == member:
                continue
            with archive.open(member) as file:
                header = _read_header(path, file)
            check_plausible(path, header.shape, header.dtype)
            arrays[name] = Stored(path, name, header.shape, header.dtype, read=partial(_read_member, path, member))
    return arrays


def _read_member(path: Path, member: str) -> Iterator[AnyArray]:
    with damage_told(path, *_ZIP_ERRORS), zipfile.ZipFile(path) as archive, archive.open(member) as file:
        header = _read_header(path, file)
        # Columns that lie one after the other become rows when all of them are there.
        transposed = header.is_fortran and len(header.shape) > 1
        shape = header.shape[::-1] if transposed else header.shape
        blocks = _read_blocks(path, member, file, shape, header.dtype)
        if transposed:
            yield np.concatenate([np.empty((0, *shape[1:]), header.dtype), *blocks]).T
        else:
            yield from blocks


def _read_blocks(path: Path, member: str, file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[AnyArray]:
    step = rows_at_once(shape, dtype)
    row_bytes = size_of(path, shape[1:], dtype)
    for start in range(0, shape[0], step):
        n_rows = min(step, shape[0] - start)
        memory = file.read(n_rows * row_bytes)
        if len(memory) != n_rows * row_bytes:
            raise refuse(path, f"is damaged: {member} ends before its {shape[0]} rows of {row_bytes} bytes")
        yield np.frombuffer(memory, dtype=dtype).reshape(n_rows, *shape[1:])
    if file.read(1):
        raise refuse(path, f"is damaged: {member} goes on after its {shape[0]} rows of {row_bytes} bytes")
