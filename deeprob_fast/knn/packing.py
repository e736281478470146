"""What the search kernels read: training rows and queries in their layouts, and what the filters know of them."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels, _validation
from deeprob_fast._memory import aligned_bytes
from deeprob_fast._typing import AnyArray, Float32, Float64, Int32, Int64, PackReport
from deeprob_fast.knn import centering
from deeprob_fast.knn.clusters import NO_CELLS
from deeprob_fast.knn.directions import ByteRows, Projection
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.neighbors import Neighbors


class Groups(NamedTuple):
    """Equal rows. Without duplicates worth grouping all three are empty: every row stands for itself."""

    representatives: Int64  # (n_distinct,) first row of each group, ascending
    starts: Int64  # (n_distinct + 1,)
    members: Int64  # (n_train,) rows of group j: members[starts[j]:starts[j + 1]], ascending


class Packing(NamedTuple):
    """The training rows as the kernels of one instruction-set level read them."""

    panels: Float32 | Int32
    bias: Float32 | Int32
    norm: Float32
    slack: Float32

    @classmethod
    def empty(cls, n_positions: int, n_features: int, strategy: Strategy) -> "Packing":
        """Allocate room for that many rows."""
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
        own = slice(rows.start * words, rows.stop * words)
        return Packing(self.panels[own], self.bias[rows], self.norm[first:last], self.slack[first:last])


class Runs(NamedTuple):
    """Rows in the order of their cells. Without cells all three are empty: rows are packed in their own order."""

    order: Int64  # (n_train,) rows by position
    starts: Int64  # (n_runs + 1,) panels
    cells: Int64  # (n_runs,)


NO_GROUPS = Groups(*(np.empty(0, dtype=np.int64) for _ in Groups._fields))
NO_RUNS = Runs(*(np.empty(0, dtype=np.int64) for _ in Runs._fields))

# Numbers that the kernels note of each query.
_MEASURES = {"dense": 5, "integer": 8, "prefix": 8}

# Packed queries take this much at a time, and the columns of a projection.
_QUERY_BYTES = 64 << 20
_COLUMN_BYTES = 32 << 20


# About what grouping takes for each row: hashes, and np.unique's order, inverse and copies of them.
GROUP_BYTES = 64


def _few_repeat(n_distinct: int, n_rows: int) -> bool:
    return 8 * n_distinct > 7 * n_rows


def group_equal_rows(train: AnyArray, n_threads: int, n_sampled: int = 1024) -> Groups:
    """Group equal rows if a sample says that there are many: ties by the thousand would defeat any filter."""
    sample = train[centering.sample_rows(len(train), n_sampled)]
    hashes = np.empty(len(sample), dtype=np.uint64)
    _kernels.hash_rows(sample, hashes, n_threads)
    if _few_repeat(len(np.unique(hashes)), len(sample)):
        return NO_GROUPS
    hashes = np.empty(len(train), dtype=np.uint64)
    _kernels.hash_rows(train, hashes, n_threads)
    _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    if _few_repeat(len(first), len(train)) or not _kernels.rows_equal(train, first[group].astype(np.int64), n_threads):
        return NO_GROUPS
    by_first = np.argsort(first)
    rank = np.empty_like(by_first)
    rank[by_first] = np.arange(len(by_first))
    group = rank[group]
    members = np.argsort(group, kind="stable").astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(np.bincount(group))]).astype(np.int64)
    return Groups(first[by_first].astype(np.int64), starts, members)


def _aligned_empty(size: int, strategy: Strategy) -> Float32 | Int32:
    """Return aligned words: float32, or int32 for four bytes each."""
    words: Float32 | Int32 = aligned_bytes(4 * size).view(strategy.dtype)
    return words


_NO_ERRORS = np.empty(0)
_NO_ROWS = NO_GROUPS.representatives


def _pack_columns(
    train: AnyArray,
    groups: Groups,
    metric: str,
    strategy: Strategy,
    projection: Projection,
    room: "Room",
    n_threads: int,
) -> tuple[PackReport, ByteRows, Runs]:
    """Pack the columns of the rows, so many at a time that they stay within bounds, and the rows in bytes."""
    report = PackReport(unusable_row=-1, largest_norm=0.0, integral=False)
    n_positions = len(groups.representatives) or len(train)
    bytes_ = room.bytes.part(0, n_positions)
    cells = NO_CELLS if len(groups.representatives) else strategy.cells
    orders, starts = [_NO_ROWS], [_NO_ROWS]
    panel_rows = _kernels.panel_rows()
    step = panel_rows * max(1, _COLUMN_BYTES // (4 * projection.n_columns * panel_rows))
    for start in range(0, n_positions, step):
        stop = min(start + step, n_positions)
        ids = groups.representatives[start:stop]
        rows = train[ids] if len(ids) else train[start:stop]
        columns, errors, bad = projection.columns(rows, metric, bytes_.part(start, stop), n_threads)
        if bad >= 0:
            report["unusable_row"] = int(ids[bad]) if len(ids) else start + bad
            break
        order = _NO_ROWS
        if cells.n_cells:
            order, own_starts = cells.sort(columns, n_threads)
            orders.append(start + order)
            # A panel belongs to the cell of most of its rows.
            starts.append((start + own_starts[:-1] + panel_rows // 2) // panel_rows)
        part = room.packing.part(start, stop)
        _kernels.pack(columns, order, "euclidean", strategy.surrogate, part, errors, n_threads)
    if not cells.n_cells:
        return report, bytes_, NO_RUNS
    starts.append(np.array([-(-n_positions // panel_rows)]))
    own_cells = np.tile(np.arange(cells.n_cells), len(starts) - 2)
    return report, bytes_, Runs(np.concatenate(orders), np.concatenate(starts), own_cells)


class Room(NamedTuple):
    """Memory for packed rows."""

    packing: Packing
    bytes: ByteRows

    @classmethod
    def empty(cls, n_positions: int, n_features: int, strategy: Strategy) -> "Room":
        """Allocate room for that many rows."""
        n_byte_rows = n_positions if strategy.projection else 0
        return cls(Packing.empty(n_positions, n_features, strategy), ByteRows.empty(n_byte_rows, n_features))


class Queries(NamedTuple):
    """Some queries as the kernels of one instruction-set level read them, in the order of their cells where there are any."""

    rows: AnyArray
    own: slice | Int64  # their numbers
    groups: Float32 | Int32
    measures: Float64
    columns: AnyArray
    bytes: ByteRows | None

    @classmethod
    def pack(cls, rows: AnyArray, metric: str, strategy: Strategy, n_threads: int) -> Iterator["Queries"]:
        """Pack the queries, so many at a time that the memory stays bounded."""
        group = _kernels.group_queries()
        words = strategy.n_words(rows.shape[1])
        step = group * max(1, _QUERY_BYTES // (group * strategy.n_bytes(rows.shape[1])))
        for first in range(0, len(rows), step):
            own: slice | Int64 = slice(first, min(first + step, len(rows)))
            some = rows[own]
            groups = _aligned_empty(-(-len(some) // group) * group * words, strategy)
            measures = np.empty((len(some), _MEASURES[strategy.name]))
            columns, errors, kind, bad, bytes_ = some, _NO_ERRORS, metric, -1, None
            if strategy.projection:
                kind = "euclidean"
                bytes_ = ByteRows.empty(len(some), some.shape[1])
                columns, errors, bad = strategy.projection.columns(some, metric, bytes_, n_threads, queries=True)
                if bad < 0 and strategy.cells.n_cells:
                    order, _ = strategy.cells.sort(columns, n_threads)
                    own, some, columns, errors = first + order, some[order], columns[order], errors[order]
                    bytes_ = bytes_.sorted(order)
            if bad < 0:
                bad = _kernels.pack_queries(columns, kind, strategy.surrogate, groups, measures, errors, n_threads)
            if bad >= 0:
                raise ValueError(_validation.describe_bad_row("queries", some[bad], first + bad))
            yield cls(some, own, groups, measures, columns, bytes_)


class Prepared(NamedTuple):
    """Training rows, or a piece of them, and what the filters know of them."""

    train: AnyArray
    first_row: int
    groups: Groups
    metric: str
    strategy: Strategy
    packing: Packing
    largest_norm: float
    integral: bool
    bytes: ByteRows | None
    runs: Runs

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
        groups: Groups = NO_GROUPS,
        first_row: int = 0,
        room: Room | None = None,
    ) -> "Prepared":
        """Pack the rows, into `room` if it is given."""
        n_positions = len(groups.representatives) or len(train)
        room = room or Room.empty(n_positions, train.shape[1], strategy)
        packing = room.packing.part(0, n_positions)
        bytes_, runs = None, NO_RUNS
        if strategy.projection:
            report, bytes_, runs = _pack_columns(train, groups, metric, strategy, strategy.projection, room, n_threads)
        else:
            report = _kernels.pack(train, groups.representatives, metric, strategy.surrogate, packing, _NO_ERRORS, n_threads)
        row = report["unusable_row"]
        if row >= 0:
            # Told by its number among all rows.
            raise ValueError(_validation.describe_bad_row("train", train[row], first_row + row))
        return cls(train, first_row, groups, metric, strategy, packing, report["largest_norm"], report["integral"], bytes_, runs)

    def search(self, queries: Queries, outputs: Neighbors, n_threads: int) -> tuple[int, int]:
        """Search, starting from what the outputs hold of earlier rows; return how many pairs passed and were refined."""
        centering, projection = self.strategy.surrogate, self.strategy.projection
        if projection and self.bytes and queries.bytes:
            positions = self.runs.order if len(self.runs.order) else self.groups.representatives
            return _kernels.search_prefix(
                (self.train, positions, self.groups.starts, self.groups.members, self.first_row),
                self.metric,
                (projection.center, projection.scale),
                self.bytes,
                centering,
                self.packing,
                (self.runs.starts, self.runs.cells, self.strategy.cells.centers),
                (queries.rows, queries.groups, queries.measures, queries.columns, queries.bytes),
                outputs,
                n_threads,
            )
        return _kernels.search(
            (self.train, *self.groups, self.first_row),
            self.metric,
            centering,
            self.packing,
            (self.largest_norm, self.integral),
            (queries.rows, queries.groups, queries.measures),
            outputs,
            n_threads,
        )
