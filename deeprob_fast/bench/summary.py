"""Timings as rows of a table."""

from typing import Any

from deeprob_fast.bench import sizes
from deeprob_fast.bench.harness import Timing

OURS = "deeprob_fast"
SGEMM = "sgemm alone (NumPy)"
EIGEN = "Eigen product alone"
_NO_PEERS = (SGEMM, EIGEN)  # they find no neighbours
WIDEST = 1.5  # between the largest and the smallest ratio of the rounds; beyond, it says nothing


def ratios_of_rounds(ours: Timing, other: Timing) -> list[float]:
    """Return the other one's seconds over ours for each round of both, ascending."""
    return sorted(b / a for a, b in zip(ours.seconds, other.seconds, strict=False))


def ratio(ours: Timing, other: Timing) -> float | None:
    """Return the other one's seconds over ours, medians, or None where the work is too short or the rounds too different."""
    of_rounds = ratios_of_rounds(ours, other)
    is_short = min(ours.median, other.median) < sizes.SHORTEST
    return None if is_short or of_rounds[-1] > WIDEST * of_rounds[0] else other.median / ours.median


def summarise(timings: dict[str, Timing], facts: dict[str, dict[str, Any]], flops: float | None) -> dict[str, Any]:
    """Return the rows of one case's table and its two summary figures.

    Parameters
    ----------
    timings : dict
        Of `time_interleaved`; holds OURS.
    facts : dict
        What the inspection of each contestant's result found, by name.
    flops : float, optional
        Floating-point operations of the job as a matrix product, if that is what it is.
    """
    ours = timings[OURS].median
    rows = [
        {
            "contestant": name,
            "median": timing.median,
            "min": min(timing.seconds),
            "max": max(timing.seconds),
            "seconds": timing.seconds,
            "ratio_to_ours": timing.median / ours,
            "ratio": ratio(timings[OURS], timing),
            "gflops": flops / timing.median / 1e9 if flops else None,
            **facts.get(name, {}),
        }
        for name, timing in timings.items()
    ]
    peers = {name: timing.median for name, timing in timings.items() if name not in (OURS, *_NO_PEERS)}
    fastest = min(peers, key=peers.__getitem__) if peers else None
    return {
        "rows": rows,
        "fastest_peer": fastest,
        "fastest_peer_over_ours": peers[fastest] / ours if fastest else None,
        "ours_over_sgemm": ours / timings[SGEMM].median if SGEMM in timings else None,
    }
