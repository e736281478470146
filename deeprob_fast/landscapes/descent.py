"""Optimizers on a landscape."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _scalars
from deeprob_fast._typing import ArrayLike, Float64, Int64
from deeprob_fast.landscapes.landscape import Landscape, as_point
from deeprob_fast.linear import settings
from deeprob_fast.linear.batches import Sampler
from deeprob_fast.optim import Optimizer

_MOST_STEPS = 2**24


class Trajectory(NamedTuple):
    """The way of an optimizer.

    Attributes
    ----------
    points : array of float64, shape (n_steps + 1, 2)
        The start, then where each step led.
    losses : array of float64, shape (n_steps + 1,)
        The objective there, over all examples.
    """

    points: Float64
    losses: Float64

    @property
    def diverged(self) -> bool:
        """Whether the last loss is not finite; what came after it is left out."""
        return not np.isfinite(self.losses[-1])

    def steps_to(self, tolerance: float) -> int | None:
        """Return the number of steps after which the loss stays low.

        Parameters
        ----------
        tolerance : float

        Returns
        -------
        int or None
            From this step on all losses are at most `tolerance`; None if the last one is not.

        Raises
        ------
        ValueError
            If the tolerance is not finite.

        Examples
        --------
        >>> import deeprob_fast as df
        >>> walk = df.landscapes.descend(df.landscapes.quadratic(10), [1.0, 1.0], "adam", 10)
        >>> walk.steps_to(100.0), walk.steps_to(0.0)
        (0, None)
        """
        above = np.flatnonzero(~(self.losses <= _scalars.check_real("tolerance", tolerance, -np.inf)))
        n_steps = int(above[-1]) + 1 if above.size else 0
        return n_steps if n_steps < len(self.losses) else None


def _check_landscape(landscape: object) -> None:
    if not isinstance(landscape, Landscape):
        msg = f"landscape must be a Landscape; got {type(landscape).__name__}"
        raise TypeError(msg)


def descend(
    landscape: Landscape,
    start: ArrayLike,
    optimizer: str | Optimizer,
    n_steps: int,
    *,
    batch_size: int | None = None,
    seed: int = 0,
) -> Trajectory:
    """Let an optimizer walk.

    Parameters
    ----------
    landscape : Landscape
    start : array-like, shape (2,)
    optimizer : {"sgd", "adagrad", "rmsprop", "adam", "adamw"} or Optimizer
        An update rule of `deeprob_fast.optim` by name or by example; the example is not changed.
    n_steps : int
        After which it stops; the trajectory ends earlier where the loss is no longer finite.
    batch_size : int, optional
        Examples of a step, without replacement as in `train`; by default all, which is gradient descent.
    seed : int
        Of the batches.

    Returns
    -------
    Trajectory

    Raises
    ------
    ValueError
        If an argument is not as stated above.
    TypeError
        If it is of another type.

    Notes
    -----
    With `nesterov` the points are those of PyTorch's form, where gradients are taken: the velocity is ahead.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> valley = df.landscapes.quadratic(10)
    >>> walk = df.landscapes.descend(valley, [1.0, 1.0], df.optim.SGD(lr=0.1), 100)
    >>> walk.steps_to(1e-3)
    30
    """
    _check_landscape(landscape)
    position = as_point("start", start)
    rule = settings.make_optimizer(optimizer)
    n_steps = _scalars.check_integer("n_steps", n_steps, 0, _MOST_STEPS, "steps")
    if batch_size is not None:
        batch_size = _scalars.check_integer("batch_size", batch_size, 1, 2**53, "examples")
    sampler = Sampler(landscape.n_examples, batch_size, replacement=False, seed=_scalars.check_seed(seed))
    points = np.empty((n_steps + 1, 2))
    points[0] = position
    batches: list[Int64] = []
    with np.errstate(over="ignore", invalid="ignore"):
        for taken in range(1, n_steps + 1):
            if batch_size is not None and not batches:
                epoch = sampler.epoch()
                batches = np.split(epoch.order, epoch.starts[1:-1])[::-1]
            rule.step(position, landscape.gradient(position, batches.pop() if batches else None), n_threads=1)
            points[taken] = position
        losses = landscape.value(points)
    finite = np.isfinite(losses)
    n_kept = len(losses) if finite.all() else int(np.argmin(finite)) + 1
    return Trajectory(points[:n_kept], losses[:n_kept])
