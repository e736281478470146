"""A principal axis tree (McNames 2001): in the order of its leaves, rows that follow one another lie close together."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._typing import Float32, Int64
from deeprob_fast.knn import limits
from deeprob_fast.knn.directions import Columns

MOST_NODES = (1 << 12) - 1
_SAMPLED_ROWS_OF_A_LEAF = 4


class AxisTree(NamedTuple):
    """Nodes level by level: below node i are 2 i + 1, for rows that fall short of the cut, and 2 i + 2."""

    axes: Float32  # (n_nodes, n_columns), of the first columns
    cuts: Float32  # (n_nodes,), along the axis

    def sort(self, columns: Columns, n_threads: int) -> Int64:
        """Return the rows leaf by leaf."""
        order = np.empty(len(columns.values), dtype=np.int64)
        _kernels.sort_by_axes(columns.values, self, order, n_threads)
        return order


def fit(sample: Columns, n_columns: int, n_rows: int) -> AxisTree:
    """Fit a tree for about `n_rows` rows to the first columns of a sample of them."""
    n_leaves = min(n_rows // limits.LIMITS.leaf_rows, len(sample.values) // _SAMPLED_ROWS_OF_A_LEAF, MOST_NODES + 1)
    n_nodes = (1 << max(1, n_leaves).bit_length() - 1) - 1
    tree = AxisTree(np.empty((n_nodes, n_columns), dtype=np.float32), np.empty(n_nodes, dtype=np.float32))
    _kernels.fit_axes(sample, tree)
    return tree
