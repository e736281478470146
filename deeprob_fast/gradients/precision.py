"""How precisely a function computes: what it rounds to shows on a line so short that the function is smooth there."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deeprob_fast._typing import AnyArray, Float64

_DOUBLE = 2.0**-52
_N_POINTS = 10
_STEPS = (5e-6, 1e-3)  # of each coordinate, relative to it: no zero is left, no sign changes; the second where nothing moves

# Rounding errors, relative to the values, that are none of float64; smaller ones than the second disturb no difference.
_ROUGH, _HARMLESS = 2.0**-34, 1e-13


def rounding_unit(dtype: np.dtype[Any]) -> float:
    """Return the relative spacing of what a function returned, at least that of float64."""
    return max(float(np.finfo(dtype).eps), _DOUBLE) if dtype.kind == "f" else _DOUBLE


def precision(evaluate: Callable[[list[Float64]], AnyArray], base: AnyArray, points: Sequence[Float64]) -> float:
    """Return the rounding unit of a function: that of float64, or of float32 or float16 if it computes in those.

    Parameters
    ----------
    evaluate : callable
        Gets as many points as `points`, new arrays; called 9 times unless the dtype of `base` tells, 18 times on flat places.
    base : array
        Its values at the points.
    points : sequence of array

    Notes
    -----
    After Moré and Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33 (2011): third differences of values at equal
    steps are rounding errors, for those of a smooth function are far below. Their median is not moved by one kink or jump.
    A function that rounds its value gives it away by values that a narrow type holds.
    """
    unit = rounding_unit(base.dtype)
    if unit > _DOUBLE or not base.size:
        return unit
    rng = np.random.default_rng(0)
    sizes = [np.abs(point) for point in points]
    if not any(size.any() for size in sizes):
        sizes = [np.ones(point.shape) for point in points]
    moves = [rng.choice([-1.0, 1.0], size.shape) * rng.uniform(0.5, 1.0, size.shape) * size for size in sizes]
    with np.errstate(over="ignore"):
        usable = all(np.isfinite(point + move).all() for point, move in zip(points, moves, strict=True))
    for step in _STEPS if usable and any(move.size for move in moves) else ():
        at = [evaluate([point + i * step * move for point, move in zip(points, moves, strict=True)]) for i in range(1, _N_POINTS)]
        values = np.array([np.ravel(value) for value in (base, *at)], dtype=np.float64)
        values = values[:, (values != values[0]).any(axis=0) & np.isfinite(values).all(axis=0)]
        if values.size:
            return _unit_of(values)
    return unit


def _unit_of(values: Float64) -> float:
    """Return the rounding unit of values (n_points, n_values), none of which is constant."""
    largest = np.abs(values).max(axis=0)
    with np.errstate(over="ignore"):
        for unit, narrow in ((rounding_unit(np.dtype(name)), values.astype(name)) for name in ("float16", "float32")):
            if ((values == narrow).all(axis=0) & (unit * largest > _HARMLESS)).any():
                return unit
        noise = np.median(np.abs(np.diff(values, n=3, axis=0)), axis=0) / np.sqrt(20)  # of errors of deviation 1
    is_rough = noise > np.maximum(_HARMLESS, _ROUGH * largest)
    return rounding_unit(np.dtype(np.float32 if is_rough.any() else np.float64))
