"""Which filter a search uses, decided on a sample of the rows."""

import math
from typing import Any, NamedTuple

import numpy as np

from deeprob_fast import _kernels, _scalars
from deeprob_fast._typing import Float32, Float64
from deeprob_fast.knn import centering, clusters, pairs
from deeprob_fast.knn.directions import ByteRows, Projection, mixed, principal_directions, product
from deeprob_fast.knn.rows import RowSource

FILTERS = ("dense", "integer", "prefix")
STRATEGIES = ("auto", "boxes", *FILTERS)

_WITHOUT_PREFIX = {"inner_product": "inner products", "manhattan": "manhattan distances"}

_SAMPLE_ROWS = 512
_PREFIX_SAMPLE_ROWS = 1024
_CELL_SAMPLE_ROWS = 2048
_SAMPLE_QUERIES = 32
# Costs of one pair of a query and a row, in units of the dense product; for manhattan distances, of the dense difference.
_BYTE_COST = {"x86-64-v4-vnni": 0.25, "x86-64-v4": 0.75, "x86-64-v3": 0.75}
_BYTE_MINIMUM_COST = {"x86-64-v4-vnni": 0.2, "x86-64-v4": 0.4, "x86-64-v3": 0.35}
_CANONICAL_COST = 12.0
_DIFFERENCE_COST = 2.0  # of the dense difference, in units of the dense product
_ROW_COST = 6.0  # of bytes, one row with one query
_PROJECTION_COST = 2.2  # of a row along one direction
_PARITY = 0.75  # what the kernels lose of integer distances; ties are not told apart
_WORTHWHILE = 0.8  # the cost below which the integer filter is taken
_FEWEST_FEATURES = 8  # below, the comparisons of the dense filter cost as much as its products
# A prefix is tried for long rows and large jobs only, and taken where it saves this much of the integer filter's cost.
_PREFIX_FEATURES = 64
_PREFIX_JOB = 1e10  # rows x queries x features
_SMALL_JOB = 2e8  # takes as long as trying a filter on a sample
_PREFIX_SAVES = 0.8
_DIRECTIONS = (16, 32, 48, 64, 96, 128)


class Strategy(NamedTuple):
    """The chosen filter."""

    name: str
    surrogate: centering.Surrogate  # of the rows, or of the projection's columns
    reason: str
    projection: Projection | None = None
    cells: clusters.Cells = clusters.NO_CELLS  # of the projection's columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of packed rows: numbers, or words of four bytes each."""
        return np.dtype(np.float32 if self.name == "dense" else np.int32)

    def n_words(self, n_features: int) -> int:
        """Return how many words of four bytes a packed row takes."""
        if self.name == "dense":
            return n_features
        return -(-(self.projection.n_columns if self.projection else n_features) // 4)

    def n_bytes(self, n_features: int) -> int:
        """Return how much memory a row takes while it is packed."""
        packed = 4 * self.n_words(n_features)
        if self.projection is None:
            return packed
        return packed + 4 * self.projection.n_columns + _kernels.byte_stride(n_features) + 16


def choose(train: RowSource, metric: str, requested: str, n_queries: int, n_threads: int) -> Strategy:
    """Choose a filter for the rows and about that many queries, or take the requested one."""
    # Sums of absolute differences do not cancel, and float32 holds every other dtype as it is.
    surrogate = centering.fit(train, metric, centered=metric != "manhattan" or train.dtype == np.float64)
    impossible = why_not(train, metric, requested)
    if impossible and requested in ("integer", "prefix"):
        msg = f'strategy="{requested}" cannot be used: {impossible}'
        raise ValueError(msg)
    if requested == "dense" or impossible:
        return Strategy("dense", surrogate, impossible or "asked for")
    if requested == "prefix":
        return _prefix(train, metric, surrogate, np.inf, n_queries, n_threads) or Strategy("dense", surrogate, "no directions")
    job = float(n_queries) * train.size
    if requested == "auto" and job < _SMALL_JOB:
        return Strategy("dense", surrogate, "too small a job to try a filter")
    integer, sample = _fit_bytes(train, metric, surrogate)
    if requested == "integer":
        return Strategy("integer", integer, "asked for")
    if train.shape[1] < _FEWEST_FEATURES:
        return Strategy("dense", surrogate, f"fewer than {_FEWEST_FEATURES} features")
    passing = _passing(sample, metric, integer, n_threads)
    canonical = _CANONICAL_COST / (_DIFFERENCE_COST if metric == "manhattan" else 1)
    cost = _byte_cost(metric) + canonical * passing
    facts = f"on a sample, bytes let {passing:.2%} of the rows pass: {cost:.2f} of the dense cost"
    if not why_not(train, metric, "prefix") and job > _PREFIX_JOB:
        prefix = _prefix(train, metric, surrogate, _PREFIX_SAVES * min(cost, 1.0), n_queries, n_threads)
        if prefix:
            return prefix
    return Strategy("integer", integer, facts) if cost < _WORTHWHILE else Strategy("dense", surrogate, facts)


def why_not(train: RowSource, metric: str, name: str) -> str:
    """Say why a filter in bytes cannot serve, or nothing."""
    if name == "prefix" and metric in _WITHOUT_PREFIX:
        return f"a prefix has no filter for {_WITHOUT_PREFIX[metric]}"
    if name == "prefix" and train.shape[1] < _PREFIX_FEATURES:
        return f"fewer than {_PREFIX_FEATURES} features"
    if train.shape[1] > _kernels.max_byte_columns():
        return f"more than {_kernels.max_byte_columns()} features"
    return ""


def _byte_cost(metric: str) -> float:
    return (_BYTE_MINIMUM_COST if metric == "manhattan" else _BYTE_COST).get(_kernels.ISA, 1.0)


def _fit_bytes(train: RowSource, metric: str, surrogate: centering.Surrogate) -> tuple[centering.Surrogate, Float64]:
    """Choose center and scale of rows in bytes; also return a sample, centred."""
    integers = None
    if metric == "manhattan":
        integers = centering.fit_integers(train, *_kernels.byte_range(metric))
        surrogate = integers or centering.fit(train, metric, centered=True)
    sample = centering.centered_sample(train, metric, surrogate, _SAMPLE_ROWS)
    return integers or surrogate._replace(scale=_byte_scale(sample, metric)), sample


def _byte_scale(sample: Float64, metric: str, n_rows: int = 128) -> float:
    some = sample[:: max(1, len(sample) // n_rows)]
    return centering.byte_scale(some, *_kernels.byte_range(metric), _kernels.panel_rows(), 1 if metric == "manhattan" else 2)


def _prefix(
    train: RowSource, metric: str, surrogate: centering.Surrogate, most: float, n_queries: int, n_threads: int
) -> Strategy | None:
    """Choose the number of directions that costs least, if that is less than `most` of the dense cost."""
    sample = centering.centered_sample(train, metric, surrogate, _PREFIX_SAMPLE_ROWS)
    largest = float(np.abs(sample).max()) if len(sample) > 1 else 0.0
    if not 1e-25 < largest < 1e25:
        return None
    n_features = train.shape[1]
    # Directions and shares do not depend on the unit, and float32 must hold products of the rows.
    rows = sample * math.ldexp(1.0, -math.frexp(largest)[1])
    directions = principal_directions(rows, min(_DIRECTIONS[-1], n_features // 4), n_threads)
    if not len(directions):
        return None
    along = product(rows, directions, n_threads)
    costs = {}
    for n, passing in _passing_prefixes(rows.astype(np.float32), along.astype(np.float32), n_threads).items():
        sweep = _byte_cost(metric) * (n + 1) / n_features
        # Every row takes n products of its own.
        costs[n] = (sweep + _ROW_COST * passing + _PROJECTION_COST * n / max(n_queries, 1), passing)
    best = min(costs, key=costs.__getitem__)
    cost, passing = costs[best]
    if cost >= most:
        return None
    projection = mixed(directions[:best], surrogate.center, _byte_scale(sample, metric), n_threads)
    some = train[centering.sample_rows(len(train), _CELL_SAMPLE_ROWS)]
    columns, _, _ = projection.columns(some, metric, ByteRows.empty(*some.shape), n_threads)
    center = np.median(columns, axis=0).astype(np.float64)
    scale = _byte_scale(columns - center, metric, _PREFIX_SAMPLE_ROWS)
    cells = clusters.fit(columns, len(train), n_threads)
    facts = f"on a sample, {best} directions let {passing:.2%} of the rows pass: {cost:.2f} of the dense cost"
    return Strategy("prefix", centering.Surrogate(center, scale), facts, projection, cells)


def _passing_prefixes(sample: Float32, along: Float32, n_threads: int) -> dict[int, float]:
    """Estimate the fraction of the rows that pass, for some numbers of directions."""
    own = np.arange(0, len(sample), max(1, len(sample) // _SAMPLE_QUERIES))

    def distances(rows: Float32) -> Float32:
        out = pairs.between(rows[own], rows, "euclidean", n_threads)
        out[np.arange(len(own)), own] = np.inf
        return out

    threshold = distances(sample).min(axis=1)
    squares = np.einsum("ij,ij->i", sample, sample)
    # Bytes of coordinates that vary alike, up to 4.5 standard deviations, are off by this much of the rows' length, twice.
    _, highest = _kernels.byte_range("euclidean")
    rounding = 2 * 4.5 / highest / np.sqrt(12) * np.sqrt(squares.mean())
    passing = {}
    for n in {min(n, along.shape[1]) for n in _DIRECTIONS}:
        inside = along[:, :n]
        rest = np.sqrt(np.maximum(squares - np.einsum("ij,ij->i", inside, inside), 0))
        nearest = distances(np.column_stack([inside, rest]))
        passing[n] = float(np.mean(nearest <= (threshold + rounding)[:, None]))
    return passing


def _passing(sample: Float64, metric: str, surrogate: centering.Surrogate, n_threads: int) -> float:
    """Estimate the fraction of the rows that pass the integer filter.

    A sampled row's threshold is its nearest distance within the sample, farther than that among all rows: the estimate errs on
    the side of more.
    """
    if len(sample) < 2:
        return 1.0
    with np.errstate(all="ignore"):
        scaled = np.clip(sample * surrogate.scale, -1e15, 1e15).astype(np.float32)
    rounded = np.clip(np.rint(scaled), *_kernels.byte_range(metric))
    residual = np.linalg.norm(scaled - rounded, ord=1 if metric == "manhattan" else 2, axis=1)
    # The bound of a panel is that of its worst row.
    worst = np.quantile(residual, 1 - 1 / _kernels.panel_rows(), method="higher")
    own = np.arange(0, len(sample), max(1, len(sample) // _SAMPLE_QUERIES))
    kind = metric if metric in ("inner_product", "manhattan") else "euclidean"
    scores = pairs.between(rounded[own], rounded, kind, n_threads, scale=2.0**-10)
    if kind == "inner_product":
        error = np.linalg.norm(rounded[own], axis=1) * worst + residual[own] * np.linalg.norm(scaled, axis=1).max()
    else:
        scores = -scores
        error = residual[own] + worst + (_PARITY if kind == "euclidean" else 0)
    scores[np.arange(len(own)), own] = -np.inf
    threshold = scores.max(axis=1)
    return float(np.mean(scores >= (threshold - error)[:, None]))


def check_strategy(strategy: object) -> str:
    """Return the name of a strategy."""
    return _scalars.check_choice("strategy", strategy, STRATEGIES)
