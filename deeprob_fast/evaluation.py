"""Accuracy of k-NN classification, for several k from one search."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deeprob_fast import _validation
from deeprob_fast._typing import AnyArray, ArrayLike
from deeprob_fast.knn import KNNIndex, Neighbors
from deeprob_fast.votes import check_voting, class_votes


@dataclass(frozen=True)
class KNNEvaluation:
    """What `evaluate_knn` found.

    Attributes
    ----------
    accuracies : dict
        Fraction of the queries classified correctly, for each k.
    neighbors : Neighbors
        Of the largest k; those of smaller k are its first columns.
    """

    accuracies: dict[int, float]
    neighbors: Neighbors


def search_in_blocks(
    index: KNNIndex, queries: AnyArray, k: int, *, block: int, done: Callable[[int], object] | None = None
) -> Neighbors:
    """Search block after block and report how many queries each one had; the result is that of one call."""
    parts = []
    for start in range(0, max(len(queries), 1), block):
        part = queries[start : start + block]
        parts.append(index.search(part, k))
        if done is not None:
            done(len(part))
    return Neighbors(np.concatenate([p.distances for p in parts]), np.concatenate([p.indices for p in parts]))


def knn_accuracies(
    neighbors: Neighbors,
    train_labels: AnyArray,
    query_labels: AnyArray,
    k_values: Sequence[int],
    *,
    weights: str = "uniform",
    temperature: float = 0.07,
    metric: str = "euclidean",
) -> dict[int, float]:
    """Compute the accuracy for each k from the neighbours of the largest."""
    classes, numbers = np.unique(train_labels, return_inverse=True)
    labels = numbers.astype(np.int64)
    accuracies = {}
    for k in k_values:
        nearest = Neighbors(neighbors.distances[:, :k], neighbors.indices[:, :k])
        votes = class_votes(nearest, labels, len(classes), weights=weights, metric=metric, temperature=temperature)
        accuracies[k] = float(np.mean(classes[votes.argmax(axis=1)] == query_labels))
    return accuracies


def evaluate_knn(
    train: ArrayLike,
    train_labels: ArrayLike,
    queries: ArrayLike,
    query_labels: ArrayLike,
    *,
    k: int | Sequence[int] = (1, 3, 5, 10, 20),
    weights: str = "uniform",
    temperature: float = 0.07,
    metric: str = "euclidean",
    n_threads: int | None = None,
) -> KNNEvaluation:
    """Evaluate k-NN classification for several k from one search.

    Parameters
    ----------
    train : array-like, shape (n_train, n_features)
    train_labels : array-like, shape (n_train,)
        Numbers or strings.
    queries : array-like, shape (n_queries, n_features)
        At least one.
    query_labels : array-like, shape (n_queries,)
    k : int or sequence of int
        Each 1 <= k <= n_train.
    weights : {"uniform", "distance", "softmax"}
        Weight of a vote: 1, 1 / distance, or exp(-distance / temperature).
    temperature : float
        Of "softmax", in units of the distance.
    metric : {"euclidean", "sqeuclidean", "manhattan", "cosine", "inner_product"}
    n_threads : int, optional
        By default all that the environment grants. Does not change the result.

    Returns
    -------
    KNNEvaluation

    Raises
    ------
    ValueError
        If a shape, a value or a name is not as stated above.
    TypeError
        If an array does not hold real numbers or k is not an integer.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.evaluate_knn([[0.0], [1.0]], ["a", "b"], [[0.2], [0.9]], ["a", "b"], k=1).accuracies
    {1: 1.0}
    """
    metric = _validation.check_metric(metric)
    check_voting(weights, temperature, metric)
    index = KNNIndex(train, metric=metric, n_threads=n_threads)
    rows = _validation.check_rows("queries", queries, n_features=index.n_features)
    if len(rows) == 0:
        msg = f"queries must have at least one row; got shape {rows.shape}"
        raise ValueError(msg)
    labels = _validation.check_labels("train_labels", train_labels, index.n_train, "train")
    truth = _validation.check_labels("query_labels", query_labels, len(rows), "queries")
    k_values = _validation.check_k_values(k, index.n_train)
    neighbors = index.search(rows, max(k_values))
    accuracies = knn_accuracies(neighbors, labels, truth, k_values, weights=weights, temperature=temperature, metric=metric)
    return KNNEvaluation(accuracies, neighbors)
