"""What a pair of a query and a row costs, by which plans are compared: one table for each instruction-set level.

`python benchmarks/fit_costs.py` measures the line of the machine that it runs on.
"""

from typing import NamedTuple

from deeprob_fast import _kernels
from deeprob_fast.knn.metrics import METRICS


class Costs(NamedTuple):
    """Times of a pair in units of the dense product; of manhattan distances, in units of the dense difference."""

    byte: float = 1.0  # a product of rows in bytes
    byte_difference: float = 1.0
    canonical: float = 12.0  # what follows for a row that passes: the look in float32, the canonical distance of some
    difference: float = 2.0  # the dense difference itself, in units of the dense product
    byte_row: float = 6.0  # the second look of a prefix: bytes of one whole row with one query
    projection: float = 2.2  # of a row along one direction, in place of a pair
    visit: float = 8.0  # a row of a leaf that is visited


COSTS = {
    "baseline": Costs(),
    "x86-64-v3": Costs(byte=0.55, byte_difference=0.35),
    "x86-64-v4": Costs(byte=0.75, byte_difference=0.4),
    "x86-64-v4-vnni": Costs(byte=0.25, byte_difference=0.2, byte_row=3.0),
}


def costs() -> Costs:
    """Return the costs on the level that runs."""
    return COSTS[_kernels.ISA]


def byte_cost(metric: str) -> float:
    """Return the cost of a pair in bytes, of as many columns as the dense filter has."""
    return costs().byte_difference if METRICS[metric].adds == "differences" else costs().byte


def canonical_cost(metric: str) -> float:
    """Return the cost of a pair that passes."""
    return costs().canonical / (costs().difference if METRICS[metric].adds == "differences" else 1)
