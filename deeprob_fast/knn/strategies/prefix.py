"""The prefix filter: bytes of the coordinates along principal directions first, then bytes of the whole rows."""

import math

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._typing import Float32
from deeprob_fast.knn import axes, centering, pairs, stages
from deeprob_fast.knn.boxes import Tree
from deeprob_fast.knn.costs import Shares, byte_cost, costs, tail_cost
from deeprob_fast.knn.directions import ByteRows, principal_directions, rotated
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.metrics import METRICS
from deeprob_fast.knn.rows import RowSource
from deeprob_fast.knn.stages import Prefix
from deeprob_fast.knn.strategies import integer
from deeprob_fast.knn.strategies.job import Estimate, Job

NAME = "prefix"
SAVES = 0.8

_WITHOUT_BOUND = {"products": "inner products", "differences": "manhattan distances", "largest": "chebyshev distances"}
_FEWEST_FEATURES = 64
_DIRECTIONS = (16, 32, 48, 64, 96, 128)
_SAMPLE_ROWS = 1024
_SAMPLE_QUERIES = 32
_SORTED_ROWS = 4096
_FIRST_END = 16  # directions of the first stage


def why_not(rows: RowSource, metric: str) -> str:
    """Say why the filter cannot serve, or nothing."""
    if METRICS[metric].adds != "squares":
        return f"a prefix has no filter for {_WITHOUT_BOUND[METRICS[metric].adds]}"
    if rows.shape[1] < _FEWEST_FEATURES:
        return f"fewer than {_FEWEST_FEATURES} features"
    return integer.why_not(rows, metric)


def not_worth(job: Job) -> str:
    """Say why trying it would take longer than it can save, or nothing."""
    return "" if job.size > job.limits.prefix_job else "too small a job to try a prefix"


def fit(job: Job) -> Strategy | Tree | None:
    """Fit the filter to a sample; None if there are no directions."""
    estimated = estimate(job, math.inf)
    return estimated.chosen if estimated else None


def estimate(job: Job, most: float) -> Estimate | None:
    """Choose the number of directions that costs least; None if that is not less than `most`, or if there are none."""
    sample = centering.centered_sample(job.rows, job.metric, job.centering, _SAMPLE_ROWS)
    largest = float(np.abs(sample).max()) if len(sample) > 1 else 0.0
    if not 1e-25 < largest < 1e25:
        return None
    n_features = job.rows.shape[1]
    # Directions and shares do not depend on the unit, and float32 must hold products of the rows.
    scaled = sample * math.ldexp(1.0, -math.frexp(largest)[1])
    directions = principal_directions(scaled, min(_DIRECTIONS[-1], n_features // 4))
    if not len(directions):
        return None
    along = pairs.product(scaled, directions, job.n_threads)
    candidates = {}
    # The nearest groups come first, so that thresholds are near their end from the beginning.
    k = job.n_neighbors / len(job.rows)
    for n, passing in _passing(scaled.astype(np.float32), along.astype(np.float32), k, job.n_threads).items():
        shares = Shares(passing, 2 * k, k, k)
        candidates[n] = (_cost(n, job.metric, n_features, job.n_queries, shares), passing)
    best = min(candidates, key=candidates.__getitem__)
    predicted, passing = candidates[best]
    if predicted >= most:
        return None
    ends = np.array(sorted({min(_FIRST_END, best), best}), dtype=np.int64)
    rows_centering = job.centering._replace(scale=integer.byte_scale(sample, job.metric))
    projection = rotated(directions[:best], ends)
    sampled = job.rows[centering.sample_rows(len(job.rows), _SORTED_ROWS)]
    columns, _ = projection.columns(sampled, job.metric, rows_centering, ByteRows.empty(*sampled.shape), job.n_threads)
    tree = axes.fit(columns, int(ends[0]) + 1, len(job.rows))
    reason = f"on a sample, {best} directions let {passing:.2%} of the rows pass: {predicted:.2f} of the dense cost"
    return Estimate(predicted, reason, Strategy(NAME, rows_centering, Prefix(projection, stages.fit(columns, ends), tree)))


def cost(chosen: Strategy, metric: str, n_features: int, n_queries: int, shares: Shares) -> float:
    """Return the cost of a pair by the pairs that pass each look."""
    assert chosen.prefix
    return _cost(len(chosen.prefix.projection.basis), metric, n_features, n_queries, shares)


def _cost(n_directions: int, metric: str, n_features: int, n_queries: int, shares: Shares) -> float:
    sweep = byte_cost(metric) * (n_directions + 1) / n_features
    # Every row takes products of its own.
    projecting = costs().projection * n_directions / max(n_queries, 1)
    return sweep + costs().byte_row * shares.passed + tail_cost(metric, n_features, shares) + projecting


def _passing(sample: Float32, along: Float32, nearest_share: float, n_threads: int) -> dict[int, float]:
    """Estimate the fraction of the rows that pass, for some numbers of directions, where this fraction are neighbours."""
    queries = np.arange(0, len(sample), max(1, len(sample) // _SAMPLE_QUERIES))

    def distances(rows: Float32) -> Float32:
        out = pairs.between(rows[queries], rows, "euclidean", n_threads)
        out[np.arange(len(queries)), queries] = np.inf
        return out

    rank = min(len(sample) - 2, int(nearest_share * len(sample)))
    threshold = np.partition(distances(sample), rank, axis=1)[:, rank]
    squares = np.einsum("ij,ij->i", sample, sample)
    # Bytes of coordinates that vary alike, up to 4.5 standard deviations, are off by this much of the rows' length, of query and
    # row: once in the look, and twice in the threshold that whole rows in bytes give.
    _, highest = _kernels.byte_range("euclidean")
    rounding = 6 * 4.5 / highest / np.sqrt(12) * np.sqrt(squares.mean())
    passing = {}
    for n in {min(n, along.shape[1]) for n in _DIRECTIONS}:
        inside = along[:, :n]
        rest = np.sqrt(np.maximum(squares - np.einsum("ij,ij->i", inside, inside), 0))
        nearest = distances(np.column_stack([inside, rest]))
        passing[n] = float(np.mean(nearest <= (threshold + rounding)[:, None]))
    return passing
