"""Functions of arrays or tensors as the difference formulas call them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from deeprob_fast._typing import AnyArray, Float64
from deeprob_fast.compat._arrays import Arrays, like, read
from deeprob_fast.numerical import numerical_gradient

Function = Callable[[Any], Any]


def in_numpy(f: Function, x: Arrays) -> Callable[[Float64], AnyArray]:
    """Return f as a function of float64 arrays; f itself gets the kind of x."""
    return lambda point: read("the value of f", f(like(x, point)))


def gradient(f: Function, x: Arrays, upstream: Arrays | None, h: float) -> Arrays:
    """Compute the gradient of f by central differences, like x; without an upstream gradient f must return one number."""
    point = read("x", x)
    weights = None if upstream is None else read("the upstream gradient", upstream)
    return like(x, numerical_gradient(in_numpy(f, x), point, h=h, upstream=weights), point.dtype)


def ones_beside(f: Function, x: Arrays) -> Float64:
    """Return ones of the shape of f's values."""
    return np.ones(np.shape(in_numpy(f, x)(np.array(read("x", x), dtype=np.float64))))


def relative_error(x: Arrays, y: Arrays) -> tuple[Float64, Float64]:
    """Return abs(x - y) and abs(x) + abs(y) in double precision."""
    a, b = read("x", x).astype(np.float64), read("y", y).astype(np.float64)
    if a.shape != b.shape or not a.size:
        msg = f"x and y must have the same shape, and at least one entry; got {a.shape} and {b.shape}"
        raise ValueError(msg)
    return np.abs(a - b), np.abs(a) + np.abs(b)
