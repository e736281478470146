"""Whether probabilities mean what they say."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._typing import AnyArray, ArrayLike
from deeprob_fast.plots._axes import COLORS, Display, light_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ReliabilityDisplay(Display):
    """Accuracy of predictions over their confidence, the probability of the predicted class.

    Parameters
    ----------
    edges : array, shape (n_bins + 1,)
        Of the bins of confidence.
    counts : array of int, shape (n_bins,)
        Predictions in each bin.
    confidences, accuracies : array, shape (n_bins,)
        Means of each bin; NaN where it is empty.
    calibration_error : float
        Expected calibration error: the mean over the predictions of abs(accuracy - confidence) of their bins.

    Attributes
    ----------
    bars_ : BarContainer
        Accuracies, in percent.
    line_ : Line2D
        Where probabilities mean what they say.
    ax_, figure_
        Where it is drawn.

    References
    ----------
    Guo et al., "On calibration of modern neural networks", ICML 2017, section 2.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.plots.ReliabilityDisplay([0.0, 1.0], [2], [0.75], [0.5], 0.25).calibration_error
    0.25
    """

    def __init__(
        self, edges: ArrayLike, counts: ArrayLike, confidences: ArrayLike, accuracies: ArrayLike, calibration_error: float
    ) -> None:
        self.edges = np.asarray(edges, dtype=np.float64)
        self.counts = np.asarray(counts)
        self.confidences = np.asarray(confidences, dtype=np.float64)
        self.accuracies = np.asarray(accuracies, dtype=np.float64)
        self.calibration_error = calibration_error

    @classmethod
    def from_probabilities(
        cls, y: ArrayLike, probabilities: ArrayLike, *, n_bins: int = 10, ax: "Axes | None" = None, **kwargs: Any
    ) -> Self:
        """Draw the reliability of probabilities.

        Parameters
        ----------
        y : array-like of int, shape (n_examples,)
            Numbers of the true classes, the columns of `probabilities`.
        probabilities : array-like, shape (n_examples, n_classes)
        n_bins : int
            Bins of equal width; a confidence on an edge counts for the bin below.
        ax : Axes, optional
        kwargs : optional
            Passed to `plot`.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ValueError
            If the shapes do not fit, or something is no probability.
        """
        shares: AnyArray = _validation.check_rows("probabilities", probabilities).astype(np.float64)
        truth = _validation.check_class_numbers("y", y, len(shares), shares.shape[1])
        if not ((shares >= 0) & (shares <= 1)).all():
            msg = "probabilities must be from 0 to 1; got others"
            raise ValueError(msg)
        n_bins = _scalars.check_integer("n_bins", n_bins, 1, 1000, "bins")
        confidence = shares.max(axis=1)
        is_right = shares.argmax(axis=1) == truth
        edges = np.linspace(0, 1, n_bins + 1)
        bins = np.clip(np.searchsorted(edges, confidence) - 1, 0, n_bins - 1)
        counts = np.bincount(bins, minlength=n_bins)
        with np.errstate(invalid="ignore"):
            confidences = np.bincount(bins, confidence, n_bins) / counts
            accuracies = np.bincount(bins, is_right, n_bins) / counts
        error = float(np.nansum(counts * np.abs(accuracies - confidences)) / len(truth))
        return cls(edges, counts, confidences, accuracies, error).plot(ax=ax, **kwargs)

    def plot(self, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : Axes, optional
            By default those of a new figure.
        kwargs : optional
            Passed to matplotlib's bar.

        Returns
        -------
        self
        """
        ax = self._start(ax, (5.4, 4.8))
        filled = self.counts > 0
        widths = 100 * np.diff(self.edges)[filled]
        options: dict[str, Any] = {
            "align": "edge",
            "color": COLORS[5],
            "edgecolor": "black",
            "linewidth": 0.8,
            "label": "accuracy of the bin",
        }
        self.bars_ = ax.bar(100 * self.edges[:-1][filled], 100 * self.accuracies[filled], widths, **options | kwargs)
        (self.line_,) = ax.plot([0, 100], [0, 100], "--", color="black", linewidth=1.2, label="accuracy = confidence")
        ax.plot(100 * self.confidences[filled], 100 * self.accuracies[filled], "o", color=COLORS[1], markersize=4, zorder=3)
        light_grid(ax)
        ax.set(xlim=(0, 100), ylim=(0, 102), xlabel="confidence (%)", ylabel="accuracy (%)")
        ax.set_title(f"expected calibration error {100 * self.calibration_error:.1f} %")
        ax.legend(frameon=False, loc="upper left")
        return self
