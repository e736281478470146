"""Examples as the linear kernels read them: rows of any type in place, labels, weights, a standardisation, a bias.

The kernels keep weights slice of columns by slice, each (n_classes, width of the slice), with zeros behind the last column.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np

from deeprob_fast import _kernels, _validation
from deeprob_fast._memory import aligned_zeros
from deeprob_fast._typing import AnyArray, ArrayLike, Float64, Int64
from deeprob_fast.linear.checks import check_sample_weight


class Examples(NamedTuple):
    """Rows with labels; features are (row - shift) * scale, with a column of ones behind them if there is a bias.

    Attributes
    ----------
    rows : array, shape (n_examples, n_features)
    labels : array of int64, shape (n_examples,)
        Numbers of classes.
    sample_weights : array of float64, shape (n_examples,) or (0,)
        Empty: all 1.
    shift, scale : arrays of the dtype of the computation, shape (n_features,) or (0,)
    bias : bool
    """

    rows: AnyArray
    labels: Int64
    sample_weights: Float64
    shift: AnyArray
    scale: AnyArray
    bias: bool

    @property
    def dtype(self) -> np.dtype[Any]:
        """In which everything is computed: float32 or float64."""
        return self.shift.dtype

    @property
    def n_columns(self) -> int:
        """How many weights a class has, its bias included."""
        return int(self.rows.shape[1]) + self.bias

    def with_rows(self, rows: AnyArray, labels: Int64, sample_weights: Float64 | None = None) -> Self:
        """Return other examples of the same features, standardised alike."""
        return self._replace(rows=rows, labels=labels, sample_weights=np.empty(0) if sample_weights is None else sample_weights)

    def without_rows(self) -> Self:
        """Return no examples of these features; the rows are not kept alive."""
        return self.with_rows(self.rows[:0].copy(), self.labels[:0].copy())

    def columns(self, numbers: slice | AnyArray) -> Float64:
        """Return these rows as the classifier sees them, standardised and with the column of ones, in float64."""
        rows = self.rows[numbers].astype(np.float64)
        if self.shift.size:
            rows = (rows - self.shift) * self.scale
        return np.hstack([rows, np.ones((len(rows), 1))]) if self.bias else rows

    def packed(self, weights: AnyArray) -> AnyArray:
        """Return weights (..., n_classes, n_columns) in the kernels' layout, (..., size)."""
        *several, n_classes, _ = weights.shape
        bounds = _kernels.column_slices(self.n_columns)
        packed = aligned_zeros((*several, n_classes * bounds[-1]), self.dtype)
        for columns, part in self._slices(packed, n_classes):
            part[..., : columns.stop - columns.start] = weights[..., columns]
        return packed

    def unpacked(self, packed: AnyArray, n_classes: int) -> AnyArray:
        """Return weights (..., n_classes, n_columns) from the kernels' layout."""
        weights = np.empty((*packed.shape[:-1], n_classes, self.n_columns), dtype=packed.dtype)
        for columns, part in self._slices(packed, n_classes):
            weights[..., columns] = part[..., : columns.stop - columns.start]
        return weights

    def _slices(self, packed: AnyArray, n_classes: int) -> Iterator[tuple[slice, AnyArray]]:
        """Yield the columns of each slice, and its place in packed weights as (..., n_classes, width)."""
        for begin, end in pairwise(_kernels.column_slices(self.n_columns)):
            part = packed[..., n_classes * begin : n_classes * end]
            yield slice(begin, min(end, self.n_columns)), part.reshape(*packed.shape[:-1], n_classes, end - begin)


def computing_dtype(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
    """Return float64 if one of the dtypes is float64, else float32."""
    return np.dtype(np.float64 if np.float64 in dtypes else np.float32)


def _factors(values: ArrayLike | None, name: str, n_features: int, dtype: np.dtype[Any], default: float) -> AnyArray:
    if values is None:
        return np.full(n_features, default, dtype=dtype)
    array = _validation.check_vector(name, values, n_features, "feature")
    if name == "std" and not (array > 0).all():
        msg = f"std must be above 0; got {array.min()} for feature {int(array.argmin())}"
        raise ValueError(msg)
    with np.errstate(all="ignore"):
        factors = array.astype(dtype)
        usable = np.isfinite(1 / factors if name == "std" else factors) & np.isfinite(factors)
    if not usable.all():
        what = " and its inverse" if name == "std" else ""
        msg = f"{name}{what} must fit {dtype}; got {array[~usable][0]} for feature {int(usable.argmin())}"
        raise ValueError(msg)
    return factors


def examples_of(
    rows: AnyArray,
    labels: Int64,
    dtype: np.dtype[Any],
    *,
    sample_weight: ArrayLike | None = None,
    mean: ArrayLike | None = None,
    std: ArrayLike | None = None,
    bias: bool = False,
) -> Examples:
    """Put checked rows and labels together with what else describes the examples."""
    nothing = np.empty(0, dtype=dtype)
    shift, scale = nothing, nothing
    if mean is not None or std is not None:
        n_features = rows.shape[1]
        shift = _factors(mean, "mean", n_features, dtype, 0.0)
        scale = 1 / _factors(std, "std", n_features, dtype, 1.0)
    weights = np.empty(0)
    if sample_weight is not None:
        weights = check_sample_weight(sample_weight, len(rows))
    return Examples(rows, labels, weights, shift, scale, bias)


def check_finite_loss(loss: float, rows: AnyArray, weights: AnyArray | None, name: str = "W") -> None:
    """Name the culprit of a loss that is not finite, if it is an input; what overflowed by itself is left as it is."""
    if np.isfinite(loss):
        return
    if weights is not None and not np.isfinite(weights).all():
        msg = f"{name} must be finite; it holds NaN or infinity"
        raise ValueError(msg)
    _validation.check_finite_rows("X", rows)


# Squares of features up to this, sums of them and products of those are far from the ends of float64.
LARGEST_FEATURE = 1e75


def check_features(name: str, examples: Examples) -> Float64:
    """Return the largest magnitude of each feature, unless one is too large for the solvers."""
    rows = examples.rows
    low, high = rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64)
    if not (np.isfinite(low) & np.isfinite(high)).all():
        _validation.check_finite_rows(name, rows)
    with np.errstate(over="ignore"):
        if examples.shift.size:
            low, high = (low - examples.shift) * examples.scale, (high - examples.shift) * examples.scale
    sizes: Float64 = np.maximum(np.abs(low), np.abs(high))
    if not sizes.max() <= LARGEST_FEATURE:
        what = "less mean, over std, " if examples.shift.size else ""
        came = f"{sizes.max():g} for feature {int(sizes.argmax())}"
        msg = f"{name} must hold features {what}up to {LARGEST_FEATURE:g} in magnitude, to be squared; got {came}"
        raise ValueError(msg)
    return sizes
