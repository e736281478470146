"""Graphs of neighbours, computed once for the estimators that come after."""

from typing import Any, Self

from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from deeprob_fast import _scalars
from deeprob_fast._docstrings import sharing
from deeprob_fast._typing import ArrayLike
from deeprob_fast.knn.estimators.base import ATTRIBUTES, PARAMETERS, KNeighborsMixin, NeighborsEstimator, RadiusNeighborsMixin


class _GraphTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, NeighborsEstimator):
    """A graph between queries and training rows. Subclasses declare mode."""

    mode: str
    _n_features_out: int

    def _check_amount(self) -> None:
        raise NotImplementedError

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
        _scalars.check_choice("mode", self.mode, ("connectivity", "distance"))
        self._check_amount()
        rows = self._read(X)
        self._prepare(rows, _n_features_out=rows.shape[0])
        return self

    def fit_transform(self, X: ArrayLike, y: object = None) -> Any:
        """Prepare the training rows, and compute their graph, in which each row is its own neighbour, too.

        Parameters
        ----------
        X : array-like, shape (n_samples, n_features)
        y : object
            Ignored.

        Returns
        -------
        scipy.sparse.csr_matrix of float64, shape (n_samples, n_samples)
        """
        return self.fit(X, y).transform(X)

    def transform(self, X: ArrayLike) -> Any:
        raise NotImplementedError


@sharing(parameters=PARAMETERS, attributes=ATTRIBUTES)
class KNeighborsTransformer(KNeighborsMixin, _GraphTransformer):
    """The graph that joins each row with its nearest training rows, as a scikit-learn transformer.

    Parameters
    ----------
    mode : {"distance", "connectivity"}
        What an edge holds: the distance, or 1.
    n_neighbors : int
        Neighbours of each row; one more for distances, as a training row is its own neighbour.
    {parameters}

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.KNeighborsTransformer(n_neighbors=1).fit_transform([[0.0], [1.0], [3.0]]).toarray()
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 2., 0.]])
    """

    def __init__(
        self,
        *,
        mode: str = "distance",
        n_neighbors: int = 5,
        algorithm: str = "auto",
        leaf_size: int = 30,
        metric: str = "minkowski",
        p: float = 2,
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.mode = mode
        self.n_neighbors = n_neighbors
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.metric = metric
        self.p = p
        self.metric_params = metric_params
        self.n_jobs = n_jobs

    def transform(self, X: ArrayLike) -> Any:
        """Compute the graph.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features)

        Returns
        -------
        scipy.sparse.csr_matrix of float64, shape (n_queries, n_samples_fit)
            Edges of a row nearest first; a distance of 0 is stored as well.
        """
        k = self._check_n_neighbors()
        return self.kneighbors_graph(X, k + (self.mode == "distance"), self.mode)


@sharing(parameters=PARAMETERS, attributes=ATTRIBUTES)
class RadiusNeighborsTransformer(RadiusNeighborsMixin, _GraphTransformer):
    """The graph that joins each row with the training rows within a radius, as a scikit-learn transformer.

    Parameters
    ----------
    mode : {"distance", "connectivity"}
        What an edge holds: the distance, or 1.
    radius : float
        A distance that equals it is within.
    {parameters}

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.RadiusNeighborsTransformer(radius=1.0).fit_transform([[0.0], [1.0], [3.0]]).toarray()
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 0., 0.]])
    """

    def __init__(
        self,
        *,
        mode: str = "distance",
        radius: float = 1.0,
        algorithm: str = "auto",
        leaf_size: int = 30,
        metric: str = "minkowski",
        p: float = 2,
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.mode = mode
        self.radius = radius
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.metric = metric
        self.p = p
        self.metric_params = metric_params
        self.n_jobs = n_jobs

    def transform(self, X: ArrayLike) -> Any:
        """Compute the graph.

        Parameters
        ----------
        X : array-like, shape (n_queries, n_features)

        Returns
        -------
        scipy.sparse.csr_matrix of float64, shape (n_queries, n_samples_fit)
            Edges of a row nearest first; a distance of 0 is stored as well.
        """
        return self.radius_neighbors_graph(X, mode=self.mode)
