"""What a filter does to the rows: its origin and unit, its directions, and how much a packed row takes."""

from typing import Any, NamedTuple

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast.knn.centering import Centering
from deeprob_fast.knn.clusters import NO_CLUSTERS, Clusters
from deeprob_fast.knn.directions import Projection

FILTERS = ("dense", "integer", "prefix")


class Strategy(NamedTuple):
    """A filter, fitted to the rows."""

    name: str
    centering: Centering  # of the rows, or of the projection's columns
    projection: Projection | None = None
    clusters: Clusters = NO_CLUSTERS  # of the projection's columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of packed rows: numbers, or words of four bytes each."""
        return np.dtype(np.float32 if self.name == "dense" else np.int32)

    def n_words(self, n_features: int) -> int:
        """Return how many words of four bytes a packed row takes."""
        if self.name == "dense":
            return n_features
        return -(-(self.projection.n_columns if self.projection else n_features) // 4)

    def n_bytes(self, n_features: int) -> int:
        """Return how much memory a row takes while it is packed."""
        packed = 4 * self.n_words(n_features)
        if self.projection is None:
            return packed
        return packed + 4 * self.projection.n_columns + _kernels.byte_stride(n_features) + 16
