"""Gradients by differences, against which those of calculus are checked."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._typing import AnyArray, ArrayLike, Float64
from deeprob_fast.gradients.points import check_point
from deeprob_fast.gradients.precision import precision

# The power of the rounding unit that balances the error of rounding and that of the difference formula, for steps beside 1.
_POWERS = {"central": 1 / 3, "forward": 1 / 2}

_USUAL_STEP = 1e-7  # the courses'


class SparseCheck(NamedTuple):
    """One coordinate that `grad_check_sparse` has looked at.

    Attributes
    ----------
    coordinate : tuple of int
        Where in x.
    numerical, analytic : float
        The two derivatives.
    relative_error : float
        `abs(numerical - analytic) / (abs(numerical) + abs(analytic) + 1e-12)`.
    """

    coordinate: tuple[int, ...]
    numerical: float
    analytic: float
    relative_error: float


def relative_error(numerical: float, analytic: float) -> float:
    """Compare two derivatives as the courses do; the small constant stands for 0/0."""
    return abs(numerical - analytic) / (abs(numerical) + abs(analytic) + 1e-12)


def moved(point: Float64, coordinate: int, position: float) -> Float64:
    """Copy a point with one coordinate elsewhere; a copy each time, so that a function may scribble on what it gets."""
    copy = point.copy()
    copy.reshape(-1)[coordinate] = position
    return copy


def steps_at(name: str, point: Float64, steps: float | Float64) -> Float64:
    """Return the step of every coordinate, unless it is lost beside a large one."""
    flat = point.reshape(-1)
    steps = np.broadcast_to(steps, flat.shape)
    with np.errstate(over="ignore"):
        ahead, behind = flat + steps, flat - steps
    far = np.flatnonzero(~(np.isfinite(ahead) & np.isfinite(behind)))
    if far.size:
        msg = f"{name} must be small enough to stay within float64; got a step of {steps[far[0]]:g} beside {flat[far[0]]:g}"
        raise ValueError(msg)
    lost = np.flatnonzero((ahead == flat) | (behind == flat))
    if lost.size:
        msg = f"{name} must be large enough to change every coordinate; got a step of {steps[lost[0]]:g} beside {flat[lost[0]]:g}"
        raise ValueError(msg)
    return steps


def numerical_gradient(
    f: Callable[[Float64], Any],
    x: ArrayLike,
    *,
    method: str = "central",
    h: float | None = None,
    upstream: ArrayLike | None = None,
) -> Float64:
    """Compute the gradient of a function by differences.

    Parameters
    ----------
    f : callable
        Gets a float64 array of x's shape, a new copy at each call, and returns a number, or with `upstream` an array.
    x : array-like of floating-point numbers
        The point, finite; any layout. It is never changed.
    method : {"central", "forward"}
        (f(x + h) - f(x - h)) / 2h, or (f(x + h) - f(x)) / h, which needs half the calls and has half the digits.
    h : float, optional
        The step of every coordinate. By default eps^(1/3) max(1, abs(x_i)), forward eps^(1/2) max(1, abs(x_i)), where eps is
        the rounding unit of f: 2^-52, or larger where f computes in float32 or float16, whatever type it returns.
    upstream : array-like, optional
        The gradient of some scalar in the values of f, of their shape; the result is then the gradient of that scalar in x
        (the vector-Jacobian product).

    Returns
    -------
    array of float64, shape of x

    Raises
    ------
    TypeError
        If x holds integers (a step would round away) or anything but real numbers, or f does not return real numbers.
    ValueError
        If x is not finite, f returns an array although there is no `upstream`, shapes do not fit, or h is lost beside an
        entry of x.

    Notes
    -----
    Costs 2 calls of f for each entry of x and one more; without h up to 9 more, which tell how f rounds. The quotient divides by
    the step that was really taken, (x + h) - x. The error relative to a gradient of size 1 is about 1e-10 (central), 1e-8
    (forward). A function that ignores its argument and reads x itself has gradient 0 here.

    Examples
    --------
    >>> import numpy as np
    >>> import deeprob_fast as df
    >>> df.numerical_gradient(lambda x: np.sum(x**2), [1.0, -2.0]).round(6)
    array([ 2., -4.])
    >>> df.numerical_gradient(np.square, [1.0, -2.0], upstream=[1.0, 10.0]).round(6)
    array([  2., -40.])
    """
    _scalars.check_callable("f", f)
    point = check_point("x", x)
    method = _scalars.check_choice("method", method, tuple(_POWERS))
    step = None if h is None else _scalars.check_positive("h", h)
    base = _validation.check_real_array("the value of f", f(point.copy()))
    if upstream is None:
        if base.size != 1:
            msg = f"f must return one number, or upstream must be given; got shape {base.shape}"
            raise ValueError(msg)
        weights = np.ones(base.shape)
    else:
        weights = _validation.check_shaped_like("upstream", upstream, base.shape, "the value of f")

    def call(at: Float64) -> Float64:
        return _validation.check_shaped_like("the value of f", f(at), base.shape, "its first value")

    if step is None:
        unit = precision(lambda points: call(points[0]), base, [point])
        steps = steps_at("x", point, unit ** _POWERS[method] * np.maximum(1.0, np.abs(point)).reshape(-1))
    else:
        steps = steps_at("h", point, step)
    gradient = np.empty(point.shape)
    for coordinate, position in enumerate(point.reshape(-1).tolist()):
        ahead = position + float(steps[coordinate])
        behind = position if method == "forward" else position - float(steps[coordinate])
        before = base if method == "forward" else call(moved(point, coordinate, behind))
        change = call(moved(point, coordinate, ahead)) - before
        gradient.reshape(-1)[coordinate] = np.sum(weights * change) / (ahead - behind)
    return gradient


def grad_check_sparse(
    f: Callable[[Float64], Any],
    x: ArrayLike,
    analytic_grad: ArrayLike,
    num_checks: int = 10,
    h: float | None = None,
    *,
    seed: int = 0,
) -> list[SparseCheck]:
    """Print the numerical and the analytic derivative at random coordinates, as the helper of the courses does.

    Parameters
    ----------
    f : callable
        Gets a float64 array of x's shape, a new copy at each call, and returns a number.
    x : array-like of floating-point numbers
        The point, finite; any layout. It is never changed.
    analytic_grad : array-like, shape of x
        What is checked.
    num_checks : int
        How many coordinates are drawn, with replacement.
    h : float, optional
        The step of the central difference. By default 1e-7, as in the courses, and the one of `numerical_gradient` where f
        computes in float32 or float16, whose differences at 1e-7 are noise.
    seed : int
        Of the draw.

    Returns
    -------
    list of SparseCheck
        For each check the coordinate, the two derivatives and their relative error; below 1e-5 all is well, below 1e-2 where f
        computes in float32. It may be larger where the step crosses a kink.

    Raises
    ------
    TypeError
        If x holds integers or anything but real numbers.
    ValueError
        If x is empty or not finite, a shape is not as stated above, or h is lost beside an entry of x.

    Examples
    --------
    >>> import numpy as np
    >>> import deeprob_fast as df
    >>> checks = df.grad_check_sparse(lambda x: np.sum(3 * x), np.zeros(4), np.full(4, 3.0), num_checks=1)
    numerical: 3.000000 analytic: 3.000000, relative error: 0.000000e+00
    >>> checks[0].relative_error < 1e-5
    True
    """
    _scalars.check_callable("f", f)
    point = check_point("x", x)
    analytic = _validation.check_shaped_like("analytic_grad", analytic_grad, point.shape, "x")
    num_checks = _scalars.check_integer("num_checks", num_checks, 0, 2**31, "a number of coordinates")
    steps = None if h is None else steps_at("h", point, _scalars.check_positive("h", h))
    seed = _scalars.check_integer("seed", seed, 0, 2**128, "a seed of NumPy's generators")
    if point.size == 0:
        msg = f"x must have at least one entry; got shape {point.shape}"
        raise ValueError(msg)
    if steps is None:
        unit = precision(lambda points: _number(f(points[0])), _number(f(point.copy())), [point])
        fitting = _USUAL_STEP if unit <= 2.0**-52 else unit ** _POWERS["central"] * np.maximum(1.0, np.abs(point)).reshape(-1)
        steps = steps_at("h", point, fitting)
    checks = []
    for coordinate in np.random.default_rng(seed).integers(0, point.size, num_checks).tolist():
        position, step = float(point.reshape(-1)[coordinate]), float(steps[coordinate])
        ahead, behind = (float(_number(f(moved(point, coordinate, at)))) for at in (position + step, position - step))
        numerical = (ahead - behind) / ((position + step) - (position - step))
        index = tuple(int(part) for part in np.unravel_index(coordinate, point.shape))
        derivative = float(analytic[index])
        check = SparseCheck(index, numerical, derivative, relative_error(numerical, derivative))
        print("numerical: %f analytic: %f, relative error: %e" % check[1:])  # noqa: T201, UP031  # the line of the courses
        checks.append(check)
    return checks


def _number(value: object) -> AnyArray:
    """Return the one number that a function gave, of its own type."""
    array: AnyArray = _validation.check_real_array("the value of f", value)
    if array.size != 1:
        msg = f"f must return one number; got shape {array.shape}"
        raise ValueError(msg)
    return array.reshape(())
