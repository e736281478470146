"""Accuracy of k-NN classification over k."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from deeprob_fast import _scalars
from deeprob_fast.plots._axes import Display, k_axis, light_grid, ring, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_LABELS = {"top1": "top-1 accuracy (%)", "top5": "top-5 accuracy (%)", "mean_per_class": "mean accuracy of the classes (%)"}


class KNNAccuracyDisplay(Display):
    """Accuracy over k, one line for each temperature.

    Parameters
    ----------
    scores : sequence
        Each with the attributes `k`, `temperature` (None: votes without one) and the accuracies `top1`, `top5` and
        `mean_per_class` as fractions; only the one that is drawn is needed.

    Attributes
    ----------
    lines_ : list of Line2D
        One for each temperature, in the order of the scores.
    best_ : Line2D
        Ring around the best of all; of equal ones the first.
    ax_, figure_
        Where it is drawn.

    Examples
    --------
    >>> from collections import namedtuple
    >>> import deeprob_fast as df
    >>> Score = namedtuple("Score", "k temperature top1 top5 mean_per_class")
    >>> display = df.plots.KNNAccuracyDisplay([Score(1, 0.07, 0.8, 0.8, 0.7), Score(5, 0.07, 0.9, 1.0, 0.8)])
    >>> len(display.scores)
    2
    """

    def __init__(self, scores: Sequence[Any]) -> None:
        self.scores = tuple(scores)
        if not self.scores:
            msg = "scores must hold at least one score; got none"
            raise ValueError(msg)

    @classmethod
    def from_evaluation(cls, evaluation: Any, *, metric: str = "top1", ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw what an evaluation of k-NN has found.

        Parameters
        ----------
        evaluation : object
            With the attribute `scores`.
        metric : {"top1", "top5", "mean_per_class"}
        ax : Axes, optional
        kwargs : optional
            Passed to `plot`.

        Returns
        -------
        KNNAccuracyDisplay
        """
        return cls(evaluation.scores).plot(metric=metric, ax=ax, **kwargs)

    def plot(self, ax: "Axes | None" = None, *, metric: str = "top1", **kwargs: Any) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : Axes, optional
            By default those of a new figure.
        metric : {"top1", "top5", "mean_per_class"}
        kwargs : optional
            Passed to matplotlib's plot.

        Returns
        -------
        self
        """
        label = _LABELS[_scalars.check_choice("metric", metric, tuple(_LABELS))]
        values = [getattr(score, metric, None) for score in self.scores]
        if any(value is None for value in values):
            msg = f"scores must hold {metric} to be drawn; got {self.scores[values.index(None)]!r}"
            raise ValueError(msg)
        accuracies = 100 * np.array(values, dtype=np.float64)
        ax = self._start(ax)
        self.lines_: list[Line2D] = []
        temperatures = list(dict.fromkeys(score.temperature for score in self.scores))
        for number, temperature in enumerate(temperatures):
            points = sorted((s.k, a) for s, a in zip(self.scores, accuracies, strict=True) if s.temperature == temperature)
            name = "no temperature" if temperature is None else f"{temperature:g}"
            self.lines_ += ax.plot(*zip(*points, strict=True), **style(number) | {"label": name, "markersize": 5} | kwargs)
        best = int(accuracies.argmax())
        k = self.scores[best].k
        self.best_ = ring(ax, k, accuracies[best])
        ax.set_title(f"best: k = {k}, {accuracies[best]:.1f} %")
        k_axis(ax, [score.k for score in self.scores])
        light_grid(ax)
        ax.set_ylabel(label)
        if len(temperatures) > 1:
            ax.legend(title="temperature", frameon=False)
        return self
