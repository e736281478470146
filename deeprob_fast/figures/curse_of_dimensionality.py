"""The curse of dimensionality.

Left: to have m points along every axis of a space of d dimensions takes m to the power of d points. For the 32 x 32 pixels of a
small image, even if each is only black or white, these are 2 to the power of 1024, about 10 to the power of 308. Right: the
distances between points drawn evenly from the unit cube. The more dimensions, the more equal they are: the nearest of 1000
points is hardly nearer than the farthest. Real images are gentler than their number of pixels says: they do not fill their space.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deeprob_fast import datasets
from deeprob_fast._typing import AnyArray
from deeprob_fast.figures._style import COLORS, GREY, LINES, legend, new_figure
from deeprob_fast.knn.distances import pairwise_distances

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PER_AXIS = (2, 4, 10)
N_DIMENSIONS = tuple(2**i for i in range(11))
_N_POINTS, _N_QUERIES = 1000, 100
_ATOMS = 80  # in the visible universe, 10 to the power of about this
_SEED = 0


class Spread(NamedTuple):
    """How different the distances of a query to all points are, at the median of the queries.

    Attributes
    ----------
    contrast : float
        (farthest - nearest) / nearest.
    ratio : float
        nearest / farthest.
    """

    contrast: float
    ratio: float


class Curse(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    n_needed : dict
        For each number of points along an axis and each number of dimensions: points that cover the cube.
    spreads : dict
        For each number of dimensions that of evenly spread points.
    digits : Spread
        Of images of digits.
    n_pixels : int
        Of such an image.
    """

    n_needed: dict[int, dict[int, int]]
    spreads: dict[int, Spread]
    digits: Spread
    n_pixels: int


def _spread(points: AnyArray, queries: AnyArray) -> Spread:
    distances = pairwise_distances(queries, points, n_threads=1)
    nearest, farthest = distances.min(axis=1), distances.max(axis=1)
    return Spread(float(np.median((farthest - nearest) / nearest)), float(np.median(nearest / farthest)))


def compute() -> Curse:
    """Compute the numbers of the figure."""
    random = np.random.default_rng(_SEED)
    needed = {m: {d: m**d for d in N_DIMENSIONS} for m in PER_AXIS}
    spreads = {d: _spread(random.random((_N_POINTS, d)), random.random((_N_QUERIES, d))) for d in N_DIMENSIONS}
    digits = datasets.load_digits()
    images = _spread(digits.train[:_N_POINTS] / 16.0, digits.test[:_N_QUERIES] / 16.0)
    return Curse(needed, spreads, images, digits.train.shape[1])


def draw(numbers: Curse) -> "Figure":
    """Draw the figure."""
    figure, (left, middle, right) = new_figure("The curse of dimensionality", 3.9, 1, 3, width_ratios=(1.25, 1, 1))
    for number, (m, needed) in enumerate(numbers.n_needed.items()):
        exponents = [math.log10(n) for n in needed.values()]
        left.plot(list(needed), exponents, color=COLORS[number], linestyle=LINES[number], label=f"m = {m}")
    pixels = max(numbers.n_needed[2])
    highest = math.log10(numbers.n_needed[2][pixels])
    left.plot(pixels, highest, "o", color=COLORS[0])
    words = f"$2^{{{pixels}}} \\approx 10^{{{highest:.0f}}}$"
    left.annotate(words, (pixels, highest), (2, 8), textcoords="offset points", ha="right")
    left.axhline(_ATOMS, color=GREY, linewidth=1)
    left.annotate("atoms in the visible universe", (pixels, _ATOMS), (0, -11), textcoords="offset points", ha="right", fontsize=8)
    left.set_title("points, m along every axis", fontsize=10)
    left.set(xlabel="dimensions", ylim=(0, 1.15 * highest), xticks=(1, pixels // 2, pixels))
    left.set_yticks((0, 100, 200, 300), ("1", "$10^{100}$", "$10^{200}$", "$10^{300}$"))
    legend(left, loc="lower right", bbox_to_anchor=(1.03, 0.27), fontsize=8, handlelength=1.6)
    dimensions = list(numbers.spreads)
    for ax, name in ((middle, "contrast"), (right, "ratio")):
        ax.plot(dimensions, [getattr(s, name) for s in numbers.spreads.values()], "o-", color=COLORS[0], label="evenly spread")
        ax.plot(numbers.n_pixels, getattr(numbers.digits, name), "s", color=COLORS[1], label="images of digits")
        ax.set_xscale("log", base=2)
        ax.set_xticks(dimensions[::3], [str(d) for d in dimensions[::3]])
        ax.set_xlabel("dimensions")
    middle.set_yscale("log")
    middle.set_title("(farthest - nearest) / nearest", fontsize=10)
    right.set_ylim(0, 1)
    right.set_title("nearest / farthest distance", fontsize=10)
    legend(middle, fontsize=8)
    return figure
