"""A Kronecker model of the Hessian: the covariance of the classes times the Gram matrix of the rows, plus the penalty."""

import numpy as np

from deeprob_fast._typing import Float64
from deeprob_fast.linear.optimum.problem import Penalized

_SMALLEST = 1e-12  # of the eigenvalues, relative to the largest


class Preconditioner:
    """Solves S X A + 2 reg X = R in the eigenvectors of both factors.

    The Hessian is the mean of (diag p - p pᵀ) ⊗ x xᵀ; the model takes the two factors for independent: S is the mean of the
    first, A that of x xᵀ, where rows count by the trace of their first factor. A free bias is taken out by centring: with scores
    W (x - mean) + c the model falls apart into the weights and c. One eigendecomposition of A serves many S and all reg.
    """

    def __init__(self, *, free_bias: bool) -> None:
        self._free_bias = free_bias

    def take_rows(self, problem: Penalized, weights: Float64) -> None:
        """Take the Gram matrix at these weights; that of the classes must follow."""
        gram = problem.objective.gram(weights)
        if self._free_bias:
            self._total = float(gram[-1, -1])
            self._mean: Float64 = gram[-1, :-1] / self._total
            gram = gram[:-1, :-1] - self._total * np.outer(self._mean, self._mean)
        values, vectors = np.linalg.eigh(gram)
        self._row_values: Float64 = np.maximum(values, 0)
        self._row_vectors: Float64 = np.ascontiguousarray(vectors)

    def take_classes(self, problem: Penalized, weights: Float64) -> None:
        """Take the covariance of the classes at these weights, and the reg of the problem."""
        values, self._class_vectors = np.linalg.eigh(problem.objective.class_covariance(weights))
        self._class_values: Float64 = np.maximum(values, 0)
        curvature = self._class_values[:, None] * self._row_values + 2 * problem.reg
        self._inverse: Float64 = 1 / np.maximum(curvature, max(_SMALLEST * float(curvature.max(initial=0)), 1e-300))

    def solve(self, right: Float64) -> Float64:
        """Solve for one (n_classes, n_features) right-hand side."""
        rotated = self._class_vectors.T @ right
        if not self._free_bias:
            inside = (rotated @ self._row_vectors) * self._inverse
            return np.asarray(self._class_vectors @ inside @ self._row_vectors.T)
        solved = np.empty_like(rotated)
        centred = rotated[:, :-1] - np.outer(rotated[:, -1], self._mean)
        solved[:, :-1] = ((centred @ self._row_vectors) * self._inverse) @ self._row_vectors.T
        not_negligible = self._class_values > _SMALLEST * self._class_values.max(initial=0)
        bias = np.divide(rotated[:, -1], self._total * self._class_values, out=np.zeros(len(rotated)), where=not_negligible)
        solved[:, -1] = bias - solved[:, :-1] @ self._mean
        return np.asarray(self._class_vectors @ solved)
