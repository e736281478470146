"""Pictures laid out on one pair of axes."""

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from deeprob_fast._typing import AnyArray, Float64

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

_CHANNELS = (1, 3)


def check_image_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of an image: (height, width), or with 1 or 3 channels first or last."""
    sizes = tuple(int(size) for size in shape)
    has_channels = len(sizes) == 3 and (sizes[0] in _CHANNELS or sizes[2] in _CHANNELS)
    if not (len(sizes) == 2 or has_channels) or min(sizes) < 1:
        msg = f"image_shape must be (height, width), or that with 1 or 3 channels before or behind; got {sizes}"
        raise ValueError(msg)
    return sizes


def as_images(rows: AnyArray, shape: tuple[int, ...]) -> Float64:
    """Return rows as images (n, height, width), or (n, height, width, 3); of two possible orders, channels are last."""
    images: Float64 = np.asarray(rows, dtype=np.float64).reshape(len(rows), *shape)
    if len(shape) == 3 and shape[2] not in _CHANNELS:
        images = np.moveaxis(images, 1, -1)
    return images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images


def check_n_features(name: str, n_features: int, shape: tuple[int, ...]) -> None:
    """Refuse rows that are not images of this shape."""
    if n_features != prod(shape):
        msg = f"image_shape must have as many values as {name} has features, {n_features}; got {shape}, {prod(shape)}"
        raise ValueError(msg)


def bare(ax: "Axes", width: float, height: float) -> None:
    """Make axes of this size, from (0, 0) at the top left, without ticks and frame."""
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    ax.set_axis_off()


def place(ax: "Axes", image: Float64, left: float, top: float, size: tuple[float, float], **kwargs: Any) -> "AxesImage":
    """Draw an image with values in [0, 1] as a rectangle of size (width, height)."""
    extent = (left, left + size[0], top + size[1], top)
    options: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "nearest"} | kwargs
    return ax.imshow(image, extent=extent, origin="upper", **options)
