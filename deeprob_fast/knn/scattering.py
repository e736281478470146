"""An order of rows in which the first ones are a fair sample of all, however the rows are sorted."""

import math
from functools import lru_cache

import numpy as np

from deeprob_fast._typing import Int64

_GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
_TRIED = 32  # steps on either side of that part of all rows


def scattered(n_rows: int) -> Int64:
    """Return the numbers of rows in steps of the golden ratio of all.

    Any so many that follow each other lie evenly spread among the rows: so do those that share a panel.
    """
    steps = np.arange(n_rows, dtype=np.uint64) * np.uint64(_step(n_rows))
    # The remainder: NumPy divides by one number much faster than it takes remainders.
    steps -= steps // np.uint64(n_rows) * np.uint64(n_rows)
    return steps.view(np.int64)


@lru_cache(maxsize=16)
def _step(n_rows: int) -> int:
    """Return a step that reaches all rows, and that leads near to its start only after many."""
    middle = round(n_rows * _GOLDEN_RATIO)
    steps = [step for step in range(max(1, middle - _TRIED), middle + _TRIED) if math.gcd(step, n_rows) == 1]
    return min(steps, key=lambda step: max(_quotients(n_rows, step)))


def _quotients(n_rows: int, step: int) -> list[int]:
    """Return the continued fraction of `n_rows` / `step`; a large number in it has many steps lead near to their start."""
    quotients = []
    while step:
        quotients.append(n_rows // step)
        n_rows, step = step, n_rows % step
    return quotients
