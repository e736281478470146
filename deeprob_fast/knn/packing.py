"""Training rows as the search kernels read them, and what the filters know of them."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels, _validation
from deeprob_fast._memory import aligned_bytes
from deeprob_fast._typing import AnyArray, Float32, Int32, Int64, PackReport
from deeprob_fast.knn import limits
from deeprob_fast.knn.clusters import NO_CLUSTERS
from deeprob_fast.knn.directions import ByteRows, Projection
from deeprob_fast.knn.duplicates import NO_DUPLICATES, Duplicates
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.neighbors import Neighbors
from deeprob_fast.knn.queries import Queries


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
        packing = cls.empty(1, 1, strategy._replace(projection=None))
        zero = np.zeros((1, 1))
        _kernels.pack(zero, _NO_ROWS, "euclidean", (zero[0], 1.0), packing, _NO_ERRORS, 1)
        return packing

    def part(self, start: int, stop: int) -> "Packing":
        """Return the part of rows [start, stop); `start` is the first of a panel."""
        panel_rows = _kernels.panel_rows()
        words = len(self.panels) // len(self.bias)
        first, last = start // panel_rows, -(-stop // panel_rows)
        rows = slice(first * panel_rows, last * panel_rows)
        block = slice(rows.start * words, rows.stop * words)
        return Packing(self.panels[block], self.bias[rows], self.norm[first:last], self.slack[first:last])


class PanelRanges(NamedTuple):
    """Rows in the order of their clusters, and the panels of each. Without clusters all three are empty, and position is row."""

    order: Int64  # (n_train,) rows by position
    starts: Int64  # (n_ranges + 1,) panels
    clusters: Int64  # (n_ranges,)


NO_RANGES = PanelRanges(*(np.empty(0, dtype=np.int64) for _ in PanelRanges._fields))


def _aligned_empty(size: int, strategy: Strategy) -> Float32 | Int32:
    """Return aligned words: float32, or int32 for four bytes each."""
    words: Float32 | Int32 = aligned_bytes(4 * size).view(strategy.dtype)
    return words


_NO_ERRORS = np.empty(0)
_NO_ROWS = NO_DUPLICATES.representatives


def _pack_columns(
    train: AnyArray,
    duplicates: Duplicates,
    metric: str,
    strategy: Strategy,
    projection: Projection,
    buffers: "Buffers",
    n_threads: int,
) -> tuple[PackReport, ByteRows, PanelRanges]:
    """Pack the columns of the rows, so many at a time that they stay within bounds, and the rows in bytes."""
    report = PackReport(unusable_row=-1, largest_norm=0.0, integral=False)
    n_positions = len(duplicates.representatives) or len(train)
    bytes_ = buffers.bytes.part(0, n_positions)
    clusters = NO_CLUSTERS if len(duplicates.representatives) else strategy.clusters
    orders, starts = [_NO_ROWS], [_NO_ROWS]
    panel_rows = _kernels.panel_rows()
    step = panel_rows * max(1, limits.LIMITS.column_bytes // (4 * projection.n_columns * panel_rows))
    for start in range(0, n_positions, step):
        stop = min(start + step, n_positions)
        ids = duplicates.representatives[start:stop]
        rows = train[ids] if len(ids) else train[start:stop]
        columns, errors, bad = projection.columns(rows, metric, bytes_.part(start, stop), n_threads)
        if bad >= 0:
            report["unusable_row"] = int(ids[bad]) if len(ids) else start + bad
            break
        order = _NO_ROWS
        if clusters.n_clusters:
            order, begins = clusters.sort(columns, n_threads)
            orders.append(start + order)
            # A panel belongs to the cluster of most of its rows.
            starts.append((start + begins[:-1] + panel_rows // 2) // panel_rows)
        part = buffers.packing.part(start, stop)
        _kernels.pack(columns, order, "euclidean", strategy.centering, part, errors, n_threads)
    if not clusters.n_clusters:
        return report, bytes_, NO_RANGES
    starts.append(np.array([-(-n_positions // panel_rows)]))
    of_ranges = np.tile(np.arange(clusters.n_clusters), len(starts) - 2)
    return report, bytes_, PanelRanges(np.concatenate(orders), np.concatenate(starts), of_ranges)


class Buffers(NamedTuple):
    """Memory for packed rows."""

    packing: Packing
    bytes: ByteRows

    @classmethod
    def empty(cls, n_positions: int, n_features: int, strategy: Strategy) -> "Buffers":
        """Allocate memory for that many rows."""
        n_byte_rows = n_positions if strategy.projection else 0
        return cls(Packing.empty(n_positions, n_features, strategy), ByteRows.empty(n_byte_rows, n_features))


class Prepared(NamedTuple):
    """Training rows, or a piece of them, and what the filters know of them."""

    train: AnyArray
    first_row: int
    duplicates: Duplicates
    metric: str
    strategy: Strategy
    packing: Packing
    largest_norm: float
    integral: bool
    bytes: ByteRows | None
    ranges: PanelRanges

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
        packing = buffers.packing.part(0, n_positions)
        bytes_, ranges = None, NO_RANGES
        if strategy.projection:
            report, bytes_, ranges = _pack_columns(train, duplicates, metric, strategy, strategy.projection, buffers, n_threads)
        else:
            report = _kernels.pack(train, duplicates.representatives, metric, strategy.centering, packing, _NO_ERRORS, n_threads)
        row = report["unusable_row"]
        if row >= 0:
            # Told by its number among all rows.
            raise ValueError(_validation.describe_bad_row("train", train[row], first_row + row))
        return cls(
            train, first_row, duplicates, metric, strategy, packing, report["largest_norm"], report["integral"], bytes_, ranges
        )

    def search(self, queries: Queries, outputs: Neighbors, n_threads: int) -> tuple[int, int]:
        """Search, starting from what the outputs hold of earlier rows; return how many pairs passed and were refined."""
        centering, projection = self.strategy.centering, self.strategy.projection
        if projection and self.bytes and queries.bytes:
            positions = self.ranges.order if len(self.ranges.order) else self.duplicates.representatives
            return _kernels.search_prefix(
                (self.train, positions, self.duplicates.starts, self.duplicates.members, self.first_row),
                self.metric,
                (projection.center, projection.scale),
                self.bytes,
                centering,
                self.packing,
                (self.ranges.starts, self.ranges.clusters, self.strategy.clusters.centers),
                (queries.rows, queries.tiles, queries.measures, queries.columns, queries.bytes),
                outputs,
                n_threads,
            )
        return _kernels.search(
            (self.train, *self.duplicates, self.first_row),
            self.metric,
            centering,
            self.packing,
            (self.largest_norm, self.integral),
            (queries.rows, queries.tiles, queries.measures),
            outputs,
            n_threads,
        )
