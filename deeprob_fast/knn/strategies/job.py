"""What is to be searched, and what a strategy would make of it."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from deeprob_fast.knn.boxes import Tree
from deeprob_fast.knn.centering import Centering, are_integers
from deeprob_fast.knn.centering import fit as fit_centering
from deeprob_fast.knn.costs import Shares
from deeprob_fast.knn.duplicates import Duplicates
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.limits import Limits
from deeprob_fast.knn.metrics import METRICS
from deeprob_fast.knn.rows import RowSource


@dataclass(frozen=True)
class Job:
    """A search of about so many queries, for about so many neighbours."""

    rows: RowSource
    metric: str
    n_queries: int
    n_neighbors: int
    n_threads: int
    duplicates: Duplicates
    limits: Limits
    centering: Centering  # the origin and the unit that the filters give the rows
    scatters: bool  # whether filters that look at all rows meet them in an order that is as good as random

    @classmethod
    def of(
        cls,
        rows: RowSource,
        metric: str,
        n_queries: int,
        n_neighbors: int,
        n_threads: int,
        duplicates: Duplicates,
        limits: Limits,
    ) -> "Job":
        """Find the centering of the rows on a sample."""
        # Sums of absolute differences do not cancel, and float32 holds every other dtype as it is.
        centered = not METRICS[metric].of_differences or rows.dtype == np.float64
        centering = fit_centering(rows, metric, centered=centered)
        # Integers may be tied by the thousand, and ties are excluded if rows are met in their order.
        scatters = n_queries >= limits.scattered_queries and not are_integers(rows)
        return cls(rows, metric, n_queries, n_neighbors, n_threads, duplicates, limits, centering, scatters)

    @property
    def size(self) -> float:
        """Rows x queries x features."""
        return float(self.n_queries) * self.rows.size


class Estimate(NamedTuple):
    """What a strategy found on a sample."""

    cost: float  # of a pair, in units of the dense filter's
    reason: str
    chosen: Strategy | Tree


class StrategyModule(Protocol):
    """A strategy that can be asked for."""

    NAME: str

    def cost(self, chosen: Any, metric: str, n_features: int, n_queries: int, shares: Shares) -> float:
        """Return the cost of a pair, in units of the dense filter's, by the pairs that pass each look."""

    def why_not(self, rows: RowSource, metric: str) -> str:
        """Say why it cannot serve, or nothing."""

    def fit(self, job: Job) -> Strategy | Tree | None:
        """Fit it to the rows; None if it cannot be."""


class ChoosableModule(StrategyModule, Protocol):
    """A strategy that a plan may choose."""

    SAVES: float

    def not_worth(self, job: Job) -> str:
        """Say why trying it would take longer than it can save, or nothing."""

    def estimate(self, job: Job, most: float) -> Estimate | None:
        """Fit it and estimate its cost; None if it cannot be, or, where that is known early, if it costs `most` or more."""
