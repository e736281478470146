"""An objective of two parameters, and what its curvature says."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from deeprob_fast import _validation
from deeprob_fast._typing import ArrayLike, Float64
from deeprob_fast.linear.batches import check_batch

Function = Callable[[Float64], Float64]


def as_points(name: str, values: ArrayLike) -> Float64:
    """Return an array of pairs of coordinates."""
    array = _validation.check_real_array(name, values).astype(np.float64)
    if array.shape[-1:] != (2,):
        msg = f"{name} must have two coordinates in the last axis; got shape {array.shape}"
        raise ValueError(msg)
    return array


def as_point(name: str, values: ArrayLike) -> Float64:
    """Return one pair of finite coordinates."""
    array = as_points(name, values)
    if array.ndim != 1 or not np.isfinite(array).all():
        msg = f"{name} must be two finite numbers; got {array.tolist() if array.size < 8 else array.shape}"
        raise ValueError(msg)
    return array


@dataclass(frozen=True, eq=False)
class Landscape:
    """An objective of two parameters: the mean of f(p) + slope_i . p over examples i, whose slopes add up to 0.

    Made by `quadratic`, `saddle` and `double_well`.

    Attributes
    ----------
    name : str
    minima : array, shape (n_minima, 2)
        The global one first; there the value is 0.
    saddles : array, shape (n_saddles, 2)
    slopes : array, shape (n_examples, 2)
        What each example adds to the gradient.
    extent : tuple of four floats
        Left, right, bottom and top of a picture.
    """

    name: str
    minima: Float64
    saddles: Float64
    slopes: Float64
    extent: tuple[float, float, float, float]
    _value: Function = field(repr=False)
    _gradient: Function = field(repr=False)
    _hessian: Function = field(repr=False)

    @property
    def n_examples(self) -> int:
        """Of how many examples this is the mean."""
        return len(self.slopes)

    def value(self, points: ArrayLike) -> Float64:
        """Return the objective at points.

        Parameters
        ----------
        points : array-like, shape (..., 2)

        Returns
        -------
        array of float64, shape (...)

        Raises
        ------
        ValueError
            If there are not two coordinates.

        Examples
        --------
        >>> import deeprob_fast as df
        >>> df.landscapes.quadratic(50).value([[1.0, 0.0], [0.0, 1.0]])
        array([ 0.5, 25. ])
        """
        return self._value(as_points("points", points))

    def gradient(self, points: ArrayLike, batch: ArrayLike | None = None) -> Float64:
        """Return the gradient at points.

        Parameters
        ----------
        points : array-like, shape (..., 2)
        batch : array-like of int, optional
            Numbers of the examples over which the mean is taken; by default all.

        Returns
        -------
        array of float64, shape (..., 2)

        Raises
        ------
        ValueError
            If there are not two coordinates, or no such examples.

        Examples
        --------
        >>> import deeprob_fast as df
        >>> saddle = df.landscapes.saddle()
        >>> saddle.gradient([1.0, 0.5])
        array([ 1.   , -0.375])
        >>> saddle.gradient([1.0, 0.5], [7]).round(2)  # by one example
        array([-0.25, -1.11])
        """
        gradient = self._gradient(as_points("points", points))
        if batch is None:
            return gradient
        numbers = check_batch("batch", batch, self.n_examples)
        noise: Float64 = self.slopes[numbers].sum(axis=0) / len(numbers)
        return gradient + noise

    def hessian(self, point: ArrayLike) -> Float64:
        """Return the matrix of second derivatives.

        Parameters
        ----------
        point : array-like, shape (2,)

        Returns
        -------
        array of float64, shape (2, 2)

        Raises
        ------
        ValueError
            If these are not two finite numbers.

        Examples
        --------
        >>> import deeprob_fast as df
        >>> df.landscapes.quadratic(50).hessian([1.0, 1.0])
        array([[ 1.,  0.],
               [ 0., 50.]])
        """
        return self._hessian(as_point("point", point))


def condition_number(hessian: ArrayLike) -> float:
    """Return the ratio of the largest to the smallest singular value.

    Parameters
    ----------
    hessian : array-like, shape (n, n)
        Finite.

    Returns
    -------
    float
        Infinity where the smallest is 0; rounding may make that of a singular matrix a little larger, and the ratio about 1e16.

    Raises
    ------
    ValueError
        If the matrix is not square or not finite.

    Notes
    -----
    The larger, the slower gradient descent: its learning rate must stay below 2 / largest, and with the best one, 2 / (largest +
    smallest), a step leaves (c - 1) / (c + 1) of the distance.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.landscapes.condition_number([[1.0, 0.0], [0.0, -8.0]])
    8.0
    """
    matrix = _validation.check_real_array("hessian", hessian).astype(np.float64)
    finite = bool(np.isfinite(matrix).all())
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size or not finite:
        msg = f"hessian must be a finite square matrix; got {f'shape {matrix.shape}' if finite else 'NaN or infinity'}"
        raise ValueError(msg)
    values = np.linalg.svd(matrix, compute_uv=False)
    return float(values[0] / values[-1]) if values[-1] > 0 else np.inf
