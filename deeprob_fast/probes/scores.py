"""Scores of examples under the weights of a probe, block by block."""

from collections.abc import Iterator

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._typing import AnyArray, Float64, Int64
from deeprob_fast.linear.examples import gather
from deeprob_fast.scoring.accuracy import accuracy, mean_per_class_accuracy

_BLOCK_VALUES = 2**22
METRICS = ("accuracy", "mean_per_class")


def all_classes(weights: AnyArray, present: Int64, n_classes: int) -> Float64:
    """Give weights (n_features + 1, n_present) of some classes a column for every class; a bias of -inf bars the others."""
    result = np.zeros((len(weights), n_classes))
    result[-1] = -np.inf
    result[:, present] = weights
    return result


def unfold(weights: AnyArray, mean: Float64 | None, std: Float64 | None) -> Float64:
    """Return weights (n_features + 1, n_classes) of standardised features for the features as they are."""
    result = weights.astype(np.float64)
    if mean is not None and std is not None:
        result[:-1] /= std[:, np.newaxis]
        result[-1] -= mean @ result[:-1]
    return result


def score_blocks(rows: AnyArray, weights: Float64, n_threads: int) -> Iterator[tuple[slice, Float64]]:
    """Yield the scores (n, n_classes) of some rows after the other, in float64; -inf for classes that are barred."""
    possible = np.flatnonzero(np.isfinite(weights[-1]))
    examples = gather(rows, np.empty(0, dtype=np.int64), np.dtype(np.float64), bias=True)
    packed = examples.packed(weights.T[possible])
    block = max(1, _BLOCK_VALUES // weights.shape[1])
    for start in range(0, len(rows), block):
        part = slice(start, min(start + block, len(rows)))
        found = np.empty((part.stop - start, len(possible)))
        _kernels.linear_scores(examples._replace(rows=rows[part]), len(possible), packed, found, n_threads)
        scores = np.full((len(found), weights.shape[1]), -np.inf)
        scores[:, possible] = found
        yield part, scores


def predict(rows: AnyArray, weights: Float64, n_threads: int) -> Int64:
    """Return the number of the class with the largest score; of equal ones the first."""
    predictions = np.empty(len(rows), dtype=np.int64)
    for part, scores in score_blocks(rows, weights, n_threads):
        predictions[part] = scores.argmax(axis=1)
    return predictions


def merit(metric: str, truth: Int64, predictions: Int64, n_classes: int) -> float:
    """Return the accuracy by which settings are chosen."""
    if metric == "mean_per_class":
        return mean_per_class_accuracy(truth, predictions, n_classes)
    return accuracy(truth, predictions)
