"""Checks of arrays that come from outside: their types, shapes and values. What a noun means is checked at that noun's door.

Each message names the argument, what was expected and what came. Rows come out in a form the kernels read in place, copied only
where their layout makes that impossible. Numbers of rows and classes, by which the kernels address memory, are copied before they
are checked: another thread may change the caller's array at any time.
"""

import numbers
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from deeprob_fast._labels import of_one_kind, one_column, unpacked
from deeprob_fast._scalars import check_integer
from deeprob_fast._tables import check_exact, check_unmasked, plain
from deeprob_fast._threads import available_threads
from deeprob_fast._typing import AnyArray, Float64, Int64

# Read by the kernels as they are.
NATIVE_DTYPES = tuple(np.dtype(name) for name in ("float32", "float64", "float16", "uint8", "int8"))

# Other real types, and the native one that holds all their values (64-bit integers: those below 2**53).
_WIDENED = {
    np.dtype(source): np.dtype(target)
    for source, target in {
        "bool": "uint8",
        "int16": "float32",
        "uint16": "float32",
        "int32": "float64",
        "uint32": "float64",
        "int64": "float64",
        "uint64": "float64",
    }.items()
}


def as_array(name: str, values: object) -> AnyArray:
    """Return `values` as an array of our own, whose shape and dtype nobody else can set; its memory stays shared where it can."""
    if isinstance(values, np.ndarray):
        check_unmasked(name, values)
        return values.view(np.ndarray)
    if hasattr(values, "toarray"):
        msg = f"{name} must be a dense array; got sparse {type(values).__name__}"
        raise TypeError(msg)
    try:
        if hasattr(values, "__dlpack__") and not hasattr(values, "__array__"):
            return np.from_dlpack(values)
        return np.asarray(values).view()
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        msg = f"{name} must be convertible to an array; got {type(values).__name__}: {error}"
        raise TypeError(msg) from error


def as_numbers(name: str, values: object) -> AnyArray:
    """Return `values` as `as_array` does; data frames and lists as the numbers that they hold, exactly."""
    return as_array(name, plain(name, values))


def native_dtype(name: str, array: AnyArray) -> np.dtype[Any]:
    dtype = array.dtype.newbyteorder("=")
    target = dtype if dtype in NATIVE_DTYPES else _WIDENED.get(dtype)
    if target is None:
        msg = f"{name} must hold real numbers (float16, float32, float64 or integers); got dtype {array.dtype}"
        raise TypeError(msg)
    return target


def has_contiguous_rows(array: AnyArray) -> bool:
    return bool(array.shape[1] <= 1 or array.strides[1] == array.itemsize) and array.strides[0] >= 0


def with_contiguous_rows(array: AnyArray, dtype: np.dtype[Any]) -> AnyArray:
    """Copy the array only if the kernels cannot read it in place."""
    array = np.require(array, dtype=dtype, requirements="A")
    return array if has_contiguous_rows(array) else np.ascontiguousarray(array)


def converted(name: str, dtype: np.dtype[Any], array: AnyArray) -> AnyArray:
    check_exact(name, array)
    return with_contiguous_rows(array, dtype)


def check_matrix(name: str, values: object, n_features: int | None = None) -> tuple[AnyArray, np.dtype[Any]]:
    """Return a 2-D array as it is, and the native dtype that holds its values."""
    array = as_numbers(name, values)
    dtype = native_dtype(name, array)
    if array.ndim != 2:
        msg = f"{name} must be 2-D, (n_rows, n_features); got shape {array.shape}"
        raise ValueError(msg)
    if array.shape[1] == 0:
        msg = f"{name} must have at least one feature; got shape {array.shape}"
        raise ValueError(msg)
    if n_features is not None and array.shape[1] != n_features:
        msg = f"{name} must have {n_features} features, as the rows it is compared with; got shape {array.shape}"
        raise ValueError(msg)
    return array, dtype


def check_rows(name: str, values: object, n_features: int | None = None) -> AnyArray:
    """Return a 2-D array of a native dtype whose rows are contiguous."""
    array, dtype = check_matrix(name, values, n_features)
    return converted(name, dtype, array)


def check_n_threads(n_threads: Any, name: str = "n_threads") -> int:
    """Return a number of threads; None stands for all that the environment grants, -1 too, -2 for all but one, as in joblib."""
    if n_threads is None:
        return available_threads()
    if isinstance(n_threads, numbers.Integral) and n_threads < 0:
        return max(1, available_threads() + 1 + int(n_threads))
    return check_integer(name, n_threads, 1, 4096, "or -1 or None for all, -2 for all but one, ...")


def check_labels(name: str, labels: object, n_rows: int, of: str) -> AnyArray:
    """Return a 1-D array with one label for each row of `of`, all of one kind."""
    return of_one_kind(name, one_column(name, as_array(name, unpacked(labels)), n_rows, of))


def check_shaped_like(name: str, values: object, shape: tuple[int, ...], of: str) -> Float64:
    """Return real numbers as float64, in the shape of something else."""
    array = check_real_array(name, values)
    if array.shape != shape:
        msg = f"{name} must have shape {shape}, that of {of}; got shape {array.shape}"
        raise ValueError(msg)
    return array.astype(np.float64)


def check_real_array(name: str, values: object) -> AnyArray:
    """Return a copy of real numbers, as an array of their own dtype."""
    array = as_numbers(name, values)
    if array.dtype.kind not in "fiub":
        msg = f"{name} must hold real numbers; got dtype {array.dtype}"
        raise TypeError(msg)
    return array.copy()


def check_class_numbers(name: str, labels: object, n_rows: int, n_classes: int, of: str = "X") -> Int64:
    """Return one class number for each row of `of`, in an array that nobody else can change."""
    array = check_labels(name, plain(name, labels), n_rows, of).copy()
    if n_rows == 0:
        msg = f"{of} must have at least one row; got none"
        raise ValueError(msg)
    if array.dtype.kind not in "iub":
        msg = f"{name} must hold integers, numbers of classes; got dtype {array.dtype}"
        raise TypeError(msg)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= n_classes:
        msg = f"{name} must hold numbers of classes from 0 to {n_classes - 1}; got {low if low < 0 else high}"
        raise ValueError(msg)
    return np.ascontiguousarray(array, dtype=np.int64)


def check_vector(name: str, values: object, size: int, of: str) -> AnyArray:
    """Return a 1-D array of finite numbers, one for each `of`."""
    array = as_numbers(name, values)
    if array.ndim != 1 or len(array) != size:
        msg = f"{name} must be 1-D with one number for each of the {size} {of}s; got shape {array.shape}"
        raise ValueError(msg)
    dtype = native_dtype(name, array)
    check_exact(name, array)
    array = array.astype(dtype)
    if not np.isfinite(array).all():
        msg = f"{name} must be finite; got {array[~np.isfinite(array)][0]} for {of} {int(np.argmin(np.isfinite(array)))}"
        raise ValueError(msg)
    return array


def describe_bad_row(name: str, row: AnyArray, number: int) -> str:
    """Say why a row cannot be searched."""
    with np.errstate(invalid="ignore"):  # some NaN warn when they are widened
        values = np.asarray(row, dtype=np.float64)
    if np.isnan(values).any():
        what = "NaN"
    elif np.isinf(values).any():
        what = "infinity"
    else:
        what = f"{float(np.abs(values).max()):g}, whose square is too large for float64 distances"
    return f"{name} must be finite; row {number} holds {what}"


@contextmanager
def told_as(inside: str, outside: str) -> Iterator[None]:
    """Call an argument in errors as the caller does, who handed it on under another name."""
    try:
        yield
    except ValueError as error:
        first, _, rest = str(error).partition(" ")
        if first != inside:
            raise
        msg = f"{outside} {rest}"
        raise ValueError(msg) from error


def check_finite_rows(name: str, rows: AnyArray) -> None:
    """Refuse rows that hold NaN or infinity."""
    for start in range(0, len(rows) if rows.dtype.kind == "f" else 0, 4096):
        bad = np.flatnonzero(~np.isfinite(rows[start : start + 4096]).all(axis=1))
        if bad.size:
            number = start + int(bad[0])
            raise ValueError(describe_bad_row(name, rows[number], number))
