"""What k-nearest neighbours of both courses share: samples of any shape, distances, votes."""

import math

import numpy as np
from numpy.typing import DTypeLike

from deeprob_fast import _validation
from deeprob_fast._typing import AnyArray, Float64, Int64
from deeprob_fast.compat._arrays import Arrays, read
from deeprob_fast.knn.checks import check_k
from deeprob_fast.knn.distances import pairwise_distances, top_k
from deeprob_fast.knn.nearest import nearest_neighbors
from deeprob_fast.knn.neighbors import Neighbors
from deeprob_fast.knn.votes import rank_classes

_BLOCK = 256  # columns of a matrix of distances that are put side by side at a time


def samples(name: str, values: Arrays, at_least: int = 0) -> AnyArray:
    """Return (n_samples, n_features), whatever the shape of a sample is; all values are finite."""
    array = read(name, values)
    if array.ndim == 0:
        msg = f"{name} must hold samples along its first dimension; got one number"
        raise ValueError(msg)
    if len(array) < at_least:
        msg = f"{name} must hold at least {at_least} sample{'s' * (at_least > 1)}; got shape {array.shape}"
        raise ValueError(msg)
    rows = _validation.check_rows(name, array.reshape(len(array), math.prod(array.shape[1:])))
    _validation.check_finite_rows(name, rows)
    return rows


def check_same_samples(name: str, values: Arrays, other_name: str, other: Arrays) -> None:
    """Refuse samples of different shapes."""
    shape, expected = tuple(np.shape(values))[1:], tuple(np.shape(other))[1:]
    if shape != expected:
        msg = f"{name} must hold samples of shape {expected}, as {other_name} does; got {shape}"
        raise ValueError(msg)


def check_labels(name: str, labels: Arrays, of: str, n_rows: int | None = None) -> AnyArray:
    """Return integers, one for each row."""
    array = read(name, labels)
    array = _validation.check_labels(name, array, array.size if n_rows is None else n_rows, of)
    if array.dtype.kind not in "iub":
        msg = f"{name} must hold integers; got dtype {array.dtype}"
        raise TypeError(msg)
    if array.dtype == np.uint64 and array.size and array.max() > np.iinfo(np.int64).max:
        msg = f"{name} must hold integers that fit int64; got {array.max()}"
        raise ValueError(msg)
    return array


def distances(rows: AnyArray, columns: AnyArray, metric: str, dtype: DTypeLike) -> AnyArray:
    """Compute all distances, in double precision if that is the dtype they will have: one side, the smaller, asks for it."""
    if dtype == np.float64 and np.float64 not in (rows.dtype, columns.dtype):
        if len(rows) < len(columns):
            rows = rows.astype(np.float64)
        else:
            columns = columns.astype(np.float64)
    return pairwise_distances(rows, columns, metric=metric)


def check_distances(dists: Arrays, n_labels: int, axis: int, shape: str) -> AnyArray:
    """Return a matrix of distances with one entry for each label along the axis."""
    array = read("dists", dists)
    if array.ndim != 2 or array.shape[axis] != n_labels:
        msg = f"dists must have shape {shape}, with num_train = {n_labels}, one for each label; got {array.shape}"
        if array.ndim == 2 and array.shape[1 - axis] == n_labels:
            msg += "; it looks transposed: DeepRob's is (num_train, num_test), CS231n's (num_test, num_train)"
        raise ValueError(msg)
    if array.dtype.kind not in "fiub":
        msg = f"dists must hold real numbers; got dtype {array.dtype}"
        raise TypeError(msg)
    if array.dtype.kind == "f" and array.size and np.isnan(array.min()):  # without a mask as large as the matrix
        msg = f"dists must not hold NaN; got it at {tuple(np.argwhere(np.isnan(array))[0].tolist())}"
        raise ValueError(msg)
    return array


def majority(neighbors: Neighbors, labels: AnyArray, k: int) -> Int64:
    """Return the label most frequent among the neighbours; of equally frequent ones the smallest."""
    classes, numbers = np.unique(labels, return_inverse=True)
    ranked = rank_classes(
        neighbors,
        numbers.astype(np.int64),
        len(classes),
        [k],
        1,
        weights="uniform",
        metric="euclidean",
        temperature=1.0,
        n_threads=_validation.check_n_threads(None),
    )
    predictions: Int64 = classes[ranked[0, :, 0]].astype(np.int64)
    return predictions


def labels_by_distance(by_query: AnyArray, labels: AnyArray, k: int) -> Int64:
    """Vote among the k nearest; by_query is (num_test, num_train), and equal distances are ordered by training row."""
    k = check_k(k, len(labels))
    indices: Int64 = np.empty((len(by_query), k), dtype=np.int64)
    for start in range(0, len(by_query), _BLOCK):
        indices[start : start + _BLOCK] = top_k(by_query[start : start + _BLOCK], k).indices
    nowhere: Float64 = np.zeros(indices.shape)  # how far the neighbours are does not count
    return majority(Neighbors(nowhere, indices), labels, k)


def labels_by_search(train: AnyArray, labels: AnyArray, queries: AnyArray, k: int, metric: str) -> Int64:
    """Vote among the k nearest, which are searched without a matrix of distances."""
    return majority(nearest_neighbors(train, queries, k, metric=metric), labels, k)
