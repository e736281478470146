"""The data term of softmax regression as the full-batch solvers see it, computed by the kernels."""

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._memory import aligned_empty
from deeprob_fast._typing import AnyArray, Float64, KernelLoss, KernelPenalty
from deeprob_fast.linear.examples import Examples

_SAMPLE_ROWS = 4096  # what steers needs no more
_CHUNK_ROWS = 4096


class SoftmaxObjective:
    """Mean softmax loss and its derivatives, without the penalty; see `solvers.Objective`.

    Parameters
    ----------
    examples : Examples
        With weights whose mean is 1, or none.
    n_classes : int
    n_threads : int
    """

    def __init__(self, examples: Examples, n_classes: int, n_threads: int) -> None:
        self.examples = examples
        self.n_classes = n_classes
        self.n_threads = n_threads
        self._sampled: tuple[Float64, Float64] | None = None

    @property
    def n_features(self) -> int:
        """How many features there are, the bias among them."""
        return self.examples.n_columns

    def value_and_gradient(self, weights: Float64) -> tuple[float, Float64]:
        """Return the mean loss and its gradient, in float64 whatever is computed in."""
        packed = self.examples.packed(weights)
        gradient = aligned_empty(packed.shape, packed.dtype)
        loss, penalty = KernelLoss("softmax", 0.0), KernelPenalty(0.0, 0.0, 0)  # no margin and no penalty
        value = _kernels.loss_and_gradient(self.examples, loss, penalty, self.n_classes, packed, gradient, self.n_threads)
        return value, self.examples.unpacked(gradient, self.n_classes).astype(np.float64, copy=False)

    def _weights(self, numbers: slice | AnyArray) -> Float64:
        weights = self.examples.sample_weights
        return weights[numbers] if weights.size else np.ones(len(self.examples.rows[numbers]))

    @property
    def _sample(self) -> tuple[Float64, Float64]:
        """Evenly spread rows, and their weights."""
        if self._sampled is None:
            n_rows = len(self.examples.rows)
            numbers = np.unique(np.linspace(0, n_rows - 1, min(n_rows, _SAMPLE_ROWS)).astype(np.int64))
            self._sampled = self.examples.columns(numbers), self._weights(numbers)
        return self._sampled

    def _probabilities(self, weights: Float64) -> Float64:
        scores = self._sample[0] @ weights.T
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities: Float64 = powers / powers.sum(axis=1, keepdims=True)
        return probabilities

    def gram(self, weights: Float64) -> Float64:
        """Return the mean of h x x' over a sample, h being 1 - |p|^2 over its average; with all h zero that of x x'."""
        columns, row_weights = self._sample
        doubt = row_weights * (1 - (self._probabilities(weights) ** 2).sum(axis=1))
        average = doubt.mean()
        factors = doubt / average if average > 0 else row_weights
        gram: Float64 = (columns.T * factors) @ columns / len(columns)
        return gram

    def class_covariance(self, weights: Float64) -> Float64:
        """Return the average of diag(p) - p p' over a sample."""
        probabilities = self._probabilities(weights)
        factors = self._sample[1] / self._sample[1].sum()
        covariance: Float64 = np.diag(factors @ probabilities) - (probabilities.T * factors) @ probabilities
        return covariance

    def class_sums(self) -> Float64:
        """Return the weighted sums of the rows of each class, over the number of rows."""
        sums = np.zeros((self.n_classes, self.n_features))
        n_rows = len(self.examples.rows)
        for start in range(0, n_rows, _CHUNK_ROWS):
            part = slice(start, min(start + _CHUNK_ROWS, n_rows))
            hot = (self.examples.labels[part] == np.arange(self.n_classes)[:, None]) * self._weights(part)
            sums += hot @ self.examples.columns(part)
        return sums / n_rows
