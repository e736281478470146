"""Epochs of training: validation, every rule by which training stops, divergence, and which weights are kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from deeprob_fast._typing import AnyArray, Float64
from deeprob_fast.linear.batches import Batches
from deeprob_fast.linear.classifiers import HeadTrainer
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
        The first step whose loss was not finite. The weights are those that gave it.
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


class TrainingLoop:
    """One stream of batches, and the heads that train on it."""

    def __init__(self, trainer: HeadTrainer, validation: Examples | None, patience: int | None) -> None:
        self.trainer = trainer
        self.validation = validation
        self.patience = patience
        n = len(trainer.heads)
        self.histories: list[Float64] = []
        self.losses: list[Float64] = []
        self.accuracies: list[Float64] = []
        self.best = trainer.weights
        self.best_loss = np.full(n, np.inf)
        self.best_epoch = np.zeros(n, dtype=int)
        self.n_epochs = np.zeros(n, dtype=int)
        self.stopped = np.zeros(n, dtype=bool)
        self.diverged = np.full(n, -1)

    def epoch(self, batches: Batches) -> None:
        """Take the steps of an epoch, validate, keep the best weights and stop the heads that no longer improve."""
        trainer = self.trainer
        before = trainer.active.copy()
        first_step = trainer.n_steps
        history = trainer.steps(batches)
        self.histories.append(history)
        self.n_epochs += before
        for i in np.flatnonzero(before & ~trainer.active):
            self.diverged[i] = first_step + int(np.argmin(np.isfinite(history[i])))
        means = history.mean(axis=1) if history.shape[1] else np.full(len(before), np.nan)
        accuracies = None
        if self.validation is not None:
            means, accuracies = trainer.evaluate(self.validation)
            self.losses.append(means)
            self.accuracies.append(accuracies)
            better = trainer.active & (means < self.best_loss)
            self.best_loss[better] = means[better]
            self.best_epoch[better] = len(self.losses) - 1
            if self.patience is not None:
                self.best[better] = trainer.weights[better]
                waited = trainer.active & (len(self.losses) - 1 - self.best_epoch >= self.patience)
                self.stopped |= waited
                trainer.active &= ~waited
        trainer.next_epoch(means, accuracies)

    def results(self) -> list[Training]:
        """Return what became of each head."""
        history = np.concatenate(self.histories, axis=1)
        lengths = np.cumsum([part.shape[1] for part in self.histories])
        weights = self.trainer.weights
        restored = self.patience is not None and self.validation is not None
        trainings = []
        for i, n_epochs in enumerate(self.n_epochs):
            n_steps = int(lengths[n_epochs - 1]) if self.diverged[i] < 0 else int(self.diverged[i]) + 1
            losses = np.array([epoch[i] for epoch in self.losses[:n_epochs]])
            accuracies = np.array([epoch[i] for epoch in self.accuracies[:n_epochs]])
            best = self.best_epoch[i] if self.losses else n_epochs - 1
            final = self.best[i] if restored and np.isfinite(self.best_loss[i]) else weights[i]
            diverged = None if self.diverged[i] < 0 else int(self.diverged[i])
            trainings.append(
                Training(
                    np.ascontiguousarray(final.T),
                    history[i, :n_steps].copy(),
                    losses,
                    accuracies,
                    int(best),
                    diverged,
                    bool(self.stopped[i]),
                )
            )
        return trainings


class Learned(NamedTuple):
    """What became of a classifier.

    Attributes
    ----------
    weights : array, shape (n_classes, n_columns)
        Finite: those of the best epoch after early stopping; after divergence those before the epoch in which it happened.
    loss_curve : list of float
        Mean objective of each epoch that was finished.
    n_steps : int
        Steps taken.
    val_losses, val_scores : array of float64
        After each epoch; empty without validation data.
    diverged_at : int or None
        The first step whose loss was not finite.
    """

    weights: AnyArray
    loss_curve: list[float]
    n_steps: int
    val_losses: Float64
    val_scores: Float64
    diverged_at: int | None


def _mean(history: Float64, batches: Batches, examples: Examples) -> float:
    """Return the mean over the examples of the objectives of the batches."""
    starts = batches.starts
    weights = np.diff(starts).astype(np.float64)
    if examples.sample_weights.size:
        weights = np.add.reduceat(examples.sample_weights[batches.order[: starts[-1]]], starts[:-1])
    return float(np.average(history, weights=weights))


def learn(
    trainer: HeadTrainer,
    epochs: Iterable[Batches],
    validation: Examples | None = None,
    *,
    patience: int | None = None,
    tol: float | None = None,
    n_iter_no_change: int = 1,
) -> Learned:
    """Train the only head of a trainer.

    Parameters
    ----------
    trainer : HeadTrainer
    epochs : iterable of Batches
    validation : Examples, optional
    patience : int, optional
        Epochs without a new smallest validation loss after which to stop and take the best weights.
    tol : float, optional
        Stop as well when the loss of `n_iter_no_change` epochs in a row was not below the best by as much.
    n_iter_no_change : int

    Returns
    -------
    Learned
    """
    loop = TrainingLoop(trainer, validation, patience)
    first_step = trainer.n_steps
    finite = trainer.weights[0]
    losses: list[float] = []
    best, waited = np.inf, 0
    diverged_at = None
    for batches in epochs:
        loop.epoch(batches)
        if loop.diverged[0] >= 0:
            diverged_at = int(loop.diverged[0])
            break
        losses.append(_mean(loop.histories[-1][0], batches, trainer.examples))
        if not np.isfinite(trainer.weights).all():  # of the last step, whose loss was still finite
            diverged_at = trainer.n_steps
            break
        finite = trainer.weights[0]
        waited = 0 if tol is None or losses[-1] < best - tol else waited + 1
        best = min(best, losses[-1])
        if loop.stopped[0] or waited >= n_iter_no_change:
            break
    result = loop.results()[0]
    restored = patience is not None and np.isfinite(loop.best_loss[0])
    weights = np.ascontiguousarray(result.W.T) if diverged_at is None or restored else finite
    n_epochs = len(losses)
    validated = result.val_losses[:n_epochs], result.val_accuracies[:n_epochs]
    return Learned(weights, losses, trainer.n_steps - first_step, *validated, diverged_at)
