"""Which class wins where: the cells of the plane, and their classes as runs."""

import base64
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from deeprob_fast._typing import Float64, Int64
from deeprob_fast.demo import _fields

# Left, right, bottom and top of the plane that the pages show.
EXTENT = (-1.25, 1.25, -1.25, 1.25)
MOST_CELLS = 320
_LONGEST = 255


@lru_cache(maxsize=4)
def centers(n: int) -> Float64:
    """Return the centers of n x n cells, rows from the top down, each from left to right: (n * n, 2)."""
    left, right, bottom, top = EXTENT
    steps = (np.arange(n) + 0.5) / n
    x, y = np.meshgrid(left + steps * (right - left), top - steps * (top - bottom))
    points = np.column_stack([x.ravel(), y.ravel()])
    points.flags.writeable = False
    return points


def encode(classes: Int64) -> str:
    """Return base64 of pairs of bytes: a class, and in how many cells in a row it wins."""
    starts = np.flatnonzero(np.concatenate([[True], classes[1:] != classes[:-1]]))
    lengths = np.diff(np.append(starts, len(classes)))
    parts = -(-lengths // _LONGEST)
    pairs = np.full((parts.sum(), 2), _LONGEST, dtype=np.uint8)
    pairs[:, 0] = np.repeat(classes[starts], parts)
    pairs[np.cumsum(parts) - 1, 1] = lengths - _LONGEST * (parts - 1)
    return base64.b64encode(pairs.tobytes()).decode("ascii")


def draw(n: int | None, classify: Callable[[Float64], Int64]) -> dict[str, Any] | None:
    """Return the regions of a classifier on n x n cells, or None where none are wanted."""
    return None if n is None else {"n": n, "extent": list(EXTENT), "runs": encode(classify(centers(n)))}


def check_size(value: object) -> int | None:
    """Return how many cells a side has; None: no regions."""
    return None if value is None else _fields.integer("regions", value, 1, MOST_CELLS)
