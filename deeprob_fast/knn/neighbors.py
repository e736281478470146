"""What a search finds."""

from typing import NamedTuple

import numpy as np

from deeprob_fast._typing import Float64, Int64


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


def without_self(neighbors: Neighbors) -> Neighbors:
    """Take each training row out of its own neighbours, of which there is one less then."""
    # A row with more than k equals before it is not among its own neighbours: then the last one goes.
    n, k = len(neighbors.indices), neighbors.indices.shape[1] - 1
    is_self = neighbors.indices == np.arange(n)[:, None]
    column = np.where(is_self.any(axis=1), is_self.argmax(axis=1), k)
    others = np.arange(k + 1) != column[:, None]
    return Neighbors(neighbors.distances[others].reshape(n, k), neighbors.indices[others].reshape(n, k))
