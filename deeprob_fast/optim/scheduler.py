"""What schedules of the learning rate share."""

from abc import ABC, abstractmethod
from typing import Any

from deeprob_fast._scalars import check_integer
from deeprob_fast.optim.optimizer import Optimizer

# More than anybody takes; floats still count so far.
MANY_STEPS = 2**53


def check_optimizer(optimizer: object) -> Optimizer:
    """Return an optimizer."""
    if not isinstance(optimizer, Optimizer):
        msg = f"optimizer must be one of deeprob_fast.optim; got {type(optimizer).__name__}"
        raise TypeError(msg)
    return optimizer


class LRScheduler(ABC):
    """Base of the schedules that follow the number of steps.

    Attributes
    ----------
    optimizer : Optimizer
        Whose learning rate is set.
    base_lr : float
        The optimizer's learning rate when its first schedule was made.
    last_epoch : int
        Steps taken.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = check_optimizer(optimizer)
        if optimizer.initial_lr is None:
            optimizer.initial_lr = float(optimizer.lr)
        self.base_lr = optimizer.initial_lr
        self.last_epoch = check_integer("last_epoch", last_epoch, -1, MANY_STEPS, "steps before, less one") + 1
        self.apply(self.last_epoch)

    @abstractmethod
    def lr_at(self, epoch: int) -> float:
        """Return the learning rate after `epoch` steps.

        Parameters
        ----------
        epoch : int
            Not negative.

        Returns
        -------
        float
        """

    def apply(self, epoch: int) -> None:
        """Set what the schedule sets, as after `epoch` steps.

        Parameters
        ----------
        epoch : int
            Not negative.
        """
        self.optimizer.lr = self.lr_at(epoch)

    def step(self) -> None:
        """Take one step, after the optimizer's: of an epoch or of a minibatch, as the schedule's lengths are meant."""
        self.apply(self.last_epoch + 1)
        self.last_epoch += 1

    def get_last_lr(self) -> list[float]:
        """Return the learning rate that the schedule has set.

        Returns
        -------
        list of one float
            As PyTorch's of an optimizer with one parameter group.
        """
        return [self.lr_at(self.last_epoch)]

    def state_dict(self) -> dict[str, Any]:
        """Return what, besides the arguments, makes the schedule.

        Returns
        -------
        dict
        """
        return {"base_lr": self.base_lr, "last_epoch": self.last_epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` returned, and set the learning rate accordingly.

        Parameters
        ----------
        state_dict : dict
            Of a schedule with the same arguments.
        """
        self.base_lr = state_dict["base_lr"]
        self.last_epoch = state_dict["last_epoch"]
        self.apply(self.last_epoch)
