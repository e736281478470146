"""The margin of a support vector machine, with and without an outlier.

The plane w^T x - b = 0 (note the minus) has a margin of 2 / norm(w). Under a weak penalty on w the margin is hard: as wide as the
points allow, with none inside, so that one outlier squeezes it. Under a strong one it is soft: points may lie inside or on the
wrong side, at a price, and the outlier hardly matters. Points that hold the plane where it is have rings: those on their margin
and those beyond it, inside or on the wrong side.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from deeprob_fast._typing import AnyArray, Float64, Int64
from deeprob_fast.figures._style import COLORS, MARKERS, new_figure
from deeprob_fast.linear.hyperplanes import Hyperplane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REGS = {"hard": 1e-3, "soft": 0.05}
OUTLIER = (0.6, -0.3)  # of the class -1
_N_PER_CLASS, _SPREAD, _CENTER = 15, 0.5, (1.3, 0.6)
_N_EPOCHS = 3000
_ON_MARGIN = 0.01
_SEED = 1


class Margin(NamedTuple):
    """A plane between points.

    Attributes
    ----------
    X : array of float64, shape (n_points, 2)
        The outlier is the last, if there is one.
    y : array of int64, shape (n_points,)
        Labels -1 and 1.
    reg : float
    plane : Hyperplane
    support : array of int64
        Numbers of the points on their margin or beyond it.
    """

    X: Float64
    y: Int64
    reg: float
    plane: Hyperplane
    support: Int64


def _fit(X: Float64, y: Int64, reg: float) -> Margin:
    from deeprob_fast.linear.estimators import LinearSVM

    model = LinearSVM(reg=reg, batch_size=None, max_epochs=_N_EPOCHS, tol=None, random_state=_SEED, n_jobs=1).fit(X, y)
    plane: Hyperplane = model.hyperplane_
    return Margin(X, y, reg, plane, plane.support_vectors(X, y, tol=_ON_MARGIN))


def compute() -> dict[tuple[str, bool], Margin]:
    """Compute the numbers of the figure, by kind of margin and whether there is an outlier."""
    y = np.repeat(np.array([-1, 1], dtype=np.int64), _N_PER_CLASS)
    X = np.random.default_rng(_SEED).normal(0, _SPREAD, (len(y), 2)) + np.outer(y, _CENTER)
    planes = {}
    for kind, reg in REGS.items():
        planes[kind, False] = _fit(X, y, reg)
        planes[kind, True] = _fit(np.vstack([X, OUTLIER]), np.append(y, -1), reg)
    return planes


def _draw_line(ax: "Axes", plane: Hyperplane, height: float, **look: Any) -> None:
    """Draw where w^T x - b has this value."""
    foot = plane.w * (plane.b + height) / (plane.w @ plane.w)
    ax.axline((foot[0], foot[1]), (foot[0] - plane.w[1], foot[1] + plane.w[0]), **look)


def draw(numbers: dict[tuple[str, bool], Margin]) -> "Figure":
    """Draw the figure."""
    figure, axes = new_figure("The margin of a support vector machine", 6.6, 2, 2, grid=False, sharex=True, sharey=True)
    everything: AnyArray = np.concatenate([plane.X for plane in numbers.values()])
    low, high = everything.min(axis=0) - 0.25, everything.max(axis=0) + 0.25
    for (kind, has_outlier), plane in numbers.items():
        ax = axes[2 * has_outlier + list(REGS).index(kind)]
        for number, label in enumerate((-1, 1)):
            rows = plane.X[plane.y == label]
            look: dict[str, Any] = {"s": 26, "color": COLORS[number], "marker": MARKERS[number]}
            ax.scatter(rows[:, 0], rows[:, 1], **look, label=f"class {label}", zorder=3)
        held = plane.X[plane.support]
        ring: dict[str, Any] = {"s": 110, "facecolors": "none", "edgecolors": "black"}
        ax.scatter(held[:, 0], held[:, 1], **ring, label="on its margin or beyond", zorder=4)
        _draw_line(ax, plane.plane, 0, color="black", linewidth=1.8, label="$w^T x - b = 0$")
        _draw_line(ax, plane.plane, -1, color="black", linewidth=1, linestyle="--")
        _draw_line(ax, plane.plane, 1, color="black", linewidth=1, linestyle="--", label=r"$\pm 1$")
        words = f"{kind}, reg = {plane.reg:g}{', an outlier' if has_outlier else ''}: "
        ax.set_title(f"{words}2 / |w| = {plane.plane.margin_width:.2f}", fontsize=10.5)
        ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    return figure
