"""Named tuples of arrays in one file, which is opened without reading it: arrays are mapped into memory.

The file is a line that names the format, the length and the SHA-256 digest of a header, the header (JSON), and the arrays, each
from a multiple of 64 bytes on.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._atomic import replacing, write_array
from deeprob_fast._typing import AnyArray

_MAGIC = b"deeprob_fast index 1\n"
_ALIGNMENT = 64
_LONGEST_HEADER = 1 << 24


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT


def _is_named_tuple(value: object) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _checksum(array: AnyArray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).view(np.uint8).data)


def save(path: Path, content: object) -> None:
    """Write a named tuple of arrays, numbers, strings and other such tuples; never leaves half a file behind."""
    arrays: list[AnyArray] = []

    def plain(value: Any, name: str = "") -> Any:
        if isinstance(value, np.ndarray):
            arrays.append(value)
            # Damage of addresses would lead out of other arrays; that of numbers would not.
            checked = value.dtype == np.int64 or name == "rows"
            return {"array": len(arrays) - 1, "checksum": _checksum(value) if checked else None}
        if _is_named_tuple(value):
            fields = [plain(field, name) for field, name in zip(value, value._fields, strict=True)]
            return {"tuple": type(value).__name__, "fields": fields}
        return value

    tree = plain(content)
    offsets, size = [], 0
    for array in arrays:
        offsets.append(_aligned(size))
        size = offsets[-1] + array.nbytes
    places = [
        {"dtype": array.dtype.str, "shape": array.shape, "offset": offset} for array, offset in zip(arrays, offsets, strict=True)
    ]
    header = json.dumps({"content": tree, "arrays": places, "size": size}).encode()
    with replacing(path) as file:
        file.write(_MAGIC + len(header).to_bytes(8, "little") + hashlib.sha256(header).digest() + header)
        start = _aligned(file.tell())
        for array, offset in zip(arrays, offsets, strict=True):
            file.seek(start + offset)
            write_array(file, array)
        file.truncate(start + size)


def is_index(path: Path) -> bool:
    """Tell whether a file begins as those of `save` do."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def load(path: Path, types: Sequence[Callable[..., Any]]) -> Any:
    """Open what `save` wrote; the named tuples in it must be of the given types."""
    known = {kind.__name__: kind for kind in types}
    with path.open("rb") as file:
        start = file.read(len(_MAGIC) + 8 + 32)
        magic, length, digest = start[: len(_MAGIC)], start[len(_MAGIC) : -32], start[-32:]
        if magic != _MAGIC:
            msg = f"{path} is not an index of this version: it starts with {magic[:24]!r}"
            raise ValueError(msg)
        header = file.read(min(int.from_bytes(length, "little"), _LONGEST_HEADER))
        if hashlib.sha256(header).digest() != digest:
            msg = f"{path} is damaged or truncated: its header does not match its digest"
            raise ValueError(msg)
        facts = json.loads(header)
        first = _aligned(file.tell())
    expected, size = first + facts["size"], path.stat().st_size
    if size != expected:
        msg = f"{path} is damaged or truncated: expected {expected} bytes, got {size}"
        raise ValueError(msg)
    memory = np.memmap(path, dtype=np.uint8, mode="r")

    def array(place: dict[str, Any], checksum: int | None) -> AnyArray:
        dtype = np.dtype(place["dtype"])
        begin = first + place["offset"]
        n_bytes = dtype.itemsize * int(np.prod(place["shape"], dtype=np.int64))
        found: AnyArray = memory[begin : begin + n_bytes].view(np.ndarray).view(dtype).reshape(place["shape"])
        if checksum is not None and _checksum(found) != checksum:
            msg = f"{path} is damaged: the array at byte {begin} does not match its checksum"
            raise ValueError(msg)
        return found

    def rebuilt(value: Any) -> Any:
        if isinstance(value, dict):
            if "array" in value:
                return array(facts["arrays"][value["array"]], value["checksum"])
            return known[value["tuple"]](*map(rebuilt, value["fields"]))
        return value

    return rebuilt(facts["content"])
