"""How a search runs: decided here and nowhere else, with the reason.

Few queries scan the rows as they are. Otherwise the rows are packed, for one of the `strategies`: as a whole, with equal rows
grouped, or piece by piece where that takes less memory or time.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from deeprob_fast import _scalars
from deeprob_fast._memory import is_mapped
from deeprob_fast._typing import AnyArray
from deeprob_fast.knn import limits
from deeprob_fast.knn.boxes import Tree
from deeprob_fast.knn.costs import Shares
from deeprob_fast.knn.duplicates import GROUPING_BYTES, NO_DUPLICATES, Duplicates, find_duplicates
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.limits import Limits
from deeprob_fast.knn.rows import ConvertedRows, RowSource
from deeprob_fast.knn.strategies import boxes, dense, integer, prefix
from deeprob_fast.knn.strategies.job import ChoosableModule, Estimate, Job, StrategyModule

# Each is compared with the cheapest before it.
_FILTERS: list[ChoosableModule] = [integer, prefix]
_MODULES: list[StrategyModule] = [boxes, dense, *_FILTERS]
_STRATEGIES = {module.NAME: module for module in _MODULES}
_INDEX_NEIGHBORS = 10  # that a search of an index is expected to ask for
STRATEGIES = ("auto", *sorted(_STRATEGIES))


class Plan(NamedTuple):
    """How a search runs."""

    name: str  # "scan", or that of a strategy
    reason: str
    requested: str  # by whom it was asked for: the name of a strategy, or "auto"
    predicted_cost: float | None  # of a pair, in units of the dense filter's; None where nothing was estimated
    strategy: Strategy | Tree | None  # None for a scan
    duplicates: Duplicates  # equal rows of all training rows; those of pieces are grouped by the piece
    piece_rows: int  # packed at a time; 0: all
    groups_pieces: bool  # whether equal rows of a piece are grouped where they are many
    limits: Limits

    @property
    def by_pieces(self) -> bool:
        """Whether the training rows are packed piece by piece."""
        return self.piece_rows > 0


def check_strategy(strategy: object) -> str:
    """Return the name of a strategy."""
    return _scalars.check_choice("strategy", strategy, STRATEGIES)


def why_not(rows: RowSource, metric: str, name: str) -> str:
    """Say why a strategy cannot serve, or nothing."""
    return _STRATEGIES[name].why_not(rows, metric)


def plan_index(rows: AnyArray, metric: str, requested: str, n_threads: int) -> Plan:
    """Plan the searches of rows that are prepared once, for about as many queries as rows and few neighbours."""
    duplicates = find_duplicates(rows, n_threads)
    job = Job.of(rows, metric, len(rows), _INDEX_NEIGHBORS, n_threads, duplicates, limits.LIMITS)
    return _whole(_tree(job, requested) or _filter(job, requested), job, requested)


def plan_search(
    rows: AnyArray | ConvertedRows, metric: str, n_queries: int, k: int, n_threads: int, *, tells_progress: bool = False
) -> Plan:
    """Plan one search for so many queries and neighbours."""
    bounds = limits.LIMITS
    in_memory = not isinstance(rows, ConvertedRows)
    # A scan is one call, which could tell nothing before its end.
    if in_memory and not tells_progress and n_queries <= bounds.few_queries and k <= bounds.few_neighbors:
        return _scan(bounds)
    if _too_large_to_group(rows, metric, bounds):
        job = Job.of(rows, metric, n_queries, k, n_threads, NO_DUPLICATES, bounds)
        return _by_pieces(_filter(job, "auto"), job, k, groups_pieces=True)
    job = Job.of(rows, metric, n_queries, k, n_threads, find_duplicates(np.asarray(rows), n_threads), bounds)
    tree = _tree(job, "auto")
    if tree:
        return _whole(tree, job, "auto")
    estimate = _filter(job, "auto")
    pieces = _by_pieces(estimate, job, k, groups_pieces=False)
    fits = pieces.piece_rows >= len(rows) or len(job.duplicates.representatives) > 0
    return _whole(estimate, job, "auto") if fits else pieces


def plan_radius(rows: AnyArray | ConvertedRows, metric: str, n_queries: int, n_neighbors: int, n_threads: int) -> Plan:
    """Plan one search for all rows within a radius, about so many for each query."""
    bounds = limits.LIMITS
    if not isinstance(rows, ConvertedRows) and n_queries <= bounds.few_queries:
        return _scan(bounds)
    by_pieces = _too_large_to_group(rows, metric, bounds)
    duplicates = NO_DUPLICATES if by_pieces else find_duplicates(np.asarray(rows), n_threads)
    job = Job.of(rows, metric, n_queries, n_neighbors, n_threads, duplicates, bounds)
    # Thresholds are known from the start: rows are read best in their order.
    job = replace(job, scatters=False)
    if by_pieces:
        return _by_pieces(_filter(job, "auto"), job, n_neighbors, groups_pieces=False)
    return _whole(_tree(job, "auto") or _filter(job, "auto"), job, "auto")


def plan_selections(rows: AnyArray, metric: str, n_queries: int, k: int, n_threads: int) -> Plan | None:
    """Plan several searches of some of the rows each, by what holds for all; None where each is planned by itself."""
    # Few features may be sorted into boxes, which are made of all training rows at once.
    if not boxes.why_not(rows, metric):
        return None
    repeats = len(find_duplicates(rows, n_threads).representatives) > 0
    job = Job.of(rows, metric, n_queries, k, n_threads, NO_DUPLICATES, limits.LIMITS)
    return _by_pieces(_filter(job, "auto"), job, k, groups_pieces=repeats)


def counted_cost(chosen: Strategy | Tree, metric: str, n_features: int, n_queries: int, shares: Shares) -> float:
    """Return the cost of a pair, in units of the dense filter's, by the pairs that passed each look."""
    return _STRATEGIES[chosen.name].cost(chosen, metric, n_features, n_queries, shares)


def _scan(bounds: Limits) -> Plan:
    return Plan("scan", f"at most {bounds.few_queries} queries", "auto", None, None, NO_DUPLICATES, 0, False, bounds)


def _tree(job: Job, requested: str) -> Estimate | None:
    """Build a tree if it is asked for, or if it is worth it."""
    if requested == boxes.NAME:
        return _requested(job, requested)
    if requested != "auto" or boxes.why_not(job.rows, job.metric) or boxes.not_worth(job):
        return None
    estimate = boxes.estimate(job, boxes.SAVES)
    return estimate if estimate.cost < boxes.SAVES else None


def _filter(job: Job, requested: str) -> Estimate:
    """Fit the filter that is asked for, or the one that costs least."""
    if requested != "auto":
        return _requested(job, requested)
    reasons = []
    plain = dense.estimate(job)
    cheapest, best = plain.cost, None
    for module in _FILTERS:
        reason = module.why_not(job.rows, job.metric) or module.not_worth(job)
        estimate = None if reason else module.estimate(job, module.SAVES * cheapest)
        if estimate and estimate.cost < module.SAVES * cheapest:
            best = estimate
        cheapest = min(cheapest, estimate.cost) if estimate else cheapest
        reasons.append(estimate.reason if estimate else reason)
    return best or plain._replace(reason=reasons[0])


def _requested(job: Job, requested: str) -> Estimate:
    module = _STRATEGIES[requested]
    if impossible := module.why_not(job.rows, job.metric):
        msg = f'strategy="{requested}" cannot be used: {impossible}'
        raise ValueError(msg)
    fitted = module.fit(job)
    return Estimate(0.0, "asked for", fitted) if fitted else Estimate(1.0, "no directions", dense.fit(job))


def _whole(estimate: Estimate, job: Job, requested: str) -> Plan:
    name, reason = estimate.chosen.name, estimate.reason
    predicted = estimate.cost if requested == "auto" else None
    return Plan(name, reason, requested, predicted, estimate.chosen, job.duplicates, 0, False, job.limits)


def _by_pieces(estimate: Estimate, job: Job, k: int, *, groups_pieces: bool) -> Plan:
    # Each piece refines what it found: many neighbours want larger pieces.
    assert isinstance(estimate.chosen, Strategy)
    n_bytes = job.limits.prefix_piece_bytes if estimate.chosen.prefix else job.limits.piece_bytes
    n_bytes *= min(4, max(1, k // 25))
    piece_rows = max(1, n_bytes // estimate.chosen.n_bytes(job.rows.shape[1]))
    name, reason = estimate.chosen.name, estimate.reason
    return Plan(name, reason, "auto", estimate.cost, estimate.chosen, NO_DUPLICATES, piece_rows, groups_pieces, job.limits)


def _too_large_to_group(rows: AnyArray | ConvertedRows, metric: str, bounds: Limits) -> bool:
    if isinstance(rows, ConvertedRows):
        return True
    large = len(rows) * (4 * rows.shape[1] + GROUPING_BYTES) > bounds.whole_bytes  # as the dense filter packs them
    # Rows in memory are worth a copy in boxes; those in a file may be larger than memory.
    return large and (is_mapped(rows) or bool(boxes.why_not(rows, metric)))
