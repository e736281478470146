"""The look that the figures share: size, letters, grid, and the plots' colours, which colour-blind people tell apart."""

from typing import TYPE_CHECKING, Any

import numpy as np

from deeprob_fast._optional import require
from deeprob_fast.plots._axes import COLORS, LINES, MARKERS, light_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLORS", "GREY", "LINES", "MARKERS", "legend", "light_grid", "new_figure"]

GREY = "0.45"

_WIDTH = 8.0  # inches

_LOOK = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.8,
}


def new_figure(
    title: str, height: float, n_rows: int = 1, n_columns: int = 1, *, grid: bool = True, **options: Any
) -> "tuple[Figure, list[Axes]]":
    """Make a figure with axes, row after row.

    Parameters
    ----------
    title : str
    height : float
        In inches; all are equally wide.
    n_rows, n_columns : int
        Of axes.
    grid : bool
        Whether they have one.
    options : optional
        Passed to pyplot.subplots.
    """
    pyplot = require("matplotlib.pyplot", "plot")
    with pyplot.rc_context(_LOOK):
        figure, axes = pyplot.subplots(
            n_rows, n_columns, figsize=(_WIDTH, height), layout="constrained", squeeze=False, **options
        )
    figure.suptitle(title, fontsize=12)
    flat = list(np.ravel(axes))
    if grid:
        for ax in flat:
            light_grid(ax)
    return figure, flat


def legend(ax: "Axes", **options: Any) -> None:
    """Explain the lines, in small letters on a background that lets little shine through."""
    ax.legend(**{"fontsize": 9, "framealpha": 0.9, "edgecolor": "none"} | options)
