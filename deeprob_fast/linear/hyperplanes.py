"""The geometry of binary linear classifiers: a hyperplane, its margins, what supports them."""

from dataclasses import dataclass

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._typing import ArrayLike, Float64, Int64


@dataclass(frozen=True, eq=False)
class Hyperplane:
    """The points x with w^T x - b = 0, and beside them the margins w^T x - b = 1 and w^T x - b = -1.

    Note the minus before b: `b` is the negative of scikit-learn's `intercept_`, and b / norm(w) the plane's distance from the
    origin along w.

    Parameters
    ----------
    w : array-like, shape (n_features,)
        Normal vector, towards the side of the label 1. Not 0.
    b : float
        Offset.

    Raises
    ------
    ValueError
        If w is 0 or so small that the margins are further apart than float64 holds, or something is not finite.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> plane = df.Hyperplane([3.0, 4.0], 5.0)
    >>> plane.margin_width
    0.4
    >>> plane.distances([[3.0, 4.0], [0.0, 0.0]]).tolist()
    [4.0, -1.0]
    """

    w: Float64
    b: float

    def __post_init__(self) -> None:
        w = _validation.as_numbers("w", self.w)
        w = _validation.check_vector("w", w, w.size, "feature").astype(np.float64)
        if not w.any():
            msg = f"w must not be 0; got {w.tolist()}"
            raise ValueError(msg)
        object.__setattr__(self, "w", w)
        object.__setattr__(self, "b", _scalars.check_real("b", self.b, -np.inf))
        if not np.isfinite(self.margin_width):
            msg = f"w must be large enough for 2 / norm(w) to be finite; got {w.tolist()}"
            raise ValueError(msg)

    @property
    def _exponent(self) -> int:
        """A power of two near the largest weight: divided by it, all that float64 holds can be squared."""
        return int(np.frexp(np.abs(self.w).max())[1])

    @property
    def margin_width(self) -> float:
        """Distance between the two margins, 2 / norm(w)."""
        with np.errstate(over="ignore"):
            return float(np.ldexp(2 / np.linalg.norm(np.ldexp(self.w, -self._exponent)), -self._exponent))

    def _values(self, X: ArrayLike, exponent: int) -> Float64:
        """Return w^T x - b over a power of two."""
        points = _validation.check_rows("X", X, n_features=len(self.w))
        with np.errstate(over="ignore", invalid="ignore"):
            w, b = np.ldexp(self.w, -exponent), np.ldexp(self.b, -exponent)
            values: Float64 = points.astype(np.float64) @ w - b
        if not np.isfinite(values).all():
            _validation.check_finite_rows("X", points)
            row = int(np.argmin(np.isfinite(values)))
            msg = f"X must hold points at which w^T x - b is finite in float64; got {values[row]} for row {row}"
            raise ValueError(msg)
        return values

    def decision_function(self, X: ArrayLike) -> Float64:
        """Compute w^T x - b, whose sign is the side and whose absolute value is 1 on the margins.

        Parameters
        ----------
        X : array-like, shape (n_points, n_features)

        Returns
        -------
        array of float64, shape (n_points,)

        Raises
        ------
        ValueError
            If a point is not finite, or a value would not be.
        """
        return self._values(X, 0)

    def distances(self, X: ArrayLike) -> Float64:
        """Compute the distances from the plane, negative on the side of the label -1.

        Parameters
        ----------
        X : array-like, shape (n_points, n_features)

        Returns
        -------
        array of float64, shape (n_points,)
        """
        exponent = self._exponent
        distances: Float64 = self._values(X, exponent) / np.linalg.norm(np.ldexp(self.w, -exponent))
        return distances

    def margins(self, X: ArrayLike, y: ArrayLike) -> Float64:
        """Compute y (w^T x - b): at least 1 beyond the margin, negative on the wrong side of the plane.

        Parameters
        ----------
        X : array-like, shape (n_points, n_features)
        y : array-like of int, shape (n_points,)
            Labels -1 and 1.

        Returns
        -------
        array of float64, shape (n_points,)
        """
        values = self.decision_function(X)
        labels = _validation.check_labels("y", y, len(values), "X")
        if not np.isin(labels, (-1, 1)).all():
            msg = f"y must hold the labels -1 and 1; got {labels[~np.isin(labels, (-1, 1))][0]!r}"
            raise ValueError(msg)
        margins: Float64 = values * labels
        return margins

    def support_vectors(self, X: ArrayLike, y: ArrayLike, tol: float = 1e-3) -> Int64:
        """Find the points on their margin or on the wrong side of it: those that hold the plane where it is.

        Parameters
        ----------
        X : array-like, shape (n_points, n_features)
        y : array-like of int, shape (n_points,)
            Labels -1 and 1.
        tol : float
            A point counts if y (w^T x - b) <= 1 + tol.

        Returns
        -------
        array of int64
            Numbers of the points, ascending.
        """
        tol = _scalars.check_real("tol", tol, 0)
        return np.flatnonzero(self.margins(X, y) <= 1 + tol).astype(np.int64)
