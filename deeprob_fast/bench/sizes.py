"""How much work a figure needs: short work is that of the clock and of starting threads."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from deeprob_fast._typing import AnyArray

SHORTEST = 0.05  # seconds; shorter work is not compared
LEAST_STEPS = 2e10  # of a search; fewer are too few whatever they take: the machine may be busy with other things
_STEPS_OF_SELECTION = 64  # for each pair of a query and a row, beside those of the features
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
    more_train, more_queries = _grown(train, queries, math.sqrt(LEAST_STEPS / _n_steps(train, queries)), train, queries)
    # The first search of a size finds no memory prepared.
    while (seconds := min(seconds_of(partial(search, more_train, more_queries)) for _ in range(2))) < SHORTEST:
        before = len(more_train)
        step = min(math.sqrt(_ENOUGH / seconds), _LARGEST_STEP)
        more_train, more_queries = _grown(train, queries, step, more_train, more_queries)
        if len(more_train) == before:
            break
    return more_train, more_queries


def _n_steps(train: AnyArray, queries: AnyArray) -> int:
    n_features: int = train.shape[1]
    return len(train) * len(queries) * (n_features + _STEPS_OF_SELECTION)


def _grown(
    train: AnyArray, queries: AnyArray, step: float, more_train: AnyArray, more_queries: AnyArray
) -> tuple[AnyArray, AnyArray]:
    """Return copies, so many times as many as there are, if that is more and not too much."""
    if step <= 1 or step * max(more_train.nbytes, more_queries.nbytes) > _MOST_BYTES:
        return more_train, more_queries
    return _copies(train, int(step * len(more_train)) + 1), _copies(queries, int(step * len(more_queries)) + 1)


def _copies(rows: AnyArray, n_rows: int) -> AnyArray:
    """Return so many rows: each again and again, with noise."""
    rng = np.random.default_rng(n_rows)
    spread = _NOISE * rows.std(axis=0, dtype=np.float64)
    noisy = rows[np.arange(n_rows) % len(rows)] + spread * rng.standard_normal((n_rows, rows.shape[1]))
    if rows.dtype.kind in "iu":
        limits = np.iinfo(rows.dtype)
        noisy = np.clip(np.rint(noisy), limits.min, limits.max)
    copies: AnyArray = noisy.astype(rows.dtype)
    return copies


def enough_repeats(work: Callable[[], object]) -> int:
    """Return how often to do what is done again and again, such as a gradient, so that it takes long enough."""
    seconds = min(seconds_of(work) for _ in range(5))
    return 1 if seconds >= SHORTEST else math.ceil(_ENOUGH / seconds)
