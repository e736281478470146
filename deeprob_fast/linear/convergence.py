"""Whether a classifier has come near the minimum of its objective: what one more step gains.

Features that lie far off, or whose spreads differ, keep gradient descent from the minimum for longer than anybody waits. A step
along the gradient of the standardised features shows it: what it gains is certainly missing.
"""

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._memory import aligned_empty
from deeprob_fast._typing import AnyArray, Float64, KernelLoss, KernelPenalty
from deeprob_fast.linear.classifiers import Classifier
from deeprob_fast.linear.examples import Examples

_SAMPLE_ROWS = 4096  # the direction may be any; only what it gains is computed from all examples
_LENGTHS = np.array([0.0, 0.1, 0.3, 1.0, 3.0, 10.0])


def _centers_and_spreads(examples: Examples) -> tuple[Float64, Float64]:
    """Return means and deviations of the columns over a sample, the bias left out; without a bias nothing can be subtracted."""
    n_rows = len(examples.rows)
    sample = np.unique(np.linspace(0, n_rows - 1, min(n_rows, _SAMPLE_ROWS)).astype(np.int64))
    columns = examples.columns(sample)[:, : examples.rows.shape[1]]
    centers = columns.mean(axis=0) if examples.bias else np.zeros(columns.shape[1])
    spreads = np.sqrt(((columns - centers) ** 2).mean(axis=0))
    return centers, np.where(spreads > 0, spreads, 1.0)


@np.errstate(all="ignore")  # what overflows gains nothing
def possible_decrease(
    examples: Examples,
    held_out: Examples | None,
    classifier: Classifier,
    weights: AnyArray,
    *,
    penalize_bias: bool,
    n_threads: int,
) -> float:
    """Return by how much one step lowers the objective, a lower bound of its distance from the minimum; 0 if none lowers it.

    Parameters
    ----------
    examples : Examples
    held_out : Examples or None
        If these are given, the step has to lower their loss.
    classifier : Classifier
        Whose loss and penalty count.
    weights : array, shape (n_classes, n_columns)
    penalize_bias : bool
    n_threads : int

    Notes
    -----
    One pass over the examples for the gradient, one without gradients for all lengths of the step, and a sample of the rows.
    """
    n_classes, n_features = len(weights), examples.rows.shape[1]
    n_penalized = examples.n_columns if penalize_bias else n_features
    packed = examples.packed(weights)
    gradient = aligned_empty(packed.shape, packed.dtype)
    loss, penalty = KernelLoss(classifier.loss, classifier.delta), KernelPenalty(classifier.l2, classifier.l1, n_penalized)
    _kernels.loss_and_gradient(examples, loss, penalty, n_classes, packed, gradient, n_threads)
    step = examples.unpacked(gradient, n_classes).astype(np.float64)
    centers, spreads = _centers_and_spreads(examples)
    if examples.bias:
        step[:, :-1] -= step[:, -1:] * centers
    step[:, :n_features] /= spreads**2
    if examples.bias:
        step[:, -1] -= step[:, :-1] @ centers
    tried = (weights - _LENGTHS[:, np.newaxis, np.newaxis] * step).astype(examples.dtype)
    if not np.isfinite(tried).all():
        return 0.0
    losses, accuracies = np.empty(len(tried)), np.empty(len(tried))
    judge = examples if held_out is None else held_out
    _kernels.evaluate(judge, [loss] * len(tried), n_classes, judge.packed(tried).reshape(-1), losses, accuracies, n_threads)
    if held_out is None:
        penalized = tried[..., :n_penalized].astype(np.float64)
        losses += classifier.l2 * (penalized**2).sum(axis=(1, 2)) + classifier.l1 * np.abs(penalized).sum(axis=(1, 2))
    return float(losses[0] - np.fmin.reduce(losses))
