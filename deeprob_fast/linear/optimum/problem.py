"""What the solvers minimise, and what they hand back."""

from typing import NamedTuple, Protocol

import numpy as np

from deeprob_fast._typing import Float64


class Objective(Protocol):
    """The data term of softmax regression: the weighted mean of the rows' losses, without the penalty.

    Weights are (n_classes, n_features) arrays; features include the column of ones, the last, where there is a bias. Means divide
    by the number of rows, whatever the rows' weights add up to, unless said otherwise.
    """

    @property
    def n_classes(self) -> int:
        """Return the number of classes."""

    @property
    def n_features(self) -> int:
        """Return the number of features, the bias among them."""

    def value_and_gradient(self, weights: Float64) -> tuple[float, Float64]:
        """Return the mean loss and its gradient, in float64 accuracy."""

    def gram(self, weights: Float64) -> Float64:
        """Return the (n_features, n_features) mean of h x xᵀ, h being 1 - |p|² over its average: undecided rows count most.

        With all h zero, that of x xᵀ. It only steers: a sample of the rows will do.
        """

    def class_covariance(self, weights: Float64) -> Float64:
        """Return the (n_classes, n_classes) average of diag(p) - p pᵀ, by weights that add up to 1. A sample will do as well."""

    def class_sums(self) -> Float64:
        """Return the (n_classes, n_features) weighted sums of the rows of each class, over the number of rows.

        Of all rows, unlike the two above: certificates with a free bias rest on it.
        """


class Solution(NamedTuple):
    """Where a solver ended, and how near to the minimum that is known to be.

    Attributes
    ----------
    weights : ndarray of shape (n_classes, n_features)
    value : float
        Mean loss and penalty at these weights.
    gradient_norm : float
        Euclidean norm of the gradient.
    gap : float
        Certified: the value exceeds the minimum by no more than this, up to the rounding of the evaluations. Infinite without
        a penalty.
    gap_estimate : float
        What a quadratic model with the curvature seen so far says of the same distance. An estimate, no bound; NaN where the
        solver has no such model.
    n_iterations, n_evaluations : int
    converged : bool
        Whether the gap, or its estimate where that was asked for, is within the tolerance.
    message : str
        Why the solver stopped.
    """

    weights: Float64
    value: float
    gradient_norm: float
    gap: float
    gap_estimate: float
    n_iterations: int
    n_evaluations: int
    converged: bool
    message: str


class Point(NamedTuple):
    """Weights with what an evaluation found there, penalty included."""

    weights: Float64
    value: float
    gradient: Float64


class Penalized:
    """The data term and reg times the sum of the squared weights (no half), those of a free bias left out. Counts evaluations."""

    def __init__(self, objective: Objective, reg: float, *, free_bias: bool) -> None:
        self.objective = objective
        self.reg = reg
        self.free_bias = free_bias
        self.n_evaluations = 0

    @property
    def penalized(self) -> slice:
        """Return the columns with a penalty."""
        return slice(0, self.objective.n_features - self.free_bias)

    def __call__(self, weights: Float64) -> Point:
        """Evaluate."""
        self.n_evaluations += 1
        value, gradient = self.objective.value_and_gradient(weights)
        gradient = np.array(gradient)
        inside = weights[:, self.penalized]
        gradient[:, self.penalized] += 2 * self.reg * inside
        return Point(weights, value + self.reg * float(np.vdot(inside, inside)), gradient)
