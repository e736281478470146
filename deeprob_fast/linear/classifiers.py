"""Classifiers that are trained together on one stream of batches, each with its own loss, penalty, rule and schedule."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._memory import aligned_empty, aligned_zeros
from deeprob_fast._typing import AnyArray, Float64, KernelClassifier, KernelLoss, KernelPenalty
from deeprob_fast.linear.batches import Batches
from deeprob_fast.linear.examples import Examples
from deeprob_fast.optim import Optimizer, ReduceLROnPlateau

_N_SLOTS = 3  # as many arrays as any rule keeps beside the weights

Schedule = Callable[[Optimizer], Any]


class Classifier(NamedTuple):
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


def _schedule_of(classifier: Classifier, optimizer: Optimizer) -> Any:
    """Make the schedule of a classifier, or None."""
    schedule = None if classifier.schedule is None else classifier.schedule(optimizer)
    if schedule is not None and not callable(getattr(schedule, "step", None)):
        msg = f"schedule must make a schedule of deeprob_fast.optim, or what has its step(); got {schedule!r}"
        raise TypeError(msg)
    return schedule


class Trainer:
    """The weights and states of classifiers, and the steps that change them.

    Parameters
    ----------
    examples : Examples
    classifiers : sequence of Classifier
    weights : array, shape (n_classifiers, n_classes, n_columns)
        To start from.
    penalize_bias : bool
    every_step : bool
        Whether schedules advance at every step; otherwise `next_epoch` advances them.
    n_threads : int
    """

    def __init__(
        self,
        examples: Examples,
        classifiers: Sequence[Classifier],
        weights: AnyArray,
        *,
        penalize_bias: bool,
        every_step: bool,
        n_threads: int,
    ) -> None:
        self.examples = examples
        self.classifiers = list(classifiers)
        self.every_step = every_step
        self.n_threads = n_threads
        self._n_penalized = examples.n_columns if penalize_bias else examples.rows.shape[1]
        self._weights = examples.packed(weights)
        self._n_classes = weights.shape[1]
        self._slots = aligned_zeros((_N_SLOTS, *self._weights.shape), examples.dtype)
        self.optimizers = [copy.deepcopy(classifier.optimizer) for classifier in self.classifiers]
        self.schedules = [
            _schedule_of(classifier, optimizer) for classifier, optimizer in zip(self.classifiers, self.optimizers, strict=True)
        ]
        for i, optimizer in enumerate(self.optimizers):
            slots = optimizer.new_slots(self._weights[i].size, examples.dtype)
            self._slots[: len(slots), i] = slots
        self.active = np.ones(len(self.classifiers), dtype=bool)
        self.n_steps = 0

    def continue_on(self, examples: Examples, n_threads: int) -> None:
        """Train on other examples of the same features, standardised alike, from here on."""
        self.examples, self.n_threads = examples, n_threads

    @property
    def weights(self) -> AnyArray:
        """A copy of the weights as they are now, (n_classifiers, n_classes, n_columns)."""
        return self.examples.unpacked(self._weights, self._n_classes)

    def _kernel_classifier(self, i: int) -> KernelClassifier:
        classifier, optimizer = self.classifiers[i], self.optimizers[i]
        penalty = KernelPenalty(classifier.l2, classifier.l1, self._n_penalized)
        loss = KernelLoss(classifier.loss, classifier.delta)
        return KernelClassifier(loss, penalty, optimizer.rule, optimizer.hyperparameters())

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
        """Take one step a batch with every active classifier.

        Returns
        -------
        array of float64, shape (n_classifiers, n_steps)
            The objective on each batch, before the step; NaN for classifiers that take no part. From the first value on that is
            not finite, a classifier has diverged and its weights stay as they are.
        """
        history = np.full((len(self.classifiers), batches.n_steps), np.nan)
        active = np.flatnonzero(self.active)
        if len(active) == 0 or batches.n_steps == 0:
            return history
        all_active = len(active) == len(self.classifiers)
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
            [self._kernel_classifier(i) for i in map(int, active)],
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

    def stop(self, classifiers: AnyArray) -> None:
        """Let these classifiers, a mask, take no further steps."""
        self.active &= ~classifiers

    def next_epoch(self, losses: Float64, accuracies: Float64 | None) -> None:
        """Advance the schedules that count epochs; those on a plateau watch the loss, or the accuracy if they maximise."""
        for i, schedule in enumerate(self.schedules):
            if isinstance(schedule, ReduceLROnPlateau):
                watched = accuracies if schedule.mode == "max" and accuracies is not None else losses
                schedule.step(float(watched[i]))
            elif schedule is not None and not self.every_step:
                schedule.step()

    def evaluate(self, examples: Examples) -> tuple[Float64, Float64]:
        """Compute the mean losses, without penalties, and the accuracies of all classifiers in one pass over other examples."""
        losses, accuracies = np.empty(len(self.classifiers)), np.empty(len(self.classifiers))
        formulas = [KernelLoss(classifier.loss, classifier.delta) for classifier in self.classifiers]
        _kernels.evaluate(examples, formulas, self._n_classes, self._weights.reshape(-1), losses, accuracies, self.n_threads)
        return losses, accuracies
