"""What a filter does to the rows: its origin and unit, its prefix, and how much a packed row takes."""

from typing import Any, NamedTuple

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast.knn.centering import Centering
from deeprob_fast.knn.stages import Prefix

FILTERS = ("dense", "integer", "prefix")


class Strategy(NamedTuple):
    """A filter, fitted to the rows."""

    name: str
    centering: Centering  # of the rows
    prefix: Prefix | None = None
    scatters: bool = False  # whether rows are packed in an order that is as good as random

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of packed rows: numbers, or words of four bytes each."""
        return np.dtype(np.float32 if self.name == "dense" else np.int32)

    def n_words(self, n_features: int) -> int:
        """Return how many words of four bytes a row takes that is packed as a whole."""
        return n_features if self.name == "dense" else -(-n_features // 4)

    def n_bytes(self, n_features: int) -> int:
        """Return how much memory a row takes while it is packed."""
        if self.prefix is None:
            return 4 * self.n_words(n_features)
        stages = self.prefix.stages
        packed = 4 * (sum(stages.n_words) + 2 * len(stages.ends))
        return packed + 4 * self.prefix.projection.n_columns + _kernels.byte_stride(n_features) + 16
