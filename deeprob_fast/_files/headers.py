"""Headers: what a file says of its arrays, read only if it is of bounded length."""

import io
import json
import re
import tokenize
import warnings
from typing import IO, Any, NamedTuple

import numpy as np

_LONGEST_NPY = 10_000  # as NumPy itself allows for files that are not trusted
# A tensor of a model takes a hundred bytes; parsed, the text of a header takes up to thirty times its size.
LONGEST_JSON = 1 << 23
_BYTES_A_PART = 16  # of JSON for each list and dict: those of headers and models have more
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_MOST_DIGITS = 40  # of an integer: no size, and no number that this library writes, has more

# What NumPy's parser of headers lets through, besides ValueError; the last for parentheses and signs in a long row.
_NPY_ERRORS = (SyntaxError, TypeError, RecursionError, OverflowError, tokenize.TokenError, MemoryError)


class NpyHeader(NamedTuple):
    """What stands before the numbers of an array in NumPy's format."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]


def read_npy_header(file: IO[bytes]) -> NpyHeader:
    """Read what stands before the numbers, and no further; ValueError if it is none, or longer than NumPy's longest."""
    start = file.read(8)
    if start[:6] != b"\x93NUMPY" or start[6:] not in (b"\1\0", b"\2\0", b"\3\0"):
        msg = f"it must start as NumPy's format does; it starts with {start.hex() or 'nothing'}"
        raise ValueError(msg)
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(stated := file.read(width), "little")
    if length > _LONGEST_NPY:
        msg = f"its header must have at most {_LONGEST_NPY} bytes; it states {length}"
        raise ValueError(msg)
    text = file.read(length)
    if len(stated) < width or len(text) < length:
        msg = f"its header must have {length} bytes; it has {len(text)}"
        raise ValueError(msg)
    # The third version differs from the second in names of fields only.
    parse = np.lib.format.read_array_header_1_0 if width == 2 else np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged literals, and of headers that Python 2 wrote
        try:
            shape, is_fortran, dtype = parse(io.BytesIO(stated + text))
        except _NPY_ERRORS as error:
            msg = f"its header must be a dict of Python: {str(error) or type(error).__name__}"
            raise ValueError(msg) from error
    return NpyHeader(shape, is_fortran, dtype)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        msg = "a name stands twice"
        raise ValueError(msg)
    return record


def _integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        msg = f"an integer has {len(digits)} digits"
        raise ValueError(msg)
    return int(digits)


def _count_parts(text: bytes) -> int:
    return text.count(b"[") + text.count(b"{")


def read_json(text: str | bytes, what: str, longest: int = LONGEST_JSON) -> Any:
    """Read JSON; ValueError if it is damaged, longer than `longest`, nested too deep, in too many parts, or names one twice."""
    text = text.encode() if isinstance(text, str) else text
    if len(text) > longest:
        msg = f"{what} must have at most {longest} bytes; it has {len(text)}"
        raise ValueError(msg)
    most = len(text) // _BYTES_A_PART + _BYTES_A_PART
    if _count_parts(text) > most and _count_parts(_STRINGS.sub(b"", text)) > most:
        msg = f"{what} must have at most {most} lists and dicts in {len(text)} bytes"
        raise ValueError(msg)
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_int=_integer)
    except RecursionError as error:
        msg = f"{what} must not be nested so deep"
        raise ValueError(msg) from error
    except ValueError as error:
        msg = f"{what} must be JSON: {error}"
        raise ValueError(msg) from error
