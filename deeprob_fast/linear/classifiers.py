"""Heads: classifiers that are trained together on one stream of batches, each with its own loss, penalty, rule and schedule."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._memory import aligned_empty, aligned_zeros
from deeprob_fast._typing import AnyArray, Float64, KernelHead, KernelLoss, KernelPenalty
from deeprob_fast.linear.batches import Batches
from deeprob_fast.linear.examples import Examples
from deeprob_fast.optim import Optimizer, ReduceLROnPlateau

_N_SLOTS = 3  # as many arrays as any rule keeps beside the weights

Schedule = Callable[[Optimizer], Any]


class Head(NamedTuple):
    """What one classifier minimises, and how.

    Attributes
    ----------
    loss : str
        "softmax" or a formulation of the hinge.
    delta : float
        Margin of the hinge.
    l2, l1 : float
        Factors of the sum of squares and of the sum of absolute values.
    optimizer : Optimizer
        A template, which is copied.
    schedule : callable or None
        Makes a schedule for an optimizer.
    """

    loss: str
    delta: float
    l2: float
    l1: float
    optimizer: Optimizer
    schedule: Schedule | None


def _schedule_of(head: Head, optimizer: Optimizer) -> Any:
    """Make the schedule of a head, or None."""
    schedule = None if head.schedule is None else head.schedule(optimizer)
    if schedule is not None and not callable(getattr(schedule, "step", None)):
        msg = f"schedule must make a schedule of deeprob_fast.optim, or what has its step(); got {schedule!r}"
        raise TypeError(msg)
    return schedule


class HeadTrainer:
    """The weights and states of heads, and the steps that change them.

    Parameters
    ----------
    examples : Examples
    heads : sequence of Head
    weights : array, shape (n_heads, n_classes, n_columns)
        To start from.
    penalize_bias : bool
    every_step : bool
        Whether schedules advance at every step; otherwise `next_epoch` advances them.
    n_threads : int
    """

    def __init__(
        self,
        examples: Examples,
        heads: Sequence[Head],
        weights: AnyArray,
        *,
        penalize_bias: bool,
        every_step: bool,
        n_threads: int,
    ) -> None:
        self.examples = examples
        self.heads = list(heads)
        self.every_step = every_step
        self.n_threads = n_threads
        self._n_penalized = examples.n_columns if penalize_bias else examples.rows.shape[1]
        self._weights = examples.packed(weights)
        self._n_classes = weights.shape[1]
        self._slots = aligned_zeros((_N_SLOTS, *self._weights.shape), examples.dtype)
        self.optimizers = [copy.deepcopy(head.optimizer) for head in self.heads]
        self.schedules = [_schedule_of(head, optimizer) for head, optimizer in zip(self.heads, self.optimizers, strict=True)]
        for i, optimizer in enumerate(self.optimizers):
            slots = optimizer.new_slots(self._weights[i].size, examples.dtype)
            self._slots[: len(slots), i] = slots
        self.active = np.ones(len(self.heads), dtype=bool)
        self.n_steps = 0

    @property
    def weights(self) -> AnyArray:
        """A copy of the weights as they are now, (n_heads, n_classes, n_columns)."""
        return self.examples.unpacked(self._weights, self._n_classes)

    def _kernel_head(self, i: int) -> KernelHead:
        head, optimizer = self.heads[i], self.optimizers[i]
        penalty = KernelPenalty(head.l2, head.l1, self._n_penalized)
        return KernelHead(KernelLoss(head.loss, head.delta), penalty, optimizer.rule, optimizer.hyperparameters())

    def _scheduled(self, i: int, n_steps: int) -> Float64:
        """Return the learning rate and the momentum (Adam: beta1) of each step, advancing the schedule."""
        optimizer, schedule = self.optimizers[i], self.schedules[i]
        steps = np.empty((n_steps, 2))
        for step in range(n_steps):
            now = optimizer.hyperparameters()
            steps[step] = now.learning_rate, now.beta1 if optimizer.rule == "adam" else now.momentum
            if schedule is None or not self._by_step(schedule):
                steps[step:] = steps[step]
                break
            schedule.step()
        return steps

    def _by_step(self, schedule: object) -> bool:
        return self.every_step and not isinstance(schedule, ReduceLROnPlateau)

    def steps(self, batches: Batches) -> Float64:
        """Take one step a batch with every active head.

        Returns
        -------
        array of float64, shape (n_heads, n_steps)
            The objective on each batch, before the step; NaN for heads that take no part. From the first value on that is not
            finite, a head has diverged and its weights stay as they are.
        """
        history = np.full((len(self.heads), batches.n_steps), np.nan)
        active = np.flatnonzero(self.active)
        if len(active) == 0 or batches.n_steps == 0:
            return history
        all_active = len(active) == len(self.heads)
        weights, slots = self._weights, self._slots
        if not all_active:
            weights = aligned_empty((len(active), *weights.shape[1:]), weights.dtype)
            slots = aligned_empty((_N_SLOTS, *weights.shape), weights.dtype)
            np.take(self._weights, active, axis=0, out=weights)
            np.take(self._slots, active, axis=1, out=slots)
        part = np.empty((len(active), batches.n_steps))
        schedule = np.concatenate([self._scheduled(i, batches.n_steps) for i in map(int, active)])
        _kernels.train(
            self.examples,
            batches,
            [self._kernel_head(i) for i in map(int, active)],
            schedule,
            self._n_classes,
            weights.reshape(-1),
            slots.reshape(-1),
            part,
            self.n_steps,
            self.n_threads,
        )
        if not all_active:
            self._weights[active] = weights
            self._slots[:, active] = slots
        self.n_steps += batches.n_steps
        history[active] = part
        self.active[active] &= np.isfinite(part).all(axis=1)
        return history

    def next_epoch(self, losses: Float64, accuracies: Float64 | None) -> None:
        """Advance the schedules that count epochs; those on a plateau watch the loss, or the accuracy if they maximise."""
        for i, schedule in enumerate(self.schedules):
            if isinstance(schedule, ReduceLROnPlateau):
                watched = accuracies if schedule.mode == "max" and accuracies is not None else losses
                schedule.step(float(watched[i]))
            elif schedule is not None and not self.every_step:
                schedule.step()

    def evaluate(self, examples: Examples) -> tuple[Float64, Float64]:
        """Compute the mean losses, without penalties, and the accuracies of all heads in one pass over other examples."""
        losses, accuracies = np.empty(len(self.heads)), np.empty(len(self.heads))
        formulas = [KernelLoss(head.loss, head.delta) for head in self.heads]
        _kernels.evaluate(examples, formulas, self._n_classes, self._weights.reshape(-1), losses, accuracies, self.n_threads)
        return losses, accuracies
