"""k-NN as one writes it well in NumPy: blocks, BLAS, argpartition. What the library is compared with, not part of it."""

from collections.abc import Callable

import numpy as np

from deeprob_fast._typing import AnyArray, Int64

_BLOCK_BYTES = 256 << 20


def _scores(train: AnyArray, half_norms: AnyArray | None, block: AnyArray, metric: str) -> AnyArray:
    """Return what is smallest for the nearest rows: (n_block, n_train)."""
    if metric == "manhattan":
        scores = np.zeros((len(block), len(train)), dtype=np.float32)
        for feature in range(train.shape[1]):
            scores += np.abs(block[:, feature, None] - train[:, feature])
        return scores
    scores = block @ train.T
    np.negative(scores, out=scores)
    return scores if half_norms is None else np.add(scores, half_norms, out=scores)


def nearest(train: AnyArray, queries: AnyArray, k: int, metric: str, done: Callable[[int], object] | None = None) -> Int64:
    """Return the rows of the k nearest neighbours, nearest first, in float32."""
    train = np.ascontiguousarray(train, dtype=np.float32)
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    if metric == "cosine":
        train = train / np.maximum(np.linalg.norm(train, axis=1, keepdims=True), np.float32(1e-30))
    half_norms = np.einsum("ij,ij->i", train, train) / 2 if metric in ("euclidean", "sqeuclidean") else None
    indices = np.empty((len(queries), k), dtype=np.int64)
    block = max(1, min(1024, _BLOCK_BYTES // (4 * len(train))))
    for start in range(0, len(queries), block):
        scores = _scores(train, half_norms, queries[start : start + block], metric)
        best = np.argpartition(scores, k - 1, axis=1)[:, :k]
        order = np.take_along_axis(scores, best, axis=1).argsort(axis=1, kind="stable")
        indices[start : start + block] = np.take_along_axis(best, order, axis=1)
        if done is not None:
            done(len(scores))
    return indices
