"""The lecture's plot of a cross-validation of k."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from deeprob_fast.plots._axes import COLORS, Display, k_axis, light_grid, ring

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class CrossValidationDisplay(Display):
    """Accuracy of each fold for each k, with means and standard deviations.

    Parameters
    ----------
    accuracies : dict
        For each k, the fraction classified correctly in each fold.
    mean, std : dict
        Of the folds, for each k.
    best_k : int

    Attributes
    ----------
    points_ : PathCollection
        One dot for each fold.
    errorbar_ : ErrorbarContainer
        Line through the means, bars of one standard deviation.
    best_ : Line2D
        Ring around the best mean.
    ax_, figure_
        Where it is drawn.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> accuracies = {1: [0.8, 0.9], 3: [0.9, 0.9]}
    >>> display = df.plots.CrossValidationDisplay(accuracies, {1: 0.85, 3: 0.9}, {1: 0.05, 3: 0.0}, best_k=3)
    >>> display.best_k
    3
    """

    def __init__(
        self, accuracies: Mapping[int, Sequence[float]], mean: Mapping[int, float], std: Mapping[int, float], best_k: int
    ) -> None:
        self.accuracies = {k: np.asarray(folds, dtype=np.float64) for k, folds in accuracies.items()}
        if not self.accuracies or set(mean) != set(accuracies) or set(std) != set(accuracies) or best_k not in accuracies:
            of = f"{list(mean)}, {list(std)} and {best_k}"
            msg = f"mean, std and best_k must be of the k of accuracies, {list(accuracies)}; got those of {of}"
            raise ValueError(msg)
        self.mean, self.std, self.best_k = dict(mean), dict(std), best_k

    @classmethod
    def from_results(cls, result: Any, *, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw what a cross-validation of k has found.

        Parameters
        ----------
        result : object
            With the attributes `accuracies`, `mean`, `std` and `best_k`.
        ax : Axes, optional
        kwargs : optional
            Passed to `plot`.

        Returns
        -------
        CrossValidationDisplay
        """
        return cls(result.accuracies, result.mean, result.std, result.best_k).plot(ax=ax, **kwargs)

    def plot(self, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : Axes, optional
            By default those of a new figure.
        kwargs : optional
            Passed to matplotlib's errorbar.

        Returns
        -------
        self
        """
        ax = self._start(ax)
        k_values = sorted(self.accuracies)
        x = np.repeat(k_values, [len(self.accuracies[k]) for k in k_values])
        folds = 100 * np.concatenate([self.accuracies[k] for k in k_values])
        self.points_ = ax.scatter(x, folds, s=16, color="0.35", label="one fold", zorder=3)
        options: dict[str, Any] = {"color": COLORS[0], "capsize": 3, "linewidth": 1.8, "label": "mean ± standard deviation"}
        self.errorbar_ = ax.errorbar(
            k_values,
            [100 * self.mean[k] for k in k_values],
            yerr=[100 * self.std[k] for k in k_values],
            **options | kwargs,
        )
        best = 100 * self.mean[self.best_k]
        self.best_ = ring(ax, self.best_k, best)
        ax.set_title(f"best: k = {self.best_k}, {best:.1f} %")
        k_axis(ax, k_values)
        light_grid(ax)
        ax.set_ylabel("accuracy on the held-out fold (%)")
        ax.legend(frameon=False)
        return self
