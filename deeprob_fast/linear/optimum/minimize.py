"""Softmax regression to the optimum, with a certificate of how near it is."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from deeprob_fast import _scalars
from deeprob_fast._docstrings import sharing
from deeprob_fast._threads import one_blas_thread
from deeprob_fast._typing import ArrayLike, Float64
from deeprob_fast.linear.docstrings import SHARED
from deeprob_fast.linear.examples import LARGEST_FEATURE
from deeprob_fast.linear.optimum.lbfgs import minimize_lbfgs
from deeprob_fast.linear.optimum.preconditioned import PreconditionedSolver
from deeprob_fast.linear.optimum.problem import Solution
from deeprob_fast.linear.optimum.softmax_problem import SoftmaxProblem

SOLVERS = ("preconditioned", "lbfgs")


_DATA = """
X : array-like, shape (n_examples, n_features)
    float32, float64, float16, uint8 or int8, read in place. Features, standardised ones if there is a mean or a std, up to
    1e75 in magnitude.
y : array-like of int, shape (n_examples,)
    Numbers of classes, from 0.
"""

_COLUMNS = """
bias : bool
    Whether there is a bias, as if X had a column of ones behind its features.
penalize_bias : bool
    Whether the penalty counts it.
sample_weight : array-like, shape (n_examples,), optional
    Not negative. The loss is the weighted mean.
"""

_shared = sharing(**SHARED, data=_DATA, columns=_COLUMNS)


def _strength(name: str, reg: object) -> float:
    strength = _scalars.check_real(name, reg, 0)
    if strength > LARGEST_FEATURE:
        msg = f"{name} must be at most {LARGEST_FEATURE:g}; got {strength:g}"
        raise ValueError(msg)
    return strength


class Optimum(NamedTuple):
    """Weights at the minimum of mean loss + reg * R(W), and how near to it they are known to be.

    Attributes
    ----------
    W : array of float64, shape (n_features, n_classes)
        One row more if there is a bias, which is the last.
    loss : float
        Mean loss and penalty at W.
    gradient_norm : float
        Euclidean norm of the gradient.
    gap : float
        Certified: `loss` exceeds the minimum by no more than this, up to the rounding of the evaluation. Infinite without
        a penalty.
    gap_estimate : float
        The same distance by a quadratic model: usually far smaller than `gap`, but no bound. NaN for "lbfgs".
    n_iterations, n_evaluations : int
    converged : bool
        Whether the gap is within the tolerance (its estimate, if that was asked for).
    message : str
        Why the solver stopped.
    """

    W: Float64
    loss: float
    gradient_norm: float
    gap: float
    gap_estimate: float
    n_iterations: int
    n_evaluations: int
    converged: bool
    message: str


def _optimum(solution: Solution) -> Optimum:
    return Optimum(np.ascontiguousarray(solution.weights.T), *solution[1:])


@_shared
def minimize_softmax(
    X: ArrayLike,
    y: ArrayLike,
    *,
    reg: float,
    solver: str = "preconditioned",
    tol: float = 1e-6,
    max_iter: int = 1000,
    certified: bool = True,
    callback: Callable[[float, float], object] | None = None,
    n_classes: int | None = None,
    initial_weights: ArrayLike | None = None,
    bias: bool = True,
    penalize_bias: bool = False,
    sample_weight: ArrayLike | None = None,
    mean: ArrayLike | None = None,
    std: ArrayLike | None = None,
    n_threads: int | None = None,
) -> Optimum:
    """Minimise the softmax loss + reg * sum of squared weights over all examples.

    Parameters
    ----------
    {data}
    reg : float
        Strength of the penalty: 1 / (2 C n_examples) for the C of scikit-learn's LogisticRegression.
    solver : {"preconditioned", "lbfgs"}
        L-BFGS on top of a Kronecker model of the Hessian; or SciPy's L-BFGS-B.
    tol : float
        Stop when the certified gap is at most this share of the loss.
    max_iter : int
    certified : bool
        Whether the certified gap decides; otherwise its estimate does where that is smaller, which under a weak penalty takes
        a fraction of the iterations. Only for "preconditioned".
    callback : callable, optional
        Called with the loss and the certified gap after every iteration; a true result stops. Only for "preconditioned".
    {n_classes}
    initial_weights : array-like, shape (n_features, n_classes), optional
        To start from, with one row more if there is a bias; by default 0.
    {columns}
    {standardisation}
    {threads}

    Returns
    -------
    Optimum

    {raises}

    Notes
    -----
    Nocedal and Wright, Numerical Optimization, algorithm 7.4, with the inverse of S (x) A + 2 reg as initial matrix, S being the
    mean covariance of the class probabilities and A the second moments of the features. Without a free bias the gap is
    `norm(gradient)^2 / (4 reg)`, by strong convexity; with one it comes from the Fenchel dual. Evaluations are in float32 until
    the gap is small (not for float64 X), then in float64, which decides. Costs one loss and gradient an iteration.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> found = df.minimize_softmax([[-1.0], [1.0], [2.0]], [0, 1, 1], reg=0.1)
    >>> found.converged, found.gap <= 1e-6 * found.loss
    (True, True)
    """
    name = _scalars.check_choice("solver", solver, SOLVERS)
    strength = _strength("reg", reg)
    tol = _scalars.check_real("tol", tol, 0)
    max_iter = _scalars.check_integer("max_iter", max_iter, 1, 2**31, "iterations")
    problem = SoftmaxProblem(
        X,
        y,
        n_classes=n_classes,
        initial_weights=initial_weights,
        bias=bias,
        penalize_bias=penalize_bias,
        sample_weight=sample_weight,
        mean=mean,
        std=std,
        n_threads=n_threads,
    )
    if name == "preconditioned":
        return PathSolver(problem, tol=tol, max_iter=max_iter, certified=certified, callback=callback).solve(strength)
    with one_blas_thread():
        solution = minimize_lbfgs(
            problem.objective, problem.start, strength, free_bias=problem.free_bias, tol=tol, max_iter=max_iter
        )
    return _optimum(solution)


class PathSolver:
    """Minimises the softmax loss of one problem under one penalty after another; see `minimize_softmax` for the arguments.

    All share the eigenvectors of the features' second moments and the curvature that earlier ones saw. `watch` is told the loss
    and the gap of every iteration.
    """

    def __init__(
        self,
        problem: SoftmaxProblem,
        *,
        tol: float,
        max_iter: int,
        certified: bool,
        callback: Callable[[float, float], object] | None = None,
        watch: Callable[[float, float], object] | None = None,
    ) -> None:
        self._problem = problem
        self._options: dict[str, Any] = {"tol": tol, "max_iter": max_iter, "certified": certified}
        with one_blas_thread():
            self._descent = PreconditionedSolver(
                problem.objective, free_bias=problem.free_bias, rough=problem.rough, callback=callback, watch=watch
            )

    def solve(self, reg: float, start: Float64 | None = None) -> Optimum:
        """Minimise under this penalty, from the weights of another solution or from those of the problem."""
        weights = self._problem.start if start is None else start.T
        with one_blas_thread():
            return _optimum(self._descent.minimize(weights, reg, **self._options))


@_shared
def softmax_path(
    X: ArrayLike,
    y: ArrayLike,
    *,
    regs: Sequence[float],
    tol: float = 1e-4,
    max_iter: int = 1000,
    certified: bool = True,
    n_classes: int | None = None,
    bias: bool = True,
    penalize_bias: bool = False,
    sample_weight: ArrayLike | None = None,
    mean: ArrayLike | None = None,
    std: ArrayLike | None = None,
    n_threads: int | None = None,
) -> list[Optimum]:
    """Minimise the softmax loss under several penalties, each from the solution before.

    Parameters
    ----------
    {data}
    regs : sequence of float
        Strengths of the penalty, in any order; the strongest is solved first.
    tol : float
        Each stops when its certified gap is at most this share of its loss.
    max_iter : int
        For each.
    certified : bool
        Whether the certified gaps decide; otherwise their estimates do where those are smaller.
    {n_classes}
    {columns}
    {standardisation}
    {threads}

    Returns
    -------
    list of Optimum
        In the order of `regs`.

    {raises}

    See Also
    --------
    minimize_softmax : One penalty; says how.

    Notes
    -----
    All share the eigenvectors of the features' second moments and the curvature that earlier ones saw.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> path = df.softmax_path([[-1.0], [1.0], [2.0]], [0, 1, 1], regs=[0.01, 1.0])
    >>> [found.converged for found in path]
    [True, True]
    """
    strengths = [_strength(f"regs[{i}]", reg) for i, reg in enumerate(_scalars.check_sequence("regs", regs, "numbers"))]
    tol = _scalars.check_real("tol", tol, 0)
    max_iter = _scalars.check_integer("max_iter", max_iter, 1, 2**31, "iterations")
    problem = SoftmaxProblem(
        X,
        y,
        n_classes=n_classes,
        bias=bias,
        penalize_bias=penalize_bias,
        sample_weight=sample_weight,
        mean=mean,
        std=std,
        n_threads=n_threads,
    )
    solver = PathSolver(problem, tol=tol, max_iter=max_iter, certified=certified)
    optima: dict[int, Optimum] = {}
    start = None
    for i in sorted(range(len(strengths)), key=lambda number: -strengths[number]):
        optima[i] = solver.solve(strengths[i], start)
        start = optima[i].W
    return [optima[i] for i in range(len(strengths))]
