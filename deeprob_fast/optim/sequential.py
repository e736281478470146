"""Schedules in a row."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from deeprob_fast._scalars import check_integer
from deeprob_fast.optim.optimizer import Optimizer
from deeprob_fast.optim.scheduler import MANY_STEPS, LRScheduler


class SequentialLR(LRScheduler):
    """One schedule after the other, each from its own beginning.

    Parameters
    ----------
    optimizer : Optimizer
        Whose learning rate is set.
    schedulers : sequence of LRScheduler
        All of that optimizer; they need no steps of their own any more.
    milestones : sequence of int
        The numbers of steps at which the second, third, ... takes over.
    last_epoch : int
        Steps taken before, less one.

    Examples
    --------
    >>> from deeprob_fast import optim
    >>> optimizer = optim.SGD(lr=1.0)
    >>> warm_up = optim.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> schedule = optim.SequentialLR(optimizer, [warm_up, optim.ExponentialLR(optimizer, gamma=0.5)], milestones=[2])
    >>> [schedule.lr_at(epoch) for epoch in range(5)]
    [0.5, 0.75, 1.0, 0.5, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        parts: list[Any] = list(schedulers)
        self.milestones = [check_integer("milestones", m, 1, MANY_STEPS, "steps") for m in milestones]
        for i, scheduler in enumerate(parts):
            if not isinstance(scheduler, LRScheduler) or scheduler.optimizer is not optimizer:
                msg = f"schedulers[{i}] must be a schedule by steps of the same optimizer; got {type(scheduler).__name__}"
                raise ValueError(msg)
        self.schedulers: list[LRScheduler] = parts
        if len(self.schedulers) != len(self.milestones) + 1 or self.milestones != sorted(set(self.milestones)):
            msg = (
                f"milestones must be {len(self.schedulers) - 1} ascending numbers, one fewer than schedulers; got {milestones!r}"
            )
            raise ValueError(msg)
        super().__init__(optimizer, last_epoch)

    def _running(self, epoch: int) -> tuple[LRScheduler, int]:
        """Return the schedule in charge, and how many steps it has taken."""
        i = bisect_right(self.milestones, epoch)
        return self.schedulers[i], epoch - (self.milestones[i - 1] if i else 0)

    def lr_at(self, epoch: int) -> float:  # noqa: D102  # inherited
        scheduler, own_epoch = self._running(epoch)
        return scheduler.lr_at(own_epoch)

    def apply(self, epoch: int) -> None:  # noqa: D102  # inherited
        scheduler, own_epoch = self._running(epoch)
        scheduler.apply(own_epoch)

    def state_dict(self) -> dict[str, Any]:  # noqa: D102  # inherited
        return {**super().state_dict(), "schedulers": [scheduler.state_dict() for scheduler in self.schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:  # noqa: D102  # inherited
        for scheduler, state in zip(self.schedulers, state_dict["schedulers"], strict=True):
            scheduler.load_state_dict(state)
        super().load_state_dict(state_dict)
