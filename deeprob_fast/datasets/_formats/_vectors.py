"""The formats of the search benchmarks: rows of numbers behind a header, or each behind its length. All little-endian, mapped."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._files.refusal import refuse
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._formats._stored import BLOCK_BYTES, Stored, check_size, mapped

_LENGTH = np.dtype("<u4")
_PAGE = 4096  # bytes of a file that come into memory together


def _head(path: Path, n_numbers: int) -> list[int]:
    with open_regular(path) as file:
        head = file.read(_LENGTH.itemsize * n_numbers)
    if len(head) < _LENGTH.itemsize * n_numbers:
        raise refuse(path, f"must start with {n_numbers} integers of 4 bytes; it has {len(head)} bytes")
    numbers: list[int] = np.frombuffer(head, dtype=_LENGTH).tolist()
    return numbers


def open_bin(dtype: str, path: Path) -> dict[str, Stored]:
    """Open a file of the big-ann benchmarks: the numbers of rows and of features, then the rows."""
    n_rows, n_features = _head(path, 2)
    kind = np.dtype(dtype)
    check_size(path, 8, (n_rows, n_features), kind)
    view = partial(mapped, path, kind, 8, (n_rows, n_features))
    return {"": Stored(path, "", (n_rows, n_features), kind, view=view)}


def open_vecs(dtype: str, path: Path) -> dict[str, Stored]:
    """Open a file of the TEXMEX benchmarks: each row behind its length, the same for all."""
    (n_features,) = _head(path, 1)
    kind = np.dtype(dtype)
    if n_features == 0:  # else every four bytes of zeros were a row
        raise refuse(path, "must have at least one feature; its first row states none")
    stride = _LENGTH.itemsize + n_features * kind.itemsize
    size = regular_size(path)
    n_rows, rest = divmod(size, stride)
    if rest or n_rows == 0:
        raise refuse(path, f"must consist of rows of {stride} bytes, for {n_features} features each; it has {size} bytes")
    _check_lengths(path, (n_rows, stride), n_features)
    view = partial(_without_lengths, path, (n_rows, stride), kind)
    return {"": Stored(path, "", (n_rows, n_features), kind, view=view)}


def _check_lengths(path: Path, shape: tuple[int, int], n_features: int) -> None:
    expected = np.array([n_features], dtype=_LENGTH).view(np.uint8)
    table = mapped(path, np.dtype(np.uint8), 0, shape)
    step = max(1, BLOCK_BYTES // min(shape[1], _PAGE))
    for start in range(0, len(table), step):
        wrong = (table[start : start + step, : _LENGTH.itemsize] != expected).any(axis=1)
        if wrong.any():
            row = start + int(wrong.argmax())
            length = int.from_bytes(table[row, : _LENGTH.itemsize].tobytes(), "little")
            raise refuse(path, f"must have {n_features} features in each row, as in its first; row {row} states {length}")


def _without_lengths(path: Path, shape: tuple[int, int], dtype: np.dtype[Any]) -> AnyArray:
    """Return the rows in place, as far from one another as they lie in the file."""
    rows: AnyArray = mapped(path, np.dtype(np.uint8), 0, shape)[:, _LENGTH.itemsize :].view(dtype)
    return rows
