"""Clusters of columns: rows that lie close together are packed together, and met by the queries near them first."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._typing import Float32, Int64
from deeprob_fast.knn import limits

MOST_CLUSTERS = 256


class Clusters(NamedTuple):
    """Centers by which columns are sorted; empty if they are not."""

    centers: Float32  # (n_clusters, n_columns), neighbours in the list near each other

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return len(self.centers)

    def sort(self, columns: Float32, n_threads: int) -> tuple[Int64, Int64]:
        """Return the rows cluster by cluster, and where each cluster starts among them; one more start is the end."""
        order, starts = np.empty(len(columns), dtype=np.int64), np.empty(self.n_clusters + 1, dtype=np.int64)
        _kernels.sort_into_clusters(columns, self.centers, order, starts, n_threads)
        return order, starts


NO_CLUSTERS = Clusters(np.empty((0, 0), dtype=np.float32))


def fit(sample: Float32, n_rows: int, n_threads: int) -> Clusters:
    """Find clusters for about `n_rows` rows by k-means on a sample of them (Lloyd 1982)."""
    n_clusters = min(n_rows // limits.LIMITS.cluster_rows, len(sample) // 4, MOST_CLUSTERS)
    if n_clusters < 2:
        return NO_CLUSTERS
    centers = sample[:: len(sample) // n_clusters][:n_clusters].copy()
    return Clusters(centers[: _kernels.fit_clusters(sample, centers, n_threads)])
