"""The idx format of MNIST and its successors: a magic number, big-endian sizes, bytes."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from deeprob_fast._typing import AnyArray

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
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(header)
            if len(head) < header or head[:4] != bytes([0, 0, _UNSIGNED_BYTE, n_dimensions]):
                msg = f"{path} must be an idx file of bytes in {n_dimensions} dimensions; its first bytes are {head[:4].hex()}"
                raise ValueError(msg)
            shape = struct.unpack(f">{n_dimensions}I", head[4:])
            size = math.prod(shape)
            # One byte more than stated: a longer file is not what its header says. Read in pieces, as a header may lie.
            pieces, left = [], size + 1
            while left > 0 and (piece := file.read(min(left, 1 << 24))):
                pieces.append(piece)
                left -= len(piece)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        msg = f"{path} is damaged: {error}"
        raise ValueError(msg) from error
    body = b"".join(pieces)
    if len(body) != size:
        found = f"more than {size}" if len(body) > size else str(len(body))
        msg = f"{path} must hold {size} bytes after its header, for shape {shape}; it holds {found}"
        raise ValueError(msg)
    return np.frombuffer(body, dtype=np.uint8).reshape(shape)
