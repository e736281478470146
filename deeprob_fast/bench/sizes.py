"""How much work a figure needs: short work is that of the clock and of starting threads."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from deeprob_fast._typing import AnyArray

SHORTEST = 0.05  # seconds; shorter work is not compared
_ENOUGH = 0.08  # seconds of work that we aim at
_MOST_BYTES = 1 << 28  # of rows that are made, and as many of queries
_LARGEST_STEP = 8  # what is said of short searches is vague
_NOISE = 0.1  # of the spread of each feature


def seconds_of(work: Callable[[], object]) -> float:
    """Return the seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def enough_rows(train: AnyArray, queries: AnyArray, search: Callable[[AnyArray, AnyArray], Any]) -> tuple[AnyArray, AnyArray]:
    """Return rows and queries whose search takes long enough: these, or copies of these with noise."""
    more_train, more_queries = train, queries
    # The first search of a size finds no memory prepared.
    while (seconds := min(seconds_of(partial(search, more_train, more_queries)) for _ in range(2))) < SHORTEST:
        step = min(math.sqrt(_ENOUGH / seconds), _LARGEST_STEP)
        if step * max(more_train.nbytes, more_queries.nbytes) > _MOST_BYTES:
            break
        more_train = _copies(train, int(step * len(more_train)) + 1)
        more_queries = _copies(queries, int(step * len(more_queries)) + 1)
    return more_train, more_queries


def _copies(rows: AnyArray, n_rows: int) -> AnyArray:
    """Return so many rows: each again and again, with noise."""
    rng = np.random.default_rng(n_rows)
    spread = _NOISE * rows.std(axis=0, dtype=np.float64)
    found = rows[np.arange(n_rows) % len(rows)] + spread * rng.standard_normal((n_rows, rows.shape[1]))
    if rows.dtype.kind in "iu":
        limits = np.iinfo(rows.dtype)
        found = np.clip(np.rint(found), limits.min, limits.max)
    copies: AnyArray = found.astype(rows.dtype)
    return copies


def enough_repeats(work: Callable[[], object]) -> int:
    """Return how often to do what is done again and again, such as a gradient, so that it takes long enough."""
    seconds = min(seconds_of(work) for _ in range(5))
    return 1 if seconds >= SHORTEST else math.ceil(_ENOUGH / seconds)
