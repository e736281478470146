"""Interleaved timing of contestants in one process."""

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

PAUSE = 0.2  # seconds in which the waiting threads of the contestant before fall asleep


@dataclass(frozen=True)
class Contestant:
    """One way to do the job.

    Attributes
    ----------
    name : str
    run : callable
        Does the whole job once and returns its result.
    rounds : int, optional
        Fewer timed rounds than the others have, for a very slow one.
    """

    name: str
    run: Callable[[], Any]
    rounds: int | None = None


@dataclass
class Timing:
    """The timed rounds of one contestant, in seconds."""

    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The median round."""
        return statistics.median(self.seconds)


def time_interleaved(
    contestants: Sequence[Contestant], rounds: int, inspect: Callable[[str, Any], None], label: str
) -> dict[str, Timing]:
    """Time all contestants in turn, round after round, so that what disturbs the machine disturbs them alike.

    Parameters
    ----------
    contestants : sequence of Contestant
    rounds : int
        Timed rounds; every other one runs in the opposite order.
    inspect : callable
        Takes the name and the result of each contestant's warm-up, which is not timed.
    label : str
        What the progress bar says, on a terminal.

    Returns
    -------
    dict
        Name to Timing.
    """
    from tqdm import tqdm  # not for those who only ask for help

    timings = {contestant.name: Timing() for contestant in contestants}
    with tqdm(total=(rounds + 1) * len(contestants), desc=label, leave=False, disable=None) as progress:
        for contestant in contestants:
            inspect(contestant.name, contestant.run())
            progress.update()
        for turn in range(rounds):
            for contestant in contestants if turn % 2 == 0 else reversed(contestants):
                if turn < (contestant.rounds or rounds):
                    timings[contestant.name].seconds.append(time_once(contestant.run))
                progress.update()
    return timings


def time_once(run: Callable[[], Any]) -> float:
    """Return the seconds of one call, without the collector's and without freeing the result."""
    return timed(run, PAUSE)[0]


def timed(run: Callable[[], Any], pause: float) -> tuple[float, Any]:
    """Return the seconds of one call, without the collector's, and its result; before it all threads fall asleep."""
    gc.collect()
    time.sleep(pause)
    gc.disable()
    try:
        start = time.perf_counter()
        result = run()
        seconds = time.perf_counter() - start
    finally:
        gc.enable()
    return seconds, result


def measure_peak(size: int = 4096, rounds: int = 5) -> float:
    """Return the GFLOP/s of the best of several square sgemms: what this machine gives in float32."""
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((2, size, size), dtype=np.float32)
    out = np.empty_like(left)
    np.matmul(left, right, out=out)
    return 2e-9 * size**3 / min(time_once(lambda: np.matmul(left, right, out=out)) for _ in range(rounds))


def measure_bandwidth(n_threads: int, size: int, rounds: int = 5) -> float:
    """Return the GB/s of the best of several sums over an array of `size` bytes, its parts shared among threads."""
    values = np.ones(size // 4, dtype=np.float32)
    parts = np.array_split(values, n_threads)
    with ThreadPoolExecutor(n_threads) as pool:
        return size / 1e9 / min(time_once(lambda: list(pool.map(np.sum, parts))) for _ in range(rounds))
