"""The dense filter: float32 scores of all rows. It serves every metric, and other strategies are compared with it."""

from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.rows import RowSource
from deeprob_fast.knn.strategies.job import Job

NAME = "dense"


def why_not(rows: RowSource, metric: str) -> str:  # noqa: ARG001  # as every strategy
    """Say why the filter cannot serve: it always can."""
    return ""


def fit(job: Job) -> Strategy:
    """Fit the filter to a sample."""
    return Strategy(NAME, job.centering)
