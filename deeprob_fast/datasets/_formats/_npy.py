"""NumPy's own formats: `.npy`, mapped, and `.npz`, read."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from deeprob_fast._files.headers import NpyHeader, read_npy_header
from deeprob_fast._files.opening import open_regular
from deeprob_fast._files.refusal import FormatError, damage_told, refuse
from deeprob_fast._files.zips import ZIP_ERRORS, open_zip
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._formats._stored import Stored, check_plausible, check_size, mapped, rows_at_once, size_of, unusable


def _read_header(path: Path, file: IO[bytes], where: str = "") -> NpyHeader:
    with damage_told(path, ValueError):
        header = read_npy_header(file)
    if header.dtype.hasobject:
        raise refuse(path, f"must hold plain arrays{where}; it holds Python objects, which are never loaded: save text as str")
    size_of(path, header.shape, header.dtype)
    return header


def open_npy(path: Path) -> dict[str, Stored]:
    """Open the array of an .npy file."""
    with open_regular(path) as file:
        header = _read_header(path, file)
        start = file.tell()
    check_size(path, start, header.shape, header.dtype)
    view = partial(mapped, path, header.dtype, start, header.shape, "F" if header.is_fortran else "C")
    return {"": Stored(path, "", header.shape, header.dtype, view=view)}


def open_npz(path: Path) -> dict[str, Stored]:
    """Open the arrays of an .npz file."""
    arrays = {}
    with open_regular(path) as file, damage_told(path, *ZIP_ERRORS), open_zip(path, file) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name == member.filename:
                continue
            try:
                with damage_told(path, *ZIP_ERRORS), archive.open(member) as content:
                    header = _read_header(path, content, f" in {name}")
                check_plausible(path, header.shape, header.dtype)
            except FormatError as error:
                arrays[name] = unusable(path, name, error)
                continue
            read = partial(_read_member, path, member.filename)
            arrays[name] = Stored(path, name, header.shape, header.dtype, read=read)
    return arrays


def _read_member(path: Path, member: str) -> Iterator[AnyArray]:
    with (
        open_regular(path) as file,
        damage_told(path, *ZIP_ERRORS),
        open_zip(path, file) as archive,
        archive.open(member) as content,
    ):
        header = _read_header(path, content)
        # Columns that lie one after the other become rows when all of them are there.
        transposed = header.is_fortran and len(header.shape) > 1
        shape = header.shape[::-1] if transposed else header.shape
        blocks = _read_blocks(path, member, content, shape, header.dtype)
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
