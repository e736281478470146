"""Standardised features: their means and deviations, and weights that are worth the same for the original ones."""

from collections.abc import Iterator

import numpy as np

from deeprob_fast._examples import Examples
from deeprob_fast._typing import AnyArray, Float64

_CHUNK = 4096


def _chunks(rows: AnyArray) -> Iterator[tuple[slice, Float64]]:
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        yield part, rows[part].astype(np.float64)


def moments(rows: AnyArray, weights: Float64) -> tuple[Float64, Float64]:
    """Compute the weighted mean and deviation of each feature; the deviation of constant ones is 1.

    Two passes in float64 over pieces of the rows, of which no converted copy is made.
    """
    total = weights.sum()
    mean = np.zeros(rows.shape[1])
    for part, values in _chunks(rows):
        mean += np.einsum("i,ij->j", weights[part], values)
    mean /= total
    variance = np.zeros(rows.shape[1])
    for part, values in _chunks(rows):
        deviations = values - mean
        variance += np.einsum("i,ij,ij->j", weights[part], deviations, deviations)
    std = np.sqrt(variance / total)
    tiny = np.maximum(10 * np.finfo(np.float64).eps * np.abs(mean), np.finfo(np.float32).tiny)
    return mean, np.where(std > tiny, std, 1.0)


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
