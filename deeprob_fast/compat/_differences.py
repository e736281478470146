"""Functions of arrays or tensors as the difference formulas call them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._typing import AnyArray, Float64
from deeprob_fast.compat._arrays import Arrays, like, read
from deeprob_fast.gradients.numerical import grad_check_sparse, numerical_gradient
from deeprob_fast.gradients.points import check_point

Function = Callable[[Any], Any]


# What the functions of both courses that differentiate have in common, for their docstrings.
STEP_AND_GRADIENT = """
h : float
    The step.

Returns
-------
array or tensor, shape of x
    Of the kind and dtype of x.

Raises
------
ValueError
    If a shape does not fit, x is not finite, or h is lost beside an entry of x.
TypeError
    If x does not hold floating-point numbers.
"""
ERROR = """
Returns
-------
float

Raises
------
ValueError
    If the shapes differ, or there is nothing to compare.
"""


@contextmanager
def in_numpy(f: Function, x: Arrays, h: float) -> Iterator[Callable[[Float64], AnyArray]]:
    """Give f as a function of float64 arrays; f itself gets the kind of x.

    Notebooks also check functions that ignore their argument and read x from outside, where the courses move it (the weights of
    a network, say). For those x itself moves along, and is put back.
    """
    _scalars.check_callable("f", f)
    step = _scalars.check_positive("h", h)
    array = read("x", x)
    start = check_point("x", array)

    def call(point: Float64) -> AnyArray:
        return read("the value of f", f(like(x, point)))

    def move_and_call(point: Float64) -> AnyArray:
        np.copyto(array, point, casting="same_kind")
        return call(point)

    if not array.flags.writeable or _looks_at_argument(call, start, step):
        yield call
        return
    kept = array.copy()
    try:
        yield move_and_call
    finally:
        array[...] = kept


def _looks_at_argument(call: Callable[[Float64], AnyArray], start: Float64, h: float) -> bool:
    """Tell whether a value changes with the argument, x staying where it is."""
    elsewhere = start + h * np.random.default_rng(0).random(start.shape)
    return not np.array_equal(call(start.copy()), call(elsewhere))


def gradient(f: Function, x: Arrays, upstream: Arrays | None, h: float, *, ones: bool = False) -> Arrays:
    """Compute the gradient of f by central differences, like x.

    Without an upstream gradient f must return one number, or the gradient is taken of the sum if `ones` stand for it.
    """
    array = read("x", x)
    weights = None if upstream is None else read("the upstream gradient", upstream)
    with in_numpy(f, x, h) as function:
        if weights is None and ones:
            weights = np.ones(np.shape(function(array.astype(np.float64))))
        differences = numerical_gradient(function, array, h=h, upstream=weights)
    return like(x, differences, array.dtype)


def check_sparse(f: Function, x: Arrays, analytic_grad: Arrays, num_checks: int, h: float, seed: int) -> None:
    """Print the derivatives at random coordinates."""
    array, analytic = read("x", x), read("analytic_grad", analytic_grad)
    with in_numpy(f, x, h) as function:
        grad_check_sparse(function, array, analytic, num_checks, h, seed=seed)


def relative_error(x: Arrays, y: Arrays) -> tuple[Float64, Float64]:
    """Return abs(x - y) and abs(x) + abs(y) in double precision."""
    a, b = (_validation.check_real_array(name, read(name, values)).astype(np.float64) for name, values in (("x", x), ("y", y)))
    if a.shape != b.shape or not a.size:
        msg = f"x and y must have the same shape, and at least one entry; got {a.shape} and {b.shape}"
        raise ValueError(msg)
    return np.abs(a - b), np.abs(a) + np.abs(b)
