"""L-BFGS on top of the Kronecker model of the Hessian: for one penalty, or along a path of them."""

import math
from collections.abc import Callable

import numpy as np

from deeprob_fast._typing import Float64
from deeprob_fast.linear.optimum.certificate import DualBound
from deeprob_fast.linear.optimum.certifier import Certifier
from deeprob_fast.linear.optimum.history import History
from deeprob_fast.linear.optimum.line_search import search
from deeprob_fast.linear.optimum.preconditioner import Preconditioner
from deeprob_fast.linear.optimum.problem import Objective, Penalized, Point, Solution

_HISTORY_BYTES = 128 << 20
_LEAST_PAIRS, _MOST_PAIRS = 8, 40
_ROUGH = 1e-5  # relative gap that float32 is asked for
# The covariance of the classes is taken anew after so many times the iterations of the refresh before; the Gram matrix, whose
# eigendecomposition costs as much as several evaluations, not before the run proves long, over all calls.
_CLASSES_GROWTH = 1.6
_FIRST_ROWS, _ROWS_GROWTH = 24, 4
_STALLED = 1e-15  # relative decrease; so many steps in a row below it end the search, unless the certificate still improves
_STALLED_STEPS = 3
_SHRINKS = 0.9  # a certificate that improves is smaller than so much of the best before


class PreconditionedSolver:
    """Minimises one data term under any penalties; what does not depend on the penalty is computed once.

    Each iteration takes the pairs of L-BFGS on top of the Kronecker model (Nocedal and Wright, Numerical Optimization, algorithm
    7.4), scaled by the last pair. The model is taken anew as the weights move, ever more rarely.
    Calls after the first go on from the curvature that the earlier ones saw.

    Parameters
    ----------
    objective : Objective
    free_bias : bool
        Whether the last feature is a bias, without penalty.
    rough : Objective, optional
        The same data term in float32, say: faster, and good enough until the gap is small. Every solution is certified by
        `objective` all the same.
    n_pairs : int, optional
        How many steps L-BFGS remembers; each takes two arrays of the size of the weights. As many as 128 MB hold, from 8 to 40.
    callback : callable, optional
        Called with the value and the certified gap after every iteration; a true result stops.
    watch : callable, optional
        Called with the value and the gap that decides when to stop, certified or estimated.
    """

    def __init__(
        self,
        objective: Objective,
        *,
        free_bias: bool,
        rough: Objective | None = None,
        n_pairs: int | None = None,
        callback: Callable[[float, float], object] | None = None,
        watch: Callable[[float, float], object] | None = None,
    ) -> None:
        self._objective = objective
        self._watch = watch
        self._callback = callback
        self._rough = rough
        self._free_bias = free_bias
        shape = (objective.n_classes, objective.n_features)
        if n_pairs is None:
            n_pairs = min(max(_HISTORY_BYTES // (16 * shape[0] * shape[1]), _LEAST_PAIRS), _MOST_PAIRS)
        self._model = Preconditioner(free_bias=free_bias)
        self._bound = DualBound(objective, free_bias=free_bias)
        self._history = History(n_pairs, shape)
        self._history_reg = 0.0
        self._n_iterations = 0  # of all calls
        self._next_rows = 0

    def minimize(
        self, start: Float64, reg: float, *, tol: float = 1e-6, max_iter: int = 1000, certified: bool = True
    ) -> Solution:
        """Minimise from these weights, until the gap is at most `tol` times the value.

        With `certified=False` the estimate of the gap decides, where it is the smaller one: under a weak penalty the certificate
        takes several times as many iterations.
        """
        problem = Penalized(self._objective, reg, free_bias=self._free_bias)
        start = np.array(start, dtype=np.float64)
        with np.errstate(all="ignore"):  # the line search turns back from what is not finite, and no gap is certified by it
            self._history.add_curvature(2 * (reg - self._history_reg), problem.penalized)
            self._history_reg = reg
            if self._rough is None:
                return self._minimize(problem, start, tol, max_iter, certified=certified)
            roughly = Penalized(self._rough, reg, free_bias=self._free_bias)
            first = self._minimize(roughly, start, max(tol, _ROUGH), max_iter, certified=certified)
            last = self._minimize(problem, first.weights, tol, max_iter - first.n_iterations, certified=certified)
        counts = first.n_iterations + last.n_iterations, first.n_evaluations + last.n_evaluations
        return last._replace(n_iterations=counts[0], n_evaluations=counts[1])

    def _minimize(self, problem: Penalized, start: Float64, tol: float, max_iter: int, *, certified: bool) -> Solution:
        certifier = Certifier(problem, self._bound, tol)
        point = problem(start)
        smallest, stalled, refresh, iteration, message = math.inf, 0, 0, 0, ""
        while True:
            point = self._move(point, certifier.look(point))
            if self._n_iterations >= self._next_rows:
                self._next_rows = max(_FIRST_ROWS, _ROWS_GROWTH * self._n_iterations)
                self._model.take_rows(problem, point.weights)
                self._model.take_classes(problem, point.weights)
            elif iteration >= refresh:
                self._model.take_classes(problem, point.weights)
                refresh = max(refresh + 1, math.ceil(_CLASSES_GROWTH * refresh))
            direction = -self._history.solve(point.gradient, self._model.solve)
            estimate = -float(np.vdot(point.gradient, direction)) / 2
            estimated = not certified and 0 <= estimate <= tol * abs(point.value)
            stalled = 0 if certifier.smallest < _SHRINKS * smallest else stalled
            smallest = min(smallest, certifier.smallest)
            if certifier.closed(point) or estimated:
                break
            if self._watch is not None:
                gap = certifier.gap(point)
                self._watch(point.value, gap if certified or not estimate > 0 else min(gap, estimate))
            if self._callback is not None and self._callback(point.value, certifier.gap(point)):
                message = "the callback asked to stop"
                break
            if iteration >= max_iter:
                message = "max_iter is reached"
                break
            following = search(problem, point, direction) if stalled < _STALLED_STEPS else None
            if following is None:
                message = "the value does not decrease any more in float64"
                point = certifier.look(point, last=True)
                break
            stalled = stalled + 1 if point.value - following.value <= _STALLED * abs(point.value) else 0
            point = self._move(point, following)
            iteration += 1
            self._n_iterations += 1
        closed = certifier.closed(point)
        if closed or estimated:
            message = f"the {'certified' if closed else 'estimated'} gap is within the tolerance"
        return Solution(
            weights=point.weights,
            value=point.value,
            gradient_norm=float(np.linalg.norm(point.gradient)),
            gap=certifier.gap(point),
            gap_estimate=estimate,
            n_iterations=iteration,
            n_evaluations=problem.n_evaluations,
            converged=closed or estimated,
            message=message,
        )

    def _move(self, point: Point, following: Point) -> Point:
        """Remember the step between two points."""
        if following is not point:
            self._history.append(following.weights - point.weights, following.gradient - point.gradient)
        return following
