"""A schedule that follows a measured value instead of the number of steps."""

import math
from typing import Any, Literal, SupportsFloat

from deeprob_fast._scalars import check_integer, check_real
from deeprob_fast.optim.optimizer import Optimizer
from deeprob_fast.optim.scheduler import MANY_STEPS, check_optimizer


class ReduceLROnPlateau:
    """The learning rate times `factor` when a metric has not improved for more than `patience` steps.

    Parameters
    ----------
    optimizer : Optimizer
        Whose learning rate is set.
    mode : {"min", "max"}
        What an improvement is.
    factor : float
        In [0, 1).
    patience : int
        Steps without improvement that are let pass.
    threshold : float
        An improvement must be larger than this.
    threshold_mode : {"rel", "abs"}
        Whether `threshold` is a share of the best value, or a difference to it.
    cooldown : int
        Steps after a reduction that are not counted.
    min_lr : float
        The learning rate does not fall below.
    eps : float
        Changes of the learning rate up to this are not made.

    Attributes
    ----------
    best : float
        The best metric so far.
    last_epoch : int
        Steps taken.

    Raises
    ------
    ValueError
        If a value is not as stated above.

    Examples
    --------
    >>> from deeprob_fast import optim
    >>> optimizer = optim.SGD(lr=1.0)
    >>> schedule = optim.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     schedule.step(loss)
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float = 0,
        eps: float = 1e-8,
    ) -> None:
        for name, value, choices in (("mode", mode, ("min", "max")), ("threshold_mode", threshold_mode, ("rel", "abs"))):
            if value not in choices:
                msg = f"{name} must be one of {', '.join(choices)}; got {value!r}"
                raise ValueError(msg)
        self.optimizer = check_optimizer(optimizer)
        self.mode = mode
        self.factor = check_real("factor", factor, 0, 1, below=True)
        self.patience = check_integer("patience", patience, 0, MANY_STEPS, "steps")
        self.threshold = check_real("threshold", threshold, 0)
        self.threshold_mode = threshold_mode
        self.cooldown = check_integer("cooldown", cooldown, 0, MANY_STEPS, "steps")
        self.min_lr = check_real("min_lr", min_lr, 0)
        self.eps = check_real("eps", eps, 0)
        self.best = math.inf if mode == "min" else -math.inf
        self.last_epoch = 0
        self._bad_epochs = 0
        self._cooldown_left = 0
        self._last_lr = float(optimizer.lr)

    def _improves(self, value: float) -> bool:
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "rel":
            return sign * value > sign * self.best * (1 + sign * self.threshold)
        return sign * value > sign * (self.best + sign * self.threshold)

    def step(self, metrics: SupportsFloat) -> None:
        """Take one step.

        Parameters
        ----------
        metrics : float
            The value that should improve; NaN is no improvement.
        """
        value = float(metrics)
        self.last_epoch += 1
        if self._improves(value):
            self.best = value
            self._bad_epochs = 0
        else:
            self._bad_epochs += 1
        if self._cooldown_left > 0:
            self._cooldown_left -= 1
            self._bad_epochs = 0
        if self._bad_epochs > self.patience:
            lr = max(self.optimizer.lr * self.factor, self.min_lr)
            if self.optimizer.lr - lr > self.eps:
                self.optimizer.lr = lr
            self._cooldown_left = self.cooldown
            self._bad_epochs = 0
        self._last_lr = float(self.optimizer.lr)

    def get_last_lr(self) -> list[float]:
        """Return the learning rate after the last step.

        Returns
        -------
        list of one float
            As PyTorch's of an optimizer with one parameter group.
        """
        return [self._last_lr]

    def state_dict(self) -> dict[str, Any]:
        """Return what, besides the arguments, makes the schedule.

        Returns
        -------
        dict
        """
        return {
            "best": self.best,
            "last_epoch": self.last_epoch,
            "bad_epochs": self._bad_epochs,
            "cooldown_left": self._cooldown_left,
            "lr": self._last_lr,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned, and set the learning rate accordingly.

        Parameters
        ----------
        state_dict : dict
            Of a schedule with the same arguments.
        """
        self.best = state_dict["best"]
        self.last_epoch = state_dict["last_epoch"]
        self._bad_epochs = state_dict["bad_epochs"]
        self._cooldown_left = state_dict["cooldown_left"]
        self._last_lr = self.optimizer.lr = state_dict["lr"]
