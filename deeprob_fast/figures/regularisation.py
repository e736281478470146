"""The sharp cliff that regularisation prevents.

A linear classifier of two classes by one feature. The classes can be told apart, so the data loss falls for ever as the weights
grow: the probability becomes a cliff between the two middle examples, as if nothing could ever come to lie on the wrong side. The
penalty makes large weights costly. Left, the optimum under several penalties. Right, what the middle one of them loses when it is
made steeper or flatter: the data loss has no minimum, the sum has one.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deeprob_fast._typing import Float64
from deeprob_fast.figures._style import COLORS, LINES, legend, new_figure
from deeprob_fast.linear.losses import softmax_loss
from deeprob_fast.linear.optimum.minimize import Optimum, softmax_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

X = np.array([[-3.1], [-2.2], [-1.6], [-0.4], [0.5], [1.1], [2.4], [2.9]])
Y = np.repeat([0, 1], 4)
REGS = (1e-6, 1e-2, 1e-1)
_TOLERANCE = 1e-9
_SHOWN = np.linspace(-4, 4, 321)


class Cliff(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    optima : dict
        For each strength of the penalty.
    x : array of float64
    probabilities : dict
        For each strength that of the second class at each x.
    slopes : array of float64
        Slopes of the score of the second class against the first.
    data_loss, penalty, total : array of float64
        At each slope, under the middle penalty.
    """

    optima: dict[float, Optimum]
    x: Float64
    probabilities: dict[float, Float64]
    slopes: Float64
    data_loss: Float64
    penalty: Float64
    total: Float64


def compute() -> Cliff:
    """Compute the numbers of the figure."""
    path = softmax_path(X, Y, regs=REGS, tol=_TOLERANCE, n_threads=1)
    optima = dict(zip(REGS, path, strict=True))
    probabilities = {reg: 1 / (1 + np.exp(-_score(optimum.W, _SHOWN))) for reg, optimum in optima.items()}
    reg = REGS[1]
    factors = np.logspace(-1.3, 1.3, 105)
    scaled = [factor * optima[reg].W for factor in factors]
    data, total = (np.array([_loss(W, strength) for W in scaled]) for strength in (0.0, reg))
    slopes = factors * slope(optima[reg])
    return Cliff(optima, _SHOWN, probabilities, slopes, data, total - data, total)


def slope(optimum: Optimum) -> float:
    """Return by how much the score of the second class gains on that of the first with each unit of x."""
    return float(optimum.W[0, 1] - optimum.W[0, 0])


def _score(W: Float64, x: Float64) -> Float64:
    difference = W[:, 1] - W[:, 0]
    score: Float64 = x * difference[0] + difference[1]
    return score


def _loss(W: Float64, reg: float) -> float:
    return softmax_loss(W, X, Y, reg=reg, bias=True, penalize_bias=False, n_threads=1).loss


def draw(numbers: Cliff) -> "Figure":
    """Draw the figure."""
    figure, (left, right) = new_figure("Regularisation keeps the classifier from a sharp cliff", 4.0, 1, 2)
    for number, (reg, optimum) in enumerate(numbers.optima.items()):
        label = f"slope {slope(optimum):.1f} ($\\lambda$ = {reg:g})"
        left.plot(numbers.x, numbers.probabilities[reg], color=COLORS[number], linestyle=LINES[number], label=label)
    left.scatter(X[:, 0], Y, c="black", s=22, zorder=3)
    left.set(xlabel="feature x", ylabel="probability of the second class", title="optima under a penalty $\\lambda R(W)$")
    legend(left, loc="upper left", bbox_to_anchor=(0, 0.92), fontsize=8, handlelength=1.6)
    for values, color, line, name in (
        (numbers.data_loss, COLORS[3], "--", "data loss"),
        (numbers.penalty, COLORS[4], ":", "penalty"),
        (numbers.total, COLORS[1], "-", "sum"),
    ):
        right.plot(numbers.slopes, values, color=color, linestyle=line, label=name)
    best = int(np.argmin(numbers.total))
    right.plot(numbers.slopes[best], numbers.total[best], "o", color=COLORS[1])
    right.set(xlabel="slope", ylabel="loss", xscale="log", ylim=(0, 0.8), title=f"the weights scaled, $\\lambda$ = {REGS[1]:g}")
    legend(right)
    return figure
