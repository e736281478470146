"""Where the pages can start."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from deeprob_fast._typing import Float64, Int64
from deeprob_fast.demo import rules
from deeprob_fast.demo.knn_model import KNNState
from deeprob_fast.demo.linear_model import randomize
from deeprob_fast.demo.linear_state import LinearState

_N_POINTS = 12  # of a class, where they are drawn
_DECIMALS = 3
_FARTHEST = 1.2  # from the origin: still on the plane that the pages show

# The nine points of the course's page: x0, x1, class.
_LECTURE = np.array(
    [
        [0.5, 0.4, 0],
        [0.8, 0.3, 0],
        [0.3, 0.8, 0],
        [-0.4, 0.3, 1],
        [-0.3, 0.7, 1],
        [-0.7, 0.2, 1],
        [0.7, -0.4, 2],
        [0.5, -0.6, 2],
        [-0.4, -0.5, 2],
    ]
)
_LECTURE_W = ((1.0, 2.0), (2.0, -4.0), (3.0, -1.0))
_LECTURE_B = (0.0, 0.5, -0.5)


class Points(NamedTuple):
    """Points with their classes."""

    points: Float64
    labels: Int64
    n_classes: int


def _discs(distance: float, share: float) -> Callable[[int, int], Points]:
    """Draw each class in a disc around a center at this distance from the origin.

    `share` is the radius in units of half the way between two centers: below 1 a linear classifier separates the classes, for
    each disc lies where its own center is the nearest.
    """

    def draw(seed: int, n_classes: int) -> Points:
        random = np.random.default_rng(seed)
        labels = np.repeat(np.arange(n_classes), _N_POINTS)
        centers = distance * _on_circle(2 * np.pi * (labels / n_classes + 1 / 12))
        radius = min(share * distance * np.sin(np.pi / n_classes), _FARTHEST - distance)
        offsets = np.sqrt(random.uniform(size=(len(labels), 1))) * _on_circle(random.uniform(0, 2 * np.pi, len(labels)))
        return Points((centers + radius * offsets).round(_DECIMALS) + 0.0, labels, n_classes)

    return draw


def _on_circle(angles: Float64) -> Float64:
    return np.column_stack([np.cos(angles), np.sin(angles)])


def _xor(seed: int, n_classes: int) -> Points:  # noqa: ARG001  # two, whatever was asked for
    """Draw two classes, each in two opposite quadrants."""
    corners = np.tile([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]], (_N_POINTS // 2, 1))
    points = corners * np.random.default_rng(seed).uniform(0.15, 1.0, corners.shape)
    return Points(points.round(_DECIMALS), (corners.prod(axis=1) < 0).astype(np.int64), 2)


def _rings(seed: int, n_classes: int) -> Points:
    """Draw classes on circles around the origin."""
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_classes), 2 * _N_POINTS)
    radii = (labels + 0.5) / n_classes * 1.1 + random.uniform(-0.25, 0.25, len(labels)) / n_classes
    angles = random.uniform(0, 2 * np.pi, len(labels))
    points = radii[:, np.newaxis] * _on_circle(angles)
    return Points(points.round(_DECIMALS) + 0.0, labels, n_classes)


def _nine(seed: int, n_classes: int) -> Points:  # noqa: ARG001  # nothing is drawn
    return Points(_LECTURE[:, :2].copy(), _LECTURE[:, 2].astype(np.int64), 3)


def _notebook(seed: int, n_classes: int) -> Points:  # noqa: ARG001  # five, whatever was asked for
    """Draw 20 uniform points with random classes, five as in the course's notebook, from its unit square onto the plane."""
    random = np.random.default_rng(seed)
    points = 2 * random.uniform(size=(20, 2)) - 1
    return Points(points.round(_DECIMALS) + 0.0, random.integers(0, 5, 20), 5)


_SEPARABLE, _OVERLAPPING = _discs(0.75, 0.8), _discs(0.5, 1.7)
LINEAR = {"lecture": _nine, "screenshot": _nine, "separable": _SEPARABLE, "overlapping": _OVERLAPPING, "xor": _xor}
KNN = {"lecture": _notebook, "separable": _SEPARABLE, "overlapping": _OVERLAPPING, "xor": _xor, "rings": _rings}
LABELS = {
    "lecture": "As in the lecture",
    "screenshot": "The lecture's screenshot",
    "separable": "Separable classes",
    "overlapping": "Overlapping classes",
    "xor": "XOR",
    "rings": "Rings",
}
DEFAULT_N_CLASSES = 3


def linear(name: str, seed: int, n_classes: int = DEFAULT_N_CLASSES) -> LinearState:
    """Return a state of the linear page; the number of classes matters where they are drawn."""
    preset = LINEAR[name](seed, n_classes)
    nothing = np.zeros((preset.n_classes, 3))
    state = LinearState(
        preset.points,
        preset.labels,
        nothing[:, :2],
        nothing[:, 2],
        loss="weston_watkins",
        reg=0.1,
        penalty="l2",
        original_gradient=False,
        optimizer=rules.check({"name": "sgd", "lr": 0.1}),
        batch_size=None,
        seed=seed,
        step=0,
        memory=None,
        history=[],
    )
    if LINEAR[name] is not _nine:
        return randomize(state)
    W, lr = np.array(_LECTURE_W), 0.1
    if name == "screenshot":  # a weight and a slider had been touched
        W[0, 0], lr = 2.3, 0.09976
    return replace(state, W=W, b=np.array(_LECTURE_B), optimizer=rules.check({"name": "sgd", "lr": lr}))


def knn(name: str, seed: int, n_classes: int = DEFAULT_N_CLASSES) -> KNNState:
    """Return a state of the k-NN page; the number of classes matters where they are drawn."""
    preset = KNN[name](seed, n_classes)
    query = np.array([-0.3, 0.5])
    options: dict[str, Any] = {"k": 3, "metric": "euclidean", "weights": "uniform", "temperature": 0.07, "query": query}
    return KNNState(preset.points, preset.labels, preset.n_classes, **options)
