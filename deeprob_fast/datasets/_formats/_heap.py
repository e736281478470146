"""Strings of variable length in HDF5, read here: its library trusts the heap that they lie in, and may never return from it.

An array holds a length, the address of a collection, and the number of an object in it for each string; several may name one
object, so that a small file could stand for any amount of text.
"""

import mmap
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._files.refusal import refuse
from deeprob_fast._optional import require
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._formats._chunks import unpacked

_REFERENCE = np.dtype([("length", "<u4"), ("collection", "<u8"), ("number", "<u4")])
# Of a collection: its sign and version, and the sizes of its header and of those of its objects.
_SIGN, _HEADER = b"GCOL\1", 16


def read_texts(path: Path, item: Any) -> list[str]:
    """Return the strings of a data set in one dimension."""
    if item.file.id.get_create_plist().get_sizes() != (8, 8):
        raise refuse(path, f"must hold the text of {item.name} at addresses of 8 bytes")
    references, size = _references(path, item), regular_size(path)
    total = int(references["length"].sum(dtype=np.int64))
    if total > size:
        raise refuse(path, f"must hold each text in {item.name} once; {total} bytes are stated by a file of {size}")
    written = references["length"] > 0
    with open_regular(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        objects = _objects(path, memory, item.file.userblock_size, np.unique(references["collection"][written]).tolist())
        return [_text(path, memory, objects, *reference) for reference in references.tolist()]


def _text(
    path: Path, memory: Any, objects: dict[tuple[int, int], tuple[int, int]], length: int, collection: int, number: int
) -> str:
    if length == 0:
        return ""
    place, size = objects.get((collection, number), (0, 0))
    if length > size:
        raise refuse(path, f"is damaged: a string of {length} bytes lies in object {number} at {collection}, which has {size}")
    text: bytes = memory[place : place + length]
    return text.partition(b"\0")[0].decode()


def _objects(path: Path, memory: Any, base: int, collections: list[int]) -> dict[tuple[int, int], tuple[int, int]]:
    """Return place and size of each object by the address of its collection and its number."""
    objects, total = {}, 0
    for collection in collections:
        start = base + collection
        sign, size = memory[start : start + len(_SIGN)], int.from_bytes(memory[start + 8 : start + 16], "little")
        total += size
        if sign != _SIGN or start + size > len(memory) or total > len(memory):
            raise refuse(path, f"is damaged: there is no heap of {size} bytes at byte {start}")
        place, end = start + _HEADER, start + size
        # Number 0 is what is free, to the end.
        while place + _HEADER <= end and (number := int.from_bytes(memory[place : place + 2], "little")):
            length = int.from_bytes(memory[place + 8 : place + 16], "little")
            if place + _HEADER + length > end:
                raise refuse(path, f"is damaged: the object at byte {place} of a heap must end at {end}; it has {length} bytes")
            objects[collection, number] = (place + _HEADER, length)
            place += _HEADER + -(-length // 8) * 8
    return objects


def _references(path: Path, item: Any) -> AnyArray:
    n_texts, place = item.shape[0], item.id.get_offset()
    if item.chunks is None:
        if place is None or item.id.get_storage_size() != n_texts * _REFERENCE.itemsize:
            raise refuse(path, f"must hold the text of {item.name} in one stretch or in chunks")
        with open_regular(path) as file:
            file.seek(place)
            return np.frombuffer(file.read(n_texts * _REFERENCE.itemsize), dtype=_REFERENCE)
    h5py = require("h5py", "io")
    is_filled = item.id.get_create_plist().fill_value_defined() == h5py.h5d.FILL_VALUE_USER_DEFINED
    if is_filled and item.id.get_num_chunks() * item.chunks[0] < n_texts:
        raise refuse(path, f"must hold all text of {item.name}; it has chunks that stand for a value of their own")
    references = np.zeros(n_texts, dtype=_REFERENCE)  # where no chunk is, text is empty
    for (start,), part, is_shuffled in unpacked(path, item, _REFERENCE.itemsize):
        if part is None:
            raise refuse(path, f"must hold the text of {item.name} not packed, or by gzip")
        numbers = np.frombuffer(part, dtype=np.uint8)
        numbers = numbers.reshape(_REFERENCE.itemsize, -1).T if is_shuffled else numbers.reshape(-1, _REFERENCE.itemsize)
        stored = np.ascontiguousarray(numbers).view(_REFERENCE)[:, 0]
        references[start : start + len(stored)] = stored[: max(0, n_texts - start)]
    return references
