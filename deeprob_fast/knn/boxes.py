"""Rows of few features in a tree of bounding boxes: built whole, searched without a filter."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels, _validation
from deeprob_fast._memory import aligned_bytes
from deeprob_fast._typing import AnyArray, Float32, Float64, Int32, Int64
from deeprob_fast.knn import centering
from deeprob_fast.knn.counts import Counts
from deeprob_fast.knn.duplicates import NO_DUPLICATES, Duplicates
from deeprob_fast.knn.lists import NeighborLists, Radius
from deeprob_fast.knn.neighbors import Neighbors

_SAMPLE_QUERIES = 64
_SAMPLE_NEIGHBORS = 10
_SAMPLE_ROWS = 1024
# Where float32 can square differences, with room on both sides.
_SMALLEST, _LARGEST = 1e-12, 1e15


class Tree(NamedTuple):
    """Training rows in the leaves of a tree of boxes, as the kernels of one instruction-set level read them."""

    train: AnyArray
    duplicates: Duplicates
    metric: str
    values: Float32 | Float64
    rows: Int32
    boxes: Float32 | Float64

    @property
    def name(self) -> str:
        """The strategy's."""
        return "boxes"

    @classmethod
    def build(cls, train: AnyArray, duplicates: Duplicates, metric: str, n_threads: int) -> "Tree":
        """Put the rows into leaves."""
        n_values, n_rows, n_boxes = _kernels.box_sizes(len(duplicates.representatives) or len(train), train.shape[1])
        dtype = _values_dtype(train)
        values = aligned_bytes(n_values * dtype.itemsize).view(dtype)
        boxes = aligned_bytes(n_boxes * dtype.itemsize).view(dtype)
        rows = np.empty(n_rows, dtype=np.int32)
        bad = _kernels.build_boxes(train, duplicates.representatives, (values, rows, boxes), n_threads)
        if bad >= 0:
            raise ValueError(_validation.describe_bad_row("train", train[bad], bad))
        return cls(train, duplicates, metric, values, rows, boxes)

    def search(self, queries: AnyArray, outputs: Neighbors, n_threads: int) -> Counts:
        """Search all queries."""
        facts = _kernels.search_boxes(*self._records(), queries, outputs, n_threads)
        return self._counts(queries, *facts)

    def search_radius(self, queries: AnyArray, radius: Radius, n_threads: int) -> tuple[NeighborLists, Counts]:
        """Find all rows within a radius."""
        lists, facts = _kernels.search_boxes_radius(*self._records(), queries, radius, n_threads)
        return NeighborLists(*lists), self._counts(queries, *facts)

    def _records(
        self,
    ) -> tuple[tuple[AnyArray, Int64, Int64, Int64, Int64, int], str, tuple[Float32 | Float64, Int32, Float32 | Float64]]:
        rows = self.train, NO_DUPLICATES.representatives, *self.duplicates, 0
        return rows, self.metric, (self.values, self.rows, self.boxes)

    @staticmethod
    def _counts(queries: AnyArray, bad: int, n_refined: int, n_visited: int) -> Counts:
        if bad >= 0:
            raise ValueError(_validation.describe_bad_row("queries", queries[bad], bad))
        return Counts(len(queries), n_passed=n_visited, n_refined=n_refined)

    def visited(self, n_threads: int) -> float:
        """Return the fraction of the rows in the leaves that a sample of the rows visits."""
        sample = self.train[centering.sample_rows(len(self.train), _SAMPLE_QUERIES)]
        shape = len(sample), min(_SAMPLE_NEIGHBORS, len(self.train))
        counts = self.search(sample, Neighbors(np.empty(shape), np.empty(shape, dtype=np.int64)), n_threads)
        return counts.n_passed / len(sample) / len(self.rows)


def _values_dtype(train: AnyArray) -> np.dtype[np.float32] | np.dtype[np.float64]:
    """Return a type that holds the values exactly, and in which sums of typical rows neither overflow nor vanish."""
    if train.dtype == np.float64:
        return np.dtype(np.float64)
    with np.errstate(invalid="ignore"):  # rows that are not finite are refused when they are read
        sample = np.abs(train[centering.sample_rows(len(train), _SAMPLE_ROWS)].astype(np.float64))
        typical = float(np.median(sample.max(axis=1)))
    in_range = typical == 0 or _SMALLEST < typical < _LARGEST
    return np.dtype(np.float32) if in_range else np.dtype(np.float64)
