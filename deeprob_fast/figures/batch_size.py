"""The size of the batches: many noisy steps or few exact ones.

Softmax classifiers of the digits, with one learning rate. A small batch knows the gradient badly, but makes a step for few
examples: after as many epochs it is farther. The noise of a batch's gradient falls with the root of the batch size, so a
hundredfold batch is ten times better, not a hundred times. Drawn without replacement it vanishes for the batch of all examples.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deeprob_fast import datasets
from deeprob_fast._typing import Float64
from deeprob_fast.figures._style import COLORS, legend, new_figure
from deeprob_fast.linear.losses import softmax_loss
from deeprob_fast.linear.training import train
from deeprob_fast.plots.loss_curve import smoothed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEARNING_RATE = 0.1
N_EPOCHS = 4
SHOWN = (8, 32, 128, None)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_N_DRAWS = 200
_SEED = 0


class Noise(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    n_examples : int
    histories : dict of array
        By size (None: all examples), the loss of each step's batch before the step.
    measured : array of float64, shape (len(SIZES),)
        Root of the mean squared distance of a batch's gradient from that of all, over the size of the latter.
    law : array of float64, shape (len(SIZES),)
        The same by the law: the deviation of the examples' gradients, over the root of the size, and less the nearer to all.
    """

    n_examples: int
    histories: dict[int | None, Float64]
    measured: Float64
    law: Float64


def compute() -> Noise:
    """Compute the numbers of the figure."""
    digits = datasets.load_digits()
    X, y = digits.train / 16.0, digits.train_labels
    histories = {
        size: train(X, y, learning_rate=LEARNING_RATE, batch_size=size, n_epochs=N_EPOCHS, bias=True).loss_history
        for size in SHOWN
    }
    W = train(X, y, learning_rate=LEARNING_RATE, n_epochs=1).W
    whole = softmax_loss(W, X, y).grad
    random = np.random.default_rng(_SEED)

    def noise(size: int) -> float:
        """Return the root of the mean squared error of the gradient."""
        batches = (random.permutation(len(X))[:size] for _ in range(_N_DRAWS))
        errors = [np.sum((softmax_loss(W, X[batch], y[batch], n_threads=1).grad - whole) ** 2) for batch in batches]
        return float(np.sqrt(np.mean(errors)))

    length = np.linalg.norm(whole)
    measured = np.array([noise(size) for size in SIZES]) / length
    each = [np.sum((softmax_loss(W, X[[i]], y[[i]], n_threads=1).grad - whole) ** 2) for i in range(len(X))]
    sizes = np.array(SIZES)
    law = np.sqrt(np.mean(each) / sizes * (len(X) - sizes) / (len(X) - 1)) / length
    return Noise(len(X), histories, measured, law)


def draw(numbers: Noise) -> "Figure":
    """Draw the figure."""
    figure, (left, right) = new_figure(f"The size of the batches (learning rate {LEARNING_RATE:g})", 4.2, 1, 2)
    for number, (size, losses) in enumerate(numbers.histories.items()):
        name = f"all {numbers.n_examples}" if size is None else str(size)
        steps_of_epoch = len(losses) / N_EPOCHS
        epochs = np.arange(len(losses)) / steps_of_epoch
        left.plot(epochs, losses, color=COLORS[number], alpha=0.3, linewidth=0.6)
        width = max(1, round(steps_of_epoch / 4))
        left.plot(epochs, smoothed(losses, width), color=COLORS[number], label=name)
    left.set(xlabel="epochs", ylabel="loss of the batch", ylim=(0, 3.2))
    left.set_title("while training", fontsize=10)
    legend(left, loc="upper right", title="examples of a batch", ncols=2)
    right.loglog(SIZES, numbers.law, color=COLORS[0], label="by the law, ~ root of (1 / size - 1 / all)", linewidth=1.2)
    right.loglog(SIZES, numbers.measured, "o", color=COLORS[1], markersize=5, label="measured")
    right.set(xlabel="examples of a batch", ylabel="error of the gradient / its size")
    right.set_title("the noise of the gradient", fontsize=10)
    legend(right, loc="lower left")
    return figure
