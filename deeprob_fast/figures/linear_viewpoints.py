"""Three viewpoints of one linear classifier.

Images of the digits 5, 6 and 7 are averaged down to 2 x 2 pixels, and softmax regression learns to tell them apart. Its weights,
rounded so that they can be checked by hand, are seen in three ways. Algebraic: the image is stretched into a column x, and the
scores are W x + b. Visual: each class has a template, and its score is how well the image fits it. Geometric: each score grows
along a direction and is zero on a plane; shown is the slice of the four-dimensional space in which the two lower pixels stay as
they are in the image, with the images that lie near it. The templates of all ten digits are those of 8 x 8 pixels.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from deeprob_fast import datasets
from deeprob_fast._typing import Float64, Int64
from deeprob_fast.figures._style import COLORS, new_figure
from deeprob_fast.linear.hyperplanes import Hyperplane
from deeprob_fast.linear.optimum.minimize import minimize_softmax
from deeprob_fast.plots._axes import rectangle
from deeprob_fast.plots._colors import legible
from deeprob_fast.plots.decision_regions import DecisionRegionsDisplay
from deeprob_fast.plots.templates import TemplatesDisplay

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DIGITS = (5, 6, 7)
_REG = 0.01
_EXAMPLE = 1  # the number of the image among those of these digits
_LARGEST = 16  # a white pixel
END = 11.0  # of the slice, in which the pixels of all images lie
_N_GRID = 160
_NEAR = 1.0  # how much the lower pixels of an image near the slice may differ


class Viewpoints(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    W : array of float64, shape (4, n_classes)
        Upper left pixel, upper right, lower left, lower right.
    b : array of float64, shape (n_classes,)
    accuracy : float
        Of these weights on the images that they were learned from.
    x : array of float64, shape (4,)
        The image.
    algebraic, visual, geometric : array of float64, shape (n_classes,)
        Its scores: W x + b; overlap with the templates; distance from each plane times the norm of its weights.
    regions : array of int64, shape (n, n)
        Number of the class that wins in the slice; rows upwards.
    near, near_classes : array
        Upper pixels of the images near the slice, and their numbers of classes.
    templates : array of float64, shape (10, 8, 8)
    """

    W: Float64
    b: Float64
    accuracy: float
    x: Float64
    algebraic: Float64
    visual: Float64
    geometric: Float64
    regions: Int64
    near: Float64
    near_classes: Int64
    templates: Float64


def _learn(X: Float64, y: Int64) -> Float64:
    """Return weights with the bias as the last row."""
    return minimize_softmax(X, y, reg=_REG, n_threads=1).W


def compute() -> Viewpoints:
    """Compute the numbers of the figure."""
    digits = datasets.load_digits()
    of_these = np.isin(digits.train_labels, DIGITS)
    images = digits.train[of_these].reshape(-1, 2, 4, 2, 4).mean(axis=(2, 4))
    X = images.round().reshape(-1, 4)
    y = np.searchsorted(DIGITS, digits.train_labels[of_these])
    weights = _learn(X, y).round(1)
    W, b = weights[:-1], weights[-1]
    x = X[_EXAMPLE]
    planes = [Hyperplane(weights, -offset) for weights, offset in zip(W.T, b, strict=True)]
    geometric = np.array([plane.distances(x[np.newaxis])[0] * np.linalg.norm(plane.w) for plane in planes])
    visual = np.array([(template * x.reshape(2, 2)).sum() for template in W.T.reshape(-1, 2, 2)]) + b
    steps = (np.arange(_N_GRID) + 0.5) * END / _N_GRID
    first, second = np.meshgrid(steps, steps)
    slice_scores = first[..., np.newaxis] * W[0] + second[..., np.newaxis] * W[1] + (x[2:] @ W[2:] + b)
    is_near = (np.abs(X[:, 2:] - x[2:]) <= _NEAR).all(axis=1)
    templates = _learn(digits.train / _LARGEST, digits.train_labels)[:-1].T.reshape(-1, 8, 8)
    return Viewpoints(
        W,
        b,
        float(((X @ W + b).argmax(axis=1) == y).mean()),
        x,
        x @ W + b,
        visual,
        geometric,
        slice_scores.argmax(axis=2),
        X[is_near, :2],
        y[is_near],
        templates,
    )


def _cells(ax: "Axes", left: float, top: float, values: Float64, form: str, colors: Any) -> None:
    """Draw a matrix of numbers, each in a square of its colour; colours are (n_rows or 1, n_columns or 1, 3)."""
    colors = np.broadcast_to(colors, (*values.shape, 3))
    for (row, column), value in np.ndenumerate(values):
        color = colors[row, column]
        rectangle(ax, (left + column, top + row), 1, 1, facecolor=color, edgecolor="0.3", linewidth=0.8)
        ax.text(left + column + 0.5, top + row + 0.5, f"{value:{form}}", ha="center", va="center", color=legible(color))


def _draw_algebra(ax: "Axes", numbers: Viewpoints) -> None:
    from matplotlib.colors import to_rgb

    pale = [[0.65 + 0.35 * np.array(to_rgb(color))] for color in COLORS[: len(DIGITS)]]
    for left, top, pixels in ((0, 1, numbers.x.reshape(2, 2)), (9, 0, numbers.x[:, np.newaxis])):
        _cells(ax, left, top, pixels, "g", pixels[..., np.newaxis] / _LARGEST)
    for left, values in ((4, numbers.W.T), (11, numbers.b[:, np.newaxis]), (13, numbers.algebraic[:, np.newaxis])):
        _cells(ax, left, 0.5, values, ".1f", pale)
    for place, sign in ((3, "→"), (8.5, "·"), (10.5, "+"), (12.5, "=")):
        ax.text(place, 2, sign, ha="center", va="center", fontsize=14)
    for place, word in ((1, "image"), (6, "W"), (9.5, "x"), (11.5, "b"), (13.5, "scores")):
        ax.text(place, 4.5, word, ha="center", va="center")
    for row, digit in enumerate(DIGITS):
        winner = "  wins" if row == numbers.algebraic.argmax() else ""
        ax.text(14.2, row + 1, f"{digit}{winner}", va="center")
    ax.set(xlim=(-0.5, 16), ylim=(5, -0.3), aspect="equal", title="algebraic: W x + b")
    ax.set_axis_off()


def draw(numbers: Viewpoints) -> "Figure":
    """Draw the figure."""
    title = f"Three viewpoints of one linear classifier, which gets {numbers.accuracy:.0%} of its images right"
    figure, axes = new_figure(title, 7.4, 3, 2, grid=False, height_ratios=(1.3, 1, 1.1))
    algebra, _, templates, geometry, all_digits, _ = axes
    place = algebra.get_subplotspec()
    assert place is not None
    cells = place.get_gridspec()
    algebra.set_subplotspec(cells[0, :])
    geometry.set_subplotspec(cells[1:, 1])
    axes[1].remove()
    axes[5].remove()
    _draw_algebra(algebra, numbers)
    names = [f"{digit}: score {score:.1f}" for digit, score in zip(DIGITS, numbers.visual, strict=True)]
    for image in TemplatesDisplay(numbers.W.T.reshape(-1, 2, 2), names).plot(templates).images_:
        start, end, bottom, top = image.get_extent()
        rectangle(templates, (start, top), end - start, bottom - top, fill=False, edgecolor="0.3", linewidth=0.8)
    templates.set_title("visual: a template of each class")
    TemplatesDisplay(numbers.templates).plot(all_digits)
    all_digits.set_title("learned from all digits, 8 x 8 pixels", fontsize=10)
    offsets = numbers.x[2:] @ numbers.W[2:] + numbers.b
    lines = np.column_stack([numbers.W[:2].T, offsets])
    extent = (0.0, END, 0.0, END)
    DecisionRegionsDisplay(numbers.near, numbers.near_classes, numbers.regions, extent, DIGITS, lines).plot(geometry, s=16)
    geometry.plot(*numbers.x[:2], "*", color="white", markeredgecolor="black", markersize=16, zorder=5)
    geometry.annotate("the image", tuple(numbers.x[:2]), (8, -12), textcoords="offset points", zorder=5)
    geometry.set(
        xlabel="upper left pixel",
        ylabel="upper right pixel",
        title="geometric: 0 on a line, growing along its arrow",
        aspect="equal",
    )
    return figure
