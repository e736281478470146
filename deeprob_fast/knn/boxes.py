"""Rows of few features in a tree of bounding boxes: built whole, searched without a filter."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels, _validation
from deeprob_fast._memory import aligned_bytes
from deeprob_fast._typing import AnyArray, Float32, Float64, Int32, Int64
from deeprob_fast.knn import centering
from deeprob_fast.knn.packing import Groups

_METRICS = ("euclidean", "sqeuclidean", "manhattan")

# Trees are tried for jobs of at least this many rows, pairs and queries: building takes as long as some queries of all rows.
_FEWEST_ROWS = 1024
_SMALLEST_JOB = 1e6
_QUERIES_PER_FEATURE = 128
# Time for a row of a visited leaf, in units of the dense product with one row.
_VISIT_COST = 8.0
_SAMPLE_QUERIES = 64
_SAMPLE_NEIGHBORS = 10
_SAMPLE_ROWS = 1024
# Where float32 can square differences, with room on both sides.
_SMALLEST, _LARGEST = 1e-12, 1e15


class Chosen(NamedTuple):
    """What was chosen, and why."""

    name: str
    reason: str


class Tree(NamedTuple):
    """Training rows in the leaves of a tree of boxes, as the kernels of one instruction-set level read them."""

    train: AnyArray
    groups: Groups
    metric: str
    strategy: Chosen
    values: Float32 | Float64
    rows: Int32
    boxes: Float32 | Float64

    @classmethod
    def build(cls, train: AnyArray, groups: Groups, metric: str, reason: str, n_threads: int) -> "Tree":
        """Put the rows into leaves."""
        n_values, n_rows, n_boxes = _kernels.box_sizes(len(groups.representatives) or len(train), train.shape[1])
        dtype = _values_dtype(train)
        values = aligned_bytes(n_values * dtype.itemsize).view(dtype)
        boxes = aligned_bytes(n_boxes * dtype.itemsize).view(dtype)
        rows = np.empty(n_rows, dtype=np.int32)
        bad = _kernels.build_boxes(train, groups.representatives, values, rows, boxes, n_threads)
        if bad >= 0:
            raise ValueError(_validation.describe_bad_row("train", train[bad], bad))
        return cls(train, groups, metric, Chosen("boxes", reason), values, rows, boxes)

    def search(self, queries: AnyArray, distances: Float64, indices: Int64, n_threads: int) -> tuple[int, int]:
        """Search all queries; return how many rows lay in visited leaves, and how many canonical distances it took."""
        bad, n_refined, n_visited = _kernels.search_boxes(
            self.train,
            *self.groups,
            self.metric,
            self.values,
            self.rows,
            self.boxes,
            queries,
            distances,
            indices,
            n_threads,
        )
        if bad >= 0:
            raise ValueError(_validation.describe_bad_row("queries", queries[bad], bad))
        return n_visited, n_refined

    def visited(self, n_threads: int) -> float:
        """Return the fraction of the rows in the leaves that a sample of the rows visits."""
        sample = self.train[centering.sample_rows(len(self.train), _SAMPLE_QUERIES)]
        shape = len(sample), min(_SAMPLE_NEIGHBORS, len(self.train))
        n_visited, _ = self.search(sample, np.empty(shape), np.empty(shape, dtype=np.int64), n_threads)
        return n_visited / len(sample) / len(self.rows)


def choose(train: AnyArray, groups: Groups, metric: str, requested: str, n_queries: int, n_threads: int) -> Tree | None:
    """Build a tree if it is asked for, or if one is worth building for about that many queries."""
    impossible = why_not(train, metric)
    if requested == "boxes":
        if impossible:
            msg = f'strategy="boxes" cannot be used: {impossible}'
            raise ValueError(msg)
        return Tree.build(train, groups, metric, "asked for", n_threads)
    n_positions = len(groups.representatives) or len(train)
    small = n_positions < _FEWEST_ROWS or float(n_positions) * n_queries < _SMALLEST_JOB
    if requested != "auto" or impossible or small or n_queries < _QUERIES_PER_FEATURE * train.shape[1]:
        return None
    tree = Tree.build(train, groups, metric, "", n_threads)
    visited = tree.visited(n_threads)
    cost = _VISIT_COST * visited
    facts = f"sampled rows visit {visited:.2%} of the rows: {cost:.2f} of the dense cost"
    return tree._replace(strategy=Chosen("boxes", facts)) if cost < 1 else None


def why_not(train: AnyArray, metric: str) -> str:
    """Say why a tree cannot serve, or nothing."""
    if metric not in _METRICS:
        return f"boxes have no bound for metric {metric}"
    if train.shape[1] > _kernels.max_box_features():
        return f"more than {_kernels.max_box_features()} features"
    if len(train) > _kernels.max_box_rows():
        return f"more than {_kernels.max_box_rows()} rows"
    return ""


def _values_dtype(train: AnyArray) -> np.dtype[np.float32] | np.dtype[np.float64]:
    """Return a type that holds the values exactly, and in which sums of typical rows neither overflow nor vanish."""
    if train.dtype == np.float64:
        return np.dtype(np.float64)
    with np.errstate(invalid="ignore"):  # rows that are not finite are refused when they are read
        sample = np.abs(train[centering.sample_rows(len(train), _SAMPLE_ROWS)].astype(np.float64))
        typical = float(np.median(sample.max(axis=1)))
    in_range = typical == 0 or _SMALLEST < typical < _LARGEST
    return np.dtype(np.float32) if in_range else np.dtype(np.float64)
