"""A saddle point: gradient descent can stop where there is no minimum.

On the ridge the gradient leads to the saddle point and vanishes there. Rules that see all examples stay on the ridge to the last
bit. The noise of minibatches leads off it. From a start a millionth beside the ridge all leave, gradient descent last: the
distance grows by a constant factor a step, which is larger with momentum, and scaled gradients lead away in large steps at once.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deeprob_fast._typing import Float64
from deeprob_fast.figures._style import LINES, legend, light_grid, new_figure
from deeprob_fast.figures._walks import BATCH_SIZE, RULES, draw_map, draw_walk, walk
from deeprob_fast.landscapes import Landscape, Trajectory, saddle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEARNING_RATE = 0.05
N_STEPS = 300
N_STEPS_ON_RIDGE = 2000
BESIDE = 1e-6
_START = -1.4
_N_SEEDS = 3


class Departures(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    pass_ : Landscape
        With its saddle point at (0, 0); the ridge is y = 0.
    on_ridge : dict of Trajectory
        Of the rules that see all examples, from a start on the ridge.
    noisy : list of Trajectory
        SGD from there, with several seeds.
    distances : dict of array
        By rule, abs(y) at each step from a start that is `BESIDE` the ridge.
    """

    pass_: Landscape
    on_ridge: dict[str, Trajectory]
    noisy: list[Trajectory]
    distances: dict[str, Float64]


def compute() -> Departures:
    """Compute the numbers of the figure."""
    pass_ = saddle()
    whole = {name: rule for name, rule in RULES.items() if rule.batch_size is None}
    on_ridge = {name: walk(pass_, (_START, 0.0), rule, LEARNING_RATE, N_STEPS_ON_RIDGE) for name, rule in whole.items()}
    noisy = [walk(pass_, (_START, 0.0), RULES["SGD"], LEARNING_RATE, N_STEPS, seed) for seed in range(_N_SEEDS)]
    beside = {name: walk(pass_, (_START, BESIDE), rule, LEARNING_RATE, N_STEPS) for name, rule in RULES.items()}
    return Departures(pass_, on_ridge, noisy, {name: np.abs(trajectory.points[:, 1]) for name, trajectory in beside.items()})


def draw(numbers: Departures) -> "Figure":
    """Draw the figure."""
    title = f"At a saddle point gradient descent stays, noise leaves (rate {LEARNING_RATE:g})"
    figure, (left, right) = new_figure(title, 4.2, 1, 2, grid=False, width_ratios=[1, 1.15])
    draw_map(left, numbers.pass_, numbers.pass_.extent)
    for number, trajectory in enumerate(numbers.noisy):
        label = f"SGD, batches of {BATCH_SIZE}" if number == 0 else None
        draw_walk(left, trajectory.points, RULES["SGD"].color, markersize=2, linewidth=0.8, label=label)
    draw_walk(left, numbers.on_ridge["GD"].points, RULES["GD"].color, markersize=5, label="gradient descent")
    legend(left, loc="lower right")
    left.set_title("from a start on the ridge", fontsize=10)
    light_grid(right)
    for number, (name, distances) in enumerate(numbers.distances.items()):
        right.semilogy(distances, color=RULES[name].color, linestyle=LINES[number % len(LINES)], label=name)
    right.set(xlabel="step", ylabel="distance from the ridge", xlim=(0, N_STEPS))
    right.set_title(f"from a start {BESIDE:g} beside it", fontsize=10)
    legend(right, loc="lower right", ncols=2)
    return figure
