"""A shallow local minimum beside a deep one: who stays.

At a minimum the gradient is zero, and gradient descent stops, however shallow it is. Momentum rolls over the pass if it arrives
fast enough. The noise of small batches shakes the parameters out in time; that of larger ones is too weak. The bars say from how
many starts, all in the basin of the shallow minimum, the deep one was reached, with one learning rate for all.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deeprob_fast.figures._style import LINES, legend, new_figure
from deeprob_fast.figures._walks import BATCH_SIZE, RHO, RULES, draw_map, draw_walk, walk
from deeprob_fast.landscapes import Landscape, Trajectory, double_well

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_STARTS, N_STEPS = 24, 150
LEARNING_RATE = 0.2
_SEED = 0
_SHOWN_START = (-1.65, 0.9)
_TITLES = {"SGD": f"SGD, batches of {BATCH_SIZE}", "momentum": f"momentum {RHO}", "Nesterov": f"Nesterov {RHO}"}
_CONTESTANTS = {_TITLES.get(name, name): rule for name, rule in RULES.items()}
_CONTESTANTS |= {f"SGD, batches of {size}": RULES["SGD"]._replace(batch_size=size) for size in (5, 1)}
_SHOWN = ("GD", f"momentum {RHO}", "SGD, batches of 1")


class Escapes(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    wells : Landscape
    trajectories : dict of Trajectory
        Of some rules, from one start.
    escaped : dict of float
        By rule, the share of the starts from which it ended in the deep well.
    """

    wells: Landscape
    trajectories: dict[str, Trajectory]
    escaped: dict[str, float]


def compute() -> Escapes:
    """Compute the numbers of the figure."""
    wells = double_well()
    barrier = wells.saddles[0, 0]
    random = np.random.default_rng(_SEED)
    starts = np.column_stack([random.uniform(-1.7, barrier - 0.1, N_STARTS), random.uniform(-1.2, 1.2, N_STARTS)])
    escaped = {}
    for name, rule in _CONTESTANTS.items():
        ends = [walk(wells, start, rule, LEARNING_RATE, N_STEPS, seed).points[-1] for seed, start in enumerate(starts)]
        escaped[name] = float(np.mean([end[0] > barrier for end in ends]))
    shown = {name: walk(wells, _SHOWN_START, _CONTESTANTS[name], LEARNING_RATE, N_STEPS) for name in _SHOWN}
    return Escapes(wells, shown, escaped)


def draw(numbers: Escapes) -> "Figure":
    """Draw the figure."""
    title = f"A local minimum holds gradient descent; noise and momentum may leave it (rate {LEARNING_RATE:g})"
    figure, (left, right) = new_figure(title, 3.9, 1, 2, grid=False, width_ratios=[1.5, 1])
    draw_map(left, numbers.wells, numbers.wells.extent)
    for number, (name, trajectory) in enumerate(numbers.trajectories.items()):
        draw_walk(left, trajectory.points, _CONTESTANTS[name].color, linestyle=LINES[number], label=name)
    left.set_title("three rules from one start", fontsize=10)
    legend(left, loc="lower left")
    names = sorted(numbers.escaped, key=numbers.escaped.__getitem__)
    bars = right.barh(names, [100 * numbers.escaped[name] for name in names], color=[_CONTESTANTS[n].color for n in names])
    right.bar_label(bars, [f"{100 * numbers.escaped[name]:.0f} %" for name in names], padding=3, fontsize=9)
    right.set(xlim=(0, 118), xticks=[])
    right.set_title("starts that reached the deep one", fontsize=10)
    right.spines["bottom"].set_visible(False)
    return figure
