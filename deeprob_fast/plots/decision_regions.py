"""The geometric viewpoint: which class wins where, in two dimensions."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from deeprob_fast import _validation
from deeprob_fast._labels import places
from deeprob_fast._typing import AnyArray, ArrayLike, Float64
from deeprob_fast.plots._axes import COLORS, LINES, MARKERS, Display

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.lines import Line2D
    from matplotlib.text import Annotation

_N_GRID = 240  # points of the grid along each axis
_MARGIN = 0.12  # beyond the outermost points, as a share of their spread
_ARROW = 0.09  # of the diagonal


class DecisionRegionsDisplay(Display):
    """Regions of the classes, points and, for linear classifiers, the line on which each score is 0.

    Parameters
    ----------
    X : array, shape (n_points, 2)
    y : array, shape (n_points,)
        Numbers of classes.
    regions : array of int, shape (n, n)
        Number of the class that wins, at each point of the grid; rows upwards.
    extent : (left, right, bottom, top)
        Of the grid.
    class_names : sequence
    lines : array, shape (n_lines, 3), optional
        a, b and c of the lines a x + b y + c = 0, one for each class, or only that of the second of two classes.

    Attributes
    ----------
    image_ : AxesImage
        The regions.
    borders_ : QuadContourSet or None
        Lines between them; None if there is one region only.
    points_ : list of PathCollection
        One for each class.
    lines_ : list of Line2D
        Where scores are 0; those that do not cross the picture are left out.
    arrows_ : list of Annotation
        From those lines to where the score grows.
    ax_, figure_
        Where it is drawn.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> display = df.plots.DecisionRegionsDisplay([[0.5, 0.5]], [0], [[0, 1], [0, 1]], (0, 1, 0, 1), ["left", "right"])
    >>> display.lines is None
    True
    """

    def __init__(
        self, X: Any, y: Any, regions: Any, extent: tuple[float, float, float, float], class_names: Any, lines: Any = None
    ) -> None:
        self.X, self.y, self.regions, self.extent = np.asarray(X), np.asarray(y), np.asarray(regions), extent
        self.class_names = [str(name) for name in class_names]
        self.lines = None if lines is None else np.asarray(lines, dtype=np.float64)

    @classmethod
    def from_estimator(cls, estimator: Any, X: ArrayLike, y: ArrayLike, *, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw the regions of a fitted classifier.

        Parameters
        ----------
        estimator : object
            With `predict` and `classes_`; with `coef_` and `intercept_` too, if its lines shall be drawn.
        X : array-like, shape (n_points, 2)
        y : array-like, shape (n_points,)
            Labels of `classes_`.
        ax : Axes, optional
        kwargs : optional
            Passed to `plot`.

        Returns
        -------
        DecisionRegionsDisplay

        Raises
        ------
        ValueError
            If X has not two features, or y holds other labels.
        """
        classes = np.asarray(estimator.classes_)
        points = _points(X)
        labels = _validation.check_labels("y", y, len(points), "X")
        truth = places("y", labels, classes)
        if (unknown := truth < 0).any():
            msg = f"y must hold labels of the estimator's classes, {classes.tolist()}; got {labels[unknown][0]!r}"
            raise ValueError(msg)
        extent, grid = _grid(points)
        numbers = np.searchsorted(classes, estimator.predict(grid.astype(points.dtype))).reshape(_N_GRID, _N_GRID)
        lines = None
        if hasattr(estimator, "coef_"):
            lines = np.column_stack([estimator.coef_, np.broadcast_to(estimator.intercept_, len(estimator.coef_))])
        return cls(points, truth, numbers, extent, classes, lines).plot(ax=ax, **kwargs)

    @classmethod
    def from_weights(cls, W: ArrayLike, X: ArrayLike, y: ArrayLike, *, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw the regions of weights.

        Parameters
        ----------
        W : array-like, shape (2, n_classes) or (3, n_classes)
            The third row is the bias.
        X : array-like, shape (n_points, 2)
        y : array-like of int, shape (n_points,)
            Numbers of classes.
        ax : Axes, optional
        kwargs : optional
            Passed to `plot`.

        Returns
        -------
        DecisionRegionsDisplay

        Raises
        ------
        ValueError
            If a shape is not as stated, or y holds other numbers.
        """
        weights, points = _validation.check_rows("W", W), _points(X)
        if len(weights) not in (2, 3):
            msg = f"W must have 2 rows, or 3 with a bias; got shape {weights.shape}"
            raise ValueError(msg)
        n_classes = weights.shape[1]
        truth = _validation.check_class_numbers("y", y, len(points), n_classes)
        lines = np.zeros((n_classes, 3))
        lines[:, : len(weights)] = weights.T
        extent, grid = _grid(points)
        numbers = (grid @ lines[:, :2].T + lines[:, 2]).argmax(axis=1).reshape(_N_GRID, _N_GRID)
        return cls(points, truth, numbers, extent, range(n_classes), lines).plot(ax=ax, **kwargs)

    def plot(self, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : Axes, optional
            By default those of a new figure.
        kwargs : optional
            Passed to matplotlib's scatter.

        Returns
        -------
        self
        """
        from matplotlib.colors import ListedColormap

        ax = self._start(ax)
        n_classes = len(self.class_names)
        colors = [COLORS[number % len(COLORS)] for number in range(n_classes)]
        options: dict[str, Any] = {"origin": "lower", "extent": self.extent, "aspect": "auto", "interpolation": "nearest"}
        self.image_ = ax.imshow(self.regions, cmap=ListedColormap(colors), vmin=-0.5, vmax=n_classes - 0.5, alpha=0.25, **options)
        self.borders_ = None
        if self.regions.min() != self.regions.max():
            levels = np.arange(n_classes - 1) + 0.5
            self.borders_ = ax.contour(self.regions, levels, origin="lower", extent=self.extent, colors="0.35", linewidths=0.8)
        self.points_: list[PathCollection] = []
        for number, name in enumerate(self.class_names):
            rows = self.X[self.y == number]
            mark: dict[str, Any] = {"marker": MARKERS[number % len(MARKERS)], "color": colors[number], "edgecolors": "black"}
            place: dict[str, Any] = {"s": 28, "linewidths": 0.5, "label": name, "zorder": 3}
            self.points_.append(ax.scatter(rows[:, 0], rows[:, 1], **mark | place | kwargs))
        self.lines_: list[Line2D] = []
        self.arrows_: list[Annotation] = []
        lines = np.empty((0, 3)) if self.lines is None else self.lines
        for number, line in enumerate(lines):
            of = number if len(lines) == n_classes else 1
            self._draw_line(ax, line, colors[of], LINES[of % len(LINES)])
        ax.set(xlim=self.extent[:2], ylim=self.extent[2:], xlabel="feature 0", ylabel="feature 1")
        ax.legend(title="class", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        return self

    def _draw_line(self, ax: "Axes", line: Float64, color: str, dashes: str) -> None:
        ends = _across(line, self.extent)
        if ends is None:
            return
        self.lines_ += ax.plot(*ends.T, color=color, linestyle=dashes, linewidth=1.8)
        left, right, bottom, top = self.extent
        start = ends.mean(axis=0)
        tip = start + _ARROW * np.hypot(right - left, top - bottom) * line[:2] / np.linalg.norm(line[:2])
        arrow = {"arrowstyle": "-|>", "color": color, "linewidth": 1.8, "shrinkA": 0, "shrinkB": 0}
        self.arrows_.append(ax.annotate("", tip, start, arrowprops=arrow, zorder=4))


def _points(X: ArrayLike) -> AnyArray:
    points = _validation.check_rows("X", X)
    if points.shape[1] != 2 or len(points) == 0 or not np.isfinite(points).all():
        msg = f"X must hold finite points with 2 features, at least one; got shape {points.shape}"
        raise ValueError(msg)
    return points if points.dtype.kind == "f" else points.astype(np.float64)


def _grid(points: AnyArray) -> tuple[tuple[float, float, float, float], Float64]:
    """Return the limits of the picture, and the centers of its cells, row by row from the bottom."""
    low, high = points.min(axis=0).astype(np.float64), points.max(axis=0).astype(np.float64)
    margin = np.where(high > low, _MARGIN * (high - low), 0.5)
    low, high = low - margin, high + margin
    steps = (np.arange(_N_GRID) + 0.5) / _N_GRID
    x, y = np.meshgrid(low[0] + steps * (high[0] - low[0]), low[1] + steps * (high[1] - low[1]))
    return (float(low[0]), float(high[0]), float(low[1]), float(high[1])), np.column_stack([x.ravel(), y.ravel()])


def _across(line: Float64, extent: tuple[float, float, float, float]) -> Float64 | None:
    """Return the two points where a line enters and leaves the picture, or None if it does not."""
    a, b, c = line
    left, right, bottom, top = extent
    points = []
    if b != 0:
        points += [(x, -(a * x + c) / b) for x in (left, right)]
    if a != 0:
        points += [(-(b * y + c) / a, y) for y in (bottom, top)]
    slack = 1e-9 * max(right - left, top - bottom)
    inside = [p for p in points if left - slack <= p[0] <= right + slack and bottom - slack <= p[1] <= top + slack]
    if len(inside) < 2:
        return None
    ends: Float64 = np.array([min(inside), max(inside)])
    return None if np.allclose(ends[0], ends[1], atol=slack) else ends
