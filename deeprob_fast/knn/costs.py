"""What a pair of a query and a row costs, by which plans are compared: one table for each instruction-set level.

`python benchmarks/fit_costs.py` measures the line of the machine that it runs on.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast.knn.metrics import METRICS

_PARTS = 12


class Costs(NamedTuple):
    """Times in units of one product of the dense filter: a pair of d features takes d of them there."""

    byte: float = 1.0  # a product of bytes
    difference: float = 2.0  # an absolute difference
    byte_difference: float = 2.0
    candidate: float = 1500.0  # a pair that passes: kept, counted, and excluded by a threshold later
    look: float = 12.0  # each feature of a row that is looked at in float32, most likely far from the caches
    canonical: float = 25.0  # each feature of a canonical distance
    byte_row: float = 6.0  # each feature in the second look of a prefix: bytes of one whole row with one query
    projection: float = 2.2  # each feature of a row along one direction
    visit: float = 8.0  # each feature of a row of a leaf that is visited


COSTS = {
    "baseline": Costs(),
    "x86-64-v3": Costs(byte=0.52, difference=1.9, byte_difference=0.58, candidate=2600.0, look=8.0, canonical=20.0, byte_row=2.2),
    "x86-64-v4": Costs(byte=0.75, byte_difference=0.8, candidate=5000.0),
    "x86-64-v4-vnni": Costs(byte=0.25, byte_difference=0.4, candidate=5000.0, byte_row=3.0),
}


class Shares(NamedTuple):
    """Of all pairs, predicted or counted (`knn.counts.Counts`)."""

    passed: float
    candidates: float
    looked: float
    refined: float


def costs() -> Costs:
    """Return the costs on the level that runs."""
    return COSTS[_kernels.ISA]


def dense_cost(metric: str) -> float:
    """Return the cost of a feature of a pair in the dense filter, in products."""
    return costs().difference if METRICS[metric].of_differences else 1.0


def byte_cost(metric: str) -> float:
    """Return the cost of a feature of a pair in bytes, in units of the dense filter's."""
    return costs().byte_difference / costs().difference if METRICS[metric].adds == "differences" else costs().byte


def tail_cost(metric: str, n_features: int, shares: Shares) -> float:
    """Return the cost of what follows a filter, spread over all pairs, in units of the dense filter's cost of a pair."""
    level = costs()
    kept = level.candidate / n_features * shares.candidates
    return (kept + level.look * shares.looked + level.canonical * shares.refined) / dense_cost(metric)


class Part(NamedTuple):
    """Rows that come one after the other, of all in random order."""

    share: float  # of all rows
    nearest: float  # of all rows, the share that the threshold does not exclude meanwhile, if scores have no error


def parts(n_rows: int, n_neighbors: int, *, scatters: bool) -> list[Part]:
    """Say how the threshold of a query rises: it rests on the k best of the rows so far, or on those that a sample suggests."""
    k = min(n_neighbors, n_rows)
    first = min(n_rows, _kernels.panel_rows() if scatters else k)
    ends = np.geomspace(first, n_rows, _PARTS + 1)
    result = [Part(first / n_rows, 1.0)]
    for begin, end in itertools.pairwise(ends):
        seen = max(1, round(math.sqrt(begin * end)))
        rank = _kernels.sample_rank(k, seen, n_rows) if scatters else k
        result.append(Part(float(end - begin) / n_rows, min(1.0, rank / seen)))
    return result
