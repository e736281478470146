"""Measure the costs by which plans are compared, `deeprob_fast/knn/costs.py`, on the instruction-set level that runs.

Searches of synthetic rows are timed, in turns, and what each look left is counted; the costs are the least-squares solution of
the times.
"""

import argparse
from functools import partial
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

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
    """One strategy on one set of rows, for k neighbours."""

    def __init__(self, rows: Rows, n_queries: int, k: int, strategy: str, metric: str = "euclidean") -> None:
        self.k = k
        self.rows, self.queries = rows, rows[:: len(rows) // n_queries][:n_queries] + np.float32(1e-3)
        self.index = df.KNNIndex(rows, metric=metric, strategy=strategy, n_threads=1)
        self.seconds: list[float] = []

    def run(self) -> None:
        """Time one search."""
        start = perf_counter()
        self.index.search(self.queries, self.k)
        self.seconds.append(perf_counter() - start)

    @property
    def n_features(self) -> int:
        """Features of a row."""
        return int(self.rows.shape[1])

    def share(self, name: str) -> float:
        """Share of the pairs that a look left."""
        return float(self.index.stats[f"n_{name}"]) / len(self.rows) / len(self.queries)

    @property
    def time(self) -> float:
        """Nanoseconds of a pair."""
        return median(self.seconds) * 1e9 / len(self.rows) / len(self.queries)

    @property
    def tail(self) -> list[float]:
        """What the costs of candidates, looks and canonical distances are multiplied by."""
        return [self.share("candidates"), self.share("looked") * self.n_features, self.share("refined") * self.n_features]


def solve(equations: list[tuple[list[float], float]]) -> list[float]:
    """Return what solves the equations best, each in proportion to its right side; nothing costs less than nothing."""
    factors = np.array([factors for factors, _ in equations])
    values = np.array([value for _, value in equations])
    return [float(cost) for cost in nnls(factors / values[:, None], np.ones(len(values)))[0]]


def n_directions(search: Search) -> int:
    """How many directions the prefix has."""
    strategy = search.index._prepared.strategy  # type: ignore[union-attr]
    assert isinstance(strategy, Strategy)
    assert strategy.prefix is not None
    return len(strategy.prefix.projection.basis)


def measure(n_rows: int, n_queries: int, n_rounds: int) -> Costs:
    """Time all searches in turns, and solve for the costs."""
    make = partial(Search, n_queries=n_queries)
    families = [blobs(n_rows, n_features, 1, 1.0) for n_features in (64, 256, 784)] + [blobs(n_rows, 384, 20, 0.3)]
    neighbors = (1, 10, 50, 200)
    dense = [make(rows, k=k, strategy="dense") for rows in families for k in neighbors]
    integer = [make(rows, k=k, strategy="integer") for rows in families for k in neighbors]
    differences = [make(rows, k=10, strategy="dense", metric="manhattan") for rows in families]
    byte_differences = [make(rows, k=10, strategy="integer", metric="manhattan") for rows in families]
    flat = [low_rank(n_rows, 384, rank) for rank in (8, 16, 32, 64)]
    prefix = [make(rows, k=k, strategy="prefix") for rows in flat for k in (1, 10)]
    few = Search(flat[1], max(8, n_queries // 20), 10, "prefix")
    planes = [np.random.default_rng(d).random((n_rows, d), dtype=np.float32) for d in (2, 3, 5, 8)]
    plane_dense = [make(rows, k=10, strategy="dense") for rows in planes]
    boxes = [make(rows, k=10, strategy="boxes") for rows in planes]
    everything = [*dense, *integer, *differences, *byte_differences, *prefix, few, *plane_dense, *boxes]
    for _ in range(n_rounds):
        for search in everything:
            search.run()
    product, byte, *tail = solve(
        [([one.n_features, 0.0, *one.tail], one.time) for one in dense]
        + [([0.0, one.n_features, *one.tail], one.time) for one in integer]
    )

    def without_tail(search: Search) -> float:
        return max(search.time - float(np.dot(tail, search.tail)), 0.1 * search.time)

    (difference,) = solve([([one.n_features], without_tail(one)) for one in differences])
    (byte_difference,) = solve([([one.n_features], without_tail(one)) for one in byte_differences])
    sweeps = [byte * (n_directions(one) + 1) for one in [*prefix, few]]
    byte_row, projection = solve(
        [
            ([384 * one.share("passed"), 384 * n_directions(one) / len(one.queries)], max(without_tail(one) - sweep, 0.1 * sweep))
            for one, sweep in zip([*prefix, few], sweeps, strict=True)
        ]
    )
    # Of few features the dense filter takes most of its time for candidates: boxes are compared with all of it.
    (visit,) = solve([([one.share("passed")], one.time / base.time) for one, base in zip(boxes, plane_dense, strict=True)])
    candidate, look, canonical = tail
    of_product = {
        "byte": byte,
        "difference": difference,
        "byte_difference": byte_difference,
        "candidate": candidate,
        "look": look,
        "canonical": canonical,
        "byte_row": byte_row,
        "projection": projection,
    }
    return Costs(**{name: round(cost / product, 2) for name, cost in of_product.items()}, visit=round(visit, 2))


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
