"""Data frames and lists as arrays of the numbers that they hold, or a refusal where NumPy would take others for them.

A column of text, a missing value and an integer that float64 rounds are refused by their names.
"""

import reprlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from deeprob_fast._typing import AnyArray

_EXACT_INTEGERS = 2**53
_INTEGERS = (int, np.integer)


def _pandas() -> Any:
    """Return pandas if the program has imported it; else nothing is of its types."""
    return sys.modules.get("pandas")


def is_table(values: object) -> bool:
    """Tell whether values are a data frame of pandas."""
    pandas = _pandas()
    return pandas is not None and isinstance(values, pandas.DataFrame)


def check_unmasked(name: str, values: object) -> None:
    """Refuse arrays that say of some values that they are not valid."""
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        msg = f"{name} must not hold masked values; got {int(np.ma.getmaskarray(values).sum())} of them"
        raise ValueError(msg)


def check_exact(name: str, array: AnyArray) -> None:
    """Refuse 64-bit integers that float64 would round."""
    if array.dtype.newbyteorder("=") in (np.int64, np.uint64) and array.size:
        _check_exact_integer(name, max(int(array.max()), int(array.min()), key=abs))


def _check_exact_integer(name: str, value: int) -> None:
    if abs(value) > _EXACT_INTEGERS:
        msg = f"{name} must hold integers up to 2**53 in magnitude; got {value}"
        raise ValueError(msg)


def check_objects(name: str, array: AnyArray) -> None:
    """Refuse Python objects that become numbers although they are text, or other numbers than they are."""
    for value in array.flat:
        if isinstance(value, (str, bytes)):
            msg = f"{name} must hold real numbers; got the text {reprlib.repr(value)}"
            raise TypeError(msg)
        if isinstance(value, _INTEGERS):
            _check_exact_integer(name, int(value))


def plain(name: str, values: object) -> Any:
    """Return what pandas and lists hold as an array of numbers, and all else as it is."""
    if isinstance(values, (list, tuple)):
        return _list(name, values)
    if is_table(values):
        return _table(name, values)
    pandas = _pandas()
    if pandas is not None and isinstance(values, pandas.Series) and _is_extended(values):
        return _column(name, values)
    return values


def _is_extended(column: Any) -> bool:
    """Tell whether a column is of a numeric type that only pandas knows: nullable, of Arrow, sparse."""
    return not isinstance(column.dtype, np.dtype) and bool(_pandas().api.types.is_numeric_dtype(column.dtype))


def _table(name: str, frame: Any) -> AnyArray:
    kinds = set(frame.dtypes)
    if len(kinds) == 1 and isinstance(kind := kinds.pop(), np.dtype) and kind.kind in "fiub":
        return np.asarray(frame)
    columns = [_column(f"{name} (column {label!r})", frame.iloc[:, i]) for i, label in enumerate(frame.columns)]
    if not columns:
        return np.empty(frame.shape)
    dtype = np.result_type(*columns)
    if dtype.kind == "f":
        for label, column in zip(frame.columns, columns, strict=True):
            check_exact(f"{name} (column {label!r})", column)
    result = np.empty(frame.shape, dtype=dtype)
    for i, column in enumerate(columns):
        result[:, i] = column
    return result


def _column(name: str, column: Any) -> AnyArray:
    array: AnyArray = column.to_numpy()
    if array.dtype == object:
        check_objects(name, array)
    missing = column.isna()
    if missing.any() and not (isinstance(column.dtype, np.dtype) and column.dtype.kind == "f"):  # whose NaN the search tells
        msg = f"{name} must not hold missing values; got one in row {int(missing.to_numpy().argmax())}"
        raise ValueError(msg)
    if array.dtype == object:
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            msg = f"{name} must hold real numbers: {error}"
            raise TypeError(msg) from None
    if array.dtype.kind not in "fiub":
        msg = f"{name} must hold real numbers; got dtype {column.dtype}"
        raise TypeError(msg)
    return array


def _list(name: str, values: Sequence[Any]) -> Any:
    for member in values:
        check_unmasked(name, member)
    try:
        array = np.asarray(values)
    except (TypeError, ValueError):  # told by whoever needs an array
        return values
    # Beside floats integers become floats; looking at each one takes long, and only large ones can have been rounded.
    if array.dtype.kind == "f" and array.size and not _EXACT_INTEGERS > array.max() >= array.min() > -_EXACT_INTEGERS:
        _check_members(name, values)
    return array


def _check_members(name: str, values: Sequence[Any]) -> None:
    for member in values:
        if isinstance(member, (list, tuple)):
            _check_members(name, member)
        elif isinstance(member, _INTEGERS):
            _check_exact_integer(name, int(member))
        elif isinstance(member, np.ndarray):
            check_exact(name, member)
