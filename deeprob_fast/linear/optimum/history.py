"""The pairs of steps and changes of the gradient that L-BFGS remembers."""

from collections.abc import Callable

import numpy as np

from deeprob_fast._typing import Float64, Int64


class History:
    """The last pairs, and the inverse Hessian they stand for.

    The two loops of L-BFGS are carried out as products of the stored pairs with one vector, and small triangular recurrences
    over the inner products of the pairs: each pair is read from memory four times a step, by BLAS.
    """

    def __init__(self, n_pairs: int, shape: tuple[int, int]) -> None:
        self._steps: Float64 = np.zeros((n_pairs, shape[0] * shape[1]))
        self._changes: Float64 = np.zeros_like(self._steps)
        self._products: Float64 = np.zeros((n_pairs, n_pairs))  # steps times changes
        self._order: list[int] = []  # rows, the oldest first
        self._shape = shape

    def append(self, step: Float64, change: Float64) -> None:
        """Remember a pair, if its curvature is positive; the oldest makes room."""
        if not float(np.vdot(step, change)) > 1e-300:
            return
        row = len(self._order) if len(self._order) < len(self._steps) else self._order.pop(0)
        self._order.append(row)
        self._steps[row] = step.ravel()
        self._changes[row] = change.ravel()
        used = len(self._order)
        self._products[row, :used] = self._changes[:used] @ self._steps[row]
        self._products[:used, row] = self._steps[:used] @ self._changes[row]

    def add_curvature(self, curvature: float, columns: slice) -> None:
        """Let the pairs be those of an objective with this much more curvature in these columns of the weights."""
        used = len(self._order)
        steps = self._steps[:used].reshape(used, *self._shape)
        self._changes[:used].reshape(used, *self._shape)[:, :, columns] += curvature * steps[:, :, columns]
        self._products[:used, :used] = self._steps[:used] @ self._changes[:used].T

    def solve(self, right: Float64, inner: Callable[[Float64], Float64]) -> Float64:
        """Apply the inverse Hessian, which is that of `inner`, scaled by the last pair, before any pair."""
        order = np.array(self._order, dtype=np.int64)
        used = len(order)
        if not used:
            return inner(right)
        products = self._products[np.ix_(order, order)]
        curvatures = products.diagonal()
        backward = (self._steps[:used] @ right.ravel())[order]
        alpha = np.zeros(used)
        for j in range(used - 1, -1, -1):
            alpha[j] = (backward[j] - products[j, j + 1 :] @ alpha[j + 1 :]) / curvatures[j]
        vector = right.ravel() - self._combine(alpha, order, self._changes)
        last = self._changes[order[-1]]
        scale = curvatures[-1] / float(last @ inner(last.reshape(self._shape)).ravel())
        solved = scale * inner(vector.reshape(self._shape)).ravel()
        forward = (self._changes[:used] @ solved)[order]
        beta = np.zeros(used)
        for j in range(used):
            beta[j] = alpha[j] - (forward[j] + products[:j, j] @ beta[:j]) / curvatures[j]
        return np.asarray((solved + self._combine(beta, order, self._steps)).reshape(self._shape))

    @staticmethod
    def _combine(factors: Float64, order: Int64, rows: Float64) -> Float64:
        placed = np.zeros(len(order))
        placed[order] = factors
        return np.asarray(placed @ rows[: len(order)])
