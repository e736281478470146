"""Queries as the search kernels read them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels, _validation
from deeprob_fast._memory import aligned_bytes
from deeprob_fast._typing import AnyArray, Float32, Float64, Int32, Int64
from deeprob_fast.knn import limits
from deeprob_fast.knn.directions import ByteRows, Columns
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.stages import Prefix

# Numbers that the kernels note of each query.
_MEASURES = {"dense": 5, "integer": 8}
_STAGE_MEASURES = 3  # of each stage


class Queries(NamedTuple):
    """A part of the queries, packed for one instruction-set level; for a prefix, in the order of its tree."""

    rows: AnyArray
    numbers: slice | Int64  # of these queries among all
    tiles: Float32 | Int32
    measures: Float64
    columns: Columns | None = None
    bytes: ByteRows | None = None

    @property
    def places(self) -> Int64:
        """Where the queries of this part lie, in the order of all; none where that is their order."""
        if isinstance(self.numbers, slice):
            return np.empty(0, dtype=np.int64)
        return np.argsort(self.numbers)

    @classmethod
    def pack(cls, queries: AnyArray, metric: str, strategy: Strategy, n_threads: int) -> Iterator["Queries"]:
        """Pack the queries, so many at a time that the memory stays bounded."""
        tile = _kernels.tile_queries()
        step = tile * max(1, limits.LIMITS.query_bytes // (tile * strategy.n_bytes(queries.shape[1])))
        for first in range(0, len(queries), step):
            rows = queries[first : first + step]
            n_padded = -(-len(rows) // tile) * tile
            if strategy.prefix:
                yield cls._pack_prefix(rows, first, n_padded, metric, strategy, strategy.prefix, n_threads)
                continue
            tiles: Float32 | Int32 = _words(n_padded * strategy.n_words(rows.shape[1])).view(strategy.dtype)
            measures = np.empty((len(rows), _MEASURES[strategy.name]))
            _check(rows, first, _kernels.pack_queries(rows, metric, strategy.centering, tiles, measures, n_threads))
            yield cls(rows, slice(first, first + len(rows)), tiles, measures)

    @classmethod
    def _pack_prefix(
        cls, rows: AnyArray, first: int, n_padded: int, metric: str, strategy: Strategy, prefix: Prefix, n_threads: int
    ) -> "Queries":
        bytes_ = ByteRows.empty(*rows.shape)
        columns, bad = prefix.projection.columns(rows, metric, strategy.centering, bytes_, n_threads, queries=True)
        _check(rows, first, bad)
        order = prefix.tree.sort(columns, n_threads)
        columns = columns.of(order)
        stages = prefix.stages
        tiles = _words(n_padded * (sum(stages.n_words) + len(stages.ends)))
        measures = np.empty((len(rows), _STAGE_MEASURES * len(stages.ends)))
        _kernels.pack_stage_queries(columns, stages, tiles, measures, n_threads)
        return cls(rows[order], first + order, tiles, measures, columns, bytes_.sorted(order))


def _words(n: int) -> Int32:
    return aligned_bytes(4 * n).view(np.int32)


def _check(rows: AnyArray, first: int, bad: int) -> None:
    if bad >= 0:
        raise ValueError(_validation.describe_bad_row("queries", rows[bad], first + bad))
