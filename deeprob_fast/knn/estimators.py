"""scikit-learn estimators over the exact search.

What belongs together is set at once and read at once: one thread may fit an estimator again while others search it.
"""

from copy import copy
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from deeprob_fast import _scalars, _validation
from deeprob_fast._estimators import checked
from deeprob_fast._labels import numbered
from deeprob_fast._typing import AnyArray, ArrayLike, Float64, Int64
from deeprob_fast.knn.checks import check_metric
from deeprob_fast.knn.index import KNNIndex
from deeprob_fast.knn.neighbors import Neighbors
from deeprob_fast.knn.votes import Weights, check_voting, class_votes, rank_classes


class _Search(BaseEstimator):
    """What both estimators share: an index, and searching it. Subclasses declare n_neighbors, metric and n_jobs."""

    n_neighbors: int
    metric: str
    n_jobs: int | None
    index_: KNNIndex
    n_samples_fit_: int

    def _build(self, X: AnyArray, **fitted: AnyArray) -> None:
        """Prepare the training rows, and set the index with what else was fitted to them."""
        check_metric(self.metric)
        _scalars.check_integer("n_neighbors", self.n_neighbors, 1, np.iinfo(np.int64).max, "at least one neighbour")
        self._n_threads()
        with _validation.told_as("train", "X"):
            index = KNNIndex(X, metric=self.metric, n_threads=self.n_jobs)
        self.__dict__.update(index_=index, n_samples_fit_=index.n_train, **fitted)

    def _n_threads(self) -> int:
        return _validation.check_n_threads(self.n_jobs, "n_jobs")

    def _neighbors(self, X: ArrayLike, n_neighbors: int | None) -> Neighbors:
        check_is_fitted(self, "index_")
        index = self.index_
        queries = checked(self, X, reset=False)
        k = self._check_n_neighbors(n_neighbors, index.n_train, index.n_train)
        with _validation.told_as("queries", "X"):
            return index.search(queries, k, n_threads=self._n_threads())

    def _check_n_neighbors(self, n_neighbors: int | None, available: int, n_samples: int) -> int:
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        k = _scalars.check_integer("n_neighbors", k, 1, np.iinfo(np.int64).max, "at least one neighbour")
        if k > available:
            msg = f"n_neighbors must be at most {available}; got n_neighbors={k} with n_samples={n_samples}"
            raise ValueError(msg)
        return k

    def kneighbors(
        self, X: ArrayLike | None = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> tuple[Float64, Int64] | Int64:
        """Find the nearest training rows.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features), optional
            By default the training rows, none of which counts as its own neighbour.
        n_neighbors : int, optional
            By default that of the estimator.
        return_distance : bool
            Whether distances are returned as well.

        Returns
        -------
        distances : array of float64, shape (n_queries, n_neighbors)
            Only with `return_distance`.
        indices : array of int64, shape (n_queries, n_neighbors)
            Ordered by (distance, row).

        Raises
        ------
        ValueError
            If a shape, a value or n_neighbors does not fit.
        """
        if X is None:
            check_is_fitted(self, "index_")
            index = self.index_
            k = self._check_n_neighbors(n_neighbors, index.n_train - 1, index.n_train)
            neighbors = index.search(None, k, n_threads=self._n_threads())
        else:
            neighbors = self._neighbors(X, n_neighbors)
        return (neighbors.distances, neighbors.indices) if return_distance else neighbors.indices

    def kneighbors_graph(self, X: ArrayLike | None = None, n_neighbors: int | None = None, mode: str = "connectivity") -> Any:
        """Compute the graph that joins each query with its nearest training rows.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features), optional
            By default the training rows, none of which counts as its own neighbour.
        n_neighbors : int, optional
            By default that of the estimator.
        mode : {"connectivity", "distance"}
            What an edge holds: 1, or the distance.

        Returns
        -------
        scipy.sparse.csr_matrix of float64, shape (n_queries, n_samples_fit)
            `n_neighbors` edges in each row, nearest first; a distance of 0 is stored as well.

        Raises
        ------
        ValueError
            If a shape, a value, a name or n_neighbors does not fit.
        """
        from scipy.sparse import csr_matrix

        _scalars.check_choice("mode", mode, ("connectivity", "distance"))
        check_is_fitted(self, "index_")
        fitted = copy(self)
        distances, indices = fitted.kneighbors(X, n_neighbors)
        edges = np.ones_like(distances) if mode == "connectivity" else distances
        starts = np.arange(0, indices.size + 1, indices.shape[1])
        return csr_matrix((edges.ravel(), indices.ravel(), starts), shape=(len(indices), fitted.index_.n_train))


class NearestNeighbors(_Search):
    """Exact nearest neighbours as a scikit-learn estimator.

    Parameters
    ----------
    n_neighbors : int
        Default of `kneighbors`.
    metric : {"euclidean", "sqeuclidean", "manhattan", "cosine", "inner_product"}
    n_jobs : int, optional
        Threads; by default, and for -1, all that the environment grants, for -2 all but one. Does not change any result.

    Attributes
    ----------
    index_ : KNNIndex
    n_samples_fit_ : int
    n_features_in_ : int

    See Also
    --------
    KNNIndex : The same search without scikit-learn.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.NearestNeighbors(n_neighbors=1).fit([[0.0], [2.0]]).kneighbors([[1.5]], return_distance=False)
    array([[1]])
    """

    def __init__(self, n_neighbors: int = 5, *, metric: str = "euclidean", n_jobs: int | None = None) -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Prepare the training rows.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        y : object
            Ignored.

        Returns
        -------
        self
        """
        del y
        self._build(checked(self, X))
        return self


class KNeighborsClassifier(ClassifierMixin, _Search):
    """Classification by the votes of the exact nearest neighbours.

    Parameters
    ----------
    n_neighbors : int
    weights : {"uniform", "distance", "softmax"} or callable
        Weight of a vote: 1, 1 / distance, exp(-distance / temperature), or what a function of the distances, (n_queries, k),
        returns: finite, not negative, and not all 0 for a query.
    temperature : float
        Of "softmax", in units of the distance.
    metric : {"euclidean", "sqeuclidean", "manhattan", "cosine", "inner_product"}
    n_jobs : int, optional
        Threads; by default, and for -1, all that the environment grants, for -2 all but one. Does not change any result.

    Attributes
    ----------
    classes_ : array, shape (n_classes,)
        Labels, ascending.
    index_ : KNNIndex
    n_samples_fit_ : int
    n_features_in_ : int

    Notes
    -----
    Ties between classes go to the smallest label; ties between neighbours to the smallest training row.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> model = df.KNeighborsClassifier(n_neighbors=1).fit([[0.0], [2.0]], ["no", "yes"])
    >>> [str(label) for label in model.predict([[1.5]])]
    ['yes']
    """

    classes_: AnyArray
    _labels: Int64  # numbers of the training rows' classes

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        weights: Weights = "uniform",
        temperature: float = 0.07,
        metric: str = "euclidean",
        n_jobs: int | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.temperature = temperature
        self.metric = metric
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Prepare the training rows and their labels.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        y : array-like, shape (n_samples,)
            Numbers or strings.

        Returns
        -------
        self
        """
        check_voting(self.weights, self.temperature, self.metric)
        rows, labels = checked(self, X, y)
        check_classification_targets(labels)
        classes, (numbers,) = numbered(("y", labels))
        self._build(rows, classes_=classes, _labels=numbers)
        return self

    def predict_proba(self, X: ArrayLike) -> Float64:
        """Compute the share of the votes of each class.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features)

        Returns
        -------
        array of float64, shape (n_queries, n_classes)
            In the order of `classes_`; rows sum to 1.
        """
        fitted = copy(self)
        neighbors = fitted._neighbors(X, None)
        voting = {**fitted._voting(), "n_threads": fitted._n_threads()}
        votes = class_votes(neighbors, fitted._labels, len(fitted.classes_), **voting)
        shares: Float64 = votes / votes.sum(axis=1, keepdims=True)
        return shares

    def predict(self, X: ArrayLike) -> AnyArray:
        """Predict the class with the most votes; ties go to the smallest label.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features)

        Returns
        -------
        array, shape (n_queries,)
        """
        fitted = copy(self)
        neighbors = fitted._neighbors(X, None)
        k = neighbors.indices.shape[1]
        voting = {**fitted._voting(), "n_threads": fitted._n_threads()}
        ranked = rank_classes(neighbors, fitted._labels, len(fitted.classes_), [k], 1, **voting)
        labels: AnyArray = fitted.classes_[ranked[0, :, 0]]
        return labels

    def _voting(self) -> dict[str, Any]:
        # Parameters may have changed since the fit, or come from a file.
        metric = self.index_.metric
        check_voting(self.weights, self.temperature, metric)
        return {"weights": self.weights, "metric": metric, "temperature": self.temperature}
