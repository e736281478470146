"""The engine of the linear page: losses, gradients and updates, all of them by the library's kernels."""

from dataclasses import replace
from typing import Any

import numpy as np

from deeprob_fast._typing import Float64, Int64
from deeprob_fast.demo import _fields, regions, rules
from deeprob_fast.demo._points import MOST
from deeprob_fast.demo.linear_state import LARGEST_WEIGHT, MOST_HISTORY, N_SEEDS, LinearState
from deeprob_fast.linear.losses import Loss, softmax_loss, svm_loss
from deeprob_fast.linear.scores import predict, score_blocks
from deeprob_fast.linear.training import train
from deeprob_fast.optim import SGD

MOST_STEPS = 1000
# What the gradient of the penalty is multiplied by on the page that this one follows: 0.5 reg W in place of 2 reg W.
_ORIGINAL_FACTOR = 0.25
_RANDOM_RANGE = 2.0
_DIVERGED = f"update {{}} diverged: W and b must stay below {LARGEST_WEIGHT:g}; try a smaller step size"
# Waking more threads takes longer than the work.
_THREADS = 1


class DivergedError(_fields.ModelError):
    """An update left the numbers that a state may hold."""


def _stacked(state: LinearState) -> Float64:
    """Return W and b as the library has them: (3, n_classes), the bias last."""
    return np.vstack([state.W.T, state.b])


def _loss(state: LinearState, weights: Float64, points: Float64, labels: Int64, reg: float) -> Loss:
    options: dict[str, Any] = {"reg": reg, "penalty": state.penalty, "bias": True, "penalize_bias": False, "n_threads": _THREADS}
    if state.loss == "softmax":
        return softmax_loss(weights, points, labels, **options)
    return svm_loss(weights, points, labels, formulation=state.loss, **options)


def _gradient(state: LinearState, weights: Float64, points: Float64, labels: Int64) -> Float64:
    """Return the gradient of the total loss, with the switch applied: (3, n_classes)."""
    factor = _ORIGINAL_FACTOR if state.original_gradient else 1.0
    gradient: Float64 = _loss(state, weights, points, labels, factor * state.reg).grad
    return gradient


def _losses(state: LinearState, weights: Float64) -> Float64:
    """Return the loss of each point: what a training with batches of one point notes, if no step moves the weights."""
    single = [[i] for i in range(len(state.points))]
    options: dict[str, Any] = {"batches": single, "initial_weights": weights, "bias": True, "n_threads": _THREADS}
    return train(state.points, state.labels, loss=state.loss, optimizer=SGD(lr=0.0), **options).loss_history


def _penalty(state: LinearState) -> float:
    """Return reg * R(W): the total loss of a point at the origin without margin."""
    penalized: dict[str, Any] = {"reg": state.reg, "penalty": state.penalty, "delta": 0.0, "n_threads": _THREADS}
    return svm_loss(state.W.T, np.zeros((1, 2)), [0], **penalized).loss


def view(state: LinearState, n_cells: int | None) -> dict[str, Any]:
    """Return what the page shows of a state.

    Parameters
    ----------
    state : LinearState
    n_cells : int or None
        Cells of a side of the regions; None for no regions.

    Returns
    -------
    dict
        Of what JSON knows; every number is finite.
    """
    weights = _stacked(state)
    data = (weights, state.points, state.labels)
    scores = np.concatenate([block for _, block in score_blocks(state.points, weights, _THREADS)])
    predictions = scores.argmax(axis=1)
    gradient = _gradient(state, *data)
    return {
        "scores": scores.tolist(),
        "losses": _losses(state, weights).tolist(),
        "predictions": predictions.tolist(),
        "correct": int((predictions == state.labels).sum()),
        "data_loss": _loss(state, *data, 0.0).loss,
        "reg_loss": _penalty(state),
        "total_loss": _loss(state, *data, state.reg).loss,
        "grad_W": gradient[:2].T.tolist(),
        "grad_b": gradient[2].tolist(),
        "regions": regions.draw(n_cells, lambda centers: predict(centers, weights, _THREADS)),
    }


def _batch(state: LinearState, step: int) -> tuple[Float64, Int64]:
    """Return the points of a step, drawn by the seed and the number of the step alone."""
    if state.batch_size is None:
        return state.points, state.labels
    random = np.random.default_rng([state.seed, step])
    chosen = random.choice(len(state.points), state.batch_size, replace=False)
    return state.points[chosen], state.labels[chosen]


def _is_due(history: list[list[float]], number: int) -> bool:
    """Tell whether the loss before an update belongs to the history, which goes on by the distance that it has."""
    if len(history) < 2:
        return True
    (first, _), (second, _) = history[:2]
    return (number - first) % max(second - first, 1) == 0


def step(state: LinearState, n_steps: int) -> LinearState:
    """Update the parameters.

    Parameters
    ----------
    state : LinearState
    n_steps : int
        How often; as many requests for one update each lead to the same bits.

    Returns
    -------
    LinearState

    Raises
    ------
    DivergedError
        If something is not finite any more, or a parameter larger than a state may hold.
    """
    if state.step + n_steps > MOST:
        msg = f"state.step must be at most {MOST - n_steps} for {n_steps} more; got {state.step}"
        raise _fields.FieldError(msg)
    optimizer = rules.make(state.optimizer)
    rules.restore(optimizer, state.memory)
    W, b = state.W.copy(), state.b.copy()
    history = list(state.history)
    for number in range(state.step, state.step + n_steps):
        weights = np.vstack([W.T, b])
        if _is_due(history, number):
            history.append([number, _loss(state, weights, state.points, state.labels, state.reg).loss])
        if len(history) > MOST_HISTORY:
            history = history[::2]
        gradient = _gradient(state, weights, *_batch(state, number))
        optimizer.step([W, b], [gradient[:2].T, gradient[2]], n_threads=_THREADS)
        if not (np.abs(W) <= LARGEST_WEIGHT).all() or not (np.abs(b) <= LARGEST_WEIGHT).all():
            raise DivergedError(_DIVERGED.format(number + 1))
    memory = rules.memory_of(optimizer)
    if not all(np.isfinite(values).all() for values in rules.arrays_of(memory)):
        raise DivergedError(_DIVERGED.format(state.step + n_steps))
    return replace(state, W=W, b=b, step=state.step + n_steps, memory=memory, history=history)


def randomize(state: LinearState) -> LinearState:
    """Draw other parameters, and start anew with them."""
    drawn = np.random.default_rng(state.seed).uniform(-_RANDOM_RANGE, _RANDOM_RANGE, (state.n_classes, 3))
    drawn = drawn.round(2) + 0.0  # as the page shows them, and no -0
    W, b, seed = drawn[:, :2].copy(), drawn[:, 2].copy(), (state.seed + 1) % N_SEEDS
    return replace(state, W=W, b=b, seed=seed, step=0, memory=None, history=[])
