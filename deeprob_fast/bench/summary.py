"""Timings as rows of a table."""

from typing import Any

from deeprob_fast.bench.harness import Timing

OURS = "deeprob_fast"
SGEMM = "sgemm alone (NumPy)"


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
            "gflops": flops / timing.median / 1e9 if flops else None,
            **facts.get(name, {}),
        }
        for name, timing in timings.items()
    ]
    peers = {name: timing.median for name, timing in timings.items() if name not in (OURS, SGEMM)}
    fastest = min(peers, key=peers.__getitem__) if peers else None
    return {
        "rows": rows,
        "fastest_peer": fastest,
        "fastest_peer_over_ours": peers[fastest] / ours if fastest else None,
        "ours_over_sgemm": ours / timings[SGEMM].median if SGEMM in timings else None,
    }
