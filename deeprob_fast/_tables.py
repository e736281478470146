"""Tables, tensors and lists as arrays of the numbers that they hold, or a refusal where NumPy would take others for them.

A column of text, a missing value and an integer that float64 rounds are refused by their names.
"""

import reprlib
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from deeprob_fast._typing import AnyArray

_EXACT_INTEGERS = 2**53
_INTEGERS = (int, np.integer)


class _Column(NamedTuple):
    """A column of a table: its type there, its values as NumPy has them, and which of them are missing."""

    type: object
    values: AnyArray
    missing: AnyArray


def _is(values: object, module: str, name: str) -> bool:
    """Tell whether values are of a type of a library, which is only asked if the program has imported it."""
    library = sys.modules.get(module)
    return library is not None and isinstance(values, getattr(library, name))


def _of_pandas(column: Any) -> _Column:
    missing = column.isna().to_numpy()
    if isinstance(column.dtype, np.dtype) and column.dtype.kind == "f":  # NaN, which is told by its row
        missing = np.zeros_like(missing)
    return _Column(column.dtype, column.to_numpy(), missing)


def _columns_of_pandas(table: Any) -> list[tuple[object, _Column]]:
    return [(label, _of_pandas(table.iloc[:, i])) for i, label in enumerate(table.columns)]


def _columns_of_arrow(table: Any) -> list[tuple[object, _Column]]:
    named = zip(table.column_names, table.columns, strict=True)
    return [(label, _Column(column.type, column.to_numpy(), column.is_null().to_numpy())) for label, column in named]


def _columns_of_polars(table: Any) -> list[tuple[object, _Column]]:
    columns = table.get_columns()
    return [(column.name, _Column(column.dtype, column.to_numpy(), column.is_null().to_numpy())) for column in columns]


_TABLES = {
    ("pandas", "DataFrame"): _columns_of_pandas,
    ("pyarrow", "Table"): _columns_of_arrow,
    ("polars", "DataFrame"): _columns_of_polars,
}


def is_table(values: object) -> bool:
    """Tell whether values are a table of named columns: of pandas, PyArrow or Polars."""
    return any(_is(values, *kind) for kind in _TABLES)


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
    """Return what tables and lists hold as an array of numbers, and all else as it is."""
    if isinstance(values, (list, tuple)):
        return _list(name, values)
    if _is(values, "torch", "Tensor"):
        return _of_torch(values)
    if _is(values, "pandas", "Series") and _is_extended(values):
        return _numbers(name, _of_pandas(values))
    if _is(values, "pandas", "DataFrame") and _is_of_one_type(values):
        return np.asarray(values)
    for kind, columns_of in _TABLES.items():
        if _is(values, *kind):
            return _joined(name, values, columns_of(values))
    return values


def _of_torch(tensor: Any) -> AnyArray:
    """Return the numbers of a tensor, in a type that NumPy knows: float32 holds every bfloat16."""
    tensor = tensor.detach().cpu()
    array: AnyArray = (tensor.float() if tensor.dtype == sys.modules["torch"].bfloat16 else tensor).numpy()
    return array


def _is_extended(column: Any) -> bool:
    """Tell whether a column is of a numeric type that only pandas knows: nullable, of Arrow, sparse."""
    return not isinstance(column.dtype, np.dtype) and bool(sys.modules["pandas"].api.types.is_numeric_dtype(column.dtype))


def _is_of_one_type(frame: Any) -> bool:
    """Tell whether NumPy reads a data frame as it is, often without a copy."""
    kinds = set(frame.dtypes)
    return len(kinds) == 1 and isinstance(kind := kinds.pop(), np.dtype) and kind.kind in "fiub"


def _joined(name: str, table: Any, columns: list[tuple[object, _Column]]) -> AnyArray:
    arrays = {i: _numbers(f"{name} (column {label!r})", column) for i, (label, column) in enumerate(columns)}
    result = np.empty(table.shape, dtype=np.result_type(*arrays.values()) if arrays else np.float64)
    for i, array in arrays.items():
        if result.dtype.kind == "f":
            check_exact(f"{name} (column {columns[i][0]!r})", array)
        result[:, i] = array
    return result


def _numbers(name: str, column: _Column) -> AnyArray:
    array = column.values
    if array.dtype == object:
        check_objects(name, array)
    if column.missing.any():
        msg = f"{name} must not hold missing values; got one in row {int(column.missing.argmax())}"
        raise ValueError(msg)
    if array.dtype == object:
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            msg = f"{name} must hold real numbers: {error}"
            raise TypeError(msg) from None
    if array.dtype.kind not in "fiub":
        msg = f"{name} must hold real numbers; got dtype {column.type}"
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
    are_floats = array.dtype.kind == "f" and array.size > 0
    if are_floats and not _EXACT_INTEGERS > float(array.max()) >= float(array.min()) > -_EXACT_INTEGERS:
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
