"""Named arrays and a few strings in .npz and .safetensors files, as bytes."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from deeprob_fast import _optional
from deeprob_fast._typing import AnyArray

# In an .npz file the strings are a member of this name, which no array can have.
_STRINGS = "deeprob_fast.json"

# In a .safetensors file the header's length comes first, in so many bytes.
_LENGTH_BYTES = 8


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
    """How content becomes bytes, and bytes content. Reading raises whatever it stumbles upon, and executes nothing."""

    write: Callable[[Content], bytes]
    read: Callable[[bytes], Content]


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


def _read_npy(member: bytes) -> AnyArray:
    """Read an array; unlike NumPy's reader this one allocates nothing that the file does not fill."""
    file = io.BytesIO(member)
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran_order, dtype = read_header(file)
    numbers = member[file.tell() :]
    if dtype.kind not in "biuf" or min(shape, default=0) < 0:
        msg = f"it holds an array of {dtype} and shape {shape}; expected numbers"
        raise ValueError(msg)
    array: AnyArray = np.frombuffer(numbers, dtype=dtype).reshape(shape, order="F" if fortran_order else "C")
    return array.astype(dtype.newbyteorder("="))


def _read_npz(data: bytes) -> Content:
    content = Content({}, {})
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        for name in file.namelist():
            if name == _STRINGS:
                content.strings.update(json.loads(file.read(name)))
            elif name.endswith(".npy"):
                content.arrays[name.removesuffix(".npy")] = _read_npy(file.read(name))
            else:
                msg = f"it holds {name!r}, which is no array"
                raise ValueError(msg)
    return content


def _write_safetensors(content: Content) -> bytes:
    numpy = _optional.require("safetensors.numpy", "persist")
    data: bytes = numpy.save({name: plain(array) for name, array in content.arrays.items()}, content.strings or None)
    return data


def _read_safetensors(data: bytes) -> Content:
    numpy = _optional.require("safetensors.numpy", "persist")
    arrays: dict[str, Any] = numpy.load(data)
    end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    strings = json.loads(data[_LENGTH_BYTES:end]).get("__metadata__", {})
    return Content({name: array.copy() for name, array in arrays.items()}, strings)


CONTAINERS = {
    ".npz": Container(_write_npz, _read_npz),
    ".safetensors": Container(_write_safetensors, _read_safetensors),
}
