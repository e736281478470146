"""Standardised features: their means and deviations, and weights that are worth the same for the original ones."""

from collections.abc import Iterator

import numpy as np

from deeprob_fast import _validation
from deeprob_fast._typing import AnyArray, Float64, Int64
from deeprob_fast.linear.examples import Examples

_CHUNK = 4096
_LARGEST = 1e307  # differences are finite
_SQUARED = 400  # exponents up to this, and down to its negative, leave room for squares and their sums


def _chunks(rows: AnyArray, exponents: Int64 | None = None) -> Iterator[tuple[slice, Float64]]:
    """Yield pieces of the rows in float64, divided by powers of two."""
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        values = rows[part].astype(np.float64)
        yield part, values if exponents is None or not exponents.any() else np.ldexp(values, -exponents)


def _exponents(name: str, rows: AnyArray) -> Int64:
    """Return the powers of two by which features must be divided so that their values can be squared; 0 for ordinary ones."""
    largest = np.ones(rows.shape[1])
    if rows.dtype == np.float64:  # squares of all other types fit
        largest[:] = 0
        for _, values in _chunks(rows):
            np.maximum(largest, np.maximum(values.max(axis=0), -values.min(axis=0)), out=largest)
    if not (largest <= _LARGEST).all():
        _validation.check_finite_rows(name, rows)
        msg = f"{name} must hold values up to {_LARGEST:g} in magnitude to be standardised; got {largest.max():g}"
        raise ValueError(msg)
    exponents: Int64 = np.frexp(largest)[1].astype(np.int64)
    return np.where(np.abs(exponents) > _SQUARED, exponents, 0)


def moments(name: str, rows: AnyArray, weights: Float64) -> tuple[Float64, Float64]:
    """Compute the weighted mean and deviation of each feature; the deviation of constant ones is 1.

    Two passes in float64 over pieces of the rows, of which no converted copy is made; one more over float64.
    """
    exponents = _exponents(name, rows)
    total = weights.sum()
    mean = np.zeros(rows.shape[1])
    for part, values in _chunks(rows, exponents):
        mean += np.einsum("i,ij->j", weights[part], values)
    mean /= total
    variance = np.zeros(rows.shape[1])
    for part, values in _chunks(rows, exponents):
        deviations = values - mean
        variance += np.einsum("i,ij,ij->j", weights[part], deviations, deviations)
    std = np.ldexp(np.sqrt(variance / total), exponents)
    mean = np.ldexp(mean, exponents)
    smallest = np.finfo(np.float64 if rows.dtype == np.float64 else np.float32).tiny  # whose inverse is finite
    constant = std <= np.maximum(10 * np.finfo(np.float64).eps * np.abs(mean), smallest)
    # Less the value itself a constant feature is 0; less its rounded mean, a large one would be some large number.
    return np.where(constant, rows[weights.argmax()].astype(np.float64), mean), np.where(constant, 1.0, std)


def for_features(weights: AnyArray, examples: Examples) -> Float64:
    """Return weights (n_classes, n_columns) of standardised examples for their features as they are, the bias always last."""
    n_features = examples.rows.shape[1]
    result = np.zeros((len(weights), n_features + 1))
    result[:, : weights.shape[1]] = weights
    if examples.scale.size:
        result[:, :-1] *= examples.scale
        result[:, -1] -= result[:, :-1] @ examples.shift.astype(np.float64)
    return result


def for_columns(weights: Float64, examples: Examples) -> Float64:
    """Return weights (n_classes, n_features + 1) of the features as they are for the standardised ones of the examples."""
    result = weights.copy()
    if examples.scale.size:
        result[:, -1] += result[:, :-1] @ examples.shift.astype(np.float64)
        result[:, :-1] /= examples.scale
    return result[:, : examples.n_columns]


def unfold(weights: AnyArray, mean: Float64 | None, std: Float64 | None) -> Float64:
    """Return weights (n_features + 1, n_classes) of standardised features for the features as they are."""
    result = weights.astype(np.float64)
    if mean is not None and std is not None:
        result[:-1] /= std[:, np.newaxis]
        result[-1] -= mean @ result[:-1]
    return result
