"""What the displays share: where they draw, marks that are told apart without colour, an axis for k."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from deeprob_fast import _optional

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle

# Okabe and Ito, "Color Universal Design", 2008: told apart by colour-blind people. Markers and lines serve greyscale.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#6A51A3", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.", ":")

# What a label takes of the length of an axis.
_LABEL_SHARE = 0.045


# What every method that draws images takes and returns, for its docstring.
DRAWS_IMAGES = """
Parameters
----------
ax : Axes, optional
    By default those of a new figure.
kwargs : optional
    Passed to matplotlib's imshow.

Returns
-------
self
"""


class Display:
    """What all displays set when they are drawn.

    Attributes
    ----------
    ax_ : Axes
    figure_ : Figure
    """

    ax_: "Axes"
    figure_: "Figure | SubFigure"

    def _start(self, ax: "Axes | None", size: tuple[float, float] = (6.4, 4.4)) -> "Axes":
        """Return the axes to draw on: those given, or those of a new figure of this size in inches."""
        if ax is None:
            pyplot = _optional.require("matplotlib.pyplot", "plot")
            _, ax = pyplot.subplots(figsize=size, layout="constrained")
        assert ax is not None
        self.ax_, self.figure_ = ax, ax.figure
        return ax


def style(number: int) -> dict[str, Any]:
    """Return colour, marker and line of the number-th of several lines."""
    return {
        "color": COLORS[number % len(COLORS)],
        "marker": MARKERS[number % len(MARKERS)],
        "linestyle": LINES[number % len(LINES)],
    }


def ring(ax: "Axes", x: float, y: float) -> "Line2D":
    """Draw a ring around a point."""
    (mark,) = ax.plot([x], [y], "o", markersize=15, markerfacecolor="none", markeredgecolor="black", markeredgewidth=1.5)
    return mark


def rectangle(ax: "Axes", corner: tuple[float, float], width: float, height: float, **kwargs: Any) -> "Rectangle":
    """Draw a rectangle."""
    from matplotlib.patches import Rectangle

    patch = Rectangle(corner, width, height, **kwargs)
    ax.add_patch(patch)
    return patch


def k_axis(ax: "Axes", k_values: Iterable[int]) -> None:
    """Label an axis with the numbers of neighbours that were tried; it is logarithmic from a factor of 10 on."""
    values = sorted(set(k_values))
    shown = values
    if values[-1] >= 10 * values[0]:
        ax.set_xscale("log")
        shown = values[:1]
        room = (values[-1] / values[0]) ** _LABEL_SHARE
        for value in values[1:]:
            if value >= room * shown[-1]:
                shown.append(value)
    ax.set_xticks(shown, [str(value) for value in shown])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("number of neighbours k")


def light_grid(ax: "Axes") -> None:
    """Draw a grid behind everything else."""
    ax.grid(visible=True, color="0.9", linewidth=0.8)
    ax.set_axisbelow(True)
