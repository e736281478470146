"""Probes that are trained by minibatch SGD with a schedule, several learning rates on one stream of batches."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeprob_fast import _scalars
from deeprob_fast._typing import Float64
from deeprob_fast.linear.scaling import unfold
from deeprob_fast.linear.scores import all_classes, predict
from deeprob_fast.linear.training import sweep
from deeprob_fast.optim import SGD, CosineAnnealingLR, LambdaLR, LRScheduler, MultiStepLR
from deeprob_fast.probes.data import ProbeData
from deeprob_fast.probes.progress import Fits
from deeprob_fast.probes.protocol import ProbeProtocol, Progress, Report, Selection, merit, shown


@dataclass(frozen=True, kw_only=True)
class SGDProbe(ProbeProtocol):
    """SGD with momentum on the softmax loss, without a penalty.

    Attributes
    ----------
    lr : tuple of float
        The learning rates to choose from.
    lr_per_256 : bool
        Whether they are meant for batches of 256 and scaled by batch_size / 256.
    momentum : float
    batch_size : int
        If there are fewer rows, all of them; the learning rate is that of this size all the same.
    n_epochs : int
    epoch_steps : int or None
        Steps of an epoch, whatever the number of rows; None: as many as cover the rows once.
    schedule : {"cosine", "multistep"}
        Down to 0 over the whole training; or times 0.1 at each of `milestones`.
    milestones : tuple of float
        Shares of the epochs.
    schedule_every : {"epoch", "step"}
        When the schedule advances.
    initial_scale : float
        Deviation of the normal numbers at which the weights start; the bias starts at 0.
    """

    lr: tuple[float, ...]
    lr_per_256: bool = True
    momentum: float = 0.9
    batch_size: int = 128
    n_epochs: int = 100
    epoch_steps: int | None = None
    schedule: str = "cosine"
    milestones: tuple[float, ...] = ()
    schedule_every: str = "epoch"
    initial_scale: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_positive("lr")
        self._check_flags("lr_per_256", "normalize", "standardize", "refit")
        for name in ("batch_size", "n_epochs", *["epoch_steps"] * (self.epoch_steps is not None)):
            self._check_integer(name, 1)
        _scalars.check_choice("schedule", self.schedule, ("cosine", "multistep"))
        _scalars.check_choice("schedule_every", self.schedule_every, ("epoch", "step"))
        for share in self.milestones:
            _scalars.check_real("milestones", share, 0, 1)
        _scalars.check_real("momentum", self.momentum, 0)
        _scalars.check_real("initial_scale", self.initial_scale, 0)

    @property
    def n_settings(self) -> int:
        """Number of settings that are tried."""
        return len(self.lr)

    def _first_rates(self) -> list[float]:
        return [rate * self.batch_size / 256 if self.lr_per_256 else rate for rate in self.lr]

    def _epoch_steps(self, n_train: int) -> int:
        return -(-n_train // self.batch_size) if self.epoch_steps is None else self.epoch_steps

    def _factor(self, epoch_steps: int) -> Callable[[int], float]:
        """Return the function from the number of steps taken to the factor of the learning rate."""
        by_step = self.schedule_every == "step"
        unit = epoch_steps if by_step else 1
        schedule: LRScheduler
        if self.schedule == "cosine":
            schedule = CosineAnnealingLR(SGD(lr=1.0), T_max=self.n_epochs * unit)
        else:
            schedule = MultiStepLR(SGD(lr=1.0), [int(round(share * self.n_epochs, 9)) * unit for share in self.milestones])
        return lambda step: schedule.lr_at(step if by_step else step // epoch_steps)

    def learning_rates(self, n_train: int) -> Float64:
        """Return the learning rate of each setting at each step.

        Parameters
        ----------
        n_train : int
            How many rows are trained on.

        Returns
        -------
        array of float64, shape (n_settings, n_steps)
        """
        epoch_steps = self._epoch_steps(n_train)
        factor = self._factor(epoch_steps)
        return np.outer(self._first_rates(), [factor(step) for step in range(self.n_epochs * epoch_steps)])

    def choose(self, data: ProbeData, *, seed: int, n_threads: int, report: Report, progress: Progress = None) -> Selection:
        """Train with each setting and choose one."""
        if self.refit:
            msg = "refit must be False for SGD, whose settings are all trained at once; got True"
            raise ValueError(msg)
        rows, held_out = data.train.rows, data.validation
        present, numbers = np.unique(data.train.numbers, return_inverse=True)
        mean, std = data.train.moments() if self.standardize else (None, None)
        epoch_steps = self._epoch_steps(len(rows))
        factor = self._factor(epoch_steps)
        trainings = sweep(
            rows,
            numbers,
            [
                {
                    "learning_rate": rate,
                    "momentum": self.momentum,
                    "schedule": lambda optimizer: LambdaLR(optimizer, factor),
                    "seed": seed,
                }
                for rate in self._first_rates()
            ],
            n_classes=len(present),
            batch_size=self.batch_size,
            n_steps=self.n_epochs * epoch_steps,
            initial_scale=self.initial_scale,
            bias=True,
            mean=mean,
            std=std,
            n_threads=n_threads,
            callback=Fits(1, progress).within,
        ).trainings
        candidates, merits, weights = [], [], []
        for rate, training in zip(self.lr, trainings, strict=True):
            candidate: dict[str, Any] = {"lr": rate}
            merits.append(-1.0)
            trained = data.train.without_constants(training.W) if self.standardize else training.W
            weights.append(all_classes(unfold(trained, mean, std), present, data.n_classes))
            if training.diverged_at is not None:
                candidate["diverged_at"] = training.diverged_at
            elif held_out is not None:
                predictions = predict(held_out.rows, weights[-1], n_threads)
                merits[-1] = merit(self.metric, held_out.numbers, predictions, data.n_classes)
                candidate["val_accuracy"] = merits[-1]
            candidates.append(candidate)
            report(candidate)
        best = int(np.argmax(merits))
        diverged_at = trainings[best].diverged_at
        if diverged_at is not None:
            msg = f"lr must suit the features; got {shown(self.lr)}, and a loss that is not finite at step {diverged_at}"
            raise ValueError(msg + " (standardize=True may help)")
        losses = trainings[best].loss_history
        return Selection(weights[best], weights[best], tuple(candidates), {"lr": self.lr[best]}, losses)
