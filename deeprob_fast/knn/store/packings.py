"""What holds in packed rows that are stored: which row lies where, and how large their arrays are."""

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast.knn.directions import ByteRows
from deeprob_fast.knn.duplicates import Duplicates
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.packing import Packing, Prepared
from deeprob_fast.knn.stages import Prefix, StagePacking
from deeprob_fast.knn.store.demands import demand, demand_all, demand_each_once, demand_rising, demand_shape, demand_within
from deeprob_fast.knn.store.filters import check_strategy

# What the kernels add up in 32 bits stays within them.
_LARGEST_BIAS = 2**29
_LARGEST_SQUARE = 2**29

_LOWEST_FLOAT = float(np.finfo(np.float32).min)


def check_duplicates(duplicates: Duplicates, n_train: int) -> None:
    """Refuse duplicates that are not all rows, each once, in ascending order."""
    representatives, starts, members = duplicates
    n_distinct = len(representatives)
    if n_distinct == 0:
        for name, part in duplicates._asdict().items():
            demand_shape(f"Duplicates.{name}", part, 0)
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


def _check_stages(packing: StagePacking, n_positions: int, prefix: Prefix) -> None:
    """Refuse stages of another size, and bounds that are none."""
    for name, part, size in zip(packing._fields, packing, StagePacking.sizes(n_positions, prefix.stages), strict=True):
        demand_shape(f"StagePacking.{name}", part, size)
    demand_within("StagePacking.slack", packing.slack, 0, np.inf)
    demand_within("StagePacking.centers", packing.centers, _LOWEST_FLOAT, -_LOWEST_FLOAT)
    demand_within("StagePacking.radii", packing.radii, 0, np.inf)


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
    packing, prefix = prepared.packing, strategy.prefix
    of_kind = isinstance(packing, Packing) == (prefix is None)
    demand(of_kind, "Prepared.packing must be StagePacking for a prefix only", type(packing).__name__)
    demand((prepared.bytes is None) == (prefix is None), "Prepared.bytes must be there for a prefix only", strategy.name)
    if isinstance(packing, Packing):
        _check_packing(packing, n_positions, n_features, strategy)
    elif prefix:
        _check_stages(packing, n_positions, prefix)
    if prepared.bytes is not None:
        _check_byte_rows(prepared.bytes, n_positions, n_features)
    representatives = prepared.duplicates.representatives
    if strategy.scatters and len(representatives):
        demand_shape("Prepared.order", prepared.order, n_positions)
        rows = np.sort(prepared.order)
        demand_all(rows == representatives, "Prepared.order must hold each representative once", rows)
    elif strategy.scatters or (prefix and not len(representatives)):
        demand_each_once("Prepared.order", prepared.order, n_positions)
    else:
        demand_shape("Prepared.order", prepared.order, 0)
