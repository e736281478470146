"""Exact k-nearest neighbours, proven exact, at the speed of the machine."""

from deeprob_fast.distances import TopK, pairwise_distances, top_k
from deeprob_fast.knn import KNNIndex, Neighbors, nearest_neighbors

__all__ = ["KNNIndex", "Neighbors", "TopK", "nearest_neighbors", "pairwise_distances", "top_k"]
