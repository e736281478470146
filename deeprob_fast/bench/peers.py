"""The libraries that `deeprob-fast bench` compares with: one small function for each, with all preparation of the rows.

Each imports its library inside, so that the others run where it is missing. Neighbours are (distances, indices), both
(n_queries, k), with euclidean distances not squared.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from deeprob_fast.bench.numpy_search import Array, DistancesAndIndices, in_query_blocks, knn_numpy, smallest


class Peer(NamedTuple):
    """A contestant of a task: its name, the package it needs, how to run it, and fewer rounds where it is very slow."""

    name: str
    package: str
    run: Callable[..., Any]
    rounds: int | None = None


def knn_faiss(train: Array, queries: Array, k: int, metric: str, n_threads: int) -> DistancesAndIndices:
    """Run faiss.knn, which needs no index and no copy of the rows."""
    import faiss

    if metric == "manhattan":
        return faiss.knn(queries, train, k, metric=faiss.METRIC_L1)
    squared, indices = faiss.knn(queries, train, k, metric=faiss.METRIC_L2)
    return np.sqrt(squared), indices


def knn_faiss_blas(train: Array, queries: Array, k: int, metric: str, n_threads: int) -> DistancesAndIndices:
    """Run faiss.knn through BLAS, where by itself it would scan the rows once per query."""
    import faiss

    threshold = faiss.cvar.distance_compute_blas_threshold
    faiss.cvar.distance_compute_blas_threshold = 0
    try:
        return knn_faiss(train, queries, k, metric, n_threads)
    finally:
        faiss.cvar.distance_compute_blas_threshold = threshold


def scans_per_query(n_queries: int, n_features: int) -> bool:
    """Whether faiss would not use BLAS by itself for so few numbers."""
    import faiss

    return n_queries * n_features < faiss.cvar.distance_compute_blas_threshold


def knn_sklearnex(train: Array, queries: Array, k: int, metric: str, n_threads: int) -> DistancesAndIndices:
    """Run the brute force of oneDAL."""
    from sklearnex.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=k, algorithm="brute", metric=metric, n_jobs=n_threads)
    return model.fit(train).kneighbors(queries)


def knn_sklearn(train: Array, queries: Array, k: int, metric: str, n_threads: int) -> DistancesAndIndices:
    """Run the brute force of scikit-learn."""
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors(n_neighbors=k, algorithm="brute", metric=metric, n_jobs=n_threads)
    return model.fit(train).kneighbors(queries)


def knn_torch(train: Array, queries: Array, k: int, metric: str, n_threads: int) -> DistancesAndIndices:
    """Run torch.cdist and topk on blocks of queries, at most 512 MiB of distances at a time."""
    import torch

    rows = torch.from_numpy(train)
    power = 1.0 if metric == "manhattan" else 2.0
    blocks = [
        torch.topk(torch.cdist(block, rows, p=power), k, largest=False)
        for block in torch.from_numpy(queries).split(max(1, 2**27 // len(train)))
    ]
    return torch.cat([best.values for best in blocks]).numpy(), torch.cat([best.indices for best in blocks]).numpy()


def knn_scipy(train: Array, queries: Array, k: int, metric: str, n_threads: int) -> DistancesAndIndices:
    """Run SciPy's cdist and a selection on blocks of queries; cdist has one thread, so the blocks go to several."""
    from scipy.spatial.distance import cdist

    name = {"euclidean": "euclidean", "manhattan": "cityblock"}[metric]
    rows = train.astype(np.float64)  # cdist computes in float64: convert once, not for every block
    return in_query_blocks(lambda block: smallest(cdist(block, rows, name), k), queries, 64, n_threads)


EUCLIDEAN = (
    Peer("faiss", "faiss", knn_faiss),
    Peer("faiss, BLAS forced", "faiss", knn_faiss_blas),
    Peer("sklearnex", "sklearnex", knn_sklearnex),
    Peer("scikit-learn", "sklearn", knn_sklearn),
    Peer("torch cdist + topk", "torch", knn_torch),
    Peer("NumPy tiles", "numpy", knn_numpy),
)
MANHATTAN = (
    Peer("faiss", "faiss", knn_faiss),
    Peer("sklearnex", "sklearnex", knn_sklearnex, rounds=2),
    Peer("scikit-learn", "sklearn", knn_sklearn, rounds=2),
    Peer("torch cdist + topk", "torch", knn_torch, rounds=2),
    Peer("scipy cdist", "scipy", knn_scipy, rounds=2),
)
