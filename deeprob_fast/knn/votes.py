"""Votes of the nearest neighbours: what k-NN classification adds up."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from deeprob_fast import _kernels, _scalars, _validation
from deeprob_fast._typing import Float64, Int64
from deeprob_fast.knn.lists import NeighborLists
from deeprob_fast.knn.metrics import METRICS
from deeprob_fast.knn.neighbors import Neighbors

WEIGHTS = ("uniform", "distance", "softmax")

_TINY = -900  # exponents of distances whose inverses may be too large to be added
_BLOCK_VOTES = 2**20

# One of WEIGHTS, or a function of the distances, (n_queries, k), that returns as many weights.
Weights: TypeAlias = str | Callable[[Float64], Float64]


def neighbor_weights(distances: Float64, weights: Weights, metric: str, temperature: float) -> Float64:
    """Weigh each neighbour by its distance.

    Parameters
    ----------
    distances : array of float64, shape (n_queries, k)
        As `KNNIndex.search` returns them.
    weights : {"uniform", "distance", "softmax"} or callable
        1; 1 / distance, where neighbours at distance 0 count 1 and all others 0 if there are any; or exp(-distance / temperature)
        (exp(product / temperature) for the metric "inner_product"), scaled so that the nearest neighbour counts 1. A callable
        takes the distances and returns as many weights, finite, not negative and not all 0 for a query.
    metric : str
    temperature : float
        In units of the distance; used by "softmax" only.

    Returns
    -------
    array of float64, shape (n_queries, k)
        Not all 0 for any query.

    Raises
    ------
    ValueError
        If a callable returns anything else.

    References
    ----------
    Wu et al., "Unsupervised feature learning via non-parametric instance discrimination", CVPR 2018, section 3.4 (softmax).
    """
    if callable(weights):
        return _checked_weights(weights(distances), distances.shape)
    if weights == "uniform":
        return np.ones_like(distances)
    if weights == "softmax":
        sign = 1 if METRICS[metric].largest_first else -1
        with np.errstate(over="ignore", under="ignore"):  # far beyond the temperature a neighbour counts 0
            return np.exp(sign * (distances - distances[:, :1]) / temperature)
    # Where inverses, or their sums, would overflow, distances are divided by a power of two, which changes no share of the votes.
    exponents = np.frexp(distances[:, :1])[1]
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        inverse = 1 / np.ldexp(distances, np.where(exponents < _TINY, -exponents, 0))
    zero = distances == 0
    inverse[zero.any(axis=1)] = 0
    inverse[zero] = 1
    return inverse


def list_weights(lists: NeighborLists, weights: Weights, metric: str, temperature: float) -> Float64:
    """Weigh the neighbours within a radius: as `neighbor_weights`, in one array for all queries.

    A callable takes the distances as an array of objects, an array for each query, and returns weights in that form.
    """
    counts = lists.counts
    queries = np.repeat(np.arange(len(counts)), counts)
    if callable(weights):
        result = weights(lists.split(lists.distances))
        parts = [np.asarray(part, dtype=np.float64) for part in result]
        if [part.shape for part in parts] != [(n,) for n in counts.tolist()]:
            msg = "weights must return as many weights as there are distances, an array for each query"
            raise ValueError(msg)
        flat = np.concatenate([*parts, np.empty(0)])
        sums = np.bincount(queries, flat, minlength=len(counts))
        if not ((np.isfinite(flat) & (flat >= 0)).all() and (np.isfinite(sums) & (sums > 0))[counts > 0].all()):
            msg = "weights must return finite numbers that are not negative, with a finite sum above 0 for each query"
            raise ValueError(msg)
        return flat
    if weights == "uniform":
        return np.ones_like(lists.distances)
    firsts = lists.distances[lists.indptr[:-1][counts > 0]]
    nearest = np.repeat(firsts, counts[counts > 0])
    if weights == "softmax":
        sign = 1 if METRICS[metric].largest_first else -1
        with np.errstate(over="ignore", under="ignore"):
            return np.exp(sign * (lists.distances - nearest) / temperature)
    exponents = np.frexp(nearest)[1]
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        inverse = 1 / np.ldexp(lists.distances, np.where(exponents < _TINY, -exponents, 0))
    zero = lists.distances == 0
    inverse[(np.bincount(queries, zero, minlength=len(counts)) > 0)[queries]] = 0
    inverse[zero] = 1
    return inverse


def _checked_weights(values: object, shape: tuple[int, ...]) -> Float64:
    """Return a copy of what a user's function made of the distances, which it may keep and change."""
    array = _validation.as_numbers("weights(distances)", values).copy()
    if array.dtype.kind not in "fiub" or array.shape != shape:
        msg = f"weights must return real numbers of shape {shape}; got {array.dtype} of {array.shape}"
        raise ValueError(msg)
    wrong = ~(np.isfinite(array) & (array >= 0))
    if wrong.any():
        query, neighbor = np.argwhere(wrong)[0].tolist()
        msg = f"weights must return finite numbers that are not negative; got {array[query, neighbor]} for query {query}"
        raise ValueError(msg)
    with np.errstate(over="ignore"):
        sums = array.sum(axis=1, dtype=np.float64)
    wrong = ~(np.isfinite(sums) & (sums > 0))
    if wrong.any():
        query = int(wrong.argmax())
        msg = f"weights must return numbers with a finite sum above 0 for each query; got {sums[query]} for query {query}"
        raise ValueError(msg)
    return np.ascontiguousarray(array, dtype=np.float64)


def class_votes(
    neighbors: Neighbors,
    labels: Int64,
    n_classes: int,
    *,
    weights: Weights,
    metric: str,
    temperature: float,
    n_threads: int,
) -> Float64:
    """Add up the weights of the neighbours of each class: (n_queries, n_classes).

    `labels` holds the class number of each training row.
    """
    votes = np.zeros((len(neighbors.indices), n_classes))
    vote_weights = neighbor_weights(neighbors.distances, weights, metric, temperature)
    _kernels.add_votes(labels, neighbors.indices, vote_weights, votes, n_threads)
    return votes


def rank_classes(
    neighbors: Neighbors,
    labels: Int64,
    n_classes: int,
    k_values: Sequence[int],
    n_top: int,
    *,
    weights: Weights,
    metric: str,
    temperature: float,
    n_threads: int,
) -> Int64:
    """Find the `n_top` classes with the most votes, for several k from the neighbours of the largest.

    Equal votes are ordered by class; -1 stands behind the last class that has votes, which need not be `n_top`. Takes
    O(k n_top) for a query, however many classes there are: (n_k, n_queries, n_top).
    """
    if callable(weights) and len(k_values) > 1:
        # What a user's function makes of a neighbour may depend on how many there are.
        voting: dict[str, Any] = {"weights": weights, "metric": metric, "temperature": temperature, "n_threads": n_threads}
        return np.concatenate([rank_classes(neighbors, labels, n_classes, [k], n_top, **voting) for k in k_values])
    ascending = np.unique(np.asarray(k_values, dtype=np.int64))
    indices = neighbors.indices[:, : ascending[-1]]
    distances = neighbors.distances[:, : ascending[-1]]
    ranked = np.empty((len(indices), len(ascending) * n_top), dtype=np.int64)
    vote_weights = neighbor_weights(distances, weights, metric, temperature)
    _kernels.rank_classes(labels, indices, vote_weights, ascending, n_classes, ranked, n_threads)
    by_k = ranked.reshape(len(indices), len(ascending), n_top).swapaxes(0, 1)
    if n_top > 1:
        _bar_classes_without_votes(by_k, ascending, labels, indices, vote_weights)
    return by_k[np.searchsorted(ascending, k_values)]


def _bar_classes_without_votes(ranked: Int64, k_values: Int64, labels: Int64, indices: Int64, weights: Float64) -> None:
    """Put -1 for classes without votes, with which the kernel fills the ranks behind the last class that has some."""
    block = max(1, _BLOCK_VOTES // indices.shape[1])
    for start in range(0, len(indices), block):
        part = slice(start, start + block)
        voted = np.where(weights[part] > 0, labels[indices[part]], -1)
        for k, classes in zip(k_values.tolist(), ranked[:, part], strict=True):
            for rank in range(1, classes.shape[1]):  # the first has votes
                classes[~(voted[:, :k] == classes[:, rank, np.newaxis]).any(axis=1), rank] = -1


def check_voting(weights: object, temperature: object, metric: str) -> None:
    """Refuse weights and temperatures that mean nothing."""
    if not callable(weights) and not (isinstance(weights, str) and weights in WEIGHTS):
        msg = f"weights must be one of {', '.join(WEIGHTS)}, or callable; got {weights!r}"
        msg += _scalars.did_you_mean(weights, WEIGHTS)
        raise ValueError(msg)
    if isinstance(weights, str) and weights == "distance" and METRICS[metric].largest_first:
        msg = f"weights must be 'uniform' or 'softmax' for the metric {metric}, which is no distance; got 'distance'"
        raise ValueError(msg)
    _scalars.check_positive("temperature", temperature)
