"""The safetensors format: the length of a header, the header (JSON), and the bytes of the arrays, which are mapped."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._files.headers import LONGEST_JSON, read_json
from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._files.refusal import damage_told, refuse, shown
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._formats._stored import Stored, mapped, rows_at_once, size_of, unusable

_DTYPES = {
    name: np.dtype(code)
    for name, code in {
        "F64": "<f8",
        "F32": "<f4",
        "F16": "<f2",
        "BF16": "<u2",  # by its bits
        "I64": "<i8",
        "I32": "<i4",
        "I16": "<i2",
        "I8": "i1",
        "U64": "<u8",
        "U32": "<u4",
        "U16": "<u2",
        "U8": "u1",
        "BOOL": "?",
    }.items()
}
_METADATA = "__metadata__"

Entry = tuple[str, tuple[int, ...], tuple[int, int]]


def _is_list_of_sizes(value: object) -> bool:
    return isinstance(value, list) and all(type(number) is int and number >= 0 for number in value)


def open_safetensors(path: Path) -> dict[str, Stored]:
    """Open the arrays of a .safetensors file."""
    size = regular_size(path)
    with open_regular(path) as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, LONGEST_JSON):
            what = f"must start with the length of its header, at most {LONGEST_JSON}"
            raise refuse(path, f"{what}; that is {length}, and the file has {size} bytes")
        text = file.read(length)
    with damage_told(path, ValueError):
        header = read_json(text, "its header")
    if not isinstance(header, dict):
        raise refuse(path, f"must have a header of names; it is {type(header).__name__}")
    entries = {name: _entry(path, name, entry) for name, entry in header.items() if name != _METADATA}
    end = 0
    for name, (_, _, (start, stop)) in sorted(entries.items(), key=lambda item: item[1][2]):
        if start != end:
            raise refuse(path, f"must hold its arrays one after the other; {name} starts at {start} where {end} is expected")
        end = stop
    if 8 + length + end != size:
        raise refuse(path, f"must have {8 + length + end} bytes, for the arrays that its header states; it has {size}")
    return {name: _stored(path, name, 8 + length, *entry) for name, entry in entries.items()}


def _entry(path: Path, name: str, entry: object) -> Entry:
    """Check what the header says of an array."""
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
        raise refuse(path, f"must state dtype, shape and data_offsets of {name}; it states {shown(entry)}")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str):
        raise refuse(path, f"must state the type of {name} as text; got {shown(kind)}")
    if not _is_list_of_sizes(shape) or not _is_list_of_sizes(offsets) or len(offsets) != 2:
        raise refuse(path, f"must state shape and place of {name} in whole numbers; got {shown(shape)}, {shown(offsets)}")
    if kind not in _DTYPES:  # whose size is not known, if it is a type at all
        return kind, tuple(shape), (offsets[0], max(offsets))
    expected = size_of(path, tuple(shape), _DTYPES[kind])
    if offsets[1] - offsets[0] != expected:
        what = f"must give {expected} bytes to {name}, {kind} of shape {shown(shape)}"
        raise refuse(path, f"{what}; it gives {shown(offsets[1] - offsets[0])}")
    return kind, tuple(shape), (offsets[0], offsets[1])


def _stored(path: Path, name: str, first: int, kind: str, shape: tuple[int, ...], place: tuple[int, int]) -> Stored:
    if kind not in _DTYPES:
        problem = refuse(path, f"must hold numbers of {', '.join(_DTYPES)} in {name}; got {shown(kind)}")
        return unusable(path, name, problem)
    view = partial(mapped, path, _DTYPES[kind], first + place[0], shape)
    if kind == "BF16":
        return Stored(path, name, shape, np.dtype(np.float32), read=partial(_widened, view))
    return Stored(path, name, shape, _DTYPES[kind], view=view)


def _widened(view: Any) -> Iterator[AnyArray]:
    """Yield bfloat16 as float32: its bits are the upper half."""
    rows = view()
    step = rows_at_once(rows.shape, np.dtype(np.float32))
    for start in range(0, len(rows), step):
        yield (rows[start : start + step].astype(np.uint32) << 16).view(np.float32)
