"""Regression by means of the neighbours' values."""

import warnings
from copy import copy
from typing import Any, Self

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin

from deeprob_fast._docstrings import sharing
from deeprob_fast._typing import AnyArray, ArrayLike, Float64
from deeprob_fast.knn.estimators.base import ATTRIBUTES, PARAMETERS, KNeighborsMixin, NeighborsEstimator, RadiusNeighborsMixin
from deeprob_fast.knn.estimators.voting import VOTING, VotingMixin
from deeprob_fast.knn.votes import list_weights, neighbor_weights

_BLOCK_VALUES = 2**20


class _Regressor(VotingMixin, MultiOutputMixin, RegressorMixin, NeighborsEstimator):
    """Training rows with values."""

    _y: Float64

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Prepare the training rows and their values.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        y : array-like, shape (n_samples,) or (n_samples, n_outputs)

        Returns
        -------
        self
        """
        self._check_amount()
        self._check_voting(self._effective_metric())
        rows, values = self._read(X, y, multi_output=True, y_numeric=True)
        if values.dtype.kind not in "biuf":
            msg = f"y must hold real numbers; got dtype {values.dtype}"
            raise ValueError(msg)
        self._prepare(rows, _y=np.array(values, dtype=np.float64))
        return self


@sharing(parameters=PARAMETERS, attributes=ATTRIBUTES, voting=VOTING)
class KNeighborsRegressor(KNeighborsMixin, _Regressor):
    """Regression by the weighted mean of the exact nearest neighbours' values.

    Parameters
    ----------
    n_neighbors : int
    {voting}
    {parameters}

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.KNeighborsRegressor(n_neighbors=2).fit([[0.0], [1.0], [3.0]], [0.0, 1.0, 9.0]).predict([[0.4]])
    array([0.5])
    """

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        weights: Any = "uniform",
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float = 2,
        metric: str = "minkowski",
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        temperature: float = 0.07,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.p = p
        self.metric = metric
        self.metric_params = metric_params
        self.n_jobs = n_jobs
        self.temperature = temperature

    def predict(self, X: ArrayLike | None) -> Float64:
        """Compute the weighted mean of the neighbours' values.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features), or None
            None: the training rows, none of which counts as its own neighbour.

        Returns
        -------
        array of float64, shape (n_queries,) or (n_queries, n_outputs)
        """
        fitted = copy(self)
        neighbors = fitted._nearest(X)
        weights = neighbor_weights(neighbors.distances, **fitted._voting())
        values, n_queries = fitted._y, len(weights)
        means = np.empty((n_queries, *values.shape[1:]))
        step = max(1, _BLOCK_VALUES // max(1, weights.shape[1] * int(np.prod(values.shape[1:]))))
        for start in range(0, n_queries, step):
            part = slice(start, start + step)
            means[part] = np.einsum("qk...,qk->q...", values[neighbors.indices[part]], weights[part])
        return _divided(means, weights.sum(axis=1))


@sharing(parameters=PARAMETERS, attributes=ATTRIBUTES, voting=VOTING)
class RadiusNeighborsRegressor(RadiusNeighborsMixin, _Regressor):
    """Regression by the weighted mean of the values of all training rows within a radius.

    Parameters
    ----------
    radius : float
        A distance that equals it is within.
    {voting}
    {parameters}

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.RadiusNeighborsRegressor(radius=1.0).fit([[0.0], [1.0], [3.0]], [0.0, 1.0, 9.0]).predict([[0.4]])
    array([0.5])
    """

    def __init__(
        self,
        radius: float = 1.0,
        *,
        weights: Any = "uniform",
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float = 2,
        metric: str = "minkowski",
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
        temperature: float = 0.07,
    ) -> None:
        self.radius = radius
        self.weights = weights
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.p = p
        self.metric = metric
        self.metric_params = metric_params
        self.n_jobs = n_jobs
        self.temperature = temperature

    def predict(self, X: ArrayLike | None) -> Float64:
        """Compute the weighted mean of the neighbours' values.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features), or None
            None: the training rows, none of which counts as its own neighbour.

        Returns
        -------
        array of float64, shape (n_queries,) or (n_queries, n_outputs)
            NaN, with a warning, where a query has no neighbours.
        """
        fitted = copy(self)
        lists = fitted._within(X)
        weights = list_weights(lists, **fitted._voting())
        counts, values = lists.counts, fitted._y
        if (counts == 0).any():
            warnings.warn("One or more samples have no neighbors within specified radius; predicting NaN.", stacklevel=2)
        queries = np.repeat(np.arange(len(counts)), counts)
        columns = values.reshape(len(values), -1).T
        sums = np.empty((len(counts), len(columns)))
        for sum_, column in zip(sums.T, columns, strict=True):
            sum_[:] = np.bincount(queries, weights * column[lists.indices], minlength=len(counts))
        total = np.bincount(queries, weights, minlength=len(counts)).astype(np.float64)
        total[counts == 0] = np.nan
        return _divided(sums.reshape(len(counts), *values.shape[1:]), total)


def _divided(sums: Float64, total: AnyArray) -> Float64:
    means: Float64 = sums / (total if sums.ndim == 1 else total[:, np.newaxis])
    return means
