"""What holds in packed rows that are stored: which row lies where, and how large their arrays are."""

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast.knn.directions import ByteRows
from deeprob_fast.knn.duplicates import Duplicates
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.packing import Packing, PanelRanges, Prepared
from deeprob_fast.knn.store.demands import demand, demand_all, demand_each_once, demand_rising, demand_shape, demand_within
from deeprob_fast.knn.store.filters import check_strategy

# What the kernels add up in 32 bits stays within them.
_LARGEST_BIAS = 2**29
_LARGEST_SQUARE = 2**29

_LOWEST_FLOAT = float(np.finfo(np.float32).min)


def _demand_empty(noun: str, parts: Duplicates | PanelRanges) -> None:
    for name, part in parts._asdict().items():
        demand_shape(f"{noun}.{name}", part, 0)


def check_duplicates(duplicates: Duplicates, n_train: int) -> None:
    """Refuse duplicates that are not all rows, each once, in ascending order."""
    representatives, starts, members = duplicates
    n_distinct = len(representatives)
    if n_distinct == 0:
        _demand_empty("Duplicates", duplicates)
        return
    demand_shape("Duplicates.representatives", representatives, n_distinct)
    demand_shape("Duplicates.starts", starts, n_distinct + 1)
    demand_rising("Duplicates.starts", starts, 0, n_train, strictly=True)
    demand_each_once("Duplicates.members", members, n_train)
    rises = members[:-1] < members[1:]
    rises[starts[1:-1] - 1] = True  # from one distinct row to the next
    demand_all(rises, "Duplicates.members must ascend among equal rows", members)
    demand_all(
        representatives == members[starts[:-1]],
        "Duplicates.representatives must be the first of equal rows",
        representatives,
    )
    demand_all(representatives[:-1] < representatives[1:], "Duplicates.representatives must ascend", representatives)


def _check_ranges(ranges: PanelRanges, n_positions: int, n_clusters: int) -> None:
    """Refuse ranges that do not hold all rows once, or are not of known clusters; without clusters there are none."""
    if n_clusters == 0:
        _demand_empty("PanelRanges", ranges)
        return
    n_ranges = len(ranges.clusters)
    demand_each_once("PanelRanges.order", ranges.order, n_positions)
    demand_shape("PanelRanges.clusters", ranges.clusters, n_ranges)
    demand_within("PanelRanges.clusters", ranges.clusters, 0, n_clusters - 1)
    demand_shape("PanelRanges.starts", ranges.starts, n_ranges + 1)
    demand_rising("PanelRanges.starts", ranges.starts, 0, -(-n_positions // _kernels.panel_rows()), strictly=False)


def _check_packing(packing: Packing, n_positions: int, n_features: int, strategy: Strategy) -> None:
    """Refuse panels of another size, bounds that are none, and padding that could pass for rows."""
    for name, part, size in zip(packing._fields, packing, Packing.sizes(n_positions, n_features, strategy), strict=True):
        demand_shape(f"Packing.{name}", part, size)
    for name, part in (("panels", packing.panels), ("bias", packing.bias)):
        demand(part.dtype == strategy.dtype, f"Packing.{name} must be of {strategy.dtype}", part.dtype)
    low, high = (_LOWEST_FLOAT, np.inf) if strategy.name == "dense" else (-_LARGEST_BIAS, _LARGEST_BIAS)
    demand_within("Packing.bias", packing.bias[:n_positions], low, high)
    demand_within("Packing.norm", packing.norm, 0, -_LOWEST_FLOAT)
    demand_within("Packing.slack", packing.slack, 0, np.inf)
    if n_positions < len(packing.bias):
        padding = Packing.padding(strategy)
        n_rows = n_positions - len(packing.bias)  # of the last panel, from its end
        last = packing.panels.reshape(len(packing.norm), -1, _kernels.panel_rows())[-1]
        for name, part, value in (("bias", packing.bias, padding.bias[-1]), ("panels", last, padding.panels[-1])):
            behind = part[..., n_rows:]
            demand_all(behind == value, f"Packing.{name} must be {value} beyond the last row", behind)


def _check_byte_rows(rows: ByteRows, n_positions: int, n_features: int) -> None:
    demand_shape("ByteRows.bytes", rows.bytes, n_positions * _kernels.byte_stride(n_features))
    demand_shape("ByteRows.squares", rows.squares, n_positions)
    demand_shape("ByteRows.residuals", rows.residuals, n_positions)
    demand_within("ByteRows.squares", rows.squares, -_LARGEST_SQUARE, _LARGEST_SQUARE)
    demand_within("ByteRows.residuals", rows.residuals, 0, np.inf)


def check_prepared(prepared: Prepared) -> None:
    """Refuse packed rows that are not those of the training rows, as far as a search follows numbers in them."""
    n_train, n_features = prepared.train.shape
    strategy = prepared.strategy
    demand(prepared.first_row == 0, "Prepared.first_row must be 0", prepared.first_row)
    demand(prepared.largest_norm >= 0, "Prepared.largest_norm must not be negative", prepared.largest_norm)
    check_duplicates(prepared.duplicates, n_train)
    check_strategy(strategy, prepared.train, prepared.metric)
    n_positions = len(prepared.duplicates.representatives) or n_train
    _check_packing(prepared.packing, n_positions, n_features, strategy)
    n_clusters = 0 if len(prepared.duplicates.representatives) else strategy.clusters.n_clusters
    _check_ranges(prepared.ranges, n_positions, n_clusters)
    demand(
        (prepared.bytes is None) == (strategy.projection is None), "Prepared.bytes must be there for a prefix only", strategy.name
    )
    if prepared.bytes is not None:
        _check_byte_rows(prepared.bytes, n_positions, n_features)
