"""The decision regions of k nearest neighbours.

Above, the course's toy: 20 points anywhere in the unit square, each of one of five classes at random. There is nothing to learn,
and one neighbour learns it by heart: every point keeps its label. Below, three classes that do have borders (dotted), with a
tenth of the labels wrong: one neighbour makes an island of each wrong label, more neighbours vote it down. How well the regions
agree with the true ones is measured on a grid of 10,000 points.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deeprob_fast._typing import Float64, Int64
from deeprob_fast.figures._style import new_figure
from deeprob_fast.plots.decision_regions import DecisionRegionsDisplay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

K_VALUES = (1, 3, 5)
_N_GRID = 100  # points of the grid along each axis
_N_TOY, _N_TOY_CLASSES = 20, 5
_N_NOISY, _N_NOISY_CLASSES, _WRONG = 200, 3, 0.1
_SEED = 0


class Regions(NamedTuple):
    """Points, and what their neighbours vote.

    Attributes
    ----------
    X : array of float64, shape (n_points, 2)
        In the unit square.
    y : array of int64, shape (n_points,)
    n_classes : int
    votes : dict
        For each k the classes on the grid, shape (n, n); rows upwards.
    train_accuracy : dict
        For each k the share of the points that are classified as they are labelled.
    truth : array of int64, shape (n, n), or None
        The true classes on the grid; None where classes are random.
    """

    X: Float64
    y: Int64
    n_classes: int
    votes: dict[int, Int64]
    train_accuracy: dict[int, float]
    truth: Int64 | None

    def agreement(self, k: int) -> float:
        """Return the share of the grid that gets its true class."""
        return float((self.votes[k] == self.truth).mean())


def grid() -> Float64:
    """Return the centers of the cells of the unit square, row by row from the bottom."""
    steps = (np.arange(_N_GRID) + 0.5) / _N_GRID
    x, y = np.meshgrid(steps, steps)
    return np.column_stack([x.ravel(), y.ravel()])


def true_classes(points: Float64) -> Int64:
    """Return 0 below a wave, and above it 1 left and 2 right of a slanted line."""
    x, y = points.T
    above = y > 0.45 + 0.15 * np.sin(2 * np.pi * x)
    return np.where(above, 1 + (x - 0.3 * (y - 0.5) > 0.5), 0).astype(np.int64)


def _vote(X: Float64, y: Int64, n_classes: int, truth: Int64 | None) -> Regions:
    from deeprob_fast.knn.estimators.classifiers import KNeighborsClassifier

    votes, accuracy = {}, {}
    for k in K_VALUES:
        model = KNeighborsClassifier(n_neighbors=k, n_jobs=1).fit(X, y)
        votes[k] = model.predict(grid()).reshape(_N_GRID, _N_GRID)
        accuracy[k] = float(model.score(X, y))
    return Regions(X, y, n_classes, votes, accuracy, truth)


def compute() -> tuple[Regions, Regions]:
    """Compute the numbers of the figure: for random classes, and for classes with borders."""
    random = np.random.default_rng(_SEED)
    toy = _vote(random.random((_N_TOY, 2)), random.integers(0, _N_TOY_CLASSES, _N_TOY), _N_TOY_CLASSES, None)
    X = random.random((_N_NOISY, 2))
    wrong = np.where(random.random(_N_NOISY) < _WRONG, random.integers(1, _N_NOISY_CLASSES, _N_NOISY), 0)
    y = (true_classes(X) + wrong) % _N_NOISY_CLASSES
    return toy, _vote(X, y, _N_NOISY_CLASSES, true_classes(grid()).reshape(_N_GRID, _N_GRID))


def draw(numbers: tuple[Regions, Regions]) -> "Figure":
    """Draw the figure."""
    figure, axes = new_figure("k nearest neighbours: few follow the noise, more vote it down", 5.8, 2, len(K_VALUES), grid=False)
    for row, regions in enumerate(numbers):
        for column, k in enumerate(K_VALUES):
            ax = axes[row * len(K_VALUES) + column]
            votes = regions.votes[k]
            DecisionRegionsDisplay(regions.X, regions.y, votes, (0, 1, 0, 1), range(regions.n_classes)).plot(ax, s=14)
            title = f"k = {k}: {regions.train_accuracy[k]:.0%} of the points right"
            if regions.truth is not None:
                levels = np.arange(regions.n_classes - 1) + 0.5
                ax.contour(regions.truth, levels, extent=(0, 1, 0, 1), colors="black", linestyles=":", linewidths=1.2)
                title += f",\n{regions.agreement(k):.1%} of the true area"
            ax.set_title(title, fontsize=10)
            ax.set(aspect="equal", xticks=(0, 1), yticks=(0, 1), xlabel="", ylabel="")
            explained = ax.get_legend()
            if explained is not None and column < len(K_VALUES) - 1:
                explained.remove()
    return figure
