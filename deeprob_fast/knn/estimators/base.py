"""What the estimators share: training rows that are prepared once, and how they are searched."""

from copy import copy
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from deeprob_fast import _scalars, _validation
from deeprob_fast._estimators import checked
from deeprob_fast._typing import AnyArray, ArrayLike, Float64, Int64
from deeprob_fast.knn.estimators.metrics import PRECOMPUTED, check_tree_parameters, metric_of
from deeprob_fast.knn.estimators.precomputed import PrecomputedDistances
from deeprob_fast.knn.index import KNNIndex
from deeprob_fast.knn.lists import NeighborLists
from deeprob_fast.knn.neighbors import Neighbors
from deeprob_fast.knn.radius import check_radius

PARAMETERS = """
algorithm : {"auto", "ball_tree", "kd_tree", "brute"}
    Accepted as scikit-learn has it. All are exact, and the search chooses its own way (`KNNIndex`).
leaf_size : int
    Accepted as scikit-learn has it.
p : float
    Of the metric "minkowski": 1 (manhattan), 2 (euclidean) or inf (chebyshev).
metric : {"euclidean", "sqeuclidean", "manhattan", "chebyshev", "cosine", "inner_product"}, or a name of scikit-learn's
    "minkowski", "l1", "cityblock", "l2", "infinity" stand for some of these. With "precomputed" X holds distances, of each
    query to each training row, or a sparse graph of them, where what is not stored is no neighbour.
metric_params : dict, optional
    `p` of the metric "minkowski".
n_jobs : int, optional
    Threads; by default, and for -1, all that the environment grants, for -2 all but one. Does not change any result.
"""

ATTRIBUTES = """
effective_metric_ : str
    Our name of the metric, or "precomputed".
index_ : KNNIndex
    The training rows, unless distances are precomputed.
n_samples_fit_ : int
n_features_in_ : int
"""


class NeighborsEstimator(BaseEstimator):
    """An index, and searching it. Subclasses declare the parameters, n_neighbors or radius among them."""

    algorithm: str
    leaf_size: int
    metric: Any
    p: float
    metric_params: dict[str, Any] | None
    n_jobs: int | None
    effective_metric_: str
    index_: Any
    n_samples_fit_: int

    def _read(self, X: ArrayLike, *y: ArrayLike, **options: Any) -> Any:
        """Return what a fit is given, as arrays."""
        check_tree_parameters(self.algorithm, self.leaf_size)
        self._effective_metric()
        self._n_threads()
        return checked(self, X, *y, accept_sparse=_sparse(self.metric), **options)

    def _prepare(self, X: AnyArray, **fitted: Any) -> None:
        """Prepare the training rows, and set the index with what else was fitted to them."""
        metric = self._effective_metric()
        with _validation.told_as("train", "X"):
            index: Any = PrecomputedDistances(X) if metric == PRECOMPUTED else KNNIndex(X, metric=metric, n_threads=self.n_jobs)
        self.__dict__.update(index_=index, n_samples_fit_=index.n_train, effective_metric_=metric, **fitted)

    def _effective_metric(self) -> str:
        return metric_of(self.metric, self.p, self.metric_params)

    def _n_threads(self) -> int:
        return _validation.check_n_threads(self.n_jobs, "n_jobs")

    def _queries(self, X: ArrayLike | None) -> Any:
        """Return queries as arrays, or None for the training rows."""
        check_is_fitted(self, "index_")
        if X is None:
            return None
        return checked(self, X, reset=False, accept_sparse=_sparse(self.effective_metric_))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == PRECOMPUTED
        tags.input_tags.sparse = self.metric == PRECOMPUTED
        return tags


def _sparse(metric: object) -> str | bool:
    """Return the format of sparse matrices that X may be."""
    return "csr" if metric == PRECOMPUTED else False


class KNeighborsMixin:
    """Queries for a number of neighbours."""

    n_neighbors: int

    def _check_amount(self) -> None:
        self._check_n_neighbors()

    def _check_n_neighbors(self, n_neighbors: Any = None) -> int:
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        return _scalars.check_integer("n_neighbors", k, 1, np.iinfo(np.int64).max, "at least one neighbour")

    def _nearest(self: Any, X: ArrayLike | None, n_neighbors: Any = None) -> Neighbors:
        """Find the neighbours of queries, or of the training rows, each without itself."""
        queries = self._queries(X)
        k, index = self._check_n_neighbors(n_neighbors), self.index_
        available = index.n_train - (queries is None)
        if k > available:
            n_samples = index.n_train if queries is None else queries.shape[0]
            msg = (
                f"n_neighbors must be at most {available}; got n_neighbors={k}, n_samples_fit={index.n_train}, "
                f"n_samples={n_samples}"
            )
            raise ValueError(msg)
        with _validation.told_as("queries", "X"):
            neighbors: Neighbors = index.search(queries, k, n_threads=self._n_threads())
        return neighbors

    def kneighbors(
        self: Any, X: ArrayLike | None = None, n_neighbors: int | None = None, return_distance: bool = True
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
        neighbors = copy(self)._nearest(X, n_neighbors)
        return (neighbors.distances, neighbors.indices) if return_distance else neighbors.indices

    def kneighbors_graph(
        self: Any, X: ArrayLike | None = None, n_neighbors: int | None = None, mode: str = "connectivity"
    ) -> Any:
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
        _scalars.check_choice("mode", mode, ("connectivity", "distance"))
        check_is_fitted(self, "index_")
        fitted = copy(self)
        distances, indices = fitted._nearest(X, n_neighbors)
        starts = np.arange(0, indices.size + 1, indices.shape[1])
        return graph_of(NeighborLists(starts, indices.ravel(), distances.ravel()), fitted.index_.n_train, mode)


class RadiusNeighborsMixin:
    """Queries for all neighbours within a radius."""

    radius: float

    def _check_amount(self: Any) -> None:
        check_radius(self.radius, self._effective_metric())

    def _within(self: Any, X: ArrayLike | None, radius: Any = None) -> NeighborLists:
        """Find the neighbours of queries, or of the training rows, each without itself."""
        queries = self._queries(X)
        with _validation.told_as("queries", "X"):
            distance = self.radius if radius is None else radius
            lists: NeighborLists = self.index_.search_radius(queries, distance, n_threads=self._n_threads())
        return lists

    def radius_neighbors(
        self: Any,
        X: ArrayLike | None = None,
        radius: float | None = None,
        return_distance: bool = True,
        sort_results: bool = False,
    ) -> tuple[AnyArray, AnyArray] | AnyArray:
        """Find all training rows within a radius.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features), optional
            By default the training rows, none of which counts as its own neighbour.
        radius : float, optional
            By default that of the estimator. A distance that equals it is within.
        return_distance : bool
            Whether distances are returned as well.
        sort_results : bool
            Accepted as scikit-learn has it, which then needs `return_distance`: results are always sorted.

        Returns
        -------
        distances : array of object, shape (n_queries,)
            Arrays of float64, one for each query. Only with `return_distance`.
        indices : array of object, shape (n_queries,)
            Arrays of int64, ordered by (distance, row).

        Raises
        ------
        ValueError
            If a shape, a value or the radius does not fit.

        See Also
        --------
        KNNIndex.search_radius : The same as three arrays, which costs less for many queries.
        """
        if sort_results and not return_distance:
            msg = "return_distance must be True if sort_results is True."
            raise ValueError(msg)
        lists = copy(self)._within(X, radius)
        indices = lists.split(lists.indices)
        return (lists.split(lists.distances), indices) if return_distance else indices

    def radius_neighbors_graph(
        self: Any,
        X: ArrayLike | None = None,
        radius: float | None = None,
        mode: str = "connectivity",
        sort_results: bool = False,
    ) -> Any:
        """Compute the graph that joins each query with the training rows within a radius.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features), optional
            By default the training rows, none of which counts as its own neighbour.
        radius : float, optional
            By default that of the estimator. A distance that equals it is within.
        mode : {"connectivity", "distance"}
            What an edge holds: 1, or the distance.
        sort_results : bool
            Accepted as scikit-learn has it: results are always sorted.

        Returns
        -------
        scipy.sparse.csr_matrix of float64, shape (n_queries, n_samples_fit)
            Edges of a row nearest first; a distance of 0 is stored as well.

        Raises
        ------
        ValueError
            If a shape, a value, a name or the radius does not fit.
        """
        del sort_results
        _scalars.check_choice("mode", mode, ("connectivity", "distance"))
        check_is_fitted(self, "index_")
        fitted = copy(self)
        return graph_of(fitted._within(X, radius), fitted.index_.n_train, mode)


def graph_of(lists: NeighborLists, n_train: int, mode: str) -> Any:
    """Return lists of neighbours as a sparse matrix."""
    from scipy.sparse import csr_matrix

    edges = np.ones_like(lists.distances) if mode == "connectivity" else lists.distances
    return csr_matrix((edges, lists.indices, lists.indptr), shape=(len(lists.counts), n_train))
