"""What holds in packed rows that are stored: which row lies where, and how large their arrays are."""

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast.knn.directions import ByteRows
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.packing import Groups, Packing, Prepared, Runs
from deeprob_fast.knn.store.demands import demand, demand_all, demand_each_once, demand_rising, demand_shape, demand_within
from deeprob_fast.knn.store.filters import check_strategy

# What the kernels add up in 32 bits stays within them.
_LARGEST_BIAS = 2**29
_LARGEST_SQUARE = 2**29

_LOWEST_FLOAT = float(np.finfo(np.float32).min)


def _demand_empty(noun: str, parts: Groups | Runs) -> None:
    for name, part in parts._asdict().items():
        demand_shape(f"{noun}.{name}", part, 0)


def check_groups(groups: Groups, n_train: int) -> None:
    """Refuse groups that are not all rows, each in one, in ascending order."""
    representatives, starts, members = groups
    n_distinct = len(representatives)
    if n_distinct == 0:
        _demand_empty("Groups", groups)
        return
    demand_shape("Groups.representatives", representatives, n_distinct)
    demand_shape("Groups.starts", starts, n_distinct + 1)
    demand_rising("Groups.starts", starts, 0, n_train, strictly=True)
    demand_each_once("Groups.members", members, n_train)
    rises = members[:-1] < members[1:]
    rises[starts[1:-1] - 1] = True  # from one group to the next
    demand_all(rises, "Groups.members must ascend within a group", members)
    demand_all(
        representatives == members[starts[:-1]], "Groups.representatives must be the first of their groups", representatives
    )
    demand_all(representatives[:-1] < representatives[1:], "Groups.representatives must ascend", representatives)


def _check_runs(runs: Runs, n_positions: int, n_cells: int) -> None:
    """Refuse runs that are not all rows, each once, or not of known cells; without cells there are none."""
    if n_cells == 0:
        _demand_empty("Runs", runs)
        return
    n_runs = len(runs.cells)
    demand_each_once("Runs.order", runs.order, n_positions)
    demand_shape("Runs.cells", runs.cells, n_runs)
    demand_within("Runs.cells", runs.cells, 0, n_cells - 1)
    demand_shape("Runs.starts", runs.starts, n_runs + 1)
    demand_rising("Runs.starts", runs.starts, 0, -(-n_positions // _kernels.panel_rows()), strictly=False)


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
    check_groups(prepared.groups, n_train)
    check_strategy(strategy, prepared.train, prepared.metric)
    n_positions = len(prepared.groups.representatives) or n_train
    _check_packing(prepared.packing, n_positions, n_features, strategy)
    n_cells = 0 if len(prepared.groups.representatives) else strategy.cells.n_cells
    _check_runs(prepared.runs, n_positions, n_cells)
    demand(
        (prepared.bytes is None) == (strategy.projection is None), "Prepared.bytes must be there for a prefix only", strategy.name
    )
    if prepared.bytes is not None:
        _check_byte_rows(prepared.bytes, n_positions, n_features)
