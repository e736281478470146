"""Named tuples of arrays in one file, which is opened without reading it: arrays are mapped into memory.

The file is a line that names the format, the length and the SHA-256 digest of a header, the header (JSON), and the arrays, one
after the other, each from a multiple of 64 bytes on.

Digests find damage, but whoever writes a file can write its digests as well. So a file opens only if it is laid out as `save`
lays it out, and if every value in it is of the type that its named tuple declares. What the values mean is for others to check.
"""

import hashlib
import json
import math
import reprlib
import stat
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Any, BinaryIO, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from deeprob_fast._atomic import replacing, write_array
from deeprob_fast._typing import AnyArray

_Kind = TypeVar("_Kind")

_MAGIC = b"deeprob_fast index 5\n"
_LENGTH_BYTES = 8
_ALIGNMENT = 64
# Headers of indexes take 2 to 3 KB.
_LONGEST_HEADER = 1 << 16
_LARGEST_SIZE = 1 << 48  # what processors address
_DTYPES = {np.dtype(name).str: np.dtype(name) for name in ("f2", "f4", "f8", "u1", "i1", "i4", "i8")}


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT


def _offsets(sizes: Sequence[int]) -> tuple[list[int], int]:
    """Return where arrays of so many bytes begin, and where the last one ends, counted from the first one on."""
    offsets, end = [], 0
    for size in sizes:
        offsets.append(_aligned(end))
        end = offsets[-1] + size
    return offsets, end


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
            # Damage of addresses would lead to other rows; that of numbers would not.
            checked = value.dtype == np.int64 or name == "rows"
            return {"array": len(arrays) - 1, "checksum": _checksum(value) if checked else None}
        if _is_named_tuple(value):
            fields = [plain(field, name) for field, name in zip(value, value._fields, strict=True)]
            return {"tuple": type(value).__name__, "fields": fields}
        return value

    tree = plain(content)
    offsets, size = _offsets([array.nbytes for array in arrays])
    places = [
        {"dtype": array.dtype.str, "shape": array.shape, "offset": offset} for array, offset in zip(arrays, offsets, strict=True)
    ]
    header = json.dumps({"content": tree, "arrays": places, "size": size}).encode()
    with replacing(path) as file:
        file.write(_MAGIC + len(header).to_bytes(_LENGTH_BYTES, "little") + hashlib.sha256(header).digest() + header)
        start = _aligned(file.tell())
        for array, offset in zip(arrays, offsets, strict=True):
            file.seek(start + offset)
            write_array(file, array)
        file.truncate(start + size)


def is_index(path: Path) -> bool:
    """Tell whether a file begins as those of `save` do."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def load(path: Path, kind: type[_Kind]) -> _Kind:
    """Open what `save` wrote of a named tuple of this type; ValueError for any other file."""
    if not stat.S_ISREG(path.stat().st_mode):
        msg = f"{path} is not an index: it is no regular file"  # opening a pipe would wait for its other end
        raise ValueError(msg)
    with path.open("rb") as file:
        try:
            facts = _read_header(file)
            return _Reader(file, facts).read(kind)
        except (ValueError, RecursionError) as error:  # JSON that is nested too deep
            msg = f"{path} {error}"
            raise ValueError(msg) from error


def _read_header(file: BinaryIO) -> Any:
    magic = file.read(len(_MAGIC))
    if magic != _MAGIC:
        msg = f"is not an index of this version: it starts with {magic!r}"
        raise ValueError(msg)
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    digest = file.read(hashlib.sha256().digest_size)
    header = file.read(min(length, _LONGEST_HEADER))
    if len(header) != length or hashlib.sha256(header).digest() != digest:
        msg = "is damaged or truncated: its header does not match its digest"
        raise ValueError(msg)
    try:
        return json.loads(header)
    except (ValueError, RecursionError) as error:
        msg = f"is damaged: its header is no JSON that could be read: {error}"
        raise ValueError(msg) from error


def _demand(condition: object, what: str, value: object) -> None:
    if not condition:
        msg = f"is damaged: {what}; got {reprlib.repr(value)}"
        raise ValueError(msg)


def _record(name: str, value: Any, *keys: str) -> list[Any]:
    """Return the values of a JSON object that has exactly these keys."""
    _demand(isinstance(value, dict) and value.keys() == set(keys), f"{name} must have {', '.join(keys)}", value)
    return [value[key] for key in keys]


def _sequence(name: str, value: Any) -> list[Any]:
    _demand(isinstance(value, list), f"{name} must be a list", value)
    return list(value)


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < _LARGEST_SIZE


class _Place:
    """What an array is, and where it lies."""

    def __init__(self, number: int, facts: Any) -> None:
        name = f"array {number}"
        dtype, shape, self.offset = _record(name, facts, "dtype", "shape", "offset")
        _demand(isinstance(dtype, str) and dtype in _DTYPES, f"the dtype of {name} must be one of {', '.join(_DTYPES)}", dtype)
        sizes = _sequence(f"the shape of {name}", shape)
        _demand(len(sizes) in (1, 2) and all(map(_is_size, sizes)), f"the shape of {name} must be one size or two", shape)
        self.dtype: np.dtype[Any] = _DTYPES[dtype]
        self.shape = tuple(sizes)
        self.n_bytes = self.dtype.itemsize * math.prod(sizes)


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _holds(hint: Any, dtype: np.dtype[Any]) -> bool:
    """Tell whether a declared type is that of arrays of a dtype."""
    if get_origin(hint) is not np.ndarray:
        return False
    (scalar,) = get_args(get_args(hint)[1])
    return scalar is Any or dtype == scalar


class _Reader:
    """Makes the values that a header describes. Arrays follow in the order of their fields, each once, without gaps."""

    def __init__(self, file: BinaryIO, facts: Any) -> None:
        self._content, places, size = _record("the header", facts, "content", "arrays", "size")
        self._places = [_Place(number, place) for number, place in enumerate(_sequence("arrays", places))]
        self._n_read = 0
        offsets, end = _offsets([place.n_bytes for place in self._places])
        for number, (place, offset) in enumerate(zip(self._places, offsets, strict=True)):
            exact = type(place.offset) is int and place.offset == offset
            _demand(exact, f"array {number} must begin at {offset}, behind the one before", place.offset)
        _demand(type(size) is int and size == end, f"the size must be {end}, that of the arrays", size)
        end_of_header = file.tell()
        self._start = _aligned(end_of_header)
        self._memory = np.memmap(file, dtype=np.uint8, mode="r")
        if len(self._memory) != self._start + end:
            msg = f"is damaged or truncated: expected {self._start + end} bytes, got {len(self._memory)}"
            raise ValueError(msg)
        ends = [end_of_header, *(self._start + place.offset + place.n_bytes for place in self._places)]
        for number, (before, offset) in enumerate(zip(ends, offsets, strict=False)):
            gap = self._memory[before : self._start + offset]
            _demand(not gap.any(), f"before array {number} must be zeros only", gap.tobytes())

    def read(self, kind: type[_Kind]) -> _Kind:
        """Return all."""
        value: _Kind = self._value(kind.__name__, self._content, kind)
        _demand(self._n_read == len(self._places), f"the content must name all {len(self._places)} arrays", self._n_read)
        return value

    def _value(self, name: str, value: Any, hint: Any) -> Any:
        if isinstance(value, dict) and "array" in value:
            return self._array(name, value, hint)
        for kind in _alternatives(hint):
            if isinstance(value, dict) and hasattr(kind, "_fields") and value.get("tuple") == kind.__name__:
                return self._tuple(name, value, kind)
            # Exactly: True is no number here. JSON numbers may be infinite or no number.
            if type(value) is kind and not (kind is float and not math.isfinite(value)):
                return value
        expected = " or ".join(getattr(kind, "__name__", str(kind)) for kind in _alternatives(hint))
        _demand(False, f"{name} must be {expected}", value)
        return None

    def _tuple(self, name: str, value: Any, kind: Any) -> Any:
        _, listed = _record(name, value, "tuple", "fields")
        fields = _sequence(f"the fields of {name}", listed)
        _demand(len(fields) == len(kind._fields), f"{name} must have the fields {', '.join(kind._fields)}", fields)
        hints = get_type_hints(kind)
        return kind(
            *(self._value(f"{name}.{field}", inner, hints[field]) for field, inner in zip(kind._fields, fields, strict=True))
        )

    def _array(self, name: str, value: Any, hint: Any) -> AnyArray:
        number, checksum = _record(name, value, "array", "checksum")
        _demand(
            type(number) is int and number == self._n_read < len(self._places), f"{name} must be array {self._n_read}", number
        )
        place = self._places[number]
        self._n_read += 1
        fits = any(_holds(kind, place.dtype) for kind in _alternatives(hint))
        _demand(fits, f"{name} must be of type {hint}", place.dtype.str)
        begin = self._start + place.offset
        array: AnyArray = self._memory[begin : begin + place.n_bytes].view(np.ndarray).view(place.dtype).reshape(place.shape)
        if checksum is not None and _checksum(array) != checksum:
            msg = f"is damaged: {name} does not match its checksum"
            raise ValueError(msg)
        return array
