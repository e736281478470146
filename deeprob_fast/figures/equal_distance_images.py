"""Four images, of which three are equally far from the first.

A photograph, shifted by some pixels, tinted, and with a black box on it. To the eye one of them is the same picture and one
is spoiled; to the L2 distance of pixels, by which nearest neighbours are found, all three are the same. Tint and box are mixed
in just so strongly that their distances equal that of the shift. Below, how far each pixel has moved.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deeprob_fast._typing import Float64
from deeprob_fast.figures._style import new_figure
from deeprob_fast.knn.distances import pairwise_distances

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PHOTOGRAPH = "china.jpg"  # a tower, of those that scikit-learn ships
_TOP, _LEFT, _SIZE = 30, 85, 240
_SHIFT = 4  # pixels to the right
_TINT = (0.1, 0.3, 0.9)  # red, green, blue


class EqualDistances(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    images : dict
        By name, "original" first; float64 in [0, 1], shape (size, size, 3).
    distances : dict
        From the original, by name.
    opacity : dict
        How much of the tint and of the box is mixed in, in (0, 1].
    """

    images: dict[str, Float64]
    distances: dict[str, float]
    opacity: dict[str, float]


def _distances(original: Float64, *images: Float64) -> list[float]:
    rows = np.stack(images).reshape(len(images), -1)
    distances: list[float] = pairwise_distances(original.reshape(1, -1), rows, n_threads=1)[0].tolist()
    return distances


def _cut(photograph: Float64, left: int) -> Float64:
    return photograph[_TOP : _TOP + _SIZE, left : left + _SIZE]


def _boxed(original: Float64, distance: float) -> Float64:
    """Return the image with the smallest black box in its middle that moves it at least as far."""
    for size in range(1, _SIZE + 1):
        start = (_SIZE - size) // 2
        box = slice(start, start + size)
        if np.linalg.norm(original[box, box]) >= distance:
            break
    boxed = original.copy()
    boxed[box, box] = 0
    return boxed


def compute() -> EqualDistances:
    """Compute the numbers of the figure."""
    from sklearn.datasets import load_sample_image  # slow to import

    photograph = load_sample_image(_PHOTOGRAPH) / 255.0
    original, shifted = _cut(photograph, _LEFT), _cut(photograph, _LEFT - _SHIFT)
    (distance,) = _distances(original, shifted)
    changed = {"tinted": np.broadcast_to(_TINT, original.shape), "boxed": _boxed(original, distance)}
    opacity = {name: distance / far for name, far in zip(changed, _distances(original, *changed.values()), strict=True)}
    mixed = {name: (1 - opacity[name]) * original + opacity[name] * image for name, image in changed.items()}
    images = {"original": original, "shifted": shifted, **mixed}
    distances = _distances(original, *images.values())
    return EqualDistances(images, dict(zip(images, distances, strict=True)), opacity)


def draw(numbers: EqualDistances) -> "Figure":
    """Draw the figure."""
    figure, axes = new_figure("Three changes that the L2 distance of pixels calls equal", 4.9, 2, len(numbers.images), grid=False)
    original = numbers.images["original"]
    changes = {name: np.linalg.norm(image - original, axis=2) for name, image in numbers.images.items()}
    brightest = max(float(np.quantile(change, 0.99)) for change in changes.values())
    said = {"original": "", "shifted": f" by {_SHIFT} pixels"}
    said |= {name: f", {share:.0%} opaque" for name, share in numbers.opacity.items()}
    for column, (name, image) in enumerate(numbers.images.items()):
        above, below = axes[column], axes[column + len(numbers.images)]
        above.imshow(image, interpolation="nearest")
        above.set_title(f"{name}{said[name]}\ndistance {numbers.distances[name]:.10g}", fontsize=9.5)
        below.imshow(changes[name], cmap="gray", vmin=0, vmax=brightest, interpolation="nearest")
        for ax in (above, below):
            ax.set(xticks=(), yticks=())
    axes[len(numbers.images)].set_ylabel("change of each pixel")
    return figure
