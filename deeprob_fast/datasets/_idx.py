"""The idx format of MNIST and its successors: a magic number, big-endian sizes, bytes."""

import math
import struct
from pathlib import Path

import numpy as np

from deeprob_fast._files.budget import check_memory, check_unpacked
from deeprob_fast._files.opening import regular_size
from deeprob_fast._files.refusal import FormatError, reason
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._archive import DAMAGED, is_gzip, open_plain_or_gzip

_UNSIGNED_BYTE = 0x08


def read_idx(path: Path, n_dimensions: int) -> AnyArray:
    """Read an idx file of unsigned bytes, plain or gzipped.

    Parameters
    ----------
    path : Path
    n_dimensions : int
        That the file must have: 1 for labels, 3 for images.

    Returns
    -------
    array of uint8

    Raises
    ------
    ValueError
        If the file is not of that format, is damaged, or does not have the size that its header states.
    """
    header = 4 + 4 * n_dimensions
    try:
        with open_plain_or_gzip(path) as file:
            head = file.read(header)
            if len(head) < header or head[:4] != bytes([0, 0, _UNSIGNED_BYTE, n_dimensions]):
                msg = f"{path} must be an idx file of bytes in {n_dimensions} dimensions; its first bytes are {head[:4].hex()}"
                raise ValueError(msg)
            shape = struct.unpack(f">{n_dimensions}I", head[4:])
            size = math.prod(shape)
            _check_size(path, header, size, shape)
            # One byte more than stated: a longer file is not what its header says. Read in pieces, as a header may lie.
            pieces, left = [], size + 1
            while left > 0 and (piece := file.read(min(left, 1 << 24))):
                pieces.append(piece)
                left -= len(piece)
    except DAMAGED as error:
        msg = f"{path} is damaged: {reason(error)}"
        raise ValueError(msg) from error
    body = b"".join(pieces)
    if len(body) != size:
        raise _other_size(path, size, shape, f"more than {size}" if len(body) > size else str(len(body)))
    return np.frombuffer(body, dtype=np.uint8).reshape(shape)


def _check_size(path: Path, header: int, size: int, shape: tuple[int, ...]) -> None:
    """Compare what a header states with the size of the file before anything is read."""
    n_bytes = regular_size(path)
    if is_gzip(path):
        check_unpacked(path, f"an array of shape {shape},", size, n_bytes, is_deflated=True)
    elif n_bytes != header + size:
        raise _other_size(path, size, shape, str(n_bytes - header))
    check_memory(path, size)


def _other_size(path: Path, size: int, shape: tuple[int, ...], held: str) -> FormatError:
    return FormatError(f"{path} must hold {size} bytes after its header, for shape {shape}; it holds {held}")
