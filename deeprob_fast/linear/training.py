"""Training of linear classifiers in a compiled loop: one, or many on one stream of batches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._docstrings import sharing
from deeprob_fast._typing import ArrayLike
from deeprob_fast.linear.batches import Plan, as_given
from deeprob_fast.linear.classifiers import Schedule, Trainer
from deeprob_fast.linear.data import TrainingData
from deeprob_fast.linear.docstrings import SHARED
from deeprob_fast.linear.loop import Stopping, Training, TrainingLoop
from deeprob_fast.linear.settings import DEFAULTS, NAMES, classifier_of, expand
from deeprob_fast.optim import Optimizer


@dataclass(frozen=True)
class Sweep:
    """Classifiers that were trained together.

    Attributes
    ----------
    settings : tuple of dict
        What each was trained with, in the order of the grid.
    trainings : tuple of Training
    best : int
        Number of the best: the largest validation accuracy, without validation data the smallest mean loss of the last epoch;
        of equal ones the first.
    """

    settings: tuple[dict[str, Any], ...]
    trainings: tuple[Training, ...]
    best: int


@sharing(**SHARED)
def sweep(
    X: ArrayLike,
    y: ArrayLike,
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    X_val: ArrayLike | None = None,
    y_val: ArrayLike | None = None,
    n_classes: int | None = None,
    batch_size: int | None = 200,
    replacement: bool = False,
    n_epochs: int | None = None,
    n_steps: int | None = None,
    batches: Sequence[ArrayLike] | None = None,
    patience: int | None = None,
    schedule_every: str = "step",
    initial_weights: ArrayLike | None = None,
    initial_scale: float = 0.0,
    bias: bool = False,
    penalize_bias: bool = True,
    sample_weight: ArrayLike | None = None,
    mean: ArrayLike | None = None,
    std: ArrayLike | None = None,
    dtype: str | None = None,
    n_threads: int | None = None,
    callback: Callable[[float], object] | None = None,
) -> Sweep:
    """Train a linear classifier for every setting of a grid, all on one stream of batches.

    Parameters
    ----------
    {examples}
    grid : dict of lists, or sequence of dict
        All combinations of the lists' values, or the settings themselves. Known names: loss ("softmax", "weston_watkins",
        "one_vs_all", "runner_up"), delta, reg, penalty, l1_ratio as in `svm_loss`; optimizer ("sgd", "adagrad", "rmsprop",
        "adam", "adamw", or one of `deeprob_fast.optim`), learning_rate, momentum, nesterov; schedule, a function that makes a
        schedule for an optimizer; seed, of the batches and the initial weights. What is not named is as in `train`.
    X_val, y_val : array-like, optional
        Validation data; losses and accuracies are taken after every epoch.
    {n_classes}
    batch_size : int or None
        None: all examples at every step (gradient descent).
    replacement : bool
        Whether batches are drawn with replacement; without, an epoch is a permutation of the examples.
    n_epochs, n_steps : int, optional
        How long to train; by default 10 epochs. An epoch has as many batches as cover the examples once.
    batches : sequence of arrays of int, optional
        The numbers of the examples of each step, instead of drawn ones: one epoch.
    patience : int, optional
        Stop a classifier whose validation loss has not improved for so many epochs, and restore its best weights.
    schedule_every : {"step", "epoch"}
        When schedules advance; ReduceLROnPlateau always by epochs.
    initial_weights : array-like, shape (n_features, n_classes), optional
        To start from; one row more if there is a bias.
    initial_scale : float
        Without `initial_weights` the weights start as normal numbers of this deviation (0: at zero), the bias at zero.
    bias : bool
        Whether the last row of W is added to the scores, as if X had a column of ones behind its features.
    penalize_bias : bool
        Whether the penalty counts that row. A rule's own weight_decay always does, as PyTorch's.
    sample_weight : array-like, shape (n_examples,), optional
        Not negative. The loss of a batch is the weighted mean, as in PyTorch.
    {standardisation}
    dtype : {"float32", "float64"}, optional
        Of the computation; by default float64 if X or `initial_weights` is, else float32.
    {threads}
    callback : callable, optional
        Called after each epoch of each seed's settings with the fraction done, a float in (0, 1]. An exception raised in it ends
        the training.

    Returns
    -------
    Sweep

    {raises}

    See Also
    --------
    train : One setting.

    Notes
    -----
    Settings with the same seed see the same batches, which are loaded once for all of them; each gets bit for bit the weights
    that training it alone gives. A step costs 4 batch_size n_features n_classes operations a setting. A classifier whose loss is
    no longer finite has diverged: it takes no further steps.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> found = df.sweep([[-1.0], [1.0]], [0, 1], {"learning_rate": [0.1, 1.0], "reg": [0.0, 0.1]}, n_epochs=5)
    >>> found.settings[found.best]
    {'learning_rate': 1.0, 'reg': 0.0}
    """
    settings = expand(grid)
    classifiers = [classifier_of({**DEFAULTS, **setting}) for setting in settings]
    seeds = [_scalars.check_seed(setting.get("seed", 0)) for setting in settings]
    data = TrainingData(X, y, n_classes, bias, sample_weight, mean, std, dtype, initial_weights)
    validation = data.validation(X_val, y_val)
    if patience is not None:
        patience = _scalars.check_integer("patience", patience, 1, 2**31, "epochs without improvement")
        if validation is None:
            msg = "patience needs X_val and y_val; got none"
            raise ValueError(msg)
    every_step = _scalars.check_choice("schedule_every", schedule_every, ("step", "epoch")) == "step"
    drawn = None if batches is None else as_given(batches, len(data.examples.rows))
    plan = Plan(len(data.examples.rows), batch_size, bool(replacement), n_epochs, n_steps, drawn)
    scale = _scalars.check_real("initial_scale", initial_scale, 0)
    threads = _validation.check_n_threads(n_threads)
    results: dict[int, Training] = {}
    streams = list(dict.fromkeys(seeds))
    for number, seed in enumerate(streams):
        members = [i for i, other in enumerate(seeds) if other == seed]
        weights = np.repeat(data.starting_weights(scale, seed)[np.newaxis], len(members), axis=0)
        trainer = Trainer(
            data.examples,
            [classifiers[i] for i in members],
            weights,
            penalize_bias=bool(penalize_bias),
            every_step=every_step,
            n_threads=threads,
        )
        loop = TrainingLoop(trainer, validation, Stopping(patience))
        for epoch in plan.epochs(seed):
            goes_on = loop.epoch(epoch)
            if callback is not None:
                callback((number + trainer.n_steps / plan.count()) / len(streams))
            if not goes_on:
                break
        results.update(zip(members, loop.results(), strict=True))
    trainings = tuple(results[i] for i in range(len(settings)))
    if any(training.diverged_at is not None for training in trainings):
        data.check_finite()  # what diverges is no error, unless the examples are to blame
    if validation is not None and not all(np.isfinite(training.val_losses).all() for training in trainings):
        _validation.check_finite_rows("X_val", validation.rows)
    return Sweep(tuple(settings), trainings, _best(trainings))


def _best(trainings: Sequence[Training]) -> int:
    """Return the number of the best classifier."""

    def merit(training: Training) -> float:
        if training.diverged_at is not None:
            return -np.inf
        if training.val_accuracies.size:
            return float(training.val_accuracies[training.best_epoch])
        return -training.final_loss

    return int(np.argmax([merit(training) for training in trainings]))


@sharing(**SHARED)
def train(
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: str = "softmax",
    delta: float = 1.0,
    reg: float = 0.0,
    penalty: str = "l2",
    l1_ratio: float = 0.5,
    optimizer: str | Optimizer = "sgd",
    learning_rate: float | None = None,
    momentum: float | None = None,
    nesterov: bool | None = None,
    schedule: Schedule | None = None,
    seed: int = 0,
    **options: Any,
) -> Training:
    """Train a linear classifier.

    Parameters
    ----------
    {examples}
    loss : {"softmax", "weston_watkins", "one_vs_all", "runner_up"}
    delta : float
        Margin of the hinge losses.
    reg : float
        Strength of the penalty, which is added to the mean loss.
    penalty : {"l2", "l1", "elasticnet"}
        Sum of squares, of absolute values, or l1_ratio of this and the rest of that.
    l1_ratio : float
        Of "elasticnet".
    optimizer : {"sgd", "adagrad", "rmsprop", "adam", "adamw"} or Optimizer
        An update rule of `deeprob_fast.optim` by name, with PyTorch's defaults, or by example; the example is not changed.
    learning_rate, momentum, nesterov : optional
        In place of those of the optimizer.
    schedule : callable, optional
        Makes a schedule for an optimizer, for instance ``lambda o: df.optim.StepLR(o, 100)``.
    seed : int
        Of the batches and the initial weights.
    options : optional
        X_val, y_val, n_classes, batch_size, replacement, n_epochs, n_steps, batches, patience, schedule_every, initial_weights,
        initial_scale, bias, penalize_bias, sample_weight, mean, std, dtype, n_threads, callback: as in `sweep`.

    Returns
    -------
    Training

    Raises
    ------
    ValueError
        If a shape, a value or a name is not as stated above.
    TypeError
        If an array does not hold real numbers or y integers, or an option is unknown.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.train([[-1.0], [1.0]], [0, 1], learning_rate=1.0, n_epochs=3).W.round(2).tolist()
    [[-0.95, 0.95]]
    """
    values = (loss, delta, reg, penalty, l1_ratio, optimizer, learning_rate, momentum, nesterov, schedule, seed)
    setting = dict(zip(NAMES, values, strict=True))
    return sweep(X, y, [setting], **options).trainings[0]
