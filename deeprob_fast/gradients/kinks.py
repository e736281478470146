"""Tell a kink from a wrong gradient, at one coordinate."""

from collections.abc import Callable

import numpy as np

from deeprob_fast._typing import AnyArray, Float64

# Steps h, h/2, ..., h/32: the first shows that there is a kink nearby, the last whether the gradient is one at this point.
_LEVELS = 6


def at_kinks(
    along: Callable[[float], Float64], position: float, step: float, analytic: Float64, *, tolerance: Float64, unit: float
) -> AnyArray:
    """Say which values have a kink within a step, with an analytic derivative that is one of those possible there.

    Parameters
    ----------
    along : callable
        The values of the function, 1-D, with the coordinate at a position.
    position, step : float
        Where the coordinate is, and the step whose central difference did not agree.
    analytic : array, shape (n_values,)
        What is claimed of the derivatives.
    tolerance : array, shape (n_values,)
        Of the comparison with the central difference.
    unit : float
        The rounding unit of the values.

    Returns
    -------
    array of bool, shape (n_values,)

    Notes
    -----
    The gap between the right and the left difference at steps h and h/2 is f'' h and f'' h/2 where f is smooth, but J and J at
    a kink of jump J in the slope, and J (1 - t/h) and J max(0, 1 - 2t/h) where the kink lies t away. So g(h) - 2 g(h/2) is a
    kink's sign; where it vanishes for one step (t = h/3), it does not for the next. Then the derivative must lie between the
    two differences of the smallest step. Where f itself jumps, the gap grows with 1/h: that is no kink.
    """
    base = along(position)
    gaps: list[Float64] = []
    noises: list[Float64] = []
    between = np.zeros(len(base), dtype=bool)
    for level in range(_LEVELS):
        ahead, behind = position + step / 2**level, position - step / 2**level
        if position in (ahead, behind):
            break
        values_ahead, values_behind = along(ahead), along(behind)
        right, left = (values_ahead - base) / (ahead - position), (base - values_behind) / (position - behind)
        size = np.maximum(np.abs(base), np.maximum(np.abs(values_ahead), np.abs(values_behind)))
        noise = 8 * unit * size / (step / 2**level)
        low, high = np.minimum(left, right), np.maximum(left, right)
        if level == 0:
            # Far outside of both: simply wrong, which is the common case and need not cost more calls.
            margin = (high - low) + tolerance
            plausible: AnyArray = np.asarray((high - low > tolerance) & (low - margin <= analytic) & (analytic <= high + margin))
            if not plausible.any():
                return plausible
        elif level > 2 and (noise > tolerance).all():
            break
        gaps.append(right - left)
        noises.append(noise)
        between = (low - tolerance - noise <= analytic) & (analytic <= high + tolerance + noise)
    if len(gaps) < 2:
        return np.zeros(len(base), dtype=bool)
    bent = np.zeros(len(base), dtype=bool)
    for gap, half, noise in zip(gaps, gaps[1:], noises[1:], strict=False):
        bent |= np.abs(gap - 2 * half) > np.maximum(np.abs(gap), tolerance) / 4 + 4 * noise
    jumps = np.abs(gaps[-1]) > 2 * np.abs(gaps[0]) + tolerance + 4 * noises[-1]
    return np.asarray(plausible & bent & between & ~jumps)
