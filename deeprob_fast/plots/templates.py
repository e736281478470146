"""The visual viewpoint: weights of a linear classifier as pictures, one for each class."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from deeprob_fast import _validation
from deeprob_fast._docstrings import sharing
from deeprob_fast._typing import ArrayLike, Float64
from deeprob_fast.plots._axes import DRAWS_IMAGES, Display
from deeprob_fast.plots._images import as_images, bare, check_image_shape, check_n_features, place

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from matplotlib.text import Text

_COLUMNS = 5
_TITLE = 0.24  # of the width of a picture
_GAP = 0.08
_FULL_AT = 0.99  # the quantile of absolute weights that is drawn black or white


def _scaled(template: Float64) -> Float64:
    """Return weights as brightness in [0, 1], 0 as 1/2. Single weights of pixels that are nearly constant may be huge."""
    absolute = np.abs(template)
    full = np.quantile(absolute, _FULL_AT) or absolute.max() or 1.0
    brightness: Float64 = np.clip(0.5 + template / (2 * full), 0, 1)
    return brightness


class TemplatesDisplay(Display):
    """One picture for each class: the input that it likes best.

    Mid-grey is weight 0, brighter is above and darker below. Each picture is scaled by itself: of its absolute weights the
    largest hundredth is wholly black or white.

    Parameters
    ----------
    templates : array, shape (n_classes, height, width) or (n_classes, height, width, 3)
        Weights.
    class_names : sequence, optional
        By default the numbers of the classes.

    Attributes
    ----------
    images_ : list of AxesImage
        With values in [0, 1].
    titles_ : list of Text
    ax_, figure_
        Where it is drawn.

    Examples
    --------
    >>> import numpy as np
    >>> import deeprob_fast as df
    >>> df.plots.TemplatesDisplay(np.zeros((10, 8, 8))).class_names[:3]
    ['0', '1', '2']
    """

    def __init__(self, templates: ArrayLike, class_names: Sequence[Any] | None = None) -> None:
        self.templates = np.asarray(templates, dtype=np.float64)
        names = range(len(self.templates)) if class_names is None else class_names
        self.class_names = [str(name) for name in names]
        if len(self.class_names) != len(self.templates):
            msg = f"class_names must hold one name for each of the {len(self.templates)} classes; got {len(self.class_names)}"
            raise ValueError(msg)

    @classmethod
    def from_weights(
        cls,
        W: ArrayLike,
        image_shape: Sequence[int],
        class_names: Sequence[Any] | None = None,
        *,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw weights.

        Parameters
        ----------
        W : array-like, shape (n_features, n_classes)
            One row more is the bias, which is not drawn.
        image_shape : (height, width), (3, height, width) or (height, width, 3)
            How the features lie in an image; one channel may be written as well.
        class_names : sequence, optional
        ax : Axes, optional
        kwargs : optional
            Passed to `plot`.

        Returns
        -------
        TemplatesDisplay

        Raises
        ------
        ValueError
            If the shapes do not fit.
        """
        shape = check_image_shape(image_shape)
        n_features = int(np.prod(shape))
        weights = _validation.check_rows("W", W)
        if len(weights) == n_features + 1:
            weights = weights[:-1]
        check_n_features("W", len(weights), shape)
        return cls(as_images(weights.T, shape), class_names).plot(ax=ax, **kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        image_shape: Sequence[int],
        class_names: Sequence[Any] | None = None,
        *,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw the weights of a fitted linear classifier.

        Parameters
        ----------
        estimator : object
            With `coef_` and `classes_`, as scikit-learn's linear classifiers have. Of two classes one picture is drawn, the
            second against the first.
        image_shape : (height, width), (3, height, width) or (height, width, 3)
        class_names : sequence, optional
            By default `classes_`.
        ax : Axes, optional
        kwargs : optional
            Passed to `plot`.

        Returns
        -------
        TemplatesDisplay

        Raises
        ------
        ValueError
            If the shapes do not fit.
        TypeError
            If the estimator has no weights.
        """
        if not hasattr(estimator, "coef_"):
            msg = f"estimator must be a fitted linear classifier, with coef_; got {type(estimator).__name__}"
            raise TypeError(msg)
        names = [str(name) for name in (estimator.classes_ if class_names is None else class_names)]
        if len(estimator.coef_) == 1 and len(names) == 2:
            names = [f"{names[1]} against {names[0]}"]
        return cls.from_weights(np.asarray(estimator.coef_).T, image_shape, names, ax=ax, **kwargs)

    @sharing(draws_images=DRAWS_IMAGES)
    def plot(self, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw it.

        {draws_images}
        """
        n_classes, height, width = self.templates.shape[:3]
        n_columns = min(_COLUMNS, n_classes)
        n_rows = -(-n_classes // n_columns)
        tall = height / width
        full = (n_columns + (n_columns - 1) * _GAP, n_rows * (tall + _TITLE) + (n_rows - 1) * _GAP)
        ax = self._start(ax, (1.4 * full[0], 1.4 * full[1]))
        self.images_: list[AxesImage] = []
        self.titles_: list[Text] = []
        for number, (template, name) in enumerate(zip(self.templates, self.class_names, strict=True)):
            row, column = divmod(number, n_columns)
            left, top = column * (1 + _GAP), row * (tall + _TITLE + _GAP) + _TITLE
            self.images_.append(place(ax, _scaled(template), left, top, (1, tall), **kwargs))
            self.titles_.append(ax.text(left + 0.5, top - 0.05, name, ha="center", va="bottom"))
        bare(ax, *full)
        return self
