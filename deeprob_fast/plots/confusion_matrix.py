"""Which class was taken for which."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from deeprob_fast import _validation
from deeprob_fast._docstrings import sharing
from deeprob_fast._typing import ArrayLike, Float64
from deeprob_fast.plots._axes import DRAWS_IMAGES, Display
from deeprob_fast.plots._colors import legible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

# Up to so many classes there is room for numbers in the cells, and for a name at each row.
_WITH_NUMBERS = 12
_WITH_NAMES = 40

# A picture has room for so many cells beside one another; of more, each shows the largest of several.
_CELLS = 250


def _pooled(shares: Float64) -> Float64:
    """Return the largest of each block of cells, as large as needed, so that none is lost between the pixels."""
    n = len(shares)
    starts = np.arange(0, n, -(-n // _CELLS))
    rows = np.maximum.reduceat(shares, starts, axis=0)
    pooled: Float64 = np.maximum.reduceat(rows, starts, axis=1)
    return pooled


class ConfusionMatrixDisplay(Display):
    """Counts of true and predicted classes, coloured by the share of each true class.

    Up to 12 classes have their counts written into the cells, up to 40 their names beside them; of more only some. From 251
    classes on a cell of the picture shows the largest share of several.

    Parameters
    ----------
    matrix : array-like of int, shape (n_classes, n_classes)
        Rows are true classes, columns predicted ones.
    class_names : sequence, optional
        By default the numbers of the classes.

    Attributes
    ----------
    image_ : AxesImage
        Percent of each row.
    texts_ : list of Text
        Counts above 0, row by row; none with more than 12 classes.
    colorbar_ : Colorbar
    ax_, figure_
        Where it is drawn.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.plots.ConfusionMatrixDisplay([[9, 1], [2, 8]]).class_names
    ['0', '1']
    """

    def __init__(self, matrix: ArrayLike, class_names: Sequence[Any] | None = None) -> None:
        self.matrix = _validation.check_rows("matrix", matrix)
        n_classes = len(self.matrix)
        if self.matrix.shape != (n_classes, n_classes) or (self.matrix < 0).any():
            msg = f"matrix must be square and hold counts; got shape {self.matrix.shape}, smallest {self.matrix.min(initial=0)}"
            raise ValueError(msg)
        self.class_names = [str(name) for name in (range(n_classes) if class_names is None else class_names)]
        if len(self.class_names) != n_classes:
            msg = f"class_names must hold one name for each of the {n_classes} classes; got {len(self.class_names)}"
            raise ValueError(msg)

    @classmethod
    def from_matrix(
        cls, matrix: ArrayLike, class_names: Sequence[Any] | None = None, *, ax: "Axes | None" = None, **kwargs: Any
    ) -> Self:
        """Draw a confusion matrix.

        Parameters
        ----------
        matrix : array-like of int, shape (n_classes, n_classes)
        class_names : sequence, optional
        ax : Axes, optional
        kwargs : optional
            Passed to `plot`.

        Returns
        -------
        ConfusionMatrixDisplay
        """
        return cls(matrix, class_names).plot(ax=ax, **kwargs)

    @classmethod
    def from_evaluation(cls, evaluation: Any, *, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw the confusion matrix of an evaluation.

        Parameters
        ----------
        evaluation : object
            With a method `confusion_matrix` and the attribute `classes`.
        ax : Axes, optional
        kwargs : optional
            Passed to `plot`.

        Returns
        -------
        ConfusionMatrixDisplay
        """
        return cls(evaluation.confusion_matrix(), evaluation.classes).plot(ax=ax, **kwargs)

    @sharing(draws_images=DRAWS_IMAGES)
    def plot(self, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw it.

        {draws_images}
        """
        n_classes = len(self.matrix)
        ax = self._start(ax, (7.2, 6.2) if n_classes > _WITH_NUMBERS else (6.4, 5.2))
        counts = self.matrix.astype(np.float64)
        shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        # The root lets rare confusions be seen beside a full diagonal.
        norm = "linear" if n_classes <= _WITH_NUMBERS else _root_norm()
        options: dict[str, Any] = {"cmap": "Greys", "norm": norm, "interpolation": "nearest"}
        pooled = _pooled(shares)
        step = -(-n_classes // len(pooled))
        end = len(pooled) * step - 0.5
        self.image_ = ax.imshow(pooled, extent=(-0.5, end, end, -0.5), **options | kwargs)
        ax.set(xlim=(-0.5, n_classes - 0.5), ylim=(n_classes - 0.5, -0.5))
        if n_classes <= _WITH_NUMBERS:
            self.image_.set_clim(0, 100)
        colors = self.image_.to_rgba(shares)
        self.texts_: list[Text] = []
        for (row, column), count in np.ndenumerate(self.matrix):
            if n_classes <= _WITH_NUMBERS and count:
                color = legible(colors[row, column])
                self.texts_.append(ax.text(column, row, f"{count:g}", ha="center", va="center", color=color))
        step = 1 if n_classes <= _WITH_NAMES else -(-n_classes // 10)
        places = range(0, n_classes, step)
        names = [self.class_names[place] for place in places]
        is_long = max(map(len, names)) > 3
        ax.set_xticks(places, names, rotation=90 if is_long else 0)
        ax.set_yticks(places, names)
        ax.tick_params(labelsize=10 if n_classes <= _WITH_NUMBERS or step > 1 else 8)
        ax.set(xlabel="predicted class", ylabel="true class")
        self.colorbar_ = ax.figure.colorbar(self.image_, ax=ax, label="share of the true class (%)")
        return self


def _root_norm() -> Any:
    from matplotlib.colors import PowerNorm

    return PowerNorm(0.5, vmin=0, vmax=100)
