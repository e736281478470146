"""Neighbours from distances that somebody else computed: a matrix, or a sparse graph of the nearest."""

from typing import Any

import numpy as np

from deeprob_fast import _scalars
from deeprob_fast._typing import AnyArray, Int64
from deeprob_fast.knn.distances import top_k
from deeprob_fast.knn.lists import NO_LIMIT, NeighborLists, starts_of
from deeprob_fast.knn.neighbors import Neighbors


class PrecomputedDistances:
    """What `KNNIndex` is for rows, for distances between them: of each query to each training row, where they are known.

    Parameters
    ----------
    own : array or scipy.sparse matrix, shape (n_train, n_train)
        Of the training rows from each other. What a sparse matrix does not store is no neighbour.
    """

    metric = "precomputed"

    def __init__(self, own: Any) -> None:
        if own.shape[0] != own.shape[1]:
            msg = f"X must be square for metric='precomputed', the distances of the training rows; got shape {own.shape}"
            raise ValueError(msg)
        self._own = own
        _check_not_negative(own)

    @property
    def n_train(self) -> int:
        """Number of training rows."""
        return int(self._own.shape[1])

    def search(self, queries: Any | None, k: int, *, n_threads: int | None = None) -> Neighbors:
        """Return the k nearest training rows of each query, ordered by (distance, row)."""
        if queries is None:
            return self._nearest(self._without_self(), k, n_threads)
        return self._nearest(self._checked(queries), k, n_threads)

    def search_radius(self, queries: Any | None, radius: float, *, n_threads: int | None = None) -> NeighborLists:
        """Return the training rows within a radius of each query, ordered by (distance, row)."""
        del n_threads
        distance = _scalars.check_radius("radius", radius)
        lists = self._without_self() if queries is None else _lists_of(self._checked(queries))
        return lists.keep(lists.distances <= distance)

    def _checked(self, queries: Any) -> Any:
        if queries.shape[1] != self.n_train:
            msg = f"X must have a distance to each of the {self.n_train} training rows; got shape {queries.shape}"
            raise ValueError(msg)
        _check_not_negative(queries)
        return queries

    def _without_self(self) -> NeighborLists:
        lists = _lists_of(self._own)
        return lists.keep(lists.indices != np.repeat(np.arange(self.n_train), lists.counts))

    def _nearest(self, distances: Any, k: int, n_threads: int | None) -> Neighbors:
        if isinstance(distances, np.ndarray):
            best, indices = top_k(distances, k, n_threads=n_threads)
            return Neighbors(best.astype(np.float64, copy=False), indices)
        lists = distances if isinstance(distances, NeighborLists) else _lists_of(distances)
        fewest = int(lists.counts.min(initial=NO_LIMIT))
        if fewest < k:
            msg = (
                f"X must store {k} neighbors of each sample (n_neighbors); some samples have only {fewest} neighbors in the "
                "precomputed graph"
            )
            raise ValueError(msg)
        places = lists.indptr[:-1, np.newaxis] + np.arange(k)
        return Neighbors(lists.distances[places], lists.indices[places])


def is_square(distances: PrecomputedDistances) -> bool:
    """Tell whether what a file says of precomputed distances can be searched."""
    own = distances._own
    if isinstance(own, np.ndarray):
        return own.ndim == 2 and own.shape[0] == own.shape[1] and own.dtype.kind == "f"
    if getattr(own, "format", None) != "csr":
        return False
    own.check_format(full_check=True)
    return bool(own.shape[0] == own.shape[1] and own.dtype.kind == "f")


def _lists_of(distances: Any) -> NeighborLists:
    """Return all distances of each query, in order."""
    if isinstance(distances, np.ndarray):
        n_queries, n_train = distances.shape
        indptr, indices = np.arange(0, n_queries * n_train + 1, max(1, n_train)), np.tile(np.arange(n_train), n_queries)
        return _sorted(indptr[: n_queries + 1], indices, distances.ravel())
    graph = distances.tocsr()
    return _sorted(graph.indptr.astype(np.int64), graph.indices.astype(np.int64), graph.data)


def _sorted(indptr: Int64, indices: Int64, values: AnyArray) -> NeighborLists:
    queries = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    order = np.lexsort((indices, values, queries))
    return NeighborLists(starts_of(np.diff(indptr)), indices[order], values[order].astype(np.float64, copy=False))


def _check_not_negative(distances: Any) -> None:
    values = distances if isinstance(distances, np.ndarray) else distances.data
    if values.size and values.min() < 0:
        msg = f"X must hold distances for metric='precomputed', none of them negative; got {values.min()}"
        raise ValueError(msg)
