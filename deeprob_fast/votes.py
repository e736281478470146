"""Votes of the nearest neighbours: what k-NN classification adds up."""

import numpy as np

from deeprob_fast import _kernels, _validation
from deeprob_fast._typing import Float64, Int64
from deeprob_fast.knn import Neighbors

WEIGHTS = ("uniform", "distance", "softmax")


def neighbor_weights(distances: Float64, weights: str, metric: str, temperature: float) -> Float64:
    """Weigh each neighbour by its distance.

    Parameters
    ----------
    distances : array of float64, shape (n_queries, k)
        As `KNNIndex.search` returns them.
    weights : {"uniform", "distance", "softmax"}
        1; 1 / distance, where neighbours at distance 0 count 1 and all others 0 if there are any; or exp(-distance / temperature)
        (exp(product / temperature) for the metric "inner_product"), scaled so that the nearest neighbour counts 1.
    metric : str
    temperature : float
        In units of the distance; used by "softmax" only.

    Returns
    -------
    array of float64, shape (n_queries, k)

    References
    ----------
    Wu et al., "Unsupervised feature learning via non-parametric instance discrimination", CVPR 2018, section 3.4 (softmax).
    """
    if weights == "uniform":
        return np.ones_like(distances)
    if weights == "softmax":
        sign = 1 if metric == "inner_product" else -1
        return np.exp(sign * (distances - distances[:, :1]) / temperature)
    zero = distances == 0
    with np.errstate(divide="ignore", over="ignore"):
        inverse = 1 / distances
    # A distance so small that its inverse overflows counts like 0.
    zero |= np.isinf(inverse)
    inverse[zero.any(axis=1)] = 0
    inverse[zero] = 1
    return inverse


def class_votes(neighbors: Neighbors, labels: Int64, n_classes: int, *, weights: str, metric: str, temperature: float) -> Float64:
    """Add up the weights of the neighbours of each class: (n_queries, n_classes).

    `labels` holds the class number of each training row. The best class is `argmax`: ties go to the smallest number.
    """
    votes = np.zeros((len(neighbors.indices), n_classes))
    _kernels.add_votes(labels, neighbors.indices, neighbor_weights(neighbors.distances, weights, metric, temperature), votes)
    return votes


def check_voting(weights: object, temperature: object, metric: str) -> None:
    """Refuse weights and temperatures that mean nothing."""
    if weights not in WEIGHTS:
        msg = f"weights must be one of {', '.join(WEIGHTS)}; got {weights!r}"
        raise ValueError(msg)
    if weights == "distance" and metric == "inner_product":
        msg = "weights must be 'uniform' or 'softmax' for the metric inner_product, which is no distance; got 'distance'"
        raise ValueError(msg)
    _validation.check_positive("temperature", temperature)
