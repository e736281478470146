"""What holds in a strategy that is stored: the filter's name, and what it needs of centers, scales and directions."""

import math

import numpy as np

from deeprob_fast._typing import AnyArray
from deeprob_fast.knn.centering import Centering
from deeprob_fast.knn.clusters import MOST_CLUSTERS, Clusters
from deeprob_fast.knn.directions import Projection
from deeprob_fast.knn.filters import FILTERS, Strategy
from deeprob_fast.knn.plan import why_not
from deeprob_fast.knn.store.demands import demand, demand_shape, demand_within

# Rows whose squares sum up to more than 1e150 are refused, and scales follow typical values of rows. Within these limits, the
# kernels do not overflow to what is no number.
_LARGEST_CENTER = 1e76
_SMALLEST_SCALE, _LARGEST_SCALE = 1e-153, 1e153
_LARGEST_BYTE_SCALE = 1e28  # float32 holds it
_LARGEST_FLOAT = float(np.finfo(np.float32).max)
_LARGEST_COORDINATE = 2.0  # of directions, which have length 1


def check_strategy(strategy: Strategy, train: AnyArray, metric: str) -> None:
    """Refuse a strategy that is none for these rows, or whose parts do not fit together."""
    demand(strategy.name in FILTERS, f"Strategy.name must be one of {', '.join(FILTERS)}", repr(strategy.name))
    impossible = why_not(train, metric, strategy.name)
    demand(not impossible, f"Strategy.name must be another one, as {impossible}", repr(strategy.name))
    has_projection = strategy.projection is not None
    demand(has_projection == (strategy.name == "prefix"), "Strategy.projection must be there for a prefix only", strategy.name)
    n_columns = train.shape[1]
    if strategy.projection:
        _check_projection(strategy.projection, n_columns)
        n_columns = strategy.projection.n_columns
    _check_centering(strategy.centering, n_columns, _LARGEST_SCALE if strategy.name == "dense" else _LARGEST_BYTE_SCALE)
    if strategy.name == "dense":
        mantissa, _ = math.frexp(strategy.centering.scale)
        demand(mantissa == 0.5, "Centering.scale must be a power of two", strategy.centering.scale)
    _check_clusters(strategy.clusters, n_columns if strategy.projection else 0)


def _check_centering(centering: Centering | Projection, n_columns: int, largest_scale: float) -> None:
    name = type(centering).__name__
    demand_shape(f"{name}.center", centering.center, n_columns)
    demand_within(f"{name}.center", centering.center, -_LARGEST_CENTER, _LARGEST_CENTER)
    in_range = _SMALLEST_SCALE <= centering.scale <= largest_scale
    demand(in_range, f"{name}.scale must lie between {_SMALLEST_SCALE} and {largest_scale}", centering.scale)


def _check_projection(projection: Projection, n_features: int) -> None:
    _check_centering(projection, n_features, _LARGEST_BYTE_SCALE)
    n_directions = len(projection.basis)
    demand(1 <= n_directions <= n_features, f"Projection.basis must have 1 to {n_features} directions", n_directions)
    demand_shape("Projection.basis", projection.basis, n_directions, n_features)
    demand_within("Projection.basis", projection.basis, -_LARGEST_COORDINATE, _LARGEST_COORDINATE)
    demand(0 <= projection.defect <= 1, "Projection.defect must lie between 0 and 1", projection.defect)


def _check_clusters(clusters: Clusters, n_columns: int) -> None:
    n_clusters = len(clusters.centers)
    most = MOST_CLUSTERS if n_columns else 0
    demand(n_clusters <= most, f"Clusters.centers must be {most} at most", n_clusters)
    demand_shape("Clusters.centers", clusters.centers, n_clusters, n_columns if n_clusters else 0)
    demand_within("Clusters.centers", clusters.centers, -_LARGEST_FLOAT, _LARGEST_FLOAT)
