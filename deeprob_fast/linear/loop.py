"""Epochs of training: validation, every rule by which training stops, divergence, and which weights are kept."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from deeprob_fast._typing import AnyArray, Float64
from deeprob_fast.linear.batches import Batches
from deeprob_fast.linear.classifiers import Trainer
from deeprob_fast.linear.examples import Examples


@dataclass(frozen=True)
class Training:
    """A classifier that was trained.

    Attributes
    ----------
    W : array, shape (n_features, n_classes)
        One row more if there is a bias, which is the last. After early stopping the best weights, else the last ones.
    loss_history : array of float64, shape (n_steps,)
        The objective (mean loss of the batch + reg * R(W)) before each step.
    val_losses, val_accuracies : array of float64, shape (n_epochs,)
        After each epoch; empty without validation data.
    best_epoch : int
        Of the smallest validation loss, from 0; the last one without validation data.
    diverged_at : int or None
        The first step whose loss was not finite, or would be: that of the weights after the last step. Without early stopping the
        weights are those that gave it.
    stopped_early : bool
    """

    W: AnyArray
    loss_history: Float64
    val_losses: Float64
    val_accuracies: Float64
    best_epoch: int
    diverged_at: int | None
    stopped_early: bool

    @property
    def final_loss(self) -> float:
        """Mean of the last tenth of `loss_history`."""
        return float(self.loss_history[-max(1, len(self.loss_history) // 10) :].mean())


class Stopping(NamedTuple):
    """When a classifier stops before the last epoch.

    Attributes
    ----------
    patience : int or None
        After so many epochs without a new smallest validation loss, whose weights are restored.
    tol : float or None
        When the mean objective of `n_iter_no_change` epochs in a row was not below the smallest by as much.
    n_iter_no_change : int
    """

    patience: int | None = None
    tol: float | None = None
    n_iter_no_change: int = 1


def _means(history: Float64, batches: Batches, examples: Examples) -> Float64:
    """Return the mean over the examples of the objectives of the batches, for each classifier."""
    starts = batches.starts
    weights = np.diff(starts).astype(np.float64)
    if examples.sample_weights.size:
        weights = np.add.reduceat(examples.sample_weights[batches.order[: starts[-1]]], starts[:-1])
    with np.errstate(over="ignore", invalid="ignore"):  # of classifiers that diverge
        means: Float64 = (history * weights).sum(axis=1) / (weights.sum() or 1.0)
    return means


class TrainingLoop:
    """Epochs of the classifiers of a trainer.

    Parameters
    ----------
    trainer : Trainer
    validation : Examples, optional
        Evaluated after each epoch.
    stopping : Stopping
    """

    def __init__(self, trainer: Trainer, validation: Examples | None, stopping: Stopping) -> None:
        self.trainer = trainer
        self.validation = validation
        self.stopping = stopping
        n = len(trainer.classifiers)
        self.histories: list[Float64] = []
        self.objectives: list[Float64] = []
        self.losses: list[Float64] = []
        self.accuracies: list[Float64] = []
        self.smallest_objective = np.full(n, np.inf)
        self.n_without_change = np.zeros(n, dtype=int)
        self.best_weights = trainer.weights
        self.best_loss = np.full(n, np.inf)
        self.best_epoch = np.zeros(n, dtype=int)
        self.n_epochs = np.zeros(n, dtype=int)
        self.stopped = np.zeros(n, dtype=bool)
        self.diverged_at = np.full(n, -1)
        self._first_step = trainer.n_steps

    def epoch(self, batches: Batches) -> bool:
        """Take the steps of an epoch, validate and stop whom the rules stop; return whether any classifier goes on."""
        trainer = self.trainer
        before = trainer.active.copy()
        first_step = trainer.n_steps
        history = trainer.steps(batches)
        self.histories.append(history)
        self.objectives.append(_means(history, batches, trainer.examples))
        self.n_epochs += before
        for i in np.flatnonzero(before & ~trainer.active):
            self.diverged_at[i] = first_step + int(np.argmin(np.isfinite(history[i])))
        losses, accuracies = history.mean(axis=1), None
        if self.validation is not None:
            losses, accuracies = trainer.evaluate(self.validation)
            self._validated(losses, accuracies)
        self._stop()
        trainer.next_epoch(losses, accuracies)
        return bool(trainer.active.any())

    def _validated(self, losses: Float64, accuracies: Float64) -> None:
        """Note the losses and accuracies of an epoch on validation data, and the best weights if they are to be restored."""
        self.losses.append(losses)
        self.accuracies.append(accuracies)
        better = self.trainer.active & (losses < self.best_loss)
        self.best_loss[better] = losses[better]
        self.best_epoch[better] = len(self.losses) - 1
        if self.stopping.patience is not None:
            self.best_weights[better] = self.trainer.weights[better]

    def _stop(self) -> None:
        """Stop the classifiers that no longer improve."""
        patience, tol, n_iter_no_change = self.stopping
        done = np.zeros(len(self.stopped), dtype=bool)
        if patience is not None:
            done |= len(self.losses) - 1 - self.best_epoch >= patience
        if tol is not None:
            falls = self.objectives[-1] < self.smallest_objective - tol
            self.n_without_change = np.where(falls, 0, self.n_without_change + 1)
            self.smallest_objective = np.fmin(self.smallest_objective, self.objectives[-1])
            done |= self.n_without_change >= n_iter_no_change
        self.stopped |= done & self.trainer.active
        self.trainer.stop(done)

    def is_restored(self, i: int) -> bool:
        """Return whether the weights of a classifier are those of its best epoch."""
        return self.stopping.patience is not None and bool(np.isfinite(self.best_loss[i]))

    def results(self) -> list[Training]:
        """Return what became of each classifier."""
        history = np.concatenate(self.histories, axis=1)
        lengths = np.cumsum([part.shape[1] for part in self.histories])
        weights = self.trainer.weights
        trainings = []
        for i, n_epochs in enumerate(self.n_epochs):
            n_steps, diverged_at = int(lengths[n_epochs - 1]), None
            if self.diverged_at[i] >= 0:
                diverged_at = int(self.diverged_at[i])
                n_steps = diverged_at - self._first_step + 1
            elif not np.isfinite(weights[i]).all():
                diverged_at = self._first_step + n_steps
            trainings.append(
                Training(
                    W=np.ascontiguousarray((self.best_weights if self.is_restored(i) else weights)[i].T),
                    loss_history=history[i, :n_steps].copy(),
                    val_losses=np.array([losses[i] for losses in self.losses[:n_epochs]]),
                    val_accuracies=np.array([accuracies[i] for accuracies in self.accuracies[:n_epochs]]),
                    best_epoch=int(self.best_epoch[i] if self.losses else n_epochs - 1),
                    diverged_at=diverged_at,
                    stopped_early=bool(self.stopped[i]),
                )
            )
        return trainings
