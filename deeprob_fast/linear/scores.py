"""Scores of rows under the weights of a linear classifier."""

from collections.abc import Iterator

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._typing import AnyArray, Float64, Int64
from deeprob_fast.linear.examples import computing_dtype, examples_of

_BLOCK_VALUES = 2**22
_NO_LABELS = np.empty(0, dtype=np.int64)


def linear_scores(rows: AnyArray, weights: AnyArray, n_threads: int, *, bias: bool = True) -> AnyArray:
    """Return the scores (n_rows, n_classes) under weights (n_classes, n_columns), a bias last, in their common dtype."""
    dtype = computing_dtype(rows.dtype, weights.dtype)
    examples = examples_of(rows, _NO_LABELS, dtype, bias=bias)
    scores = np.empty((len(rows), len(weights)), dtype=dtype)
    _kernels.linear_scores(examples, len(weights), examples.packed(weights), scores, n_threads)
    return scores


def all_classes(weights: AnyArray, present: Int64, n_classes: int) -> Float64:
    """Give weights (n_features + 1, n_present) of some classes a column for every class; a bias of -inf bars the others."""
    result = np.zeros((len(weights), n_classes))
    result[-1] = -np.inf
    result[:, present] = weights
    return result


def score_blocks(rows: AnyArray, weights: Float64, n_threads: int) -> Iterator[tuple[slice, Float64]]:
    """Yield the scores (n, n_classes) of one block of rows after the other, in float64; -inf for classes that are barred."""
    possible = np.flatnonzero(np.isfinite(weights[-1]))
    of_possible = np.ascontiguousarray(weights.T[possible])
    block = max(1, _BLOCK_VALUES // weights.shape[1])
    for start in range(0, len(rows), block):
        part = slice(start, min(start + block, len(rows)))
        scores = np.full((part.stop - start, weights.shape[1]), -np.inf)
        scores[:, possible] = linear_scores(rows[part], of_possible, n_threads)
        yield part, scores


def predict(rows: AnyArray, weights: Float64, n_threads: int) -> Int64:
    """Return the number of the class with the largest score; of equal ones the first."""
    predictions = np.empty(len(rows), dtype=np.int64)
    for part, scores in score_blocks(rows, weights, n_threads):
        predictions[part] = scores.argmax(axis=1)
    return predictions
