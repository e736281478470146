"""The search of `evaluate` beside that of NumPy: the same rows, the same queries, the same threads, one after the other."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from deeprob_fast._typing import AnyArray
from deeprob_fast.bench.checks import Agreement, agreement
from deeprob_fast.bench.harness import Timing, timed
from deeprob_fast.bench.numpy_search import BLOCK, knn_numpy
from deeprob_fast.bench.sizes import enough_rows, seconds_of
from deeprob_fast.bench.summary import ratio, ratios_of_rounds
from deeprob_fast.knn.nearest import nearest_neighbors

_MOST_OF_NUMPY = 1 << 30  # bytes of rows, of which it makes a copy in float32
_LONGEST = 15.0  # seconds of a round of NumPy, as guessed from a part
_ROUNDS = 3
_PAUSE = 0.1  # seconds in which the waiting threads of the other one fall asleep


class Comparison(NamedTuple):
    """What was searched, how long it took, and whether NumPy found the same.

    Attributes
    ----------
    n_train, n_queries : int
    copies : bool
        Whether the rows are copies with noise, because the own ones are too few to be timed.
    seconds, numpy_seconds : float
        Medians of the rounds.
    ratios : tuple of float
        NumPy / ours of each round, ascending.
    ratio : float or None
        NumPy / ours, if it says anything.
    agreement : Agreement
    """

    n_train: int
    n_queries: int
    copies: bool
    seconds: float
    numpy_seconds: float
    ratios: tuple[float, ...]
    ratio: float | None
    agreement: Agreement


def compare_with_numpy(
    train: AnyArray,
    queries: AnyArray,
    k: int,
    *,
    metric: str,
    n_threads: int,
    done: Callable[[int], object],
) -> Comparison:
    """Time the search by both from raw rows, preparation included, of as many rows and queries as make a comparison.

    Where we take less than a moment, both search more rows, which are copies of these with noise; where NumPy takes too long,
    both search fewer queries; of rows beyond a gigabyte, both search the first ones. `done` is called with numbers of queries
    while NumPy works.
    """
    train = train[: max(k, _MOST_OF_NUMPY // (4 * train.shape[1]))]
    n_own = len(train), len(queries)
    train, queries = enough_rows(train, queries, partial(nearest_neighbors, k=k, metric=metric, n_threads=n_threads))
    copies = (len(train), len(queries)) != n_own
    queries = queries[: _affordable(train, queries, k, metric, n_threads)]
    ours, numpy = Timing(), Timing()
    for _ in range(_ROUNDS):  # both are warm
        seconds, exact = timed(partial(nearest_neighbors, train, queries, k, metric=metric, n_threads=n_threads), _PAUSE)
        ours.seconds.append(seconds)
        seconds, (_, indices) = timed(partial(knn_numpy, train, queries, k, metric, n_threads, done), _PAUSE)
        numpy.seconds.append(seconds)
    return Comparison(
        len(train),
        len(queries),
        copies,
        ours.median,
        numpy.median,
        tuple(ratios_of_rounds(ours, numpy)),
        ratio(ours, numpy),
        agreement(train, queries, indices, exact, metric),
    )


def _affordable(train: AnyArray, queries: AnyArray, k: int, metric: str, n_threads: int) -> int:
    """Return how many queries NumPy searches in a reasonable time."""
    probed = queries[: BLOCK * n_threads]
    seconds = seconds_of(partial(knn_numpy, train, probed, k, metric, n_threads))
    return len(queries) if len(probed) == len(queries) else max(1, int(_LONGEST / seconds * len(probed)))
