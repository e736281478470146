"""SciPy's L-BFGS-B, with the same stopping rule and the same report as the preconditioned solver."""

import math

import numpy as np

from deeprob_fast._typing import Float64
from deeprob_fast.linear.optimum.certificate import DualBound
from deeprob_fast.linear.optimum.certifier import Certifier
from deeprob_fast.linear.optimum.problem import Objective, Penalized, Point, Solution


class _Watch:
    """Keeps the best point, and stops SciPy when its gap is closed."""

    def __init__(self, problem: Penalized, tol: float) -> None:
        self._problem = problem
        self.certifier = Certifier(problem, DualBound(problem.objective, free_bias=problem.free_bias), tol)
        self.best: Point | None = None

    def evaluate(self, flat: Float64) -> tuple[float, Float64]:
        objective = self._problem.objective
        point = self._problem(flat.reshape(objective.n_classes, objective.n_features).copy())
        settled = self.certifier.look(point)
        if self.best is None or settled.value <= self.best.value:
            self.best = settled
        return point.value, point.gradient.ravel()

    def after_iteration(self, flat: Float64) -> None:  # noqa: ARG002  # SciPy passes it
        if self.best is not None and self.certifier.closed(self.best):
            raise StopIteration


def minimize_lbfgs(
    objective: Objective,
    start: Float64,
    reg: float,
    *,
    free_bias: bool,
    tol: float = 1e-6,
    max_iter: int = 1000,
    n_pairs: int = 20,
) -> Solution:
    """Minimise under one penalty, until the certified gap is at most `tol` times the value."""
    from scipy.optimize import minimize

    problem = Penalized(objective, reg, free_bias=free_bias)
    watch = _Watch(problem, tol)
    options = {"maxcor": n_pairs, "maxiter": max_iter, "maxfun": 100 * (max_iter + 1), "ftol": 0.0, "gtol": 0.0, "maxls": 50}
    flat = np.array(start, dtype=np.float64).ravel()
    result = minimize(watch.evaluate, flat, jac=True, method="L-BFGS-B", options=options, callback=watch.after_iteration)
    if watch.best is None:
        msg = "SciPy did not evaluate the objective"
        raise RuntimeError(msg)
    finished = result.nit < max_iter
    best = watch.certifier.look(watch.best, last=finished)
    closed = watch.certifier.closed(best)
    message = "the value does not decrease any more in float64" if finished else "max_iter is reached"
    return Solution(
        weights=best.weights,
        value=best.value,
        gradient_norm=float(np.linalg.norm(best.gradient)),
        gap=watch.certifier.gap(best),
        gap_estimate=math.nan,
        n_iterations=int(result.nit),
        n_evaluations=problem.n_evaluations,
        converged=closed,
        message="the certified gap is within the tolerance" if closed else message,
    )
