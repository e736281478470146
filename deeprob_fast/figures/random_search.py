"""Random search: a thousand tries against following the slope.

The lecture's first, bad idea, on the digits: draw weights a thousand times (normal, deviation 0.0001) and keep those with the
smallest hinge loss. Each new best is harder to come by than the last. The result beats guessing, and is far from what the same
classifier learns by following the gradient of the same loss.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deeprob_fast import datasets
from deeprob_fast._typing import AnyArray, Float64
from deeprob_fast.figures._style import COLORS, legend, new_figure
from deeprob_fast.linear.random_search import random_search
from deeprob_fast.linear.training import train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_CANDIDATES = 1000


class Search(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    losses : array of float64
        Of all candidates, in the order tried.
    accuracies : dict of float
        On the test rows, of guessing, of the best candidate and of the trained classifier.
    trained_loss : float
        Of the trained classifier, on the training rows.
    """

    losses: Float64
    accuracies: dict[str, float]
    trained_loss: float


def compute() -> Search:
    """Compute the numbers of the figure."""
    digits = datasets.load_digits()
    X, y = digits.train, digits.train_labels
    search = random_search(X, y, n_candidates=N_CANDIDATES)
    trained = train(X, y, loss="weston_watkins", learning_rate=1e-4, n_epochs=30, bias=True)

    def accuracy(W: AnyArray) -> float:
        return float(np.mean(np.argmax(digits.test @ W[:-1] + W[-1], axis=1) == digits.test_labels))

    accuracies = {
        "guessing": 1 / digits.n_classes,
        f"best of\n{N_CANDIDATES} tries": accuracy(search.W),
        "following\nthe slope": accuracy(trained.W),
    }
    return Search(search.losses, accuracies, trained.final_loss)


def draw(numbers: Search) -> "Figure":
    """Draw the figure."""
    figure, (left, right) = new_figure("Random search for the weights of a linear classifier of digits", 3.9, 1, 2)
    attempts = np.arange(1, len(numbers.losses) + 1)
    left.plot(attempts, numbers.losses, ".", color="0.7", markersize=3, label="each try")
    left.step(attempts, np.minimum.accumulate(numbers.losses), where="post", color=COLORS[1], label="best so far")
    left.set(xscale="log", xlabel="attempt", ylabel="hinge loss on the training rows")
    left.set_title(f"following the slope reaches {numbers.trained_loss:.2g}", fontsize=10)
    legend(left, loc="upper right")
    names = list(numbers.accuracies)
    values = [100 * value for value in numbers.accuracies.values()]
    bars = right.bar(names, values, width=0.6, color=["0.7", COLORS[1], COLORS[0]])
    right.bar_label(bars, [f"{value:.1f} %" for value in values], padding=2)
    right.set(ylim=(0, 109), ylabel="accuracy on the test rows, percent")
    right.tick_params(axis="x", labelsize=9)
    right.grid(visible=False, axis="x")
    return figure
