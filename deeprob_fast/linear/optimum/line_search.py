"""A line search with the weak Wolfe conditions."""

import math
from collections.abc import Callable

import numpy as np

from deeprob_fast._typing import Float64
from deeprob_fast.linear.optimum.problem import Point

_DECREASE = 1e-4
_CURVATURE = 0.9
_ROUNDING = 1e-14  # relative; differences of values below it say nothing, and slopes decide


def search(evaluate: Callable[[Float64], Point], start: Point, direction: Float64, *, n_trials: int = 25) -> Point | None:
    """Return a point along the direction, or None where rounding hides any decrease.

    Near the minimum values differ by their rounding only; the decrease is judged by the slopes there (Hager and Zhang, A new
    conjugate gradient method with guaranteed descent and an efficient line search, 2005, the approximate Wolfe conditions).
    """
    slope = float(np.vdot(start.gradient, direction))
    if not slope < 0:
        return None
    low, low_value, low_slope = 0.0, start.value, slope
    high = math.inf
    step = 1.0
    for _ in range(n_trials):
        point = evaluate(start.weights + step * direction)
        trial = float(np.vdot(point.gradient, direction))
        if not math.isfinite(point.value) or not math.isfinite(trial):
            high, step = step, (low + 0.1 * (step - low))
            continue
        decreased = point.value <= start.value + _DECREASE * step * slope
        close = abs(point.value - start.value) <= _ROUNDING * abs(start.value) and trial <= (2 * _DECREASE - 1) * slope
        if not (decreased or close):
            high, following = step, _cubic(low, low_value, low_slope, step, point.value, trial)
        elif trial < _CURVATURE * slope:
            following = _cubic(low, low_value, low_slope, step, point.value, trial)
            low, low_value, low_slope = step, point.value, trial
        else:
            return point
        if high == math.inf:
            step = min(max(following, 2 * step), 10 * step) if following > step else 4 * step
        else:
            step = min(max(following, low + 0.1 * (high - low)), high - 0.1 * (high - low))
            if not low < step < high:
                return None
    return None


def _cubic(a: float, value_a: float, slope_a: float, b: float, value_b: float, slope_b: float) -> float:
    """Return the minimum of the cubic through two values and slopes, or the middle if it has none."""
    first = slope_a + slope_b - 3 * (value_a - value_b) / (a - b)
    square = first * first - slope_a * slope_b
    if not square >= 0:
        return (a + b) / 2
    second = math.copysign(math.sqrt(square), b - a)
    bottom = slope_b - slope_a + 2 * second
    if not bottom:
        return (a + b) / 2
    return b - (b - a) * (slope_b + second - first) / bottom
