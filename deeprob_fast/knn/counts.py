"""What a search did, counted in pairs of a query and a row: the same on every machine of a level with as many threads."""

from dataclasses import dataclass


@dataclass
class Counts:
    """How many pairs each look left to the next."""

    n_distinct_queries: int  # that were searched
    n_swept: int = 0  # the filter looked at them, in whole tiles and panels; 0 for a tree
    n_passed: int = 0  # the filter's first look, or all rows of the leaves that were visited
    n_candidates: int = 0  # all looks of the filter; pairs that were looked at panel by panel are not among them
    n_looked: int = 0  # the look in float32 was taken
    n_refined: int = 0  # the canonical distance was computed
    n_repeated: int = 0  # queries, not pairs: searched again, with proven thresholds

    def add(self, other: "Counts") -> None:
        """Add those of a part of the search."""
        self.n_swept += other.n_swept
        self.n_passed += other.n_passed
        self.n_candidates += other.n_candidates
        self.n_looked += other.n_looked
        self.n_refined += other.n_refined
        self.n_repeated += other.n_repeated
