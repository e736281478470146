"""Every check of a public argument, and every message.

Each message names the argument, what was expected and what came. Rows come out in a form the kernels read in place, copied only
where their layout makes that impossible. Numbers of rows and classes, by which the kernels address memory, are copied before they
are checked: another thread may change the caller's array at any time.
"""

import numbers
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._labels import of_one_kind, one_column, unpacked
from deeprob_fast._rows import ConvertedRows, is_mapped

# The one home of all checks: those of numbers, names, functions and tables are handed on.
from deeprob_fast._scalars import check_callable as check_callable  # noqa: PLC0414
from deeprob_fast._scalars import check_choice as check_choice  # noqa: PLC0414
from deeprob_fast._scalars import check_integer as check_integer  # noqa: PLC0414
from deeprob_fast._scalars import check_path as check_path  # noqa: PLC0414
from deeprob_fast._scalars import check_positive as check_positive  # noqa: PLC0414
from deeprob_fast._scalars import check_real as check_real  # noqa: PLC0414
from deeprob_fast._scalars import check_seed as check_seed  # noqa: PLC0414
from deeprob_fast._scalars import check_sequence as check_sequence  # noqa: PLC0414
from deeprob_fast._scalars import did_you_mean as did_you_mean  # noqa: PLC0414
from deeprob_fast._scalars import one_or_several as one_or_several  # noqa: PLC0414
from deeprob_fast._strategy import STRATEGIES
from deeprob_fast._tables import check_exact as check_exact  # noqa: PLC0414
from deeprob_fast._tables import check_unmasked as check_unmasked  # noqa: PLC0414
from deeprob_fast._tables import plain
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

# Rows of a mapped file that take more are converted piece by piece, where the kernels cannot read them in place.
_CONVERTED_BYTES = 1 << 28


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


def _native_dtype(name: str, array: AnyArray) -> np.dtype[Any]:
    dtype = array.dtype.newbyteorder("=")
    target = dtype if dtype in NATIVE_DTYPES else _WIDENED.get(dtype)
    if target is None:
        msg = f"{name} must hold real numbers (float16, float32, float64 or integers); got dtype {array.dtype}"
        raise TypeError(msg)
    return target


def _has_contiguous_rows(array: AnyArray) -> bool:
    return bool(array.shape[1] <= 1 or array.strides[1] == array.itemsize) and array.strides[0] >= 0


def _with_contiguous_rows(array: AnyArray, dtype: np.dtype[Any]) -> AnyArray:
    """Copy the array only if the kernels cannot read it in place."""
    array = np.require(array, dtype=dtype, requirements="A")
    return array if _has_contiguous_rows(array) else np.ascontiguousarray(array)


def _converted(name: str, dtype: np.dtype[Any], array: AnyArray) -> AnyArray:
    check_exact(name, array)
    return _with_contiguous_rows(array, dtype)


def _check_matrix(name: str, values: object, n_features: int | None = None) -> tuple[AnyArray, np.dtype[Any]]:
    """Return a 2-D array as it is, and the native dtype that holds its values."""
    array = as_numbers(name, values)
    dtype = _native_dtype(name, array)
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
    array, dtype = _check_matrix(name, values, n_features)
    return _converted(name, dtype, array)


def check_train(values: object) -> AnyArray:
    """Return training rows, at least one."""
    train = check_rows("train", values)
    _check_not_empty(train)
    return train


def check_train_source(values: object) -> AnyArray | ConvertedRows:
    """Return training rows; those of a large mapped file are converted piece by piece where they must be."""
    array, dtype = _check_matrix("train", values)
    _check_not_empty(array)
    in_place = array.dtype == dtype and array.flags.aligned and _has_contiguous_rows(array)
    if in_place or array.nbytes <= _CONVERTED_BYTES or not is_mapped(array):
        return _converted("train", dtype, array)
    return ConvertedRows(array, dtype, partial(_converted, "train", dtype))


def _check_not_empty(train: AnyArray) -> None:
    if len(train) == 0:
        msg = f"train must have at least one row; got shape {train.shape}"
        raise ValueError(msg)


def check_values(values: object) -> AnyArray:
    """Return a matrix for `top_k`: C-ordered rows of float32, float64 or int64."""
    array = as_numbers("values", values)
    if array.ndim != 2:
        msg = f"values must be 2-D; got shape {array.shape}"
        raise ValueError(msg)
    dtype = array.dtype.newbyteorder("=")
    if dtype in (np.float32, np.float64, np.int64):
        target = dtype
    elif dtype.kind in "iub" and dtype != np.uint64:
        target = np.dtype(np.int64)
    elif dtype == np.float16:
        target = np.dtype(np.float32)
    else:
        msg = f"values must hold real numbers or integers that fit int64; got dtype {array.dtype}"
        raise TypeError(msg)
    array = _with_contiguous_rows(array, target)
    # Eigen takes a stride of zero for that of rows one behind the other.
    return np.ascontiguousarray(array) if array.strides[0] == 0 else array


def check_k(k: Any, available: int, what: str = "the number of training rows", name: str = "k") -> int:
    """Return a number of neighbours."""
    return check_integer(name, k, 1, available, what)


def check_metric(metric: object) -> str:
    """Return the name of a metric."""
    return check_choice("metric", metric, _kernels.METRICS)


def check_strategy(strategy: object) -> str:
    """Return the name of a strategy."""
    return check_choice("strategy", strategy, STRATEGIES)


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


def check_k_values(
    k: int | Sequence[int], n_train: int, name: str = "k", what: str = "the number of training rows"
) -> tuple[int, ...]:
    """Return several numbers of neighbours, in the order given, each once."""
    checked = tuple(dict.fromkeys(check_k(value, n_train, what, name) for value in one_or_several(k)))
    if not checked:
        msg = f"{name} must hold at least one number of neighbours; got {k!r}"
        raise ValueError(msg)
    return checked


def check_point(name: str, values: object) -> Float64:
    """Return a C-ordered float64 copy of a finite point at which a function is differentiated."""
    array = as_numbers(name, values)
    if array.dtype.kind in "iub":
        msg = f"{name} must hold floating-point numbers, or a small step would round away; got dtype {array.dtype}"
        raise TypeError(msg)
    if array.dtype.kind != "f":
        msg = f"{name} must hold real floating-point numbers; got dtype {array.dtype}"
        raise TypeError(msg)
    with np.errstate(over="ignore"):
        point = np.array(array, dtype=np.float64, order="C")
    if not np.isfinite(point).all():
        index = tuple(np.argwhere(~np.isfinite(point))[0].tolist())
        msg = f"{name} must be finite; got {array[index]} at index {index}"
        raise ValueError(msg)
    return point


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


def check_penalty(reg: Any, penalty: object, l1_ratio: Any) -> tuple[float, float]:
    """Return the factors of the sum of squares and of the sum of absolute values."""
    strength = check_real("reg", reg, 0)
    share = {"l2": 0.0, "l1": 1.0, "elasticnet": check_real("l1_ratio", l1_ratio, 0, 1)}
    ratio = share[check_choice("penalty", penalty, tuple(share))]
    return strength * (1 - ratio), strength * ratio


def check_weights(values: object, n_rows: int) -> AnyArray:
    """Return a matrix of weights, (n_rows, n_classes), as float32 or float64."""
    array = as_numbers("W", values)
    if array.ndim != 2 or array.shape[0] != n_rows or array.shape[1] == 0:
        msg = f"W must have shape ({n_rows}, n_classes), one row for each feature (and the bias); got {array.shape}"
        raise ValueError(msg)
    dtype = _native_dtype("W", array)
    check_exact("W", array)
    return array.astype(np.float64 if dtype.itemsize > 4 or dtype.kind != "f" else np.float32, copy=False)


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
    dtype = _native_dtype(name, array)
    check_exact(name, array)
    array = array.astype(dtype)
    if not np.isfinite(array).all():
        msg = f"{name} must be finite; got {array[~np.isfinite(array)][0]} for {of} {int(np.argmin(np.isfinite(array)))}"
        raise ValueError(msg)
    return array


def check_sample_weight(values: object, n_rows: int) -> Float64:
    """Return one weight for each row, none negative and not all zero; all divided by a power of two where sums might overflow."""
    weights = check_vector("sample_weight", values, n_rows, "row").astype(np.float64)
    if (weights < 0).any() or not weights.any():
        msg = f"sample_weight must not be negative, and not zero for all rows; got {weights.min()}"
        raise ValueError(msg)
    return of_ordinary_size(weights)


def of_ordinary_size(weights: Float64) -> Float64:
    """Return weights of which only the ratios count, all divided by a power of two where products or sums might overflow."""
    exponent = int(np.frexp(weights.max())[1])
    return weights if abs(exponent) < 400 else np.ldexp(weights, -exponent)


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


def check_parameter(name: str, values: object) -> AnyArray:
    """Return an array that an optimizer can change in place."""
    if not isinstance(values, np.ndarray):
        msg = f"{name} must be a NumPy array, to be changed in place; got {type(values).__name__}"
        raise TypeError(msg)
    check_unmasked(name, values)
    if values.dtype not in (np.float32, np.float64):
        msg = f"{name} must be float32 or float64; got dtype {values.dtype}"
        raise TypeError(msg)
    if not values.flags.writeable:
        msg = f"{name} must be writable, to be changed in place; got a read-only array"
        raise ValueError(msg)
    return values.view(np.ndarray)


def check_gradient(name: str, values: object, parameter: AnyArray) -> AnyArray:
    """Return an array of the parameter's shape and dtype."""
    array = as_numbers(name, values)
    if array.shape != parameter.shape:
        msg = f"{name} must have the shape of its parameter, {parameter.shape}; got shape {array.shape}"
        raise ValueError(msg)
    if array.dtype != parameter.dtype:
        msg = f"{name} must have the dtype of its parameter, {parameter.dtype}; got dtype {array.dtype}"
        raise TypeError(msg)
    return array
