"""What penalties and weights may be."""

from typing import Any

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._tables import check_exact
from deeprob_fast._typing import AnyArray, Float64

# Of the multiclass hinge.
FORMULATIONS = ("weston_watkins", "one_vs_all", "runner_up")


def check_penalty(reg: Any, penalty: object, l1_ratio: Any) -> tuple[float, float]:
    """Return the factors of the sum of squares and of the sum of absolute values."""
    strength = _scalars.check_real("reg", reg, 0)
    share = {"l2": 0.0, "l1": 1.0, "elasticnet": _scalars.check_real("l1_ratio", l1_ratio, 0, 1)}
    ratio = share[_scalars.check_choice("penalty", penalty, tuple(share))]
    return strength * (1 - ratio), strength * ratio


def check_weights(values: object, n_rows: int) -> AnyArray:
    """Return a matrix of weights, (n_rows, n_classes), as float32 or float64."""
    array = _validation.as_numbers("W", values)
    if array.ndim != 2 or array.shape[0] != n_rows or array.shape[1] == 0:
        msg = f"W must have shape ({n_rows}, n_classes), one row for each feature (and the bias); got {array.shape}"
        raise ValueError(msg)
    dtype = _validation.native_dtype("W", array)
    check_exact("W", array)
    return array.astype(np.float64 if dtype.itemsize > 4 or dtype.kind != "f" else np.float32, copy=False)


def check_sample_weight(values: object, n_rows: int) -> Float64:
    """Return one weight for each row, none negative and not all zero; all divided by a power of two where sums might overflow."""
    weights = _validation.check_vector("sample_weight", values, n_rows, "row").astype(np.float64)
    if (weights < 0).any() or not weights.any():
        msg = f"sample_weight must not be negative, and not zero for all rows; got {weights.min()}"
        raise ValueError(msg)
    return of_ordinary_size(weights)


def of_ordinary_size(weights: Float64) -> Float64:
    """Return weights of which only the ratios count, all divided by a power of two where products or sums might overflow."""
    exponent = int(np.frexp(weights.max())[1])
    return weights if abs(exponent) < 400 else np.ldexp(weights, -exponent)
