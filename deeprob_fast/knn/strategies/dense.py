"""The dense filter: float32 scores of all rows. It serves every metric, and other strategies are compared with it."""

from deeprob_fast.knn.costs import canonical_cost
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.rows import RowSource
from deeprob_fast.knn.strategies.job import Job

NAME = "dense"


def cost(chosen: Strategy, metric: str, n_features: int, n_queries: int, passing: float) -> float:  # noqa: ARG001  # as every one
    """Return the cost of a pair if this share of the pairs passes."""
    return 1 + canonical_cost(metric) * passing


def why_not(rows: RowSource, metric: str) -> str:  # noqa: ARG001  # as every strategy
    """Say why the filter cannot serve: it always can."""
    return ""


def fit(job: Job) -> Strategy:
    """Fit the filter to a sample."""
    return Strategy(NAME, job.centering)
