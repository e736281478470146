"""Training rows as the search kernels read them, and what the filters know of them."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from deeprob_fast import _kernels, _validation
from deeprob_fast._memory import aligned_bytes
from deeprob_fast._typing import AnyArray, Float32, Int32, Int64, PackReport
from deeprob_fast.knn import limits
from deeprob_fast.knn.counts import Counts
from deeprob_fast.knn.directions import ByteRows
from deeprob_fast.knn.duplicates import NO_DUPLICATES, Duplicates
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.lists import NeighborLists, Radius
from deeprob_fast.knn.neighbors import Neighbors
from deeprob_fast.knn.queries import Queries
from deeprob_fast.knn.scattering import scattered
from deeprob_fast.knn.stages import Prefix, StagePacking

if TYPE_CHECKING:
    from collections.abc import Callable


class Packing(NamedTuple):
    """The training rows as the kernels of one instruction-set level read them."""

    panels: Float32 | Int32
    bias: Float32 | Int32
    norm: Float32
    slack: Float32

    @classmethod
    def empty(cls, n_positions: int, n_features: int, strategy: Strategy) -> "Packing":
        """Allocate memory for that many rows."""
        panels, bias, norm, slack = cls.sizes(n_positions, n_features, strategy)
        return cls(
            _aligned_empty(panels, strategy),
            _aligned_empty(bias, strategy),
            np.empty(norm, dtype=np.float32),
            np.empty(slack, dtype=np.float32),
        )

    @staticmethod
    def sizes(n_positions: int, n_features: int, strategy: Strategy) -> tuple[int, int, int, int]:
        """Return how long the arrays are."""
        panel_rows = _kernels.panel_rows()
        n_panels = -(-n_positions // panel_rows)
        return n_panels * panel_rows * strategy.n_words(n_features), n_panels * panel_rows, n_panels, n_panels

    @classmethod
    def padding(cls, strategy: Strategy) -> "Packing":
        """Pack a row of one zero: behind it is what the kernels write behind the last row, so that it never passes."""
        packing = cls.empty(1, 1, strategy)
        zero = np.zeros((1, 1))
        _kernels.pack(zero, _NO_ROWS, "euclidean", (zero[0], 1.0), packing, 1)
        return packing

    def part(self, start: int, stop: int) -> "Packing":
        """Return the part of rows [start, stop); `start` is the first of a panel."""
        panel_rows = _kernels.panel_rows()
        words = len(self.panels) // len(self.bias)
        first, last = start // panel_rows, -(-stop // panel_rows)
        rows = slice(first * panel_rows, last * panel_rows)
        block = slice(rows.start * words, rows.stop * words)
        return Packing(self.panels[block], self.bias[rows], self.norm[first:last], self.slack[first:last])


def _aligned_empty(size: int, strategy: Strategy) -> Float32 | Int32:
    """Return aligned words: float32, or int32 for four bytes each."""
    words: Float32 | Int32 = aligned_bytes(4 * size).view(strategy.dtype)
    return words


_NO_ROWS = NO_DUPLICATES.representatives


def _pack_prefix(
    train: AnyArray,
    duplicates: Duplicates,
    metric: str,
    strategy: Strategy,
    prefix: Prefix,
    packing: StagePacking,
    bytes_: ByteRows,
    n_threads: int,
) -> tuple[int, Int64]:
    """Pack the columns of the rows, so many at a time that they stay within bounds, and the rows in bytes; return their order."""
    n_positions = len(bytes_.squares)
    orders = [_NO_ROWS]
    group_rows = _kernels.group_rows()
    step = group_rows * max(1, limits.LIMITS.column_bytes // (4 * prefix.projection.n_columns * group_rows))
    for start in range(0, n_positions, step):
        stop = min(start + step, n_positions)
        ids = duplicates.representatives[start:stop]
        rows = train[ids] if len(ids) else train[start:stop]
        part = bytes_.part(start, stop)
        columns, bad = prefix.projection.columns(rows, metric, strategy.centering, part, n_threads)
        if bad >= 0:
            return (int(ids[bad]) if len(ids) else start + bad), _NO_ROWS
        # Representatives must ascend.
        order = _NO_ROWS if len(ids) else prefix.tree.sort(columns, n_threads)
        if len(order):
            part.squares[:], part.residuals[:] = part.squares[order], part.residuals[order]
        packing.pack(columns, order, prefix.stages, start, n_positions, n_threads)
        orders.append(start + order)
    return -1, np.concatenate(orders)


class Buffers(NamedTuple):
    """Memory for packed rows."""

    packing: Packing | StagePacking
    bytes: ByteRows | None

    @classmethod
    def empty(cls, n_positions: int, n_features: int, strategy: Strategy) -> "Buffers":
        """Allocate memory for that many rows."""
        if strategy.prefix:
            return cls(StagePacking.empty(n_positions, strategy.prefix.stages), ByteRows.empty(n_positions, n_features))
        return cls(Packing.empty(n_positions, n_features, strategy), None)


class Prepared(NamedTuple):
    """Training rows, or a piece of them, and what the filters know of them."""

    train: AnyArray
    first_row: int
    duplicates: Duplicates
    metric: str
    strategy: Strategy
    packing: Packing | StagePacking
    largest_norm: float
    integral: bool
    bytes: ByteRows | None
    order: Int64  # rows by position; none where these are the same, or the representatives of duplicates

    @property
    def name(self) -> str:
        """The strategy's."""
        return self.strategy.name

    @classmethod
    def pack(
        cls,
        train: AnyArray,
        metric: str,
        strategy: Strategy,
        n_threads: int,
        *,
        duplicates: Duplicates = NO_DUPLICATES,
        first_row: int = 0,
        buffers: Buffers | None = None,
    ) -> "Prepared":
        """Pack the rows, into `buffers` if it is given."""
        n_positions = len(duplicates.representatives) or len(train)
        buffers = buffers or Buffers.empty(n_positions, train.shape[1], strategy)
        packing, bytes_, order = buffers.packing, buffers.bytes, _NO_ROWS
        report = PackReport(unusable_row=-1, largest_norm=0.0, integral=False)
        if isinstance(packing, Packing):
            packing = packing.part(0, n_positions)
            if strategy.scatters:
                order = scattered(n_positions)
                order = duplicates.representatives[order] if len(duplicates.representatives) else order
            positions = order if len(order) else duplicates.representatives
            report = _kernels.pack(train, positions, metric, strategy.centering, packing, n_threads)
        elif strategy.prefix and bytes_:
            packing, bytes_ = packing.first(n_positions, strategy.prefix.stages), bytes_.part(0, n_positions)
            report["unusable_row"], order = _pack_prefix(
                train, duplicates, metric, strategy, strategy.prefix, packing, bytes_, n_threads
            )
        row = report["unusable_row"]
        if row >= 0:
            # Told by its number among all rows.
            raise ValueError(_validation.describe_bad_row("train", train[row], first_row + row))
        return cls(
            train, first_row, duplicates, metric, strategy, packing, report["largest_norm"], report["integral"], bytes_, order
        )

    def search(self, queries: Queries, outputs: Neighbors, n_threads: int) -> Counts:
        """Search, starting from what the outputs hold of earlier rows."""
        kernel: Callable[..., Any] = _kernels.search_prefix if self.strategy.prefix else _kernels.search
        return Counts(len(queries.rows), *kernel(*self._records(queries), outputs, n_threads))

    def search_radius(self, queries: Queries, radius: Radius, n_threads: int) -> tuple[NeighborLists, Counts]:
        """Find all rows within a radius."""
        kernel: Callable[..., Any] = _kernels.search_prefix_radius if self.strategy.prefix else _kernels.search_radius
        lists, counts = kernel(*self._records(queries), radius, n_threads)
        return NeighborLists(*lists), Counts(len(queries.rows), *counts)

    def _records(self, queries: Queries) -> tuple[Any, ...]:
        """Return what every kernel needs to know of rows and queries."""
        rows = self.train, self.order, *self.duplicates, self.first_row
        if isinstance(self.packing, Packing):
            facts = self.largest_norm, self.integral
            packed = queries.rows, queries.tiles, queries.measures
            return rows, self.metric, self.strategy.centering, self.packing, facts, packed
        assert self.strategy.prefix
        staged = queries.rows, queries.tiles, queries.measures, queries.columns, queries.bytes
        return rows, self.metric, self.strategy.centering, self.bytes, self.strategy.prefix.stages, self.packing, staged
