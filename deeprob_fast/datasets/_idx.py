"""The idx format of MNIST and its successors: a magic number, big-endian sizes, bytes."""

import math
import struct
from pathlib import Path

import numpy as np

from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._archive import DAMAGED, is_gzip, open_plain_or_gzip

_UNSIGNED_BYTE = 0x08
_MOST_UNPACKED = 1040  # bytes that one byte of gzip can stand for, a little over deflate's 1032


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
            if size > _MOST_UNPACKED * path.stat().st_size and is_gzip(path):
                msg = f"{path} must hold {size} bytes after its header, for shape {shape}; gzip does not pack them so small"
                raise ValueError(msg)
            # One byte more than stated: a longer file is not what its header says. Read in pieces, as a header may lie.
            pieces, left = [], size + 1
            while left > 0 and (piece := file.read(min(left, 1 << 24))):
                pieces.append(piece)
                left -= len(piece)
    except DAMAGED as error:
        msg = f"{path} is damaged: {error}"
        raise ValueError(msg) from error
    body = b"".join(pieces)
    if len(body) != size:
        found = f"more than {size}" if len(body) > size else str(len(body))
        msg = f"{path} must hold {size} bytes after its header, for shape {shape}; it holds {found}"
        raise ValueError(msg)
    return np.frombuffer(body, dtype=np.uint8).reshape(shape)
