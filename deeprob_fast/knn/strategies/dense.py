"""The dense filter: float32 scores of all rows. It serves every metric, and other strategies are compared with it."""

from deeprob_fast.knn.costs import Shares, parts, tail_cost
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.rows import RowSource
from deeprob_fast.knn.strategies.job import Estimate, Job

NAME = "dense"


def why_not(rows: RowSource, metric: str) -> str:  # noqa: ARG001  # as every strategy
    """Say why the filter cannot serve: it always can."""
    return ""


def fit(job: Job) -> Strategy:
    """Fit the filter to a sample."""
    return Strategy(NAME, job.centering, scatters=job.scatters)


def estimate(job: Job) -> Estimate:
    """Estimate what the filter costs: float32 tells nearly all rows apart."""
    n_rows, n_features = job.rows.shape
    passed = sum(part.share * part.nearest for part in parts(n_rows, job.n_neighbors, scatters=job.scatters))
    shares = Shares(passed, passed, 0.0, job.n_neighbors / n_rows)
    chosen = fit(job)
    return Estimate(cost(chosen, job.metric, n_features, job.n_queries, shares), "", chosen)


def cost(chosen: Strategy, metric: str, n_features: int, n_queries: int, shares: Shares) -> float:  # noqa: ARG001  # as every one
    """Return the cost of a pair by the pairs that pass each look."""
    return 1 + tail_cost(metric, n_features, shares)
