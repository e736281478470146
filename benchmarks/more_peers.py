"""Peers of tasks that only the benchmarks have: few features, and full matrices of distances, (n_X, n_Y)."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from deeprob_fast.bench.numpy_search import Array, DistancesAndIndices
from deeprob_fast.bench.peers import MANHATTAN, Peer


def knn_ckdtree(train: Array, queries: Array, k: int, metric: str, n_threads: int) -> DistancesAndIndices:
    """Run SciPy's cKDTree."""
    from scipy.spatial import cKDTree

    return cKDTree(train).query(queries, k, p=1 if metric == "manhattan" else 2, workers=n_threads)


def pairwise_torch(x: Array, y: Array, n_threads: int) -> Array:
    """Run torch.cdist."""
    import torch

    return torch.cdist(torch.from_numpy(x), torch.from_numpy(y)).numpy()


def pairwise_sklearn(x: Array, y: Array, n_threads: int) -> Array:
    """Run scikit-learn's euclidean_distances."""
    from sklearn.metrics.pairwise import euclidean_distances

    return euclidean_distances(x, y)


def pairwise_scipy(x: Array, y: Array, n_threads: int) -> Array:
    """Run SciPy's cdist, its rows shared among several threads."""
    from scipy.spatial.distance import cdist

    rows = y.astype(np.float64)
    out = np.empty((len(x), len(y)))
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(lambda i: cdist(x[i : i + 64], rows, out=out[i : i + 64]), range(0, len(x), 64)))
    return out


BOXES = (Peer("scipy cKDTree", "scipy", knn_ckdtree, rounds=2),)
OF_SUITE = {"manhattan": MANHATTAN, "boxes": BOXES}
PAIRWISE = (
    Peer("torch cdist", "torch", pairwise_torch),
    Peer("scikit-learn", "sklearn", pairwise_sklearn),
    Peer("scipy cdist", "scipy", pairwise_scipy, rounds=2),
)
