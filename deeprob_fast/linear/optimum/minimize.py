"""Softmax regression to the optimum, with a certificate of how near it is."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._docstrings import sharing
from deeprob_fast._threads import one_blas_thread
from deeprob_fast._typing import ArrayLike, Float64
from deeprob_fast.linear.data import TrainingData
from deeprob_fast.linear.examples import LARGEST_FEATURE, check_features
from deeprob_fast.linear.optimum.lbfgs import minimize_lbfgs
from deeprob_fast.linear.optimum.objective import SoftmaxObjective
from deeprob_fast.linear.optimum.preconditioned import PreconditionedSolver
from deeprob_fast.linear.optimum.problem import Solution

SOLVERS = ("preconditioned", "lbfgs")

_ROUGH_FEATURES = (1e-18, 1e18)  # whose squares, and weights, fit float32
_LARGEST = LARGEST_FEATURE


_DATA = """
X : array-like, shape (n_examples, n_features)
    float32, float64, float16, uint8 or int8, read in place. Features, standardised ones if there is a mean or a std, up to
    1e75 in magnitude.
y : array-like of int, shape (n_examples,)
    Numbers of classes, from 0.
"""

_COLUMNS_AND_THREADS = """
bias : bool
    Whether there is a bias, as if X had a column of ones behind its features.
penalize_bias : bool
    Whether the penalty counts it.
sample_weight : array-like, shape (n_examples,), optional
    Not negative. The loss is the weighted mean.
mean, std : array-like, shape (n_features,), optional
    Standardise the features on the fly: (X - mean) / std.
n_threads : int, optional
    By default all that the environment grants.
"""

_RAISES = """
Raises
------
ValueError
    If a shape, a value or a name is not as stated above.
TypeError
    If an array does not hold real numbers or y integers.
"""

_shared = sharing(data=_DATA, columns_and_threads=_COLUMNS_AND_THREADS, raises=_RAISES)


def _strength(name: str, reg: object) -> float:
    strength = _scalars.check_real(name, reg, 0)
    if strength > _LARGEST:
        msg = f"{name} must be at most {_LARGEST:g}; got {strength:g}"
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


class _Problem:
    """The checked arguments that both functions share."""

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        n_classes: int | None,
        initial_weights: ArrayLike | None,
        bias: bool,
        penalize_bias: bool,
        sample_weight: ArrayLike | None,
        mean: ArrayLike | None,
        std: ArrayLike | None,
        tol: float,
        max_iter: int,
        n_threads: int | None,
        name: str = "X",
    ) -> None:
        threads = _validation.check_n_threads(n_threads)
        data = TrainingData(X, y, n_classes, bias, sample_weight, mean, std, "float64", initial_weights)
        examples = data.examples
        if examples.sample_weights.size:
            examples = examples._replace(sample_weights=examples.sample_weights / examples.sample_weights.mean())
        self.tol = _scalars.check_real("tol", tol, 0)
        self.max_iter = _scalars.check_integer("max_iter", max_iter, 1, 2**31, "iterations")
        self.start = np.asarray(data.starting_weights(0.0, 0), dtype=np.float64)
        if not (np.abs(self.start) <= _LARGEST).all():
            msg = f"initial_weights must be finite, up to {_LARGEST:g} in magnitude; got {np.abs(self.start).max():g}"
            raise ValueError(msg)
        self.free_bias = bool(bias) and not penalize_bias
        sizes = check_features(name, examples)
        self.objective = SoftmaxObjective(examples, data.n_classes, threads)
        self.rough = None
        with np.errstate(over="ignore", under="ignore"):
            rough = examples._replace(shift=examples.shift.astype(np.float32), scale=examples.scale.astype(np.float32))
        fits = np.isfinite(rough.shift).all() and np.isfinite(rough.scale).all() and rough.scale.all()
        smallest, largest = _ROUGH_FEATURES
        fits = fits and sizes.max() <= largest and sizes.min(initial=1, where=sizes > 0) >= smallest
        if examples.rows.dtype != np.float64 and fits:
            self.rough = SoftmaxObjective(rough, data.n_classes, threads)


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
    n_classes : int, optional
        By default the largest of y + 1.
    initial_weights : array-like, shape (n_features, n_classes), optional
        To start from, with one row more if there is a bias; by default 0.
    {columns_and_threads}

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
    problem = _Problem(
        X,
        y,
        n_classes=n_classes,
        initial_weights=initial_weights,
        bias=bias,
        penalize_bias=penalize_bias,
        sample_weight=sample_weight,
        mean=mean,
        std=std,
        tol=tol,
        max_iter=max_iter,
        n_threads=n_threads,
    )
    with one_blas_thread():
        if name == "lbfgs":
            return _optimum(
                minimize_lbfgs(
                    problem.objective,
                    problem.start,
                    strength,
                    free_bias=problem.free_bias,
                    tol=problem.tol,
                    max_iter=problem.max_iter,
                )
            )
        descent = PreconditionedSolver(problem.objective, free_bias=problem.free_bias, rough=problem.rough, callback=callback)
        return _optimum(
            descent.minimize(problem.start, strength, certified=certified, tol=problem.tol, max_iter=problem.max_iter)
        )


class PathSolver:
    """Minimises the softmax loss of one problem under one penalty after another; see `minimize_softmax` for the arguments.

    All share the eigenvectors of the features' second moments and the curvature that earlier ones saw. `name` is that of X in
    messages; `watch` is told the loss and the gap of every iteration.
    """

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        tol: float,
        max_iter: int,
        certified: bool,
        n_classes: int | None = None,
        bias: bool = True,
        penalize_bias: bool = False,
        sample_weight: ArrayLike | None = None,
        mean: ArrayLike | None = None,
        std: ArrayLike | None = None,
        n_threads: int | None = None,
        name: str = "X",
        watch: Callable[[float, float], object] | None = None,
    ) -> None:
        self._problem = _Problem(
            X,
            y,
            n_classes=n_classes,
            initial_weights=None,
            bias=bias,
            penalize_bias=penalize_bias,
            sample_weight=sample_weight,
            mean=mean,
            std=std,
            tol=tol,
            max_iter=max_iter,
            n_threads=n_threads,
            name=name,
        )
        self._certified = certified
        with one_blas_thread():
            self._descent = PreconditionedSolver(
                self._problem.objective, free_bias=self._problem.free_bias, rough=self._problem.rough, watch=watch
            )

    def solve(self, reg: float, start: Float64 | None = None) -> Optimum:
        """Minimise under this penalty, from the weights of another solution or from 0."""
        problem = self._problem
        weights = problem.start if start is None else start.T
        with one_blas_thread():
            return _optimum(
                self._descent.minimize(weights, reg, tol=problem.tol, max_iter=problem.max_iter, certified=self._certified)
            )


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
    n_classes : int, optional
        By default the largest of y + 1.
    {columns_and_threads}

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
    given = _scalars.check_sequence("regs", regs, "numbers")
    strengths = [_strength(f"regs[{i}]", reg) for i, reg in enumerate(given)]
    solver = PathSolver(
        X,
        y,
        tol=tol,
        max_iter=max_iter,
        certified=certified,
        n_classes=n_classes,
        bias=bias,
        penalize_bias=penalize_bias,
        sample_weight=sample_weight,
        mean=mean,
        std=std,
        n_threads=n_threads,
    )
    found: dict[int, Optimum] = {}
    start = None
    for i in sorted(range(len(strengths)), key=lambda number: -strengths[number]):
        found[i] = solver.solve(strengths[i], start)
        start = found[i].W
    return [found[i] for i in range(len(strengths))]
