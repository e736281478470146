"""What NumPy alone can do: a search as good as its means allow, and the bare matrix product of the same shape."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

Array = np.ndarray[Any, np.dtype[Any]]
DistancesAndIndices = tuple[Array, Array]
BLOCK = 256  # queries of one thread at a time
GROUP = 32  # columns that share one minimum in a selection
TILE = (1024, 8192)  # query rows and training rows of one bare sgemm: 32 MiB of output

# How absolute differences become a distance.
_JOINED: dict[str, np.ufunc] = {"manhattan": np.add, "chebyshev": np.maximum}


def knn_numpy(
    train: Array, queries: Array, k: int, metric: str, n_threads: int, done: Callable[[int], object] | None = None
) -> DistancesAndIndices:
    """NumPy at its best: tiles that fit the cache, one thread per query block for product and selection alike.

    In float32; `done` is called with the number of queries of each block that is finished.
    """
    train, queries = np.asarray(train, dtype=np.float32), np.asarray(queries, dtype=np.float32)
    if metric == "cosine":
        train, queries = unit_rows(train), unit_rows(queries)
    half_norms = np.einsum("ij,ij->i", train, train) / 2 if metric in ("euclidean", "sqeuclidean") else None
    starts = range(0, len(train), 4096)

    def scores(block: Array, rows: slice) -> Array:
        """Return what is smallest for the nearest rows."""
        if metric in _JOINED:
            return _absolute_differences(block, train[rows], _JOINED[metric])
        products: Array = block @ train[rows].T
        if half_norms is None:
            np.negative(products, out=products)
        else:
            np.subtract(half_norms[rows], products, out=products)  # half of the squared distance, but for the query's norm
        return products

    def search(block: Array) -> DistancesAndIndices:
        values, indices = [], []
        for start in starts:
            best, columns = smallest(scores(block, slice(start, start + 4096)), k)
            values.append(best)
            indices.append(columns + start)
        best, columns = smallest(np.concatenate(values, axis=1), k)
        return _distances(best, block, metric), np.take_along_axis(np.concatenate(indices, axis=1), columns, axis=1)

    with threadpool_limits(1, user_api="blas"):
        return in_query_blocks(search, queries, BLOCK, n_threads, done)


def unit_rows(rows: Array) -> Array:
    """Scale rows to length 1."""
    scaled: Array = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-30))
    return scaled


def _absolute_differences(block: Array, rows: Array, join: np.ufunc) -> Array:
    joined = np.zeros((len(block), len(rows)), dtype=np.float32)
    difference = np.empty_like(joined)
    for of_block, of_rows in zip(block.T, rows.T, strict=True):
        np.subtract(of_block[:, None], of_rows, out=difference)
        join(joined, np.abs(difference, out=difference), out=joined)
    return joined


def _distances(scores: Array, block: Array, metric: str) -> Array:
    if metric in ("euclidean", "sqeuclidean"):
        squares: Array = np.maximum(2 * scores + np.einsum("ij,ij->i", block, block)[:, None], 0)
        return squares**0.5 if metric == "euclidean" else squares
    return 1 + scores if metric == "cosine" else -scores if metric == "inner_product" else scores


def in_query_blocks(
    search: Callable[[Array], DistancesAndIndices],
    queries: Array,
    size: int,
    n_threads: int,
    done: Callable[[int], object] | None = None,
) -> DistancesAndIndices:
    """Search blocks of queries in a pool of threads; `done` is called with the number of queries of each."""
    blocks: Iterable[Array] = (queries[start : start + size] for start in range(0, len(queries), size))
    distances, indices = [], []
    with ThreadPoolExecutor(n_threads) as pool:
        for of_distances, of_indices in pool.map(search, blocks):
            distances.append(of_distances)
            indices.append(of_indices)
            if done is not None:
                done(len(of_indices))
    return np.concatenate(distances), np.concatenate(indices)


def smallest(values: Array, k: int) -> DistancesAndIndices:
    """Return the k smallest values of each row in order, and their columns.

    The k smallest lie in the k groups of columns with the smallest minima, and minima are far cheaper than a partition.
    """
    n_rows, width = values.shape
    stride = width // GROUP
    if width % GROUP or stride <= k:
        return _partition(values, k)
    groups = np.argpartition(values.reshape(n_rows, GROUP, stride).min(axis=1), k - 1, axis=1)[:, :k]
    columns = (groups[:, :, None] + stride * np.arange(GROUP)).reshape(n_rows, -1)
    best, within = _partition(np.take_along_axis(values, columns, axis=1), k)
    return best, np.take_along_axis(columns, within, axis=1)


def _partition(values: Array, k: int) -> DistancesAndIndices:
    """Return the k smallest values of each row in order, and their columns, by a partition of whole rows."""
    count = min(k, values.shape[1])
    columns = np.argpartition(values, count - 1, axis=1)[:, :count]
    best = np.take_along_axis(values, columns, axis=1)
    order = np.argsort(best, axis=1)
    return np.take_along_axis(best, order, axis=1), np.take_along_axis(columns, order, axis=1)


def sgemm_alone(train: Array, queries: Array) -> Callable[[], None]:
    """Return the products of all queries and rows and nothing else, into one tile that is written over and over."""
    height, width = TILE
    tile = np.zeros(height * width, dtype=np.float32)  # touched here, so that no page fault is timed

    def run() -> None:
        for start in range(0, len(train), width):
            rows = train[start : start + width].T
            for first in range(0, len(queries), height):
                block = queries[first : first + height]
                shape = (len(block), rows.shape[1])
                np.matmul(block, rows, out=tile[: shape[0] * shape[1]].reshape(shape))

    return run
