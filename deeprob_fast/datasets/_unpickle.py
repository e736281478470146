"""Pickles of arrays, numbers, strings, lists, sets and dicts, read without executing anything.

A pickle is a program: it names functions and calls them. Here its instructions are looked through first, and then the few names
that a pickled array needs are given harmless stand-ins, whatever they stand for elsewhere; every other name is refused. NumPy
itself sees nothing but bytes whose number fits the shape.
"""

import io
import math
import pickle
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from deeprob_fast._files.refusal import reason, shown
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._pickle_rules import Allowance, RefusedError, look_through

_PLAIN = re.compile(r"b1|[iu][1248]|f[248]|[SU][0-9]{1,4}")
_DIMENSIONS = 32  # that an array may have
_NDARRAY = object()


class _PickledDtype:
    """Stands in for a dtype while its state comes."""

    def __init__(self, code: str) -> None:
        if not _PLAIN.fullmatch(code):
            msg = f"it holds an array of dtype {shown(code)}"
            raise RefusedError(msg)
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.dtype = self.dtype.newbyteorder(state[1] if state[1] in ("<", ">") else "|")


class PickledArray:
    """Stands in for an array while its state comes; then `array` is what was pickled."""

    array: AnyArray

    def __init__(self, encode: Callable[[str, str], bytes]) -> None:
        self.array = np.empty(0)
        self._encode = encode

    def fill(self, shape: tuple[int, ...], dtype: _PickledDtype, content: Any, order: str) -> None:
        """Make the array of a shape out of its bytes."""
        if isinstance(content, str):  # as Python 2 wrote bytes
            content = self._encode(content, "latin1")
        sizes_fit = len(shape) <= _DIMENSIONS and all(type(size) is int and 0 <= size < 1 << 63 for size in shape)
        if not sizes_fit or len(content) != math.prod(shape) * dtype.dtype.itemsize:
            msg = f"it holds an array of shape {shown(shape)} and dtype {dtype.dtype} in {len(content)} bytes"
            raise RefusedError(msg)
        array = np.frombuffer(content, dtype.dtype)
        if array.dtype.kind == "U" and array.view(array.dtype.byteorder + "u4").max(initial=0) > sys.maxunicode:
            msg = "it holds text that is no Unicode"
            raise RefusedError(msg)
        self.array = array.reshape(shape, order="F" if order == "F" else "C")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        shape, dtype, is_fortran, content = state[-4:]
        self.fill(shape, dtype, content, "F" if is_fortran else "C")


def _stand_ins(n_bytes: int, allowance: Allowance) -> dict[tuple[str, str], object]:
    """Return what a pickle of so many bytes may name: made anew for each file, so that none can be spoilt for the next."""
    encodable = n_bytes

    def encode(text: str, encoding: str) -> bytes:
        nonlocal encodable
        encodable -= len(text)  # an honest file writes each text once
        if encoding != "latin1" or encodable < 0:
            msg = "it encodes other text than its own bytes"
            raise RefusedError(msg)
        return text.encode("latin1")

    def dtype(code: str, *_: object) -> _PickledDtype:
        return _PickledDtype(code)

    def reconstruct(kind: object, *_: object) -> PickledArray:
        if kind is not _NDARRAY:
            msg = "it holds a subclass of an array"
            raise RefusedError(msg)
        return PickledArray(encode)

    def frombuffer(content: bytes, dtype: _PickledDtype, shape: tuple[int, ...], order: str) -> PickledArray:
        pickled = PickledArray(encode)
        pickled.fill(shape, dtype, content, order)
        return pickled

    def scalar(dtype: _PickledDtype, content: bytes) -> object:
        return frombuffer(content, dtype, (), "C").array.item()

    def no_bytes(*numbers: object) -> bytes:
        if numbers:
            msg = "it makes bytes out of numbers"
            raise RefusedError(msg)
        return b""

    def make_set(items: list[object]) -> set[object]:
        allowance.take_entries(len(items))
        return set(items)

    return {
        ("__builtin__", "set"): make_set,
        ("builtins", "set"): make_set,
        ("__builtin__", "bytes"): no_bytes,  # how protocol 2 writes those
        ("_codecs", "encode"): encode,
        ("numpy", "dtype"): dtype,
        ("numpy", "ndarray"): _NDARRAY,
        ("numpy.core.multiarray", "_reconstruct"): reconstruct,
        ("numpy.core.multiarray", "scalar"): scalar,
        ("numpy.core.numeric", "_frombuffer"): frombuffer,
    }


class _Unpickler(pickle.Unpickler):
    """Knows the names that arrays need, and nothing else."""

    def __init__(self, content: bytes, allowance: Allowance) -> None:
        super().__init__(io.BytesIO(content), encoding="latin1")
        self._known = _stand_ins(len(content), allowance)

    def find_class(self, module: str, name: str) -> Any:
        place = (module.replace("numpy._core", "numpy.core"), name)  # as NumPy 2 calls it
        if place not in self._known:
            msg = f"it names {module}.{name}"[:200]
            raise RefusedError(msg)
        return self._known[place]


def unpickle(content: bytes, where: object, allowance: Allowance | None = None) -> Any:
    """Read a pickle of plain data.

    Parameters
    ----------
    content : bytes
    where : path or str
        What messages call it.
    allowance : Allowance, optional
        Of the data set that it is a part of.

    Returns
    -------
    object
        Arrays in it are `PickledArray`.

    Raises
    ------
    ValueError
        If it is damaged, holds anything but numbers, strings, their arrays, lists, tuples, sets and dicts, or is made to take
        more time or memory than its bytes.
    """
    allowance = allowance or Allowance()
    allowance.renew_entries()
    try:
        look_through(content, allowance)
        return _Unpickler(content, allowance).load()
    except Exception as error:
        # Of a damaged pickle, Python says that it may raise anything at all.
        msg = f"{where} must be a pickle of arrays, numbers, strings, lists, sets and dicts: {reason(error)}"
        raise ValueError(msg) from error
