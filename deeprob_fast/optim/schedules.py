"""Schedules of the learning rate, with PyTorch's names, arguments, defaults and values.

Each schedule is a function of the number of steps it has taken, so it can be saved, loaded and joined by `SequentialLR`. It
owns the learning rate: what else sets it is overwritten at the next step, and two schedules of one optimizer do not multiply.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable

from deeprob_fast._scalars import check_integer, check_real
from deeprob_fast.optim.optimizer import Optimizer
from deeprob_fast.optim.scheduler import MANY_STEPS, LRScheduler


class LambdaLR(LRScheduler):
    """The first learning rate times a function of the number of steps taken.

    Parameters
    ----------
    optimizer : Optimizer
        Whose learning rate is set.
    lr_lambda : function
        From the number of steps to a factor. Not saved with the state.
    last_epoch : int
        Steps taken before, less one.

    Examples
    --------
    >>> from deeprob_fast import optim
    >>> schedule = optim.LambdaLR(optim.SGD(lr=1.0), lambda epoch: 1 / (1 + epoch))
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float], last_epoch: int = -1) -> None:
        self.lr_lambda = lr_lambda
        super().__init__(optimizer, last_epoch)

    def lr_at(self, epoch: int) -> float:  # noqa: D102  # inherited
        return self.base_lr * self.lr_lambda(epoch)


class StepLR(LRScheduler):
    """The learning rate times gamma after every `step_size` steps.

    Parameters
    ----------
    optimizer : Optimizer
        Whose learning rate is set.
    step_size : int
        Steps from one fall to the next.
    gamma : float
        Factor of each fall.
    last_epoch : int
        Steps taken before, less one.

    Examples
    --------
    >>> from deeprob_fast import optim
    >>> schedule = optim.StepLR(optim.SGD(lr=1.0), step_size=2, gamma=0.5)
    >>> [schedule.lr_at(epoch) for epoch in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = check_integer("step_size", step_size, 1, MANY_STEPS, "steps")
        self.gamma = check_real("gamma", gamma, 0)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, epoch: int) -> float:  # noqa: D102  # inherited
        return float(self.base_lr * self.gamma ** (epoch // self.step_size))


class MultiStepLR(LRScheduler):
    """The learning rate times gamma at each milestone.

    Parameters
    ----------
    optimizer : Optimizer
        Whose learning rate is set.
    milestones : sequence of int
        Numbers of steps; one that is listed twice counts twice.
    gamma : float
        Factor of each fall.
    last_epoch : int
        Steps taken before, less one.

    Examples
    --------
    >>> from deeprob_fast import optim
    >>> schedule = optim.MultiStepLR(optim.SGD(lr=1.0), [1, 3], gamma=0.5)
    >>> [schedule.lr_at(epoch) for epoch in range(4)]
    [1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.milestones = sorted(check_integer("milestones", m, 0, MANY_STEPS, "steps") for m in milestones)
        self.gamma = check_real("gamma", gamma, 0)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, epoch: int) -> float:  # noqa: D102  # inherited
        return float(self.base_lr * self.gamma ** bisect_right(self.milestones, epoch))


class ExponentialLR(LRScheduler):
    """The learning rate times gamma at every step.

    Parameters
    ----------
    optimizer : Optimizer
        Whose learning rate is set.
    gamma : float
        Factor of each step.
    last_epoch : int
        Steps taken before, less one.

    Examples
    --------
    >>> from deeprob_fast import optim
    >>> schedule = optim.ExponentialLR(optim.SGD(lr=1.0), gamma=0.5)
    >>> [schedule.lr_at(epoch) for epoch in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = check_real("gamma", gamma, 0)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, epoch: int) -> float:  # noqa: D102  # inherited
        return float(self.base_lr * self.gamma**epoch)


class LinearLR(LRScheduler):
    """A factor of the learning rate on a straight line, then level: a warm-up.

    Parameters
    ----------
    optimizer : Optimizer
        Whose learning rate is set.
    start_factor : float
        Factor at the start, in (0, 1].
    end_factor : float
        Factor after `total_iters` steps, in [0, 1].
    total_iters : int
        Length of the line.
    last_epoch : int
        Steps taken before, less one.

    Examples
    --------
    >>> from deeprob_fast import optim
    >>> schedule = optim.LinearLR(optim.SGD(lr=1.0), start_factor=0.5, total_iters=2)
    >>> [schedule.lr_at(epoch) for epoch in range(4)]
    [0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor = check_real("start_factor", start_factor, 0, 1)
        if self.start_factor == 0:
            msg = f"start_factor must be above 0; got {start_factor!r}"
            raise ValueError(msg)
        self.end_factor = check_real("end_factor", end_factor, 0, 1)
        self.total_iters = check_integer("total_iters", total_iters, 1, MANY_STEPS, "steps")
        super().__init__(optimizer, last_epoch)

    def lr_at(self, epoch: int) -> float:  # noqa: D102  # inherited
        done = min(epoch, self.total_iters) / self.total_iters
        return self.base_lr * (self.start_factor + (self.end_factor - self.start_factor) * done)


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the first learning rate down to `eta_min`, and up again beyond `T_max`.

    eta_min + (lr - eta_min) * (1 + cos(pi * epoch / T_max)) / 2.

    Parameters
    ----------
    optimizer : Optimizer
        Whose learning rate is set.
    T_max : int
        Steps on the way down.
    eta_min : float
        The lowest learning rate.
    last_epoch : int
        Steps taken before, less one.

    References
    ----------
    Loshchilov, Hutter: SGDR: stochastic gradient descent with warm restarts (ICLR 2017); without the restarts.

    Examples
    --------
    >>> from deeprob_fast import optim
    >>> schedule = optim.CosineAnnealingLR(optim.SGD(lr=1.0), T_max=2)
    >>> [round(schedule.lr_at(epoch), 12) for epoch in range(5)]
    [1.0, 0.5, 0.0, 0.5, 1.0]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:  # noqa: N803  # PyTorch's
        self.T_max = check_integer("T_max", T_max, 1, MANY_STEPS, "steps")
        self.eta_min = check_real("eta_min", eta_min, 0)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, epoch: int) -> float:  # noqa: D102  # inherited
        return self.eta_min + (self.base_lr - self.eta_min) * (1 + math.cos(math.pi * epoch / self.T_max)) / 2
