"""Watches the points of a solver: the best lower bound so far, and a bias that is settled where it alone keeps the gap open."""

import math
from collections.abc import Iterator

import numpy as np

from deeprob_fast.linear.optimum.certificate import DualBound
from deeprob_fast.linear.optimum.problem import Penalized, Point

_ROUNDING = 1e-14  # relative, of values
_SETTLING_STEPS = 4
_SETTLED_AGAIN = 0.25  # only after the weights' part of the gap has shrunk to so much of what it was


class Certifier:
    """Keeps what is certified of one minimisation.

    The gap is of the second order in the gradient of the weights, but of the first in that of a free bias. Where the first is
    small enough, Newton steps in the bias alone close the rest, each for one evaluation.
    """

    def __init__(self, problem: Penalized, bound: DualBound, tol: float) -> None:
        self._problem = problem
        self._bound = bound
        self._tol = tol
        self._lower = -math.inf
        self._settle_below = math.inf
        self.smallest = math.inf  # gap of a point to its own bound

    def gap(self, point: Point) -> float:
        """Return how far the point is above the best lower bound."""
        return point.value - self._lower

    def closed(self, point: Point) -> bool:
        """Return whether the gap is within the tolerance."""
        return self.gap(point) <= self._tol * abs(point.value)

    def look(self, point: Point, *, last: bool = False) -> Point:
        """Take a point into account, and return it or one with a better bias; `last` if nothing else can improve it."""
        self._note(point)
        if not self._problem.free_bias or self._problem.reg <= 0 or self.closed(point):
            return point
        inside = point.gradient[:, self._problem.penalized]
        part = float(np.vdot(inside, inside)) / (4 * self._problem.reg)
        if not last:
            if part > min(self._tol * abs(point.value) / 2, self._settle_below):
                return point
            self._settle_below = _SETTLED_AGAIN * part
        for settled in self._settle(point):
            point = settled
            self._note(point)
            if self.closed(point):
                break
        return point

    def _note(self, point: Point) -> None:
        gap = self._bound.gap(self._problem, point)
        self.smallest = min(self.smallest, gap)
        self._lower = max(self._lower, point.value - gap)

    def _settle(self, point: Point) -> Iterator[Point]:
        """Yield the points of Newton steps in the bias alone, as long as its gradient shrinks."""
        covariance = self._bound.total * self._problem.objective.class_covariance(point.weights)
        inverse = np.linalg.pinv(covariance, hermitian=True)
        for _ in range(_SETTLING_STEPS):
            weights = point.weights.copy()
            weights[:, -1] -= inverse @ point.gradient[:, -1]
            following = self._problem(weights)
            shrinks = np.abs(following.gradient[:, -1]).sum() < 0.5 * np.abs(point.gradient[:, -1]).sum()
            if not shrinks or following.value > point.value + _ROUNDING * abs(point.value):
                return
            point = following
            yield point
