"""The 1cycle policy: the learning rate up and down once, momentum the other way round."""

import math
from typing import Any, Literal

from deeprob_fast._scalars import check_integer, check_positive, check_real
from deeprob_fast.optim.optimizer import Optimizer
from deeprob_fast.optim.scheduler import MANY_STEPS, LRScheduler


class OneCycleLR(LRScheduler):
    """The 1cycle policy: up from max_lr / div_factor to max_lr, then down to max_lr / (div_factor * final_div_factor).

    Parameters
    ----------
    optimizer : Optimizer
        Whose learning rate is set, and its momentum or first beta.
    max_lr : float
        The peak.
    total_steps : int, optional
        Learning rates in all: one more step than that, less one, is an error.
    epochs, steps_per_epoch : int, optional
        Their product stands for `total_steps`.
    pct_start : float
        The share of the steps on the way up, in [0, 1].
    anneal_strategy : {"cos", "linear"}
        Form of the way up and down.
    cycle_momentum : bool
        Whether momentum goes from `max_momentum` to `base_momentum` and back.
    base_momentum, max_momentum : float
        Its ends. For Adam they are those of betas[0].
    div_factor : float
        The peak over the first learning rate.
    final_div_factor : float
        The first learning rate over the last.
    three_phase : bool
        Down to the first learning rate in as many steps as up, then on to the last.
    last_epoch : int
        Steps taken before, less one.

    Raises
    ------
    ValueError
        If a value is out of its range, the number of steps is missing or exhausted, or there is no momentum to cycle.

    References
    ----------
    Smith, Topin: Super-convergence: very fast training of neural networks using large learning rates (arXiv:1708.07120).

    Notes
    -----
    After `total_steps` steps, one beyond the last learning rate, it stays where it is (PyTorch extrapolates there).

    Examples
    --------
    >>> from deeprob_fast import optim
    >>> optimizer = optim.SGD(momentum=0.9)
    >>> schedule = optim.OneCycleLR(optimizer, max_lr=1.0, total_steps=10, anneal_strategy="linear", div_factor=4)
    >>> [round(schedule.lr_at(epoch), 3) for epoch in range(10)]
    [0.25, 0.625, 1.0, 0.857, 0.714, 0.571, 0.429, 0.286, 0.143, 0.0]
    >>> optimizer.momentum
    0.95
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is not None:
            self.total_steps = check_integer("total_steps", total_steps, 1, MANY_STEPS, "steps")
        elif epochs is not None and steps_per_epoch is not None:
            self.total_steps = check_integer("epochs", epochs, 1, 2**26, "epochs") * check_integer(
                "steps_per_epoch", steps_per_epoch, 1, 2**26, "steps"
            )
        else:
            msg = (
                f"total_steps must be given, or epochs and steps_per_epoch; got epochs {epochs!r}, {steps_per_epoch!r} steps each"
            )
            raise ValueError(msg)
        pct_start = check_real("pct_start", pct_start, 0, 1)
        if anneal_strategy not in ("cos", "linear"):
            msg = f"anneal_strategy must be one of cos, linear; got {anneal_strategy!r}"
            raise ValueError(msg)
        self.anneal_strategy = anneal_strategy
        self.cycle_momentum = cycle_momentum
        if cycle_momentum and not (hasattr(optimizer, "momentum") or hasattr(optimizer, "betas")):
            msg = f"cycle_momentum must be False for an optimizer without momentum or betas; got {type(optimizer).__name__}"
            raise ValueError(msg)
        peak = check_positive("max_lr", max_lr)
        first = peak / check_positive("div_factor", div_factor)
        last = first / check_positive("final_div_factor", final_div_factor)
        low = check_real("base_momentum", base_momentum, 0, 1, below=True)
        high = check_real("max_momentum", max_momentum, 0, 1, below=True)
        # Where each phase ends: step, learning rate, momentum.
        up = pct_start * self.total_steps - 1
        self._corners = [(0.0, first, high), (up, peak, low)]
        if three_phase:
            self._corners.append((2 * pct_start * self.total_steps - 2, first, high))
        self._corners.append((self.total_steps - 1.0, last, high))
        super().__init__(optimizer, last_epoch)

    def _values_at(self, epoch: int) -> tuple[float, float]:
        """Return learning rate and momentum."""
        if epoch > self.total_steps:
            msg = f"total_steps must cover every step of the schedule; got {self.total_steps}, and a step to {epoch}"
            raise ValueError(msg)
        i = next((i for i in range(1, len(self._corners) - 1) if epoch <= self._corners[i][0]), len(self._corners) - 1)
        (start, *begin), (stop, *end) = self._corners[i - 1], self._corners[i]
        share = min((epoch - start) / (stop - start), 1.0) if stop > start else 1.0
        if self.anneal_strategy == "cos":
            left = (1 + math.cos(math.pi * share)) / 2
            lr, momentum = (b + (a - b) * left for a, b in zip(begin, end, strict=True))
        else:
            lr, momentum = (a + (b - a) * share for a, b in zip(begin, end, strict=True))
        return lr, momentum

    def lr_at(self, epoch: int) -> float:  # noqa: D102  # inherited
        return self._values_at(epoch)[0]

    def apply(self, epoch: int) -> None:  # noqa: D102  # inherited
        lr, momentum = self._values_at(epoch)
        target: Any = self.optimizer
        target.lr = lr
        if self.cycle_momentum and hasattr(target, "betas"):
            target.betas = (momentum, *target.betas[1:])
        elif self.cycle_momentum:
            target.momentum = momentum
