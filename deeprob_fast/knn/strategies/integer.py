"""The integer filter: scores of rows that are rounded to bytes, with a bound of what that loses."""

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._typing import Float64
from deeprob_fast.knn import centering, pairs
from deeprob_fast.knn.costs import Shares, byte_cost, parts, tail_cost
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.metrics import METRICS
from deeprob_fast.knn.rows import RowSource
from deeprob_fast.knn.strategies.job import Estimate, Job

NAME = "integer"
SAVES = 0.9

_FEWEST_SAMPLED, _MOST_SAMPLED = 512, 4096  # rows
_MOST_SAMPLED_VALUES = 2**20
_PAIRS_PER_SAMPLED = 40_000  # of the job: so that sampling takes a small part of its time
_SAMPLE_QUERIES = 32
_SCALED_ROWS = 128
# Rows of a sample are compared by a metric that adds up the same.
_SAMPLED = {"squares": "euclidean", "differences": "manhattan", "products": "inner_product"}
_SPARE = 400  # candidates that a query may have beyond some for each neighbour
_PARITY = 0.75  # the kernels round squared distances to even numbers, which may let ties pass
_FEWEST_FEATURES = 8  # below, the comparisons of the dense filter cost as much as its products


def why_not(rows: RowSource, metric: str) -> str:
    """Say why the filter cannot serve, or nothing."""
    if METRICS[metric].adds not in _SAMPLED:
        return f"no sums of bytes for metric {metric}"
    if rows.shape[1] > _kernels.max_byte_columns():
        return f"more than {_kernels.max_byte_columns()} features"
    return ""


def not_worth(job: Job) -> str:
    """Say why trying it would take longer than it can save, or nothing."""
    if job.size < job.limits.small_job:
        return "too small a job to try a filter"
    if job.rows.shape[1] < _FEWEST_FEATURES:
        return f"fewer than {_FEWEST_FEATURES} features"
    return ""


def fit(job: Job) -> Strategy:
    """Fit the filter to a sample."""
    return Strategy(NAME, _fit(job)[0], scatters=job.scatters)


def estimate(job: Job, most: float) -> Estimate:  # noqa: ARG001  # as every strategy
    """Fit the filter and estimate what it costs."""
    fitted, sample = _fit(job)
    chosen = Strategy(NAME, fitted, scatters=job.scatters)
    shares = _shares(sample, job, fitted)
    predicted = cost(chosen, job.metric, job.rows.shape[1], job.n_queries, shares)
    reason = f"on a sample, bytes let {shares.passed:.2%} of the rows pass: {predicted:.2f} of the dense cost"
    return Estimate(predicted, reason, chosen)


def cost(chosen: Strategy, metric: str, n_features: int, n_queries: int, shares: Shares) -> float:  # noqa: ARG001  # as every one
    """Return the cost of a pair by the pairs that pass each look."""
    return byte_cost(metric) + tail_cost(metric, n_features, shares)


def byte_scale(sample: Float64, metric: str, n_rows: int = _SCALED_ROWS) -> float:
    """Return the factor that brings centred rows into bytes with the least rounding."""
    spread = sample[:: max(1, len(sample) // n_rows)]
    return centering.byte_scale(spread, *_kernels.byte_range(metric), _kernels.panel_rows(), METRICS[metric].norm)


def _fit(job: Job) -> tuple[centering.Centering, Float64]:
    """Choose center and scale of rows in bytes; also return a sample, centred."""
    integers, fitted = None, job.centering
    if METRICS[job.metric].adds == "differences":
        integers = centering.fit_integers(job.rows, *_kernels.byte_range(job.metric))
        fitted = integers or centering.fit(job.rows, job.metric, centered=True)
    n_rows, n_features = job.rows.shape
    affordable = min(_MOST_SAMPLED, _MOST_SAMPLED_VALUES // n_features, job.n_queries * n_rows // _PAIRS_PER_SAMPLED)
    sample = centering.centered_sample(job.rows, job.metric, fitted, max(_FEWEST_SAMPLED, affordable))
    return integers or fitted._replace(scale=byte_scale(sample, job.metric)), sample


def _shares(sample: Float64, job: Job, centering: centering.Centering) -> Shares:
    """Estimate the fractions of the pairs that pass the integer filter, and that are compared by themselves.

    A threshold is raised by likely scores, until candidates are so many that canonical distances raise it.
    """
    n_rows, k = len(job.rows), min(job.n_neighbors, len(job.rows))
    if len(sample) < 3:
        return Shares(1.0, 1.0, 1.0, 1.0)
    scores, error, residual = _scores(sample, job, centering)
    n_sampled = scores.shape[1] - 1  # without the query itself

    def threshold(nearest: float) -> Float64:
        reached: Float64 = scores[:, min(n_sampled - 1, int(nearest * n_sampled))]
        return reached

    def passing(thresholds: Float64) -> float:
        return float(np.mean(scores >= (thresholds - error)[:, None]))

    exact = loose = 0.0
    for part in parts(n_rows, k, scatters=job.scatters):
        reached = threshold(part.nearest)
        exact += part.share * passing(reached)
        loose += part.share * passing(reached - _likely_error(reached, error, residual, job))
    passed = max(exact, min(loose, (4 * k + _SPARE) / n_rows))
    return Shares(passed, passed, min(passed, passing(threshold(k / n_rows))), k / n_rows)


def _likely_error(scores: Float64, error: Float64, residual: Float64, job: Job) -> Float64:
    """Return by how much scores are likely to be off, as the kernels see it."""
    adds = METRICS[job.metric].adds
    if adds == "differences":
        return error
    varying = _kernels.variation_of_errors(job.rows.shape[1]) * error
    longer = np.hypot(scores, residual) - np.abs(scores) if adds == "squares" else 0.0
    return np.minimum(error, longer + varying)


def _scores(sample: Float64, job: Job, centering: centering.Centering) -> tuple[Float64, Float64, Float64]:
    """Return the scores of some sampled rows with all, best first, their errors, and the residuals of a query and a row."""
    metric = job.metric
    with np.errstate(all="ignore"):
        scaled = np.clip(sample * centering.scale, -1e15, 1e15).astype(np.float32)
    rounded = np.clip(np.rint(scaled), *_kernels.byte_range(metric))
    residual = np.linalg.norm(scaled - rounded, ord=METRICS[metric].norm, axis=1)
    # The bound of a panel is that of its worst row.
    worst = np.quantile(residual, 1 - 1 / _kernels.panel_rows(), method="higher")
    queries = np.arange(0, len(sample), max(1, len(sample) // _SAMPLE_QUERIES))
    adds = METRICS[metric].adds
    scores = pairs.between(rounded[queries], rounded, _SAMPLED[adds], job.n_threads, scale=2.0**-10)
    if adds == "products":
        error = np.linalg.norm(rounded[queries], axis=1) * worst + residual[queries] * np.linalg.norm(scaled, axis=1).max()
    else:
        scores = -scores
        error = residual[queries] + worst + (_PARITY if adds == "squares" else 0)
    scores[np.arange(len(queries)), queries] = -np.inf
    return -np.sort(-scores, axis=1), error, np.hypot(residual[queries], worst)
