"""Measure the costs by which plans are compared, `deeprob_fast/knn/costs.py`, on the instruction-set level that runs.

Searches of synthetic rows are timed, in turns; each cost is the least-squares solution of the times that contain it.
"""

import argparse
from functools import partial
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

import deeprob_fast as df
from deeprob_fast import _kernels
from deeprob_fast.knn.costs import COSTS, Costs
from deeprob_fast.knn.filters import Strategy

Rows = NDArray[np.float32]


def blobs(n_rows: int, n_features: int, n_blobs: int, spread: float) -> Rows:
    """Rows around some centers: the closer they lie to them, the more pass a filter."""
    rng = np.random.default_rng(n_features)
    centers = rng.standard_normal((n_blobs, n_features))
    noise = spread * rng.standard_normal((n_rows, n_features))
    return (centers[rng.integers(0, n_blobs, n_rows)] + noise).astype(np.float32)


def low_rank(n_rows: int, n_features: int, rank: int) -> Rows:
    """Rows near a subspace, as a prefix likes them."""
    rng = np.random.default_rng(rank)
    near = rng.standard_normal((n_rows, rank)) @ rng.standard_normal((rank, n_features))
    return (near + 0.3 * rng.standard_normal((n_rows, n_features))).astype(np.float32)


class Search:
    """One strategy on one set of rows."""

    def __init__(self, rows: Rows, n_queries: int, strategy: str, metric: str = "euclidean") -> None:
        self.rows, self.queries = rows, rows[:: len(rows) // n_queries][:n_queries] + np.float32(1e-3)
        self.index = df.KNNIndex(rows, metric=metric, strategy=strategy, n_threads=1)
        self.seconds: list[float] = []

    def run(self) -> None:
        """Time one search."""
        start = perf_counter()
        self.index.search(self.queries, 10)
        self.seconds.append(perf_counter() - start)

    @property
    def pairs(self) -> int:
        """Pairs of a query and a row."""
        return len(self.rows) * len(self.queries)

    @property
    def passed(self) -> float:
        """Share of the pairs that passed the filter, or that lay in visited leaves."""
        return float(self.index.stats["n_passed"]) / self.pairs

    def cost(self, dense: "Search") -> float:
        """Time of a pair in units of the dense one, compared round by round."""
        return median(ours / theirs for ours, theirs in zip(self.seconds, dense.seconds, strict=True)) * dense.pairs / self.pairs


def solve(equations: list[tuple[list[float], float]]) -> list[float]:
    """Return what solves the equations best."""
    factors, values = zip(*equations, strict=True)
    solution, *_ = np.linalg.lstsq(np.array(factors), np.array(values), rcond=None)
    return [round(float(value), 2) for value in solution]


def n_directions(search: Search) -> int:
    """How many directions the prefix has."""
    strategy = search.index._prepared.strategy  # type: ignore[union-attr]
    assert isinstance(strategy, Strategy)
    assert strategy.prefix is not None
    return len(strategy.prefix.projection.basis)


def measure(n_rows: int, n_queries: int, n_rounds: int) -> Costs:
    """Time all searches in turns, and solve for the costs."""
    make = partial(Search, n_queries=n_queries)
    families = [blobs(n_rows, 384, n_blobs, spread) for n_blobs, spread in ((1, 1.0), (20, 0.3), (5, 0.03))]
    dense = [make(rows, strategy="dense") for rows in families]
    integer = [make(rows, strategy="integer") for rows in families]
    differences = [make(rows, strategy="dense", metric="manhattan") for rows in families[:1]]
    byte_differences = [make(rows, strategy="integer", metric="manhattan") for rows in families[:2]]
    flat = [low_rank(n_rows, 384, rank) for rank in (8, 16, 32)]
    flat_dense = [make(rows, strategy="dense") for rows in flat]
    prefix = [make(rows, strategy="prefix") for rows in flat]
    few = Search(flat[1], max(8, n_queries // 20), "prefix")
    planes = [np.random.default_rng(d).random((n_rows, d), dtype=np.float32) for d in (2, 3, 5, 8)]
    plane_dense = [make(rows, strategy="dense") for rows in planes]
    boxes = [make(rows, strategy="boxes") for rows in planes]
    everything = [*dense, *integer, *differences, *byte_differences, *flat_dense, *prefix, few, *plane_dense, *boxes]
    for _ in range(n_rounds):
        for search in everything:
            search.run()
    byte, canonical = solve([([1.0, ours.passed], ours.cost(base)) for ours, base in zip(integer, dense, strict=True)])
    difference = round(differences[0].cost(dense[0]), 2)
    of_manhattan = [([1.0], ours.cost(differences[0]) - canonical / difference * ours.passed) for ours in byte_differences]
    equations = [
        ([ours.passed, n_directions(ours) / len(ours.queries)], ours.cost(base) - byte * (n_directions(ours) + 1) / 384)
        for ours, base in zip([*prefix, few], [*flat_dense, flat_dense[1]], strict=True)
    ]
    byte_row, projection = solve(equations)
    (visit,) = solve([([ours.passed], ours.cost(base)) for ours, base in zip(boxes, plane_dense, strict=True)])
    return Costs(byte, solve(of_manhattan)[0], canonical, difference, byte_row, projection, visit)


def main() -> None:
    """Print what was measured beside what the table says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    measured = measure(arguments.rows, arguments.queries, arguments.rounds)
    print(f"{_kernels.ISA:<20}{'measured':>10}{'table':>10}")
    for name, value in measured._asdict().items():
        print(f"{name:<20}{value:>10.2f}{getattr(COSTS[_kernels.ISA], name):>10.2f}")


if __name__ == "__main__":
    main()
