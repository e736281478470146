"""Queries as the search kernels read them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels, _validation
from deeprob_fast._memory import aligned_bytes
from deeprob_fast._typing import AnyArray, Float32, Float64, Int32, Int64
from deeprob_fast.knn import limits
from deeprob_fast.knn.directions import ByteRows
from deeprob_fast.knn.filters import Strategy

# Numbers that the kernels note of each query.
_MEASURES = {"dense": 5, "integer": 8, "prefix": 8}
_NO_ERRORS = np.empty(0)


class Queries(NamedTuple):
    """A part of the queries, packed for one instruction-set level, in the order of their clusters where there are any."""

    rows: AnyArray
    numbers: slice | Int64  # of these queries among all
    tiles: Float32 | Int32
    measures: Float64
    columns: AnyArray
    bytes: ByteRows | None

    @classmethod
    def pack(cls, queries: AnyArray, metric: str, strategy: Strategy, n_threads: int) -> Iterator["Queries"]:
        """Pack the queries, so many at a time that the memory stays bounded."""
        n_features = queries.shape[1]
        tile = _kernels.tile_queries()
        step = tile * max(1, limits.LIMITS.query_bytes // (tile * strategy.n_bytes(n_features)))
        for first in range(0, len(queries), step):
            numbers: slice | Int64 = slice(first, min(first + step, len(queries)))
            rows = queries[numbers]
            n_words = -(-len(rows) // tile) * tile * strategy.n_words(n_features)
            tiles: Float32 | Int32 = aligned_bytes(4 * n_words).view(strategy.dtype)
            measures = np.empty((len(rows), _MEASURES[strategy.name]))
            columns, errors, kind, bad, bytes_ = rows, _NO_ERRORS, metric, -1, None
            if strategy.projection:
                kind = "euclidean"
                bytes_ = ByteRows.empty(len(rows), n_features)
                columns, errors, bad = strategy.projection.columns(rows, metric, bytes_, n_threads, queries=True)
                if bad < 0 and strategy.clusters.n_clusters:
                    order, _ = strategy.clusters.sort(columns, n_threads)
                    numbers, rows, columns, errors = first + order, rows[order], columns[order], errors[order]
                    bytes_ = bytes_.sorted(order)
            if bad < 0:
                bad = _kernels.pack_queries(columns, kind, strategy.centering, tiles, measures, errors, n_threads)
            if bad >= 0:
                raise ValueError(_validation.describe_bad_row("queries", rows[bad], first + bad))
            yield cls(rows, numbers, tiles, measures, columns, bytes_)
