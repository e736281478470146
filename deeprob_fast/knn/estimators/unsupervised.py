"""Neighbours without labels."""

from typing import Any, Self

from deeprob_fast._docstrings import sharing
from deeprob_fast._typing import ArrayLike
from deeprob_fast.knn.estimators.base import ATTRIBUTES, PARAMETERS, KNeighborsMixin, NeighborsEstimator, RadiusNeighborsMixin
from deeprob_fast.knn.radius import check_radius


@sharing(parameters=PARAMETERS, attributes=ATTRIBUTES)
class NearestNeighbors(KNeighborsMixin, RadiusNeighborsMixin, NeighborsEstimator):
    """Exact nearest neighbours as a scikit-learn estimator.

    Parameters
    ----------
    n_neighbors : int
        Default of `kneighbors`.
    radius : float
        Default of `radius_neighbors`.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    KNNIndex : The same search without scikit-learn.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.NearestNeighbors(n_neighbors=1).fit([[0.0], [2.0]]).kneighbors([[1.5]], return_distance=False)
    array([[1]])
    """

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        radius: float = 1.0,
        algorithm: str = "auto",
        leaf_size: int = 30,
        metric: str = "minkowski",
        p: float = 2,
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.radius = radius
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.metric = metric
        self.p = p
        self.metric_params = metric_params
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
        if self.n_neighbors is not None:
            self._check_n_neighbors()
        if self.radius is not None:
            check_radius(self.radius, self._effective_metric())
        self._prepare(self._read(X))
        return self
