"""Losses while training."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from deeprob_fast import _scalars
from deeprob_fast._typing import ArrayLike, Float64
from deeprob_fast.plots._axes import COLORS, LINES, MARKERS, Display, light_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

# By default the smooth line averages so many steps: a share of all, or as many as leave it rough nowhere.
_WINDOW_SHARE, _LONGEST_WINDOW = 0.04, 200

_FEW_DECADES = 1e3


class Curve(NamedTuple):
    """The losses of one training.

    Attributes
    ----------
    losses : array of float64
        Of each step, or of each epoch.
    val_losses : array of float64
        Of each epoch; may be empty.
    unit : {"step", "epoch"}
    diverged : bool
    """

    losses: Float64
    val_losses: Float64
    unit: str
    diverged: bool


def _curve(training: Any) -> Curve:
    if hasattr(training, "loss_history"):
        return Curve(training.loss_history, training.val_losses, "step", training.diverged_at is not None)
    if hasattr(training, "loss_curve_"):
        val_losses = np.asarray(getattr(training, "validation_losses_", ()), dtype=np.float64)
        return Curve(np.asarray(training.loss_curve_, dtype=np.float64), val_losses, "epoch", False)
    msg = f"training must be a Training or a fitted classifier with a loss_curve_; got {type(training).__name__}"
    raise TypeError(msg)


def smoothed(values: ArrayLike, window: int) -> Float64:
    """Return the mean of the `window` values around each; of fewer at the ends."""
    array = np.asarray(values, dtype=np.float64)
    # Differences of running sums would be faster, and wrong after losses that were huge.
    ones, around = np.ones(window), slice(window // 2, window // 2 + len(array))
    means: Float64 = np.convolve(array, ones)[around] / np.convolve(np.ones(len(array)), ones)[around]
    return means


def _log_scale(ax: "Axes") -> None:
    """Make the losses' axis logarithmic, with plain numbers beside it where powers of ten alone would be too few."""
    from matplotlib.ticker import LogLocator, NullFormatter

    ax.set_yscale("log")
    low, high = ax.get_ylim()
    if high < _FEW_DECADES * low:
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter(NullFormatter())


class LossCurveDisplay(Display):
    """Training losses, smoothed where they are noisy, and validation losses.

    Parameters
    ----------
    curves : sequence of Curve
        `losses`, `val_losses`, `unit` ("step" or "epoch", one for all), `diverged`.
    names : sequence of str, optional
        Of the curves, for the legend.

    Attributes
    ----------
    lines_ : list of Line2D
        The training losses, smoothed.
    raw_lines_ : list of Line2D
        As they are, behind the smooth ones; none where nothing is smoothed.
    val_lines_ : list of Line2D
        Validation losses, at the end of their epochs. A training that diverged shows none: where its epochs end is not known.
    ax_, figure_
        Where it is drawn.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> from deeprob_fast.plots.loss_curve import Curve
    >>> training = df.train([[-1.0], [1.0]], [0, 1], n_epochs=3)
    >>> display = df.plots.LossCurveDisplay([Curve(training.loss_history, training.val_losses, "step", diverged=False)])
    >>> display.names is None
    True
    """

    def __init__(self, curves: Sequence[Curve], names: Sequence[str] | None = None) -> None:
        self.curves = tuple(curves)
        self.names = None if names is None else tuple(names)
        if not self.curves or len({curve.unit for curve in self.curves}) > 1 or any(not len(c.losses) for c in self.curves):
            msg = "curves must hold at least one curve, with losses, all by the step or all by the epoch"
            raise ValueError(msg)
        if self.names is not None and len(self.names) != len(self.curves):
            msg = f"names must hold one name for each of the {len(self.curves)} curves; got {len(self.names)}"
            raise ValueError(msg)

    @classmethod
    def from_training(
        cls,
        training: Any,
        *,
        names: Sequence[str] | None = None,
        window: int | None = None,
        log: bool = False,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the losses of one or several trainings.

        Parameters
        ----------
        training : Training, fitted SoftmaxClassifier or LinearSVM, or sequence of them
        names : sequence of str, optional
            Of several trainings, for the legend.
        window : int, optional
            As in `plot`.
        log : bool
            As in `plot`.
        ax : Axes, optional
        kwargs : optional
            Passed to `plot`.

        Returns
        -------
        LossCurveDisplay
        """
        trainings = training if isinstance(training, (list, tuple)) else [training]
        return cls([_curve(one) for one in trainings], names).plot(ax=ax, window=window, log=log, **kwargs)

    def plot(self, ax: "Axes | None" = None, *, window: int | None = None, log: bool = False, **kwargs: Any) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : Axes, optional
            By default those of a new figure.
        window : int, optional
            Number of losses that a point of the smooth line averages; by default 4 % of the steps, at most 200, and 1 for epochs.
        log : bool
            Whether the losses have a logarithmic axis.
        kwargs : optional
            Passed to matplotlib's plot, for the smooth lines.

        Returns
        -------
        self
        """
        if window is not None:
            window = _scalars.check_integer("window", window, 1, 2**31, "losses to average")
        ax = self._start(ax)
        self.lines_: list[Line2D] = []
        self.raw_lines_: list[Line2D] = []
        self.val_lines_: list[Line2D] = []
        for number, curve in enumerate(self.curves):
            self._plot_curve(ax, number, curve, window, kwargs)
        if log:
            _log_scale(ax)
        light_grid(ax)
        ax.set_xlabel(self.curves[0].unit)
        ax.set_ylabel("loss")
        if len(self.curves) > 1 or self.val_lines_ or self.curves[0].diverged:
            ax.legend(frameon=False)
        return self

    def _plot_curve(self, ax: "Axes", number: int, curve: Curve, window: int | None, kwargs: dict[str, Any]) -> None:
        color = COLORS[number % len(COLORS)]
        name = str((self.names or range(1, len(self.curves) + 1))[number]) if self.names or len(self.curves) > 1 else ""
        kept = curve.losses[np.isfinite(curve.losses)]
        width = window or (min(_LONGEST_WINDOW, max(1, round(_WINDOW_SHARE * len(kept)))) if curve.unit == "step" else 1)
        steps = np.arange(1, len(kept) + 1)
        if width > 1:
            self.raw_lines_ += ax.plot(steps, kept, color=color, alpha=0.35, linewidth=0.6)
        label = (name or "training") + " (diverged)" * curve.diverged
        looks: dict[str, Any] = {"color": color, "linestyle": LINES[number % len(LINES)], "linewidth": 1.8, "label": label}
        self.lines_ += ax.plot(steps, smoothed(kept, width), **looks | kwargs)
        if curve.diverged and len(kept):
            ax.plot(steps[-1:], kept[-1:], "x", color="black", markersize=9, markeredgewidth=2)
        elif len(curve.val_losses):
            ends = np.arange(1, len(curve.val_losses) + 1) * (len(curve.losses) / len(curve.val_losses))
            mark: dict[str, Any] = {
                "color": "black" if len(self.curves) == 1 else color,
                "marker": MARKERS[number % len(MARKERS)],
            }
            text = f"{name} validation".strip()
            self.val_lines_ += ax.plot(ends, curve.val_losses, linestyle=":", markersize=4, label=text, **mark)
