"""Where the filters put their origin and their unit: a center and a power of two, from a sample of the rows."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from deeprob_fast._typing import AnyArray, Float64
from deeprob_fast.knn.metrics import METRICS
from deeprob_fast.knn.rows import RowSource

_SAMPLE_ROWS = 65
_INTEGER_SAMPLE_ROWS = 512
_LARGEST_INTEGER = 2.0**50
_LARGEST_EXPONENT = 500
_LONGEST_EXPONENT = 50  # of centred rows; the kernels take them up to 2^60
# Of a center, where it enters bounds, as those of products: these must not overflow float32, whatever they are multiplied by.
_LONGEST_CENTER_EXPONENT = 40
# The kernels bring rows into bytes in float32, where squares of smaller numbers vanish.
_SMALLEST_IN_BYTES, _LARGEST_IN_BYTES = 1e-25, 1e150


class Centering(NamedTuple):
    """What the kernels subtract from each row, and by what they multiply the difference."""

    center: Float64
    scale: float


def sample_rows(n_rows: int, size: int) -> slice:
    """Return at most `size` evenly spaced rows."""
    return slice(0, n_rows, max(1, -(-n_rows // size)))


def are_integers(rows: RowSource) -> bool:
    """Return whether the elements of some sampled rows are integers."""
    sample = rows[sample_rows(len(rows), _SAMPLE_ROWS)]
    with np.errstate(all="ignore"):  # some NaN warn
        return rows.dtype.kind in "iu" or bool((sample == np.rint(sample)).all())


def fit(rows: RowSource, metric: str, *, centered: bool) -> Centering:
    """Choose center and scale.

    The center is the median of each feature over an odd number of sampled rows, hence a value of the data: outliers do not
    move it, integers stay integers, and a constant feature becomes 0. Any choice is correct (the bounds measure what it costs);
    a good one makes the bounds tight.
    """
    n_features = rows.shape[1]
    sample = _normalized(rows[sample_rows(len(rows), _SAMPLE_ROWS)], metric)
    sample = sample[: len(sample) - (len(sample) + 1) % 2]
    with np.errstate(all="ignore"):
        center = np.zeros(n_features)
        if centered:
            middle = len(sample) // 2
            center = np.partition(sample, middle, axis=0)[middle].copy()
            sample = sample - center
        typical = np.sqrt(np.einsum("ij,ij->i", sample, sample))
        scale_of = float(np.median(typical)) or float(typical.max()) or float(np.sqrt(center @ center))
        # Should many rows be far longer than the median, they must still have finite ones.
        scale_of = max(scale_of, math.ldexp(float(np.quantile(typical, 0.75, method="lower")), -_LONGEST_EXPONENT))
        if METRICS[metric].adds == "products":
            scale_of = max(scale_of, math.ldexp(float(np.sqrt(center @ center)), -_LONGEST_CENTER_EXPONENT))
    if not np.isfinite(center).all():
        center = np.zeros(n_features)
    if not math.isfinite(scale_of) or scale_of == 0:
        return Centering(center, 1.0)
    exponent = -round(math.log2(scale_of))
    return Centering(center, math.ldexp(1.0, max(-_LARGEST_EXPONENT, min(_LARGEST_EXPONENT, exponent))))


def _normalized(rows: AnyArray, metric: str) -> Float64:
    """Return the rows as the kernels center them: those of the cosine have norm 1."""
    with np.errstate(all="ignore"):  # some NaN warn when they are widened
        values = np.asarray(rows, dtype=np.float64)
        if not METRICS[metric].of_directions:
            return values
        norms = np.sqrt(np.einsum("ij,ij->i", values, values))
        normalized: Float64 = values / np.where(norms > 0, norms, 1)[:, None]
    return normalized


def centered_sample(rows: RowSource, metric: str, centering: Centering, size: int) -> Float64:
    """Return at most `size` rows, centred; rows that are not finite are left out."""
    with np.errstate(all="ignore"):
        sample: Float64 = _normalized(rows[sample_rows(len(rows), size)], metric) - centering.center
        finite: Float64 = sample[np.isfinite(np.einsum("ij,ij->i", sample, sample))]
    return finite


def fit_integers(rows: RowSource, lowest: float, highest: float) -> Centering | None:
    """Choose a center that brings rows of integers into bytes as they are, if the range of the sampled values is that narrow."""
    if rows.dtype.kind in "iu":
        smallest, largest = float(np.iinfo(rows.dtype).min), float(np.iinfo(rows.dtype).max)
    else:
        sample = _normalized(rows[sample_rows(len(rows), _INTEGER_SAMPLE_ROWS)], "manhattan")
        if not (np.abs(sample) < _LARGEST_INTEGER).all() or (sample != np.rint(sample)).any():
            return None
        smallest, largest = float(sample.min()), float(sample.max())
    # Other rows may hold what the sample lacks: the ranges of unsigned and signed bytes first, then room on both sides.
    for center in (-lowest, 0.0, np.floor((smallest - lowest + largest - highest) / 2)):
        if smallest - center >= lowest and largest - center <= highest:
            return Centering(np.full(rows.shape[1], center), 1.0)
    return None


def byte_scale(
    sample: Float64, lowest: float, highest: float, panel_rows: int, order: int, scales: Sequence[float] | None = None
) -> float:
    """Return the factor that brings centred rows into bytes with the least rounding; large values may be cut off.

    What counts is the worst row of each panel, as its bound is that of the panel, in the norm of that order. The factor is one of
    `scales` if these are given.
    """
    largest = np.abs(sample).max(axis=1, initial=0.0)
    typical = float(np.median(largest)) if len(largest) else 0.0
    if not _SMALLEST_IN_BYTES < typical < _LARGEST_IN_BYTES:
        return scales[0] if scales else 1.0
    values = np.clip(sample / typical, -1e10, 1e10).astype(np.float32)
    panels = np.arange(0, len(values), panel_rows)

    def rounding(scale: float) -> float:
        scaled = values * np.float32(scale * typical)
        rest = scaled - np.clip(np.rint(scaled), lowest, highest)
        worst = np.maximum.reduceat((np.abs(rest) ** order).sum(axis=1), panels)
        return float(np.minimum(worst, 100 * np.median(worst)).mean()) / scale**order  # one outlier must not decide

    return min(scales or [highest * 2 ** (step / 3) / typical for step in range(-5, 6)], key=rounding)
