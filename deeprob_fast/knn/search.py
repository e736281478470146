"""The order of a search: queries in batches, training rows as a whole or in pieces, and how far it is."""

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels, _validation
from deeprob_fast._typing import AnyArray, Float64, Int64
from deeprob_fast.knn import boxes, filters
from deeprob_fast.knn.packing import Prepared, Queries, Room, group_equal_rows
from deeprob_fast.knn.rows import RowSource


class Neighbors(NamedTuple):
    """The nearest training rows of each query, nearest first.

    Attributes
    ----------
    distances : array of float64, shape (n_queries, k)
        Canonical distances; inner products, largest first, for that metric.
    indices : array of int64, shape (n_queries, k)
        Training rows. Equal distances are ordered by row.
    """

    distances: Float64
    indices: Int64


Callback = Callable[[float], object]

# This much of the training rows is packed at a time: memory that is used again and again costs least.
_PIECE_BYTES = 32 << 20
# Batches of packed queries that meet a piece before the next one is read: a file is read once for so many.
_BATCHES = 8
# Neighbours that are merged at a time.
_MERGED = 1 << 20


def _room(n_queries: int, k: int) -> Neighbors:
    # No row is told from every row, should a search leave some out.
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


def scan(train: AnyArray, queries: AnyArray, k: int, metric: str, n_threads: int) -> Neighbors:
    """Compare few queries with the rows as they are, without packing."""
    found = _room(len(queries), k)
    bad_row, bad_query = _kernels.scan(train, metric, queries, *found, n_threads)
    if bad_row >= 0:
        raise ValueError(_validation.describe_bad_row("train", train[bad_row], bad_row))
    if bad_query >= 0:
        raise ValueError(_validation.describe_bad_row("queries", queries[bad_query], bad_query))
    return found


class _Batch(NamedTuple):
    """Some queries, and the room for their neighbours."""

    queries: Queries
    found: Neighbors

    @classmethod
    def of(cls, queries: Queries, found: Neighbors) -> "_Batch":
        """Make room. Queries that are sorted have outputs of their own, in their order, until all pieces are searched."""
        if isinstance(queries.own, slice):
            return cls(queries, Neighbors(found.distances[queries.own], found.indices[queries.own]))
        return cls(queries, _room(len(queries.rows), found.distances.shape[1]))

    def deliver(self, found: Neighbors) -> None:
        """Put what was found into the order of all queries."""
        if not isinstance(self.queries.own, slice):
            found.distances[self.queries.own], found.indices[self.queries.own] = self.found


def search_whole(
    prepared: Prepared | boxes.Tree, queries: AnyArray, k: int, n_threads: int, callback: Callback | None = None
) -> tuple[Neighbors, dict[str, int]]:
    """Search training rows that were prepared all at once; also return how many rows passed and were refined."""
    found = _room(len(queries), k)
    progress = _Progress(len(queries), len(prepared.train), callback)
    if isinstance(prepared, boxes.Tree):
        n_passed, n_refined = prepared.search(queries, *found, n_threads)
        progress.add(len(queries), len(prepared.train))
        return found, {"n_passed": n_passed, "n_refined": n_refined}
    n_passed = n_refined = 0
    for packed in Queries.pack(queries, prepared.metric, prepared.strategy, n_threads):
        batch = _Batch.of(packed, found)
        passed, refined = prepared.search(packed, *batch.found, n_threads)
        batch.deliver(found)
        n_passed, n_refined = n_passed + passed, n_refined + refined
        progress.add(len(packed.rows), len(prepared.train))
    return found, {"n_passed": n_passed, "n_refined": n_refined}


def piece_rows(strategy: filters.Strategy, n_features: int, k: int) -> int:
    """Return how many rows a piece has. Each piece refines what it found: many neighbours want larger pieces."""
    return max(1, _PIECE_BYTES * min(4, max(1, k // 25)) // strategy.n_bytes(n_features))


def search_pieces(
    train: RowSource,
    strategy: filters.Strategy,
    metric: str,
    queries: AnyArray,
    k: int,
    n_threads: int,
    *,
    grouped: bool,
    callback: Callback | None,
) -> Neighbors:
    """Pack and search the training rows piece by piece, once for all queries or, where these are many, for a part of them.

    `grouped`: equal rows of a piece are grouped where they are many.
    """
    found = _room(len(queries), k)
    n_features = train.shape[1]
    size = min(piece_rows(strategy, n_features, k), len(train))
    room = Room.empty(size, n_features, strategy)
    progress = _Progress(len(queries), len(train), callback)
    batches = (_Batch.of(packed, found) for packed in Queries.pack(queries, metric, strategy, n_threads))
    while some := list(itertools.islice(batches, _BATCHES)):
        for piece in _pieces(train, strategy, metric, size, room, n_threads, grouped=grouped):
            for batch in some:
                if len(piece.groups.representatives):
                    _search_grouped(piece, batch, n_threads)
                else:
                    piece.search(batch.queries, *batch.found, n_threads)
                progress.add(len(batch.queries.rows), len(piece.train))
        for batch in some:
            batch.deliver(found)
    return found


def _pieces(
    train: RowSource, strategy: filters.Strategy, metric: str, size: int, room: Room, n_threads: int, *, grouped: bool
) -> Iterator[Prepared]:
    for start in range(0, len(train), size):
        rows = train[start : start + size]
        if grouped:
            # Most pieces have few equal rows: finding that out must cost little of a search for few queries.
            groups = group_equal_rows(rows, n_threads, min(1024, max(64, len(rows) // 32)))
            yield Prepared.pack(rows, metric, strategy, n_threads, groups=groups, first_row=start, room=room)
        else:
            yield Prepared.pack(rows, metric, strategy, n_threads, first_row=start, room=room)


def _search_grouped(piece: Prepared, batch: _Batch, n_threads: int) -> None:
    """Search a piece with groups of equal rows by itself, and merge what it has with what earlier pieces had."""
    n_queries, k = batch.found.distances.shape
    own = _room(n_queries, min(k, len(piece.train)))
    piece._replace(first_row=0).search(batch.queries, *own, n_threads)
    n_earlier = min(k, piece.first_row)
    step = max(1, _MERGED // k)
    sign = -1 if piece.metric == "inner_product" else 1
    for start in range(0, n_queries, step):
        some = slice(start, start + step)
        distances = np.concatenate([batch.found.distances[some, :n_earlier], own.distances[some]], axis=1)
        indices = np.concatenate([batch.found.indices[some, :n_earlier], own.indices[some] + piece.first_row], axis=1)
        # Earlier rows stay first among equal distances.
        order = np.argsort(sign * distances, axis=1, kind="stable")[:, :k]
        batch.found.distances[some, : order.shape[1]] = np.take_along_axis(distances, order, axis=1)
        batch.found.indices[some, : order.shape[1]] = np.take_along_axis(indices, order, axis=1)
