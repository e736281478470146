"""Named arrays and a few strings in .npz and .safetensors files, as bytes."""

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from deeprob_fast import _optional
from deeprob_fast._files.headers import LONGEST_JSON, read_json, read_npy_header
from deeprob_fast._files.refusal import shown
from deeprob_fast._files.zips import open_zip
from deeprob_fast._typing import AnyArray

# In an .npz file the strings are a member of this name, which no array can have.
_STRINGS = "deeprob_fast.json"

# In a .safetensors file the header's length comes first, in so many bytes.
_LENGTH_BYTES = 8

# Types of foreign .safetensors files.
_NOT_NUMPYS = ("BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F6_E2M3", "F6_E3M2", "F4")

# Of all strings: twice the longest description, as JSON within JSON has its quotation marks escaped.
_LONGEST_STRINGS = 2 * LONGEST_JSON + (1 << 20)


class Content(NamedTuple):
    """What a container holds.

    Attributes
    ----------
    arrays : dict
        Of numbers and truth values, by name.
    strings : dict
        Empty in files of others.
    """

    arrays: dict[str, AnyArray]
    strings: dict[str, str]


class Container(NamedTuple):
    """How content becomes bytes, and a file content. Reading raises whatever it stumbles upon, and executes nothing."""

    write: Callable[[Content], bytes]
    read: Callable[[BinaryIO], Content]


def plain(array: AnyArray) -> AnyArray:
    """Return an array as it lies in a file: row after row, little-endian."""
    return np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")


def digest(arrays: Mapping[str, AnyArray], text: str) -> str:
    """Return the SHA-256 of arrays, their names and a text."""
    total = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = plain(arrays[name])
        total.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        total.update(array.tobytes())
    return total.hexdigest()


def _write_npz(content: Content) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        if content.strings:  # first: a damaged entry of the directory may swallow those behind it
            file.writestr(_STRINGS, json.dumps(content.strings))
        for name, array in content.arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, plain(array), allow_pickle=False)
            file.writestr(f"{name}.npy", member.getbuffer())
    return buffer.getvalue()


def _read_npy(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> AnyArray:
    """Read an array; unlike NumPy's reader this one allocates nothing that the file does not fill."""
    with archive.open(member) as file:
        shape, is_fortran, dtype = read_npy_header(file)
        if dtype.kind not in "biuf" or min(shape, default=0) < 0:
            msg = f"it holds an array of {dtype} and shape {shown(shape)}; expected numbers"
            raise ValueError(msg)
        if (expected := file.tell() + math.prod(shape) * dtype.itemsize) != member.file_size:
            msg = f"it must hold {shown(expected)} bytes in {member.filename}; it states {member.file_size}"
            raise ValueError(msg)
        numbers = file.read()
    array: AnyArray = np.frombuffer(numbers, dtype=dtype).reshape(shape, order="F" if is_fortran else "C")
    return array.astype(dtype.newbyteorder("="))


def _read_npz(file: BinaryIO) -> Content:
    content = Content({}, {})
    with open_zip("it", file) as archive:
        for member in archive.infolist():
            if member.filename == _STRINGS:
                with archive.open(member) as text:
                    strings = read_json(text.read(_LONGEST_STRINGS + 1), "its description", _LONGEST_STRINGS)
                content.strings.update(strings)
            elif member.filename.endswith(".npy"):
                content.arrays[member.filename.removesuffix(".npy")] = _read_npy(archive, member)
            else:
                msg = f"it holds {shown(member.filename)}, which is no array"
                raise ValueError(msg)
    return content


def _write_safetensors(content: Content) -> bytes:
    numpy = _optional.require("safetensors.numpy", "persist")
    data: bytes = numpy.save({name: plain(array) for name, array in content.arrays.items()}, content.strings or None)
    return data


def _read_safetensors(file: BinaryIO) -> Content:
    numpy = _optional.require("safetensors.numpy", "persist")
    data = file.read()
    length = int.from_bytes(data[:_LENGTH_BYTES], "little")
    if length > min(_LONGEST_STRINGS, len(data)):
        msg = f"its header must have at most {_LONGEST_STRINGS} bytes of its {len(data)}; it states {length}"
        raise ValueError(msg)
    header = read_json(data[_LENGTH_BYTES : _LENGTH_BYTES + length], "its header", _LONGEST_STRINGS)
    for name, facts in header.items():
        if isinstance(facts, dict) and facts.get("dtype") in _NOT_NUMPYS:
            msg = f"it holds {shown(name)} in {facts['dtype']}, which NumPy lacks: save it in F32"
            raise ValueError(msg)
    arrays: dict[str, Any] = numpy.load(data)
    strings = header.get("__metadata__", {})
    return Content({name: array.copy() for name, array in arrays.items()}, strings)


CONTAINERS = {
    ".npz": Container(_write_npz, _read_npz),
    ".safetensors": Container(_write_safetensors, _read_safetensors),
}
