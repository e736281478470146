"""Bounding boxes of rows that lie together, in a tree: for few features, in place of a filter."""

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast.knn.boxes import Tree
from deeprob_fast.knn.costs import Shares, costs
from deeprob_fast.knn.metrics import METRICS
from deeprob_fast.knn.rows import RowSource
from deeprob_fast.knn.strategies.job import Estimate, Job

NAME = "boxes"
SAVES = 1.0


def why_not(rows: RowSource, metric: str) -> str:
    """Say why a tree cannot serve, or nothing."""
    if METRICS[metric].adds == "products" or METRICS[metric].of_directions:
        return f"boxes have no bound for metric {metric}"
    if rows.shape[1] > _kernels.max_box_features():
        return f"more than {_kernels.max_box_features()} features"
    if len(rows) > _kernels.max_box_rows():
        return f"more than {_kernels.max_box_rows()} rows"
    return ""


def not_worth(job: Job) -> str:
    """Say why building a tree would take longer than it can save, or nothing."""
    n_distinct = len(job.duplicates.representatives) or len(job.rows)
    limits = job.limits
    is_small = n_distinct < limits.tree_rows or float(n_distinct) * job.n_queries < limits.tree_job
    if is_small or job.n_queries < limits.tree_queries_per_feature * job.rows.shape[1]:
        return "too small a job to build a tree"
    return ""


def fit(job: Job) -> Tree:
    """Build the tree, of rows in memory."""
    assert isinstance(job.rows, np.ndarray)
    return Tree.build(job.rows, job.duplicates, job.metric, job.n_threads)


def estimate(job: Job, most: float) -> Estimate:  # noqa: ARG001  # as every strategy
    """Build the tree and let some of the rows search it."""
    tree = fit(job)
    visited = tree.visited(job.n_threads)
    predicted = cost(tree, job.metric, job.rows.shape[1], job.n_queries, Shares(visited, 0.0, 0.0, 0.0))
    return Estimate(predicted, f"sampled rows visit {visited:.2%} of the rows: {predicted:.2f} of the dense cost", tree)


def cost(chosen: Tree, metric: str, n_features: int, n_queries: int, shares: Shares) -> float:  # noqa: ARG001  # as every one
    """Return the cost of a pair by the share of the rows that is visited."""
    return costs().visit * shares.passed
