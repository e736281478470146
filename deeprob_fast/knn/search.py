"""Runs a plan: queries in batches, training rows as a whole or in pieces, and how far the search is."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from deeprob_fast import _kernels, _validation
from deeprob_fast._typing import AnyArray, Int64
from deeprob_fast.knn.boxes import Tree
from deeprob_fast.knn.costs import Shares
from deeprob_fast.knn.counts import Counts
from deeprob_fast.knn.duplicates import Duplicates, find_duplicates
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.neighbors import Neighbors
from deeprob_fast.knn.packing import Buffers, Prepared
from deeprob_fast.knn.plan import Plan, counted_cost
from deeprob_fast.knn.queries import Queries
from deeprob_fast.knn.rows import ConvertedRows, RowSource

Callback = Callable[[float], object]


def _empty_neighbors(n_queries: int, k: int) -> Neighbors:
    # -1 is no row: a search that left an output unwritten would be seen.
    return Neighbors(np.empty((n_queries, k), dtype=np.float64), np.full((n_queries, k), -1, dtype=np.int64))


class _Progress:
    """Tells the caller which fraction of the pairs of a query and a training row is done."""

    def __init__(self, n_queries: int, n_train: int, callback: Callback | None) -> None:
        self._left = self._all = n_queries * n_train
        self._callback = callback

    def add(self, n_queries: int, n_train: int) -> None:
        self._left -= n_queries * n_train
        if self._callback is not None:
            self._callback(1 - self._left / self._all)


def run(
    plan: Plan,
    train: AnyArray | ConvertedRows,
    metric: str,
    queries: AnyArray,
    k: int,
    n_threads: int,
    callback: Callback | None = None,
) -> tuple[Neighbors, Counts]:
    """Search as planned."""
    if plan.by_pieces:
        return search_pieces(plan, train, metric, queries, k, n_threads, callback)
    assert isinstance(train, np.ndarray)
    if plan.strategy is None:
        return _scan(train, queries, k, metric, n_threads)
    return search_whole(prepare(plan, train, metric, n_threads), queries, k, n_threads, callback)


def prepare(plan: Plan, train: AnyArray, metric: str, n_threads: int) -> Prepared | Tree:
    """Prepare all training rows at once."""
    if isinstance(plan.strategy, Tree):
        return plan.strategy
    assert plan.strategy is not None
    return Prepared.pack(train, metric, plan.strategy, n_threads, duplicates=plan.duplicates)


def _scan(train: AnyArray, queries: AnyArray, k: int, metric: str, n_threads: int) -> tuple[Neighbors, Counts]:
    """Compare few queries with the rows as they are, without packing."""
    neighbors = _empty_neighbors(len(queries), k)
    check_scanned(train, queries, *_kernels.scan(train, metric, queries, neighbors, n_threads))
    n_pairs = len(train) * len(queries)
    return neighbors, Counts(len(queries), n_passed=n_pairs, n_refined=n_pairs)


def check_scanned(train: AnyArray, queries: AnyArray, bad_row: int, bad_query: int) -> None:
    """Refuse rows and queries by what a scan says of them."""
    if bad_row >= 0:
        raise ValueError(_validation.describe_bad_row("train", train[bad_row], bad_row))
    if bad_query >= 0:
        raise ValueError(_validation.describe_bad_row("queries", queries[bad_query], bad_query))


def stats_of(
    train: RowSource, metric: str, chosen: Strategy | Tree | None, duplicates: Duplicates, n_queries: int, counts: Counts
) -> dict[str, Any]:
    """Return what there is to tell of a search, beside its plan."""
    n_distinct = len(duplicates.representatives) or len(train)
    n_pairs = max(1, counts.n_distinct_queries * n_distinct)
    shares = Shares(*(n / n_pairs for n in (counts.n_passed, counts.n_candidates, counts.n_looked, counts.n_refined)))
    return {
        "isa": _kernels.ISA,
        "n_queries": n_queries,
        "n_train": len(train),
        "n_distinct": n_distinct,
        "counted_cost": counted_cost(chosen, metric, train.shape[1], n_queries, shares) if chosen else None,
        **asdict(counts),
    }


def distinct_queries(queries: AnyArray, n_threads: int) -> tuple[AnyArray, Int64 | None]:
    """Return the distinct queries, and which of them each query is; all queries and None where few repeat."""
    equal = find_duplicates(queries, n_threads)
    distinct = queries[equal.representatives]
    # What is wrong with a query is told by its number.
    if len(distinct) == 0 or not np.isfinite(distinct).all():
        return queries, None
    numbers = np.empty(len(queries), dtype=np.int64)
    numbers[equal.members] = np.repeat(np.arange(len(distinct)), np.diff(equal.starts))
    return distinct, numbers


def _of_all(neighbors: Neighbors, numbers: Int64 | None) -> Neighbors:
    """Return the neighbours of all queries, by the number of each among the distinct ones."""
    return neighbors if numbers is None else Neighbors(neighbors.distances[numbers], neighbors.indices[numbers])


class _Batch(NamedTuple):
    """Packed queries, and the outputs of their neighbours."""

    queries: Queries
    outputs: Neighbors

    @classmethod
    def of(cls, queries: Queries, neighbors: Neighbors) -> "_Batch":
        """Take the part of all neighbours that is of these queries; sorted queries get outputs in their order instead."""
        numbers = queries.numbers
        if isinstance(numbers, slice):
            return cls(queries, Neighbors(neighbors.distances[numbers], neighbors.indices[numbers]))
        return cls(queries, _empty_neighbors(len(queries.rows), neighbors.distances.shape[1]))

    def deliver(self, neighbors: Neighbors) -> None:
        """Put the outputs of sorted queries into the order of all queries."""
        if not isinstance(self.queries.numbers, slice):
            neighbors.distances[self.queries.numbers], neighbors.indices[self.queries.numbers] = self.outputs


def search_whole(
    prepared: Prepared | Tree, queries: AnyArray, k: int, n_threads: int, callback: Callback | None = None
) -> tuple[Neighbors, Counts]:
    """Search training rows that were prepared all at once."""
    queries, numbers = distinct_queries(queries, n_threads)
    neighbors = _empty_neighbors(len(queries), k)
    progress = _Progress(len(queries), len(prepared.train), callback)
    counts = Counts(len(queries))
    if isinstance(prepared, Tree):
        counts.add(prepared.search(queries, neighbors, n_threads))
        progress.add(len(queries), len(prepared.train))
        return _of_all(neighbors, numbers), counts
    for packed in Queries.pack(queries, prepared.metric, prepared.strategy, n_threads):
        batch = _Batch.of(packed, neighbors)
        counts.add(prepared.search(packed, batch.outputs, n_threads))
        batch.deliver(neighbors)
        progress.add(len(packed.rows), len(prepared.train))
    return _of_all(neighbors, numbers), counts


def search_pieces(
    plan: Plan, train: RowSource, metric: str, queries: AnyArray, k: int, n_threads: int, callback: Callback | None = None
) -> tuple[Neighbors, Counts]:
    """Pack and search the training rows piece by piece: once for all queries, or once for each group of batches."""
    assert isinstance(plan.strategy, Strategy)
    queries, numbers = distinct_queries(queries, n_threads)
    neighbors = _empty_neighbors(len(queries), k)
    size = min(plan.piece_rows, len(train))
    buffers = Buffers.empty(size, train.shape[1], plan.strategy)
    progress = _Progress(len(queries), len(train), callback)
    batches = (_Batch.of(packed, neighbors) for packed in Queries.pack(queries, metric, plan.strategy, n_threads))
    counts = Counts(len(queries))
    while group := list(itertools.islice(batches, plan.limits.batches)):
        for piece in packed_pieces(plan, plan.strategy, train, metric, size, buffers, n_threads):
            for batch in group:
                if len(piece.duplicates.representatives):
                    counts.add(_search_duplicates(piece, batch, n_threads))
                else:
                    counts.add(piece.search(batch.queries, batch.outputs, n_threads))
                progress.add(len(batch.queries.rows), len(piece.train))
        for batch in group:
            batch.deliver(neighbors)
    return _of_all(neighbors, numbers), counts


def packed_pieces(
    plan: Plan, strategy: Strategy, train: RowSource, metric: str, size: int, buffers: Buffers, n_threads: int
) -> Iterator[Prepared]:
    """Pack the training rows piece by piece, into the same buffers."""
    for start in range(0, len(train), size):
        rows = train[start : start + size]
        if plan.groups_pieces:
            # Most pieces have few equal rows: finding that out must cost little of a search for few queries.
            duplicates = find_duplicates(rows, n_threads, min(1024, max(64, len(rows) // 32)))
            yield Prepared.pack(rows, metric, strategy, n_threads, duplicates=duplicates, first_row=start, buffers=buffers)
        else:
            yield Prepared.pack(rows, metric, strategy, n_threads, first_row=start, buffers=buffers)


def _search_duplicates(piece: Prepared, batch: _Batch, n_threads: int) -> Counts:
    """Search a piece whose equal rows are grouped by itself, and merge its neighbours with those of earlier pieces."""
    n_queries, k = batch.outputs.distances.shape
    neighbors = _empty_neighbors(n_queries, min(k, len(piece.train)))
    counts = piece._replace(first_row=0).search(batch.queries, neighbors, n_threads)
    _kernels.merge_piece(piece.metric, neighbors, piece.first_row, batch.outputs, n_threads)
    return counts
