"""The losses of one example as the score of its class grows.

The scores are a well-known example's, 3.2 for the right class and 5.1 and -1.7 for the two others; here the first of them moves.
The hinge of Weston and Watkins is a broken line: each class within the margin adds a slope, and once the right score is by the
margin above all others the loss is exactly 0. The softmax loss is smooth and never 0: far out it still falls by a factor of e
with each unit, and always asks for more.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deeprob_fast._typing import Float64
from deeprob_fast.figures._style import COLORS, GREY, legend, new_figure
from deeprob_fast.linear.losses import softmax_loss, svm_loss

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCORES = (3.2, 5.1, -1.7)  # the first is that of the example's class
DELTA = 1.0
_SHOWN = np.linspace(-4, 14, 181)


class Losses(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    scores : array of float64
        Of the right class.
    hinge, softmax : array of float64
        The losses at each.
    kinks : tuple of float
        Where the right score is by the margin above another.
    example : dict
        Both losses at the score of the example.
    """

    scores: Float64
    hinge: Float64
    softmax: Float64
    kinks: tuple[float, ...]
    example: dict[str, float]


def losses(score: float) -> dict[str, float]:
    """Compute both losses of the example at a score of its class: a single feature, which is 1, makes weights the scores."""
    weights, features, label = [[score, *SCORES[1:]]], [[1.0]], [0]
    return {
        "hinge": svm_loss(weights, features, label, delta=DELTA, n_threads=1).loss,
        "softmax": softmax_loss(weights, features, label, n_threads=1).loss,
    }


def compute() -> Losses:
    """Compute the numbers of the figure."""
    shown_losses = [losses(float(score)) for score in _SHOWN]
    hinge, softmax = (np.array([both[name] for both in shown_losses]) for name in ("hinge", "softmax"))
    return Losses(_SHOWN, hinge, softmax, tuple(other + DELTA for other in SCORES[1:]), losses(SCORES[0]))


def draw(numbers: Losses) -> "Figure":
    """Draw the figure."""
    figure, (left, right) = new_figure("One example as its score grows: the hinge is content, softmax never", 4.0, 1, 2)
    content = max(numbers.kinks)
    lines = (("hinge", numbers.hinge, COLORS[0], "-"), ("softmax", numbers.softmax, COLORS[1], "--"))
    for name, values, color, line in lines:
        left.plot(numbers.scores, values, color=color, linestyle=line, label=f"{name}, {numbers.example[name]:.2f} at the dot")
        left.plot(SCORES[0], numbers.example[name], "o", color=color)
        # A logarithm has no 0: the hinge ends where it reaches it.
        right.plot(numbers.scores, np.where(values > 0, values, np.nan), color=color, linestyle=line)
    for ax in (left, right):
        ax.axvline(content, color=GREY, linewidth=1, linestyle=":")
        ax.set(xlabel="score of the right class", ylabel="loss")
    left.annotate(f"margin of {DELTA:g}\nabove {max(SCORES[1:])}", (content, 5), (6, 0), textcoords="offset points", color=GREY)
    right.set(yscale="log", title="on a logarithmic axis")
    right.annotate("hinge: exactly 0", (content, 5), (6, 0), textcoords="offset points", color=COLORS[0])
    left.set_title(f"scores of the others: {SCORES[1]} and {SCORES[2]}")
    legend(left)
    return figure
