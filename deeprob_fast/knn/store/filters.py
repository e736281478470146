"""What holds in a strategy that is stored: the filter's name, and what it needs of centers, scales and directions."""

import math

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._typing import AnyArray
from deeprob_fast.knn.axes import MOST_NODES, AxisTree
from deeprob_fast.knn.centering import Centering
from deeprob_fast.knn.directions import Projection
from deeprob_fast.knn.filters import FILTERS, Strategy
from deeprob_fast.knn.plan import why_not
from deeprob_fast.knn.stages import Stages
from deeprob_fast.knn.store.demands import demand, demand_all, demand_shape, demand_within

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
    demand(
        (strategy.prefix is not None) == (strategy.name == "prefix"),
        "Strategy.prefix must be there for a prefix only",
        strategy.name,
    )
    n_features = train.shape[1]
    _check_centering(strategy.centering, n_features, _LARGEST_SCALE if strategy.name == "dense" else _LARGEST_BYTE_SCALE)
    if strategy.name == "dense":
        mantissa, _ = math.frexp(strategy.centering.scale)
        demand(mantissa == 0.5, "Centering.scale must be a power of two", strategy.centering.scale)
    if strategy.prefix:
        projection, stages, tree = strategy.prefix
        _check_projection(projection, n_features)
        _check_stages(stages, projection)
        _check_tree(tree, int(stages.ends[0]) + 1)


def _check_centering(centering: Centering, n_columns: int, largest_scale: float) -> None:
    demand_shape("Centering.center", centering.center, n_columns)
    demand_within("Centering.center", centering.center, -_LARGEST_CENTER, _LARGEST_CENTER)
    in_range = _SMALLEST_SCALE <= centering.scale <= largest_scale
    demand(in_range, f"Centering.scale must lie between {_SMALLEST_SCALE} and {largest_scale}", centering.scale)


def _check_projection(projection: Projection, n_features: int) -> None:
    n_directions = len(projection.basis)
    demand(1 <= n_directions <= n_features, f"Projection.basis must have 1 to {n_features} directions", n_directions)
    demand_shape("Projection.basis", projection.basis, n_directions, n_features)
    demand_within("Projection.basis", projection.basis, -_LARGEST_COORDINATE, _LARGEST_COORDINATE)
    demand(0 <= projection.defect <= 1, "Projection.defect must lie between 0 and 1", projection.defect)
    n_stages = len(projection.ends)
    demand(1 <= n_stages <= _kernels.max_stages(), f"Projection.ends must be 1 to {_kernels.max_stages()} stages", n_stages)
    demand_shape("Projection.ends", projection.ends, n_stages)
    demand(projection.ends[-1] == n_directions, f"Projection.ends must end with {n_directions}", projection.ends[-1])
    demand_all(np.diff(projection.ends, prepend=0) > 0, "Projection.ends must ascend from 1", projection.ends)


def _check_stages(stages: Stages, projection: Projection) -> None:
    demand(np.array_equal(stages.ends, projection.ends), "Stages.ends must be those of the projection", stages.ends)
    demand_shape("Stages.scales", stages.scales, len(stages.ends))
    demand_within("Stages.scales", stages.scales, _SMALLEST_SCALE, _LARGEST_BYTE_SCALE)
    demand_shape("Stages.center", stages.center, projection.n_columns)
    demand_within("Stages.center", stages.center, -_LARGEST_FLOAT, _LARGEST_FLOAT)


def _check_tree(tree: AxisTree, n_columns: int) -> None:
    n_nodes = len(tree.axes)
    demand(
        n_nodes <= MOST_NODES and not n_nodes & (n_nodes + 1),
        f"AxisTree.axes must be a complete tree of {MOST_NODES} nodes at most",
        n_nodes,
    )
    demand_shape("AxisTree.axes", tree.axes, n_nodes, n_columns)
    demand_shape("AxisTree.cuts", tree.cuts, n_nodes)
    demand_within("AxisTree.axes", tree.axes, -_LARGEST_COORDINATE, _LARGEST_COORDINATE)
    demand_within("AxisTree.cuts", tree.cuts, -_LARGEST_FLOAT, _LARGEST_FLOAT)
