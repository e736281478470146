"""Which filter a search uses, decided on a sample of the rows."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels, _surrogate
from deeprob_fast._typing import AnyArray, Float64

STRATEGIES = ("auto", "dense", "integer")

_SAMPLE_ROWS = 512
_SAMPLE_QUERIES = 32
# Costs of one pair of a query and a row, in units of the dense product.
_BYTE_COST = {"x86-64-v4-vnni": 0.25, "x86-64-v4": 0.75, "x86-64-v3": 0.75}
_CANONICAL_COST = 12.0
_PARITY = 0.75  # what the kernels lose of integer distances; ties are not told apart
_WORTHWHILE = 0.8  # the cost below which the integer filter is taken
_FEWEST_FEATURES = 8  # below, the comparisons of the dense filter cost as much as its products


class Strategy(NamedTuple):
    """The chosen filter."""

    name: str
    surrogate: _surrogate.Surrogate
    reason: str


def choose(train: AnyArray, metric: str, requested: str, n_threads: int) -> Strategy:
    """Choose a filter for the rows, or take the requested one."""
    # Sums of absolute differences do not cancel, and float32 holds every other dtype as it is.
    dense = _surrogate.fit(train, metric, centered=metric != "manhattan" or train.dtype == np.float64)
    impossible = _why_not_bytes(train, metric)
    if requested == "dense":
        return Strategy("dense", dense, "asked for")
    if impossible:
        if requested == "integer":
            msg = f'strategy="integer" cannot be used: {impossible}'
            raise ValueError(msg)
        return Strategy("dense", dense, impossible)
    sample = _surrogate.centered_sample(train, metric, dense, _SAMPLE_ROWS)
    scale = _surrogate.byte_scale(sample[:: max(1, len(sample) // 128)], _kernels.byte_limit(), _kernels.panel_rows())
    integer = dense._replace(scale=scale)
    if requested == "integer":
        return Strategy("integer", integer, "asked for")
    if train.shape[1] < _FEWEST_FEATURES:
        return Strategy("dense", dense, f"fewer than {_FEWEST_FEATURES} features")
    byte_cost = _BYTE_COST.get(_kernels.ISA, 1.0)
    passing = _passing(sample, metric, integer, n_threads)
    cost = byte_cost + _CANONICAL_COST * passing
    facts = f"on a sample, bytes let {passing:.2%} of the rows pass: {cost:.2f} of the dense cost"
    return Strategy("integer", integer, facts) if cost < _WORTHWHILE else Strategy("dense", dense, facts)


def _why_not_bytes(train: AnyArray, metric: str) -> str:
    """Say why the integer filter cannot serve, or nothing."""
    if metric == "manhattan":
        return "the integer filter has no manhattan distance"
    if train.shape[1] > _kernels.max_byte_columns():
        return f"more than {_kernels.max_byte_columns()} features"
    return ""


def _passing(sample: Float64, metric: str, surrogate: _surrogate.Surrogate, n_threads: int) -> float:
    """Estimate the fraction of the rows that pass the integer filter.

    A sampled row's threshold is its nearest distance within the sample, farther than that among all rows: the estimate errs on
    the side of more.
    """
    if len(sample) < 2:
        return 1.0
    with np.errstate(all="ignore"):
        scaled = np.clip(sample * surrogate.scale, -1e15, 1e15).astype(np.float32)
    limit = _kernels.byte_limit()
    rounded = np.clip(np.rint(scaled), -limit, limit)
    residual = np.linalg.norm(scaled - rounded, axis=1)
    # The bound of a panel is that of its worst row.
    worst = np.quantile(residual, 1 - 1 / _kernels.panel_rows(), method="higher")
    own = np.arange(0, len(sample), max(1, len(sample) // _SAMPLE_QUERIES))
    scores = np.empty((len(own), len(sample)), dtype=np.float32)
    # Not by NumPy's product: the threads of its BLAS would stay awake and disturb ours.
    product = metric == "inner_product"
    kind = "inner_product" if product else "euclidean"
    _kernels.pairwise_distances(rounded[own], rounded, kind, np.zeros(sample.shape[1]), 2.0**-10, scores, n_threads)
    if product:
        error = np.linalg.norm(rounded[own], axis=1) * worst + residual[own] * np.linalg.norm(scaled, axis=1).max()
    else:
        scores = -scores
        error = residual[own] + worst + _PARITY
    others = scores.copy()
    others[np.arange(len(own)), own] = -np.inf
    threshold = others.max(axis=1)
    return float(np.mean(others >= (threshold - error)[:, None]))
