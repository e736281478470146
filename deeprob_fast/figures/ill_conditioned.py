"""An ill-conditioned valley, and what the update rules make of it.

The largest singular value of the Hessian, over the smallest, is the condition number: 50 here. Gradient descent jitters along the
steep axis and creeps along the shallow one. The bars are mean steps from four starts until the loss stays low, each rule with the
learning rate, of several, that serves it best without ever leading twice as far away as the start. Rules that scale each
parameter by itself lose much of their lead when the valley lies oblique to the parameters; the others do not notice.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deeprob_fast._typing import Float64
from deeprob_fast.figures._style import GREY, legend, light_grid, new_figure
from deeprob_fast.figures._walks import NOTE, RULES, Rule, draw_map, draw_walk, walk
from deeprob_fast.landscapes import Landscape, Trajectory, condition_number, quadratic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CONDITION_NUMBER = 50.0
TOLERANCE = 0.001
N_STEPS = 200
_LEARNING_RATES = {False: np.geomspace(0.0024, 0.0384, 9), True: np.geomspace(0.02, 0.64, 6)}
_NOISE = 0.2
_FAR = 2.0
_STARTS = np.array([[-1.8, 0.5], [-1.5, -0.2], [1.1, 0.6], [1.9, -0.3]])
_ANGLES = {"along the parameters": 0.0, "oblique, by 30°": np.pi / 6}


class Tuned(NamedTuple):
    """A rule with its best learning rate: mean steps from the starts (infinite if one did not arrive), the first way."""

    learning_rate: float
    mean_steps: float
    trajectory: Trajectory


class Valleys(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    valley : Landscape
        Along the parameters.
    condition_number : float
        Of its Hessian.
    tuned : dict of dict of Tuned
        By how the valley lies, then by rule.
    """

    valley: Landscape
    condition_number: float
    tuned: dict[str, dict[str, Tuned]]


def _valley(angle: float) -> Landscape:
    return quadratic(CONDITION_NUMBER, angle=angle, noise=_NOISE)


def _tuned(valley: Landscape, starts: Float64, rule: Rule) -> Tuned:
    tried = []
    for learning_rate in _LEARNING_RATES[rule.scales]:
        walks = [walk(valley, start, rule, learning_rate, N_STEPS) for start in starts]
        # A jump far away that happens to end well, such as RMSprop's first step of 10 times the rate, does not count.
        distances = [np.linalg.norm(trajectory.points, axis=1) for trajectory in walks]
        calm = all(away.max() < _FAR * away[0] for away in distances)
        steps = [trajectory.steps_to(TOLERANCE) if calm else None for trajectory in walks]
        tried.append(Tuned(learning_rate, float(np.mean([np.inf if n is None else n for n in steps])), walks[0]))
    return min(tried, key=lambda one: one.mean_steps)


def compute() -> Valleys:
    """Compute the numbers of the figure."""
    tuned = {}
    for lie, angle in _ANGLES.items():
        turned = _STARTS @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        tuned[lie] = {name: _tuned(_valley(angle), turned, rule) for name, rule in RULES.items()}
    valley = _valley(0.0)
    return Valleys(valley, condition_number(valley.hessian([0.0, 0.0])), tuned)


def draw(numbers: Valleys) -> "Figure":
    """Draw the figure."""
    title = f"Condition number {numbers.condition_number:.0f}: steep one way, shallow the other"
    figure, axes = new_figure(title, 6.0, 3, 4, grid=False, height_ratios=[1, 1, 1.6])
    along = next(iter(numbers.tuned.values()))
    for ax, (rule, tuned) in zip(axes, along.items(), strict=False):
        draw_map(ax, numbers.valley, (-2.0, 1.0, -0.75, 0.75))
        draw_walk(ax, tuned.trajectory.points, RULES[rule].color)
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"{rule}, rate {tuned.learning_rate:.2g}", fontsize=9)
    words = f"ring: start\ncross: minimum\ndots: steps\n{NOTE}"
    axes[7].text(0, 0.5, words, va="center", fontsize=8, color=GREY, transform=axes[7].transAxes)
    axes[7].set_axis_off()
    bars, *covered = axes[8:]
    for ax in covered:
        ax.remove()
    grid = bars.get_gridspec()
    assert grid is not None
    bars.set_subplotspec(grid[2, :])
    light_grid(bars)
    positions = np.arange(len(RULES))
    colors = [rule.color for rule in RULES.values()]
    for number, (lie, by_rule) in enumerate(numbers.tuned.items()):
        steps = [tuned.mean_steps for tuned in by_rule.values()]
        drawn = bars.bar(
            positions + 0.4 * number - 0.2,
            np.minimum(steps, N_STEPS),
            0.38,
            color=colors,
            alpha=(1.0, 0.45)[number],
            hatch=("", "///")[number],
            edgecolor="white",
            label=lie,
        )
        bars.bar_label(drawn, [f"{n:.0f}" if n < np.inf else f"> {N_STEPS}" for n in steps], fontsize=9)
    bars.set_xticks(positions, list(RULES))
    bars.set_ylabel(f"steps to a loss below {TOLERANCE:g}")
    bars.margins(y=0.35)
    legend(bars, title="the valley lies", loc="upper left", ncols=2)
    return figure
