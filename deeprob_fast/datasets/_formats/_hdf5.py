"""HDF5: data sets that lie in one stretch are mapped, those in chunks are read."""

import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._files.budget import check_unpacked
from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._files.refusal import damage_told, refuse
from deeprob_fast._labels import text
from deeprob_fast._optional import require
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._formats._chunks import check_chunks
from deeprob_fast.datasets._formats._heap import read_texts
from deeprob_fast.datasets._formats._stored import Stored, check_plausible, mapped, rows_at_once, size_of

# What the library raises on a damaged file.
_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError, zlib.error)
# The library takes time with the square of the depth.
_DEEPEST = 32
_MOST_OBJECTS = 10_000
_TEXTS = 1 << 16  # strings read at a time
_REFERENCE_BYTES = 16  # of a string of variable length


def open_hdf5(path: Path) -> dict[str, Stored]:
    """Open the arrays of an HDF5 file; only those that lie in the file itself."""
    h5py = require("h5py", "io")
    arrays: dict[str, Stored] = {}
    with open_regular(path):
        pass  # what keeps a file from being read is no damage
    with damage_told(path, *_ERRORS), _opened(h5py, path) as file:
        for name, item in _data_sets(h5py, path, file):
            if (stored := _stored(h5py, path, name, item)) is not None:
                arrays[name] = stored
    return dict(sorted(arrays.items()))


def _opened(h5py: Any, path: Path) -> Any:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        if "lock file" not in str(error):
            raise
        raise refuse(path, "must not be open elsewhere for writing; it is locked: close it there, or read a copy") from error


def _data_sets(h5py: Any, path: Path, file: Any) -> Iterator[tuple[str, Any]]:
    """Yield name and data set, each once; follow no link out of the file."""
    seen, n_objects = set(), 0
    waiting: list[tuple[bytes, int, Any]] = [(b"", 0, file["/"].id)]
    while waiting:
        place, depth, group = waiting.pop()
        n_objects += group.get_num_objs()
        if n_objects > _MOST_OBJECTS:
            raise refuse(path, f"must have at most {_MOST_OBJECTS} groups and data sets; it has {n_objects}")
        if depth > _DEEPEST:
            raise refuse(path, f"must have its groups at most {_DEEPEST} deep")
        for name in group:
            if group.links.get_info(name).type != h5py.h5l.TYPE_HARD:
                continue
            info = h5py.h5o.get_info(group, name)
            if (address := (info.fileno, info.addr)) in seen:
                continue
            seen.add(address)
            if info.type == h5py.h5o.TYPE_GROUP:
                waiting.append((place + name + b"/", depth + 1, h5py.h5g.open(group, name)))
            elif info.type == h5py.h5o.TYPE_DATASET:
                yield (place + name).decode(errors="surrogateescape"), h5py.Dataset(h5py.h5d.open(group, name))


def _stored(h5py: Any, path: Path, name: str, item: Any) -> Stored | None:
    kinds = (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING, h5py.h5t.ENUM)
    # Of other types the library makes a dtype, which takes memory with the square of their depth.
    if item.id.get_type().get_class() not in kinds or item.shape is None or item.is_virtual or item.external:
        return None
    shape, dtype = tuple(map(int, item.shape)), item.dtype
    if h5py.check_string_dtype(dtype) is not None:
        return _stored_texts(path, name, item) if len(shape) == 1 else None
    if dtype.kind not in "fiub":
        return None
    place, n_bytes = item.id.get_offset(), size_of(path, shape, dtype)
    in_one_stretch = item.chunks is None and place is not None and item.id.get_storage_size() == n_bytes
    if in_one_stretch and item.id.get_type() == h5py.h5t.py_create(dtype, logical=True):
        size = regular_size(path)
        if place + n_bytes > size:
            raise refuse(path, f"is damaged: {name} needs {n_bytes} bytes from byte {place} on; the file has {size}")
        return Stored(path, name, shape, dtype, view=partial(mapped, path, dtype, place, shape))
    check_plausible(path, shape, dtype)
    return Stored(path, name, shape, dtype, read=partial(_read, path, name))


def _stored_texts(path: Path, name: str, item: Any) -> Stored:
    n_bytes = item.shape[0] * max(item.id.get_type().get_size(), _REFERENCE_BYTES)
    check_unpacked(path, f"text in {name}", n_bytes, regular_size(path))
    return Stored(path, name, tuple(map(int, item.shape)), np.dtype("U"), read=partial(_read_texts, path, name))


def _read(path: Path, name: str) -> Iterator[AnyArray]:
    h5py = require("h5py", "io")
    with damage_told(path, *_ERRORS), _opened(h5py, path) as file:
        item = file[name]
        if item.chunks is not None:
            check_chunks(path, item)
        # A chunk is unpacked as a whole.
        step = rows_at_once(item.shape, item.dtype, multiple=item.chunks[0] if item.chunks else 1)
        for start in range(0, item.shape[0], step):
            yield item[start : min(start + step, item.shape[0])]


def _read_texts(path: Path, name: str) -> Iterator[AnyArray]:
    h5py = require("h5py", "io")
    with damage_told(path, *_ERRORS), _opened(h5py, path) as file:
        item = file[name]
        if h5py.check_string_dtype(item.dtype).length is None:
            yield text(read_texts(path, item))
            return
        if item.chunks is not None:
            check_chunks(path, item)
        for start in range(0, item.shape[0], _TEXTS):
            yield text(item.asstr()[start : min(start + _TEXTS, item.shape[0])].tolist())
