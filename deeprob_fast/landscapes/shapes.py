"""The landscapes that there are."""

from typing import Any

import numpy as np

from deeprob_fast import _scalars
from deeprob_fast._docstrings import sharing
from deeprob_fast._typing import Float64
from deeprob_fast.landscapes.landscape import Landscape

# Slopes of examples are multiples of a grain, in pairs of opposites. Within these bounds their sums are exact in any order, and
# that of all is 0.
_GRAIN = 2.0**-20
_MOST_EXAMPLES, _LOUDEST = 2**20, 1000.0


_NOISE = """
n_examples : int
    Even.
noise : float
    Standard deviation of an example's gradient, in each parameter.
seed : int
    Of that noise.
"""

_RAISES = """
Raises
------
ValueError
    If a number is not as stated above.
TypeError
    If it is of another type.
"""

_shared = sharing(noise=_NOISE, raises=_RAISES)


def _slopes(n_examples: int, noise: float, seed: int) -> Float64:
    """Draw pairs of opposite slopes."""
    n_examples = _scalars.check_integer("n_examples", n_examples, 2, _MOST_EXAMPLES, "examples")
    if n_examples % 2:
        msg = f"n_examples must be even, for each example has an opposite; got {n_examples}"
        raise ValueError(msg)
    deviation = _scalars.check_real("noise", noise, 0, _LOUDEST)
    drawn = np.random.default_rng(_scalars.check_seed(seed)).standard_normal((n_examples // 2, 2)) * deviation
    half = np.round(drawn / _GRAIN) * _GRAIN
    return np.concatenate([half, -half])


@_shared
def quadratic(
    condition_number: float = 100.0, *, angle: float = 0.0, n_examples: int = 200, noise: float = 1.0, seed: int = 0
) -> Landscape:
    """Make a valley: (u**2 + condition_number v**2) / 2, shallow along u and steep along v.

    Parameters
    ----------
    condition_number : float
        Of the Hessian, at least 1.
    angle : float
        From the first parameter to u, in radians. At 0, u and v are the parameters, which flatters rules that scale each
        parameter by itself.
    {noise}

    Returns
    -------
    Landscape

    {raises}

    Examples
    --------
    >>> import deeprob_fast as df
    >>> valley = df.landscapes.quadratic(50)
    >>> valley.gradient([1.0, 1.0])
    array([ 1., 50.])
    """
    steep = _scalars.check_real("condition_number", condition_number, 1)
    turn = _scalars.check_real("angle", angle, -np.inf)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    hessian = axes.T @ np.diag([1.0, steep]) @ axes
    return Landscape(
        name="quadratic",
        minima=np.zeros((1, 2)),
        saddles=np.empty((0, 2)),
        slopes=_slopes(n_examples, noise, seed),
        extent=(-2.0, 2.0, -2.0, 2.0),
        _value=lambda p: np.einsum("...i,ij,...j->...", p, hessian, p) / 2,
        _gradient=lambda p: p @ hessian,
        _hessian=lambda _: hessian.copy(),
    )


@_shared
def saddle(*, n_examples: int = 200, noise: float = 1.0, seed: int = 0) -> Landscape:
    """Make a saddle point at (0, 0) between two minima at (0, -1) and (0, 1): x**2 / 2 + (y**2 - 1)**2 / 4.

    Parameters
    ----------
    {noise}

    Returns
    -------
    Landscape
        On the line y = 0 the gradient leads to the saddle point and vanishes there.

    {raises}

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.landscapes.saddle().hessian([0.0, 0.0]).tolist()  # up in one direction, down in the other
    [[1.0, 0.0], [0.0, -1.0]]
    """
    return Landscape(
        name="saddle",
        minima=np.array([[0.0, -1.0], [0.0, 1.0]]),
        saddles=np.zeros((1, 2)),
        slopes=_slopes(n_examples, noise, seed),
        extent=(-1.6, 1.6, -1.6, 1.6),
        _value=lambda p: p[..., 0] ** 2 / 2 + (p[..., 1] ** 2 - 1) ** 2 / 4,
        _gradient=lambda p: np.stack([p[..., 0], (p[..., 1] ** 2 - 1) * p[..., 1]], axis=-1),
        _hessian=lambda p: np.diag([1.0, 3 * p[1] ** 2 - 1]),
    )


@_shared
def double_well(barrier: float = -0.5, *, n_examples: int = 200, noise: float = 1.0, seed: int = 0) -> Landscape:
    """Make a shallow minimum at (-1, 0) and a deep one at (1, 0), with gradient ((x**2 - 1) (x - barrier), y).

    Parameters
    ----------
    barrier : float
        Where between them the pass is, in (-1, 0): the nearer to -1, the shallower the minimum there.
    {noise}

    Returns
    -------
    Landscape

    {raises}

    Examples
    --------
    >>> import deeprob_fast as df
    >>> wells = df.landscapes.double_well()
    >>> wells.value([[1.0, 0.0], [-0.5, 0.0], [-1.0, 0.0]]).round(3)  # deep, the pass, shallow
    array([0.   , 0.703, 0.667])
    """
    at = _scalars.check_real("barrier", barrier, -1, 0, below=True)
    if at == -1:
        msg = f"barrier must be above -1, where the shallow minimum is; got {barrier!r}"
        raise ValueError(msg)

    def height(x: Any) -> Any:
        return ((x / 4 - at / 3) * x - 0.5) * x**2 + at * x

    return Landscape(
        name="double well",
        minima=np.array([[1.0, 0.0], [-1.0, 0.0]]),
        saddles=np.array([[at, 0.0]]),
        slopes=_slopes(n_examples, noise, seed),
        extent=(-1.8, 1.8, -1.4, 1.4),
        _value=lambda p: height(p[..., 0]) - height(1.0) + p[..., 1] ** 2 / 2,
        _gradient=lambda p: np.stack([(p[..., 0] ** 2 - 1) * (p[..., 0] - at), p[..., 1]], axis=-1),
        _hessian=lambda p: np.diag([(3 * p[0] - 2 * at) * p[0] - 1, 1.0]),
    )
