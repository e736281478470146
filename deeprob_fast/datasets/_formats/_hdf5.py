"""HDF5: data sets that lie in one stretch are mapped, those in chunks are read."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._optional import require
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._formats._stored import (
    Stored,
    check_plausible,
    damage_told,
    mapped,
    refuse,
    rows_at_once,
)

# What the library raises on a damaged file.
_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError)


def open_hdf5(path: Path) -> dict[str, Stored]:
    """Open the arrays of an HDF5 file; only those that lie in the file itself."""
    h5py = require("h5py", "io")
    arrays: dict[str, Stored] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            stored = _stored(h5py, path, name, item)
            if stored is not None:
                arrays[name] = stored

    with path.open("rb"):
        pass  # what keeps a file from being read is no damage
    with damage_told(path, *_ERRORS), h5py.File(path, "r") as file:
        # Follows no link out of the file.
        file.visititems(visit)
    return arrays


def _stored(h5py: Any, path: Path, name: str, item: Any) -> Stored | None:
    shape, dtype = tuple(map(int, item.shape)), item.dtype
    if item.is_virtual or item.external:
        return None
    if h5py.check_string_dtype(dtype) is not None:
        return Stored(path, name, shape, np.dtype("U"), read=partial(_read, path, name)) if len(shape) == 1 else None
    if dtype.kind not in "fiub":
        return None
    place = item.id.get_offset()
    n_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    in_one_stretch = item.chunks is None and place is not None and item.id.get_storage_size() == n_bytes
    if in_one_stretch and item.id.get_type() == h5py.h5t.py_create(dtype, logical=True):
        size = path.stat().st_size
        if place + n_bytes > size:
            raise refuse(path, f"is damaged: {name} needs {n_bytes} bytes from byte {place} on; the file has {size}")
        return Stored(path, name, shape, dtype, view=partial(mapped, path, dtype, place, shape))
    check_plausible(path, shape, dtype)
    return Stored(path, name, shape, dtype, read=partial(_read, path, name))


def _read(path: Path, name: str) -> Iterator[AnyArray]:
    h5py = require("h5py", "io")
    with damage_told(path, *_ERRORS), h5py.File(path, "r") as file:
        item = file[name]
        is_text = h5py.check_string_dtype(item.dtype) is not None
        # A chunk is unpacked as a whole.
        step = rows_at_once(item.shape, item.dtype, multiple=item.chunks[0] if item.chunks else 1)
        for start in range(0, item.shape[0], step):
            rows = slice(start, min(start + step, item.shape[0]))
            yield item.asstr()[rows].astype("U") if is_text else item[rows]
