"""Queries and what was found nearest to them, as pictures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from deeprob_fast import _validation
from deeprob_fast._docstrings import sharing
from deeprob_fast._typing import AnyArray, ArrayLike, Float64
from deeprob_fast.knn.checks import check_train
from deeprob_fast.knn.neighbors import Neighbors
from deeprob_fast.plots._axes import COLORS, DRAWS_IMAGES, Display, rectangle
from deeprob_fast.plots._images import as_images, bare, check_image_shape, check_n_features, place

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from matplotlib.patches import Rectangle
    from matplotlib.text import Text

_GAP = 0.12  # of the width of a picture
_TEXT = 0.42
_RIGHT, _WRONG = "✓", "✗"


def _names(labels: AnyArray | None, rows: AnyArray, class_names: Sequence[Any] | None) -> AnyArray | None:
    if labels is None:
        return None
    chosen = labels[rows]
    return chosen if class_names is None else np.asarray(class_names, dtype=object)[chosen]


class NeighborsDisplay(Display):
    """Each row a query and its nearest neighbours, with distances and labels.

    Parameters
    ----------
    query_images : array, shape (n_queries, height, width) or (n_queries, height, width, 3)
    neighbor_images : array, shape (n_queries, k, height, width) or (n_queries, k, height, width, 3)
    distances : array, shape (n_queries, k)
    query_names : array, shape (n_queries,), optional
    neighbor_names : array, shape (n_queries, k), optional

    Attributes
    ----------
    images_ : list of AxesImage
        Row by row, the query first.
    frames_ : list of Rectangle
        Around the neighbours, with known labels: solid where the label is that of the query, dashed where it is not.
    texts_ : list of Text
        Below the images, row by row; neighbours have their distance and label and, with known labels, a tick or a cross.
    ax_, figure_
        Where it is drawn.

    Examples
    --------
    >>> import numpy as np
    >>> import deeprob_fast as df
    >>> df.plots.NeighborsDisplay(np.zeros((2, 8, 8)), np.zeros((2, 5, 8, 8)), np.zeros((2, 5))).distances.shape
    (2, 5)
    """

    def __init__(
        self,
        query_images: ArrayLike,
        neighbor_images: ArrayLike,
        distances: ArrayLike,
        query_names: ArrayLike | None = None,
        neighbor_names: ArrayLike | None = None,
    ) -> None:
        self.query_images = np.asarray(query_images, dtype=np.float64)
        self.neighbor_images = np.asarray(neighbor_images, dtype=np.float64)
        self.distances = np.asarray(distances, dtype=np.float64)
        self.query_names = None if query_names is None else np.asarray(query_names)
        self.neighbor_names = None if neighbor_names is None else np.asarray(neighbor_names)

    @classmethod
    def from_neighbors(
        cls,
        neighbors: Neighbors,
        queries: ArrayLike,
        train: ArrayLike,
        image_shape: Sequence[int],
        train_labels: ArrayLike | None = None,
        query_labels: ArrayLike | None = None,
        class_names: Sequence[Any] | None = None,
        *,
        ax: "Axes | None" = None,
        **kwargs: Any,
    ) -> Self:
        """Draw neighbours that were found.

        Parameters
        ----------
        neighbors : Neighbors
            Of these queries. For some of them: ``Neighbors(distances[:5], indices[:5])`` and ``queries[:5]``.
        queries : array-like, shape (n_queries, n_features)
        train : array-like, shape (n_train, n_features)
        image_shape : (height, width), (3, height, width) or (height, width, 3)
            How the features lie in an image.
        train_labels, query_labels : array-like, optional
            Numbers of classes if there are `class_names`, else anything.
        class_names : sequence, optional
        ax : Axes, optional
        kwargs : optional
            Passed to `plot`.

        Returns
        -------
        NeighborsDisplay

        Raises
        ------
        ValueError
            If the shapes do not fit.
        """
        shape = check_image_shape(image_shape)
        near, rows = _validation.check_rows("queries", queries), check_train(train)
        check_n_features("queries", near.shape[1], shape)
        check_n_features("train", rows.shape[1], shape)
        indices = np.asarray(neighbors.indices)
        if len(indices) != len(near) or indices.max(initial=-1) >= len(rows) or indices.size == 0:
            msg = f"neighbors must be of the {len(near)} queries among the {len(rows)} rows of train; got shape {indices.shape}"
            raise ValueError(msg)
        labels = None if train_labels is None else _validation.check_labels("train_labels", train_labels, len(rows), "train")
        truth = None if query_labels is None else _validation.check_labels("query_labels", query_labels, len(near), "queries")
        images = as_images(rows[indices.reshape(-1)], shape)
        return cls(
            as_images(near, shape),
            images.reshape(*indices.shape, *images.shape[1:]),
            neighbors.distances,
            _names(truth, np.arange(len(near)), class_names),
            _names(labels, indices, class_names),
        ).plot(ax=ax, **kwargs)

    @sharing(draws_images=DRAWS_IMAGES)
    def plot(self, ax: "Axes | None" = None, **kwargs: Any) -> Self:
        """Draw it.

        {draws_images}
        """
        n_queries, k, height, width = self.neighbor_images.shape[:4]
        tall = height / width
        full = ((k + 1) * (1 + _GAP) + _GAP, n_queries * (tall + _TEXT))
        ax = self._start(ax, (1.1 * full[0], 1.1 * full[1]))
        self.images_: list[AxesImage] = []
        self.frames_: list[Rectangle] = []
        self.texts_: list[Text] = []
        for query in range(n_queries):
            top = query * (tall + _TEXT)
            self._draw(ax, self.query_images[query], 0, top, tall, kwargs)
            self._write(ax, 0.5, top + tall, "query" if self.query_names is None else str(self.query_names[query]), "bold")
            for place_of in range(k):
                left = (place_of + 1) * (1 + _GAP) + _GAP
                self._draw(ax, self.neighbor_images[query, place_of], left, top, tall, kwargs)
                self._describe(ax, query, place_of, left, top, tall)
        bare(ax, *full)
        return self

    def _draw(self, ax: "Axes", image: Float64, left: float, top: float, tall: float, kwargs: dict[str, Any]) -> None:
        low, high = image.min(), image.max()
        scaled = (image - low) / (high - low) if high > low else np.full_like(image, 0.5)
        self.images_.append(place(ax, scaled, left, top, (1, tall), **kwargs))

    def _describe(self, ax: "Axes", query: int, number: int, left: float, top: float, tall: float) -> None:
        text = f"{self.distances[query, number]:.4g}"
        if self.neighbor_names is not None:
            text += f"\n{self.neighbor_names[query, number]}"
            if self.query_names is not None:
                is_right = self.neighbor_names[query, number] == self.query_names[query]
                text += f" {_RIGHT if is_right else _WRONG}"
                line: dict[str, Any] = (
                    {"edgecolor": COLORS[0], "linestyle": "-"} if is_right else {"edgecolor": COLORS[1], "linestyle": "--"}
                )
                self.frames_.append(rectangle(ax, (left, top), 1, tall, fill=False, linewidth=2.5, **line))
        self._write(ax, left + 0.5, top + tall, text, "normal")

    def _write(self, ax: "Axes", x: float, y: float, text: str, weight: str) -> None:
        self.texts_.append(ax.text(x, y + 0.03, text, ha="center", va="top", fontsize=8, fontweight=weight))
