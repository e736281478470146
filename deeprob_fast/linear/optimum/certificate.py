"""Lower bounds of the minimum by the Fenchel dual, at no cost beyond the gradient."""

import math

import numpy as np

from deeprob_fast.linear.optimum.problem import Objective, Penalized, Point


class DualBound:
    """Bounds how far a point is above the minimum.

    Dual variables are a distribution q_i over the classes for each row. With the mean gradient G(q) of the rows, those of the
    penalised weights, and the entropy H,

        minimum >= mean w_i H(q_i) - |G(q)|² / (4 reg)

    provided that, for a free bias, the q_i add up to the weights of the classes. At q = p, the probabilities of the point, the
    distance to that bound is |gradient|² / (4 reg), which is what strong convexity says too. With a free bias whose gradient is
    not zero, p is moved to q_i = (1 - t) p_i + t r with the one distribution r that makes the sums right, t as small as r >= 0
    allows; H is concave, and all else is linear in q.
    """

    def __init__(self, objective: Objective, *, free_bias: bool) -> None:
        self._free_bias = free_bias
        if free_bias:
            self._class_sums = objective.class_sums()
            self._mean_row = self._class_sums.sum(axis=0)

    @property
    def total(self) -> float:
        """Return the sum of the rows' weights over their number, known with a free bias."""
        return float(self._mean_row[-1])

    def gap(self, problem: Penalized, point: Point) -> float:
        """Return how far the point is above the bound of its own dual variables."""
        if problem.reg <= 0:
            return math.inf
        inside = point.gradient[:, problem.penalized]
        if not self._free_bias:
            return float(np.vdot(inside, inside)) / (4 * problem.reg)
        weights, bias = point.weights[:, :-1], point.weights[:, -1]
        frequencies = self._class_sums[:, -1]
        sums = np.maximum(frequencies + point.gradient[:, -1], 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            kept = min(1.0, float(np.where(sums > 0, frequencies / sums, 1.0).min()))
        moved = 1 - kept
        rest = np.maximum(frequencies - kept * sums, 0)
        share = rest / rest.sum() if moved > 0 and rest.sum() > 0 else np.full_like(sums, 1 / len(sums))
        data_gradient = inside - 2 * problem.reg * weights
        shift = moved * (np.outer(share, self._mean_row[:-1]) - self._class_sums[:, :-1] - data_gradient)
        # The mean entropy of p, from mean loss - mean entropy = <gradient, weights>.
        loss = point.value - problem.reg * float(np.vdot(weights, weights))
        bias_term = float(np.vdot(point.gradient[:, -1], bias))
        entropy = loss - float(np.vdot(data_gradient, weights)) - bias_term
        with np.errstate(divide="ignore", invalid="ignore"):
            share_entropy = -self.total * float(np.where(share > 0, share * np.log(share), 0.0).sum())
        whole = inside + shift
        gap = float(np.vdot(whole, whole)) / (4 * problem.reg) + bias_term + moved * (entropy - share_entropy)
        gap -= float(np.vdot(weights, shift))
        return max(0.0, gap) if math.isfinite(gap) else math.inf
