"""Two hyperparameters of a sweep and what came of them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from deeprob_fast import _scalars
from deeprob_fast._docstrings import sharing
from deeprob_fast._typing import Float64
from deeprob_fast.linear.training import Sweep
from deeprob_fast.plots._axes import DRAWS_IMAGES, Display, rectangle
from deeprob_fast.plots._colors import legible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle
    from matplotlib.text import Text

_LABELS = {"accuracy": "validation accuracy (%)", "loss": "training loss"}

# Losses that differ by more are coloured by their logarithms.
_LOG_RATIO = 10


def _distinct(values: Iterable[Any]) -> list[Any]:
    """Return each value once: numbers ascending, others in the order in which they came."""
    distinct = list(dict.fromkeys(values))
    return sorted(distinct) if all(isinstance(value, (int, float, np.number)) for value in distinct) else distinct


def _written(value: Any) -> str:
    """Write a value for the label of an axis, powers of ten as such."""
    if not isinstance(value, (float, np.floating)) or value <= 0:
        return str(value)
    exponent = np.log10(float(value))
    is_power = abs(exponent - round(exponent)) < 1e-9 and abs(exponent) > 0.5
    return f"$10^{{{round(exponent)}}}$" if is_power else f"{value:g}"


class SweepDisplay(Display):
    """Map of a sweep over two hyperparameters: colours and numbers, the best framed, what diverged hatched.

    Parameters
    ----------
    values : array, shape (n_y, n_x)
        Validation accuracies as fractions, or losses; NaN where all trainings diverged or there was none.
    diverged : array of bool, shape (n_y, n_x)
    x_values, y_values : sequence
        Of the two hyperparameters.
    x, y : str
        Their names.
    value : {"accuracy", "loss"}

    Attributes
    ----------
    image_ : AxesImage
        In percent for accuracies.
    texts_ : list of Text
    hatches_ : list of Rectangle
        Where trainings diverged.
    best_ : Rectangle or None
        Frame of the best; of equal ones the first, row by row. None if all diverged.
    colorbar_ : Colorbar
    ax_, figure_
        Where it is drawn.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> display = df.plots.SweepDisplay([[0.8, 0.9]], [[False, False]], [0.1, 1.0], [0.0], "learning_rate", "reg", "accuracy")
    >>> display.values.shape
    (1, 2)
    """

    def __init__(self, values: Any, diverged: Any, x_values: Any, y_values: Any, x: str, y: str, value: str) -> None:
        self.values = np.asarray(values, dtype=np.float64)
        self.diverged = np.asarray(diverged, dtype=bool)
        self.x_values, self.y_values, self.x, self.y = list(x_values), list(y_values), x, y
        self.value = _scalars.check_choice("value", value, tuple(_LABELS))
        shape = (len(self.y_values), len(self.x_values))
        if self.values.shape != shape or self.diverged.shape != shape:
            msg = f"values and diverged must have shape {shape}; got {self.values.shape} and {self.diverged.shape}"
            raise ValueError(msg)

    @classmethod
    def from_sweep(
        cls,
        sweep: Sweep,
        x: str = "learning_rate",
        y: str = "reg",
        *,
        value: str | None = None,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw a sweep.

        Parameters
        ----------
        sweep : Sweep
        x, y : str
            Names of two hyperparameters that every setting has. Of settings that differ in others only the best is shown.
        value : {"accuracy", "loss"}, optional
            Validation accuracy of the best epoch, or final training loss; by default accuracies if there are validation data.
        ax : Axes, optional
        kwargs : optional
            Passed to `plot`.

        Returns
        -------
        SweepDisplay

        Raises
        ------
        ValueError
            If a setting has no such name, or there are no accuracies.
        """
        for name in (x, y):
            if any(name not in setting for setting in sweep.settings):
                names = sorted(set.intersection(*map(set, sweep.settings)))
                msg = f"x and y must be hyperparameters of every setting, {names}; got {name!r}"
                raise ValueError(msg)
        validated = all(training.val_accuracies.size for training in sweep.trainings)
        value = _scalars.check_choice("value", value or ("accuracy" if validated else "loss"), tuple(_LABELS))
        if value == "accuracy" and not validated:
            msg = "value must be 'loss' for a sweep without validation data; got 'accuracy'"
            raise ValueError(msg)
        x_values, y_values = _distinct(s[x] for s in sweep.settings), _distinct(s[y] for s in sweep.settings)
        values = np.full((len(y_values), len(x_values)), np.nan)
        diverged = np.zeros(values.shape, dtype=bool)
        better = np.fmax if value == "accuracy" else np.fmin
        for setting, training in zip(sweep.settings, sweep.trainings, strict=True):
            cell = y_values.index(setting[y]), x_values.index(setting[x])
            if training.diverged_at is not None:
                diverged[cell] = True
            else:
                score = training.val_accuracies[training.best_epoch] if value == "accuracy" else training.final_loss
                values[cell] = better(values[cell], score)
        return cls(values, diverged & np.isnan(values), x_values, y_values, x, y, value).plot(ax=ax, **kwargs)

    @sharing(draws_images=DRAWS_IMAGES)
    def plot(self, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw it.

        {draws_images}
        """
        ax = self._start(ax, (2.2 + 0.9 * len(self.x_values), max(3.0, 1.4 + 0.6 * len(self.y_values))))
        is_accuracy = self.value == "accuracy"
        shown = 100 * self.values if is_accuracy else self.values
        # The best is brightest.
        options: dict[str, Any] = {"cmap": "cividis" if is_accuracy else "cividis_r", "aspect": "auto", "norm": self._norm(shown)}
        self.image_ = ax.imshow(np.ma.masked_invalid(shown), origin="lower", **options | kwargs)
        colors = self.image_.to_rgba(shown)
        self.texts_: list[Text] = []
        self.hatches_: list[Rectangle] = []
        self.best_: Rectangle | None = None
        for (row, column), value in np.ndenumerate(shown):
            corner = (column - 0.5, row - 0.5)
            if self.diverged[row, column]:
                self.hatches_.append(rectangle(ax, corner, 1, 1, hatch="///", facecolor="white", edgecolor="0.6"))
                self._write(ax, row, column, "diverged", "black")
            elif np.isfinite(value):
                text = f"{value:.1f}" if is_accuracy else f"{value:.3g}"
                self._write(ax, row, column, text, legible(colors[row, column]))
        if np.isfinite(shown).any():
            best = np.nanargmax(shown if is_accuracy else -shown)
            row, column = divmod(int(best), shown.shape[1])
            corner = (column - 0.46, row - 0.46)
            self.best_ = rectangle(ax, corner, 0.92, 0.92, fill=False, edgecolor="black", linewidth=2.5, zorder=3)
            at = f"{self.x} {_written(self.x_values[column])}, {self.y} {_written(self.y_values[row])}"
            ax.set_title(f"best: {at}".replace("_", " "))
        ax.set_xticks(range(len(self.x_values)), [_written(value) for value in self.x_values])
        ax.set_yticks(range(len(self.y_values)), [_written(value) for value in self.y_values])
        ax.tick_params(length=0)
        ax.set_xlabel(self.x.replace("_", " "))
        ax.set_ylabel(self.y.replace("_", " "))
        self.colorbar_ = ax.figure.colorbar(self.image_, ax=ax, label=_LABELS[self.value])
        return self

    def _norm(self, shown: Float64) -> str:
        finite = shown[np.isfinite(shown)]
        spread = finite.size and finite.min() > 0 and finite.max() > _LOG_RATIO * finite.min()
        return "log" if self.value == "loss" and spread else "linear"

    def _write(self, ax: "Axes", row: int, column: int, text: str, color: str) -> None:
        box: dict[str, Any] | None = (
            {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"} if text == "diverged" else None
        )
        size = 8 if text == "diverged" else 10
        self.texts_.append(ax.text(column, row, text, ha="center", va="center", color=color, fontsize=size, bbox=box))
