"""What the figures of landscapes share: the rules that walk, maps with heights and ways."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from deeprob_fast._typing import ArrayLike, Float64
from deeprob_fast.figures._style import COLORS
from deeprob_fast.landscapes import Landscape, Trajectory, descend
from deeprob_fast.optim import SGD, Adagrad, Adam, Optimizer, RMSprop

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BATCH_SIZE = 20
RHO = 0.9

_N_LEVELS = 16


class Rule(NamedTuple):
    """An update rule, and how many examples of a landscape a step sees."""

    make: Callable[[float], Optimizer]
    color: str
    batch_size: int | None = None
    scales: bool = False  # each parameter by the size of its gradients


RULES = {
    "GD": Rule(SGD, COLORS[0]),
    "SGD": Rule(SGD, COLORS[1], BATCH_SIZE),
    "momentum": Rule(lambda lr: SGD(lr, momentum=RHO), COLORS[2]),
    "Nesterov": Rule(lambda lr: SGD(lr, momentum=RHO, nesterov=True), COLORS[3]),
    "Adagrad": Rule(Adagrad, COLORS[4], scales=True),
    "RMSprop": Rule(RMSprop, COLORS[5], scales=True),
    "Adam": Rule(Adam, COLORS[6], scales=True),
}
NOTE = f"SGD: batches of {BATCH_SIZE}\nmomentum, Nesterov:\nrho = {RHO}"


def walk(landscape: Landscape, start: ArrayLike, rule: Rule, learning_rate: float, n_steps: int, seed: int = 0) -> Trajectory:
    """Let a rule walk."""
    return descend(landscape, start, rule.make(learning_rate), n_steps, batch_size=rule.batch_size, seed=seed)


def draw_map(ax: "Axes", landscape: Landscape, extent: tuple[float, float, float, float]) -> None:
    """Draw lines of equal height, each around an equal share of the map, and crosses on the minima."""
    left, right, bottom, top = extent
    x, y = np.meshgrid(np.linspace(left, right, 161), np.linspace(bottom, top, 161))
    heights = landscape.value(np.stack([x, y], axis=-1))
    levels = np.quantile(heights, np.linspace(0, 1, _N_LEVELS + 2)[1:-1])
    ax.contour(x, y, heights, levels=levels, colors="0.75", linewidths=0.7)
    ax.plot(*landscape.minima.T, "x", color="black", markersize=7, zorder=4)
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")


def draw_walk(ax: "Axes", points: Float64, color: str, **options: Any) -> None:
    """Draw a way, a dot at each step and a ring at the start."""
    look: dict[str, Any] = {"color": color, "marker": ".", "markersize": 4, "linewidth": 1.1}
    ax.plot(*points.T, **look | options)
    ax.plot(*points[0], "o", markersize=7, markerfacecolor="white", markeredgecolor="black", zorder=4)
