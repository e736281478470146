"""Cells of columns: rows that lie close together are packed together, and met by the queries near them first."""

from typing import NamedTuple

import numpy as np

from deeprob_fast._typing import Float32, Int64
from deeprob_fast.knn import pairs

_ROWS_OF_A_CELL = 512
MOST_CELLS = 256
_ITERATIONS = 2
_ROWS_AT_ONCE = 16384


class Cells(NamedTuple):
    """Centers by which columns are sorted; empty if they are not."""

    centers: Float32  # (n_cells, n_columns), neighbours in the list near each other

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return len(self.centers)

    def of(self, columns: Float32, n_threads: int) -> Int64:
        """Return the cell of each row: that of the nearest center."""
        cells = np.empty(len(columns), dtype=np.int64)
        for start in range(0, len(columns), _ROWS_AT_ONCE):
            some = columns[start : start + _ROWS_AT_ONCE]
            cells[start : start + len(some)] = _distances(some, self.centers, n_threads).argmin(axis=1)
        return cells

    def sort(self, columns: Float32, n_threads: int) -> tuple[Int64, Int64]:
        """Return the rows cell by cell, and where each cell starts among them; one more start is the end."""
        cells = self.of(columns, n_threads)
        starts = np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=len(self.centers)))])
        return np.argsort(cells.astype(np.uint16), kind="stable"), starts.astype(np.int64)


NO_CELLS = Cells(np.empty((0, 0), dtype=np.float32))


def _distances(left: Float32, right: Float32, n_threads: int) -> Float32:
    return pairs.between(left, right, "sqeuclidean", n_threads)


def fit(sample: Float32, n_rows: int, n_threads: int) -> Cells:
    """Find cells for about `n_rows` rows by k-means on a sample of them (Lloyd 1982)."""
    n_cells = min(n_rows // _ROWS_OF_A_CELL, len(sample) // 4, MOST_CELLS)
    if n_cells < 2:
        return NO_CELLS
    cells = Cells(np.ascontiguousarray(sample[:: len(sample) // n_cells][:n_cells]))
    for _ in range(_ITERATIONS):
        order, starts = cells.sort(sample, n_threads)
        sizes = np.diff(starts)
        kept = sizes > 0
        sums = np.add.reduceat(sample[order], starts[:-1][kept], axis=0)
        cells = Cells((sums / sizes[kept, None]).astype(np.float32))
    return Cells(cells.centers[_tour(_distances(cells.centers, cells.centers, n_threads))])


def _tour(distances: Float32) -> Int64:
    """Visit all centers, from each to the nearest one left."""
    tour = [0]
    left = distances.copy()
    for _ in range(len(distances) - 1):
        left[:, tour[-1]] = np.inf
        tour.append(int(left[tour[-1]].argmin()))
    return np.array(tour)
