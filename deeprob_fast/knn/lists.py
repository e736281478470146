"""Neighbours of queries that may have any number of them, one query after the other."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from deeprob_fast._typing import AnyArray, Float64, Int64

NO_LIMIT = int(np.iinfo(np.int64).max)
_NOTHING = np.empty(0, dtype=np.int64)


class Radius(NamedTuple):
    """What is searched for, as the kernels read it."""

    distance: float
    limit: int = NO_LIMIT  # of the neighbours of all queries
    count_only: bool = False


class NeighborLists(NamedTuple):
    """The training rows within a radius of each query, nearest first, as compressed rows (CSR).

    Attributes
    ----------
    indptr : array of int64, shape (n_queries + 1,)
        Query q has the neighbours `indptr[q]` to `indptr[q + 1]` of the other arrays.
    indices : array of int64, shape (n_neighbors,)
        Training rows. Equal distances of a query are ordered by row.
    distances : array of float64, shape (n_neighbors,)
        Canonical distances; inner products, largest first, for that metric.
    """

    indptr: Int64
    indices: Int64
    distances: Float64

    @property
    def counts(self) -> Int64:
        """How many neighbours each query has."""
        return np.diff(self.indptr)

    def split(self, values: AnyArray) -> AnyArray:
        """Return those of `indices` or `distances` that belong to each query, as arrays in an array of objects."""
        parts = np.empty(len(self.indptr) - 1, dtype=object)
        for q in range(len(parts)):
            parts[q] = values[self.indptr[q] : self.indptr[q + 1]]
        return parts

    def take(self, queries: Int64) -> "NeighborLists":
        """Return the lists of these queries, in their order."""
        counts = self.counts[queries]
        indptr = starts_of(counts)
        if len(self.indices) == 0:  # numbers alone
            return NeighborLists(indptr, self.indices, self.distances)
        places = np.repeat(self.indptr[queries] - indptr[:-1], counts) + np.arange(indptr[-1])
        return NeighborLists(indptr, self.indices[places], self.distances[places])

    def keep(self, wanted: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> "NeighborLists":
        """Return the lists with the wanted ones of all neighbours."""
        before = starts_of(wanted.astype(np.int64))
        return NeighborLists(before[self.indptr], self.indices[wanted], self.distances[wanted])

    @staticmethod
    def join(parts: Sequence["NeighborLists"]) -> "NeighborLists":
        """Put the lists of different queries one behind the other."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return NeighborLists(starts_of(_NOTHING), _NOTHING, np.empty(0))
        indptr = starts_of(np.concatenate([part.counts for part in parts]))
        indices, distances = (np.concatenate(arrays) for arrays in zip(*(part[1:] for part in parts), strict=True))
        return NeighborLists(indptr, indices, distances)

    @staticmethod
    def merge(pieces: Sequence["NeighborLists"], *, largest_first: bool) -> "NeighborLists":
        """Merge the lists that the same queries have in pieces of the training rows, in the order of the rows."""
        if len(pieces) == 1:
            return pieces[0]
        indptr = starts_of(np.sum([piece.counts for piece in pieces], axis=0))
        queries = np.concatenate([np.repeat(np.arange(len(piece.counts)), piece.counts) for piece in pieces])
        distances = np.concatenate([piece.distances for piece in pieces])
        if len(queries) != len(distances):  # numbers alone
            return pieces[0]._replace(indptr=indptr)
        # Stable: equal distances stay in the order of the pieces, and so of the rows.
        order = np.lexsort((-distances if largest_first else distances, queries))
        return NeighborLists(indptr, np.concatenate([piece.indices for piece in pieces])[order], distances[order])


def starts_of(counts: Int64) -> Int64:
    """Return where lists of these lengths begin, and where the last ends."""
    starts = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=starts[1:])
    return starts
