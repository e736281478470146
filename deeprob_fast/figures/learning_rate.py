"""The learning rate: too low, good, too high.

Softmax classifiers of the digits, all trained on the same minibatches. With too low a rate the epochs are over before much is
learned. With too high a one the weights leap across the valley and the loss ends above its start. Beyond 100, which is 1 / the
strength of the penalty, every step makes the weights larger, without end.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deeprob_fast import datasets
from deeprob_fast._typing import Float64
from deeprob_fast.figures._style import COLORS, GREY, LINES, legend, new_figure
from deeprob_fast.linear.loop import Training
from deeprob_fast.linear.training import sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_EPOCHS, BATCH_SIZE, REG = 10, 128, 0.01
SHOWN = {"too low": 3e-3, "good": 0.3, "too high": 10.0, "far too high": 200.0}
_MANY = np.geomspace(1e-4, 1e3, 29)
_CEILING = 1e4


class Rates(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    trainings : dict of Training
        By what the rate is like.
    learning_rates, losses : array of float64
        Many rates, and the mean objective of the last steps with each; infinite where it overflowed.
    start : float
        The loss before training, the logarithm of the number of classes.
    """

    trainings: dict[str, Training]
    learning_rates: Float64
    losses: Float64
    start: float


def compute() -> Rates:
    """Compute the numbers of the figure."""
    digits = datasets.load_digits()
    grid = {"learning_rate": [*SHOWN.values(), *_MANY.tolist()], "reg": [REG]}
    X, y = digits.train / 16.0, digits.train_labels
    result = sweep(X, y, grid, n_epochs=N_EPOCHS, batch_size=BATCH_SIZE, bias=True)
    shown, many = result.trainings[: len(SHOWN)], result.trainings[len(SHOWN) :]
    losses = np.array([np.inf if one.diverged_at is not None else one.final_loss for one in many])
    return Rates(dict(zip(SHOWN, shown, strict=True)), _MANY, losses, float(np.log(digits.n_classes)))


def draw(numbers: Rates) -> "Figure":
    """Draw the figure."""
    figure, (left, right) = new_figure("The learning rate decides", 4.2, 1, 2, sharey=True)
    for number, (name, training) in enumerate(numbers.trainings.items()):
        label = f"{name}: {SHOWN[name]:g}"
        left.semilogy(training.loss_history, color=COLORS[number], linestyle=LINES[number], label=label)
    left.set(xlabel="step", ylabel="objective", ylim=(0.5, _CEILING))
    legend(left, loc="upper right")
    left.set_title("while training", fontsize=10)
    inside = numbers.losses < _CEILING
    right.loglog(numbers.learning_rates[inside], numbers.losses[inside], "o-", color="black", markersize=4)
    outside = numbers.learning_rates[~inside]
    right.plot(outside, np.full(len(outside), 0.7 * _CEILING), "^", color="black", markersize=5)
    right.text(outside[0], 0.45 * _CEILING, "beyond the frame", ha="center", va="top", fontsize=9)
    right.axhline(numbers.start, color=GREY, linewidth=1, linestyle="--")
    right.text(numbers.learning_rates[0], numbers.start * 1.3, "start", color=GREY, fontsize=9)
    for number, rate in enumerate(SHOWN.values()):
        right.axvline(rate, color=COLORS[number], linewidth=1, linestyle=LINES[number])
    right.set(xlabel="learning rate")
    right.set_title(f"in the end, after {N_EPOCHS} epochs", fontsize=10)
    return figure
