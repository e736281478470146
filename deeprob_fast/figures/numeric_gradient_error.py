"""The error of a numeric gradient over the step h.

The softmax loss of the digits, differentiated by some of its weights: forward and central differences against the gradient of
calculus. Steps too long are off by the curvature (h) or what comes after it (h squared); steps too short drown in the rounding of
the loss (1 / h), in float32 long before float64. The thin lines are these laws, with the derivatives of this very loss.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from deeprob_fast import datasets
from deeprob_fast._typing import AnyArray, Float64
from deeprob_fast.figures._style import COLORS, GREY, LINES, legend, new_figure
from deeprob_fast.gradients.numerical import numerical_gradient
from deeprob_fast.linear.losses import softmax_loss

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS = ("forward", "central")
DTYPES = ("float64", "float32")
_N_WEIGHTS, _N_EXAMPLES = 24, 100
_SEED = 0

_BEYOND = 10  # how far a law is drawn into the region of the other


class Errors(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    steps : array of float64
        The values of h.
    errors : dict
        By method and dtype: for each h the norm of the error over that of the gradient.
    truncation : dict
        By method, for each h: what the first neglected term of Taylor's series amounts to.
    rounding : dict
        By dtype, for each h: half the spacing of numbers beside 1, times the loss, over h.
    """

    steps: Float64
    errors: dict[tuple[str, str], Float64]
    truncation: dict[str, Float64]
    rounding: dict[str, Float64]

    def best_step(self, method: str, dtype: str) -> float:
        """Return the h of the smallest error."""
        return float(self.steps[np.argmin(self.errors[method, dtype])])

    def balanced_step(self, method: str, dtype: str) -> float:
        """Return the h where truncation and rounding are equal, by the laws."""
        return float(self.steps[np.argmin(np.abs(np.log(self.truncation[method] / self.rounding[dtype])))])


def compute() -> Errors:
    """Compute the numbers of the figure."""
    digits = datasets.load_digits()
    X, y = digits.train[:_N_EXAMPLES] / 16.0, digits.train_labels[:_N_EXAMPLES]
    random = np.random.default_rng(_SEED)
    W = 0.1 * random.standard_normal((X.shape[1], 10))
    inked = np.flatnonzero(X.mean(axis=0) > 0.2)
    rows, columns = random.choice(inked, _N_WEIGHTS, replace=False), random.integers(0, 10, _N_WEIGHTS)

    def loss_in(dtype: str) -> Any:
        """Return the loss as code in this type computes and returns it."""
        examples = X.astype(dtype)

        def loss(weights: AnyArray) -> Any:
            full = W.copy()
            full[rows, columns] = weights
            return np.dtype(dtype).type(softmax_loss(full.astype(dtype), examples, y, n_threads=1).loss)

        return loss

    exact = softmax_loss(W, X, y, n_threads=1)
    start, analytic = W[rows, columns], exact.grad[rows, columns]
    size = np.linalg.norm(analytic)
    steps = np.logspace(-12, 0, 49)
    errors = {
        (method, dtype): np.array(
            [
                np.linalg.norm(numerical_gradient(loss_in(dtype), start, method=method, h=float(h)) - analytic) / size
                for h in steps
            ]
        )
        for method in METHODS
        for dtype in DTYPES
    }
    # The second and third derivative of the mean of log sum exp(x W) by a single weight.
    scores = np.exp(X @ W)
    p = (scores / scores.sum(axis=1, keepdims=True))[:, columns]
    second = np.mean(X[:, rows] ** 2 * p * (1 - p), axis=0)
    third = np.mean(X[:, rows] ** 3 * p * (1 - p) * (1 - 2 * p), axis=0)
    truncation = {
        "forward": steps / 2 * np.linalg.norm(second) / size,
        "central": steps**2 / 6 * np.linalg.norm(third) / size,
    }
    rounding = {dtype: np.finfo(dtype).eps / 2 * exact.loss * np.sqrt(_N_WEIGHTS) / (steps * size) for dtype in DTYPES}
    return Errors(steps, errors, truncation, rounding)


def draw(numbers: Errors) -> "Figure":
    """Draw the figure."""
    figure, (ax,) = new_figure("Numeric gradients: a step can be too long, and too short", 4.8)
    for number, (method, dtype) in enumerate(numbers.errors):
        color, line = COLORS[number // 2], LINES[number % 2]
        errors = numbers.errors[method, dtype]
        best = numbers.best_step(method, dtype)
        ax.loglog(numbers.steps, errors, color=color, linestyle=line, label=f"{method}, {dtype}: best h = {best:.0e}")
        ax.plot(best, errors.min(), "o", color=color, markersize=7)
    for values, words, place in (
        (numbers.truncation["forward"], "~ h", 2e-6),
        (numbers.truncation["central"], "~ h²", 4e-4),
        (numbers.rounding["float64"], "~ 1 / h", 3e-11),
        (numbers.rounding["float32"], "~ 1 / h", 3e-5),
    ):
        falling = values[0] > values[-1]
        other = numbers.truncation["central"] if falling else numbers.rounding["float64"]
        shown = (values > other / _BEYOND) & (values < 1)
        ax.loglog(numbers.steps[shown], values[shown], color="black", linewidth=0.8, zorder=1)
        height = np.exp(np.interp(np.log(place), np.log(numbers.steps), np.log(values)))
        side, shift = ("bottom", 4) if falling else ("top", -4)
        ax.annotate(words, (place, height), (6, shift), textcoords="offset points", va=side)
    ax.text(numbers.steps[0], 2, "float32: h is lost beside the weights", fontsize=9, color=GREY)
    ax.set(xlabel="step h", ylabel="relative error of the gradient", ylim=(1e-11, 10))
    legend(ax, loc="lower left")
    return figure
