"""Epochs of one classifier until it has learned: when to stop, and which weights to keep."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from deeprob_fast._typing import AnyArray, Float64
from deeprob_fast.linear.batches import Batches
from deeprob_fast.linear.classifiers import HeadTrainer
from deeprob_fast.linear.examples import Examples
from deeprob_fast.linear.run import Run


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
    run = Run(trainer, validation, patience)
    first_step = trainer.n_steps
    finite = trainer.weights[0]
    losses: list[float] = []
    best, waited = np.inf, 0
    diverged_at = None
    for batches in epochs:
        run.epoch(batches)
        if run.diverged[0] >= 0:
            diverged_at = int(run.diverged[0])
            break
        losses.append(_mean(run.histories[-1][0], batches, trainer.examples))
        if not np.isfinite(trainer.weights).all():  # of the last step, whose loss was still finite
            diverged_at = trainer.n_steps
            break
        finite = trainer.weights[0]
        waited = 0 if tol is None or losses[-1] < best - tol else waited + 1
        best = min(best, losses[-1])
        if run.stopped[0] or waited >= n_iter_no_change:
            break
    result = run.results()[0]
    restored = patience is not None and np.isfinite(run.best_loss[0])
    weights = np.ascontiguousarray(result.W.T) if diverged_at is None or restored else finite
    n_epochs = len(losses)
    validated = result.val_losses[:n_epochs], result.val_accuracies[:n_epochs]
    return Learned(weights, losses, trainer.n_steps - first_step, *validated, diverged_at)
