"""Points of the plane with their classes, as both pages send them."""

from typing import Any

import numpy as np

from deeprob_fast._typing import Float64, Int64
from deeprob_fast.demo import _fields

VERSION = 1
MOST_POINTS = 200
N_CLASSES = (2, 8)
FARTHEST = 1000.0
# More than this, and JavaScript could not count on.
MOST = 2**53 - 1


def check_header(state: dict[str, Any], page: str) -> None:
    """Refuse the state of another page, or of another time."""
    _fields.integer("state.version", state["version"], VERSION, VERSION)
    _fields.choice("state.page", state["page"], (page,))


def check_points(state: dict[str, Any]) -> tuple[Float64, Int64, int]:
    """Return points, (n_points, 2), the number of the class of each, and how many classes there are."""
    n_classes = _fields.integer("state.n_classes", state["n_classes"], *N_CLASSES)
    rows = state["points"]
    values = _fields.table("state.points", rows, 1, MOST_POINTS, 3, FARTHEST)
    labels = [_fields.integer(f"state.points[{i}][2]", row[2], 0, n_classes - 1) for i, row in enumerate(rows)]
    return np.ascontiguousarray(values[:, :2]), np.array(labels, dtype=np.int64), n_classes


def points_to_json(points: Float64, labels: Int64) -> list[list[float]]:
    """Return what `check_points` reads."""
    return [[x, y, label] for (x, y), label in zip(points.tolist(), labels.tolist(), strict=True)]
