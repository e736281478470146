"""Data on which a filter cannot tell rows apart, or could lose digits: what it costs beside Gaussian data of the same shape."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import deeprob_fast as df
from deeprob_fast.bench import checks
from deeprob_fast.bench.harness import Contestant, Timing, time_interleaved
from deeprob_fast.bench.numpy_search import Array
from deeprob_fast.bench.summary import OURS

TIED = "distinct queries, each at one distance from all rows"


def make_data(normal: Array, rng: np.random.Generator) -> Iterator[tuple[str, Array]]:
    """Yield name and rows of each kind of data, made from Gaussian rows."""
    n_rows, n_features = normal.shape
    odd = np.arange(n_rows)[:, None] % 2
    yield "all rows equal", np.tile(normal[:1], (n_rows, 1))
    yield "half of the rows equal", np.where(odd, normal, normal[0])
    yield "ten distinct rows", normal[rng.integers(0, 10, n_rows)]
    yield "near-duplicates", (normal[rng.integers(0, n_rows // 100, n_rows)] * (1 + 1e-7 * normal)).astype(np.float32)
    yield "two clusters of width 1e-6", normal[rng.integers(0, 2, n_rows)] + np.float32(1e-6) * normal
    yield "one-hot rows", np.eye(n_features, dtype=np.float32)[rng.integers(0, n_features, n_rows)]
    yield "binary rows, uint8", np.asarray(rng.integers(0, 2, normal.shape), dtype=np.uint8)
    yield "binary rows times 0.1", np.asarray(rng.integers(0, 2, normal.shape) * 0.1, dtype=np.float32)
    yield "integer grid of three values", np.asarray(rng.integers(0, 3, normal.shape), dtype=np.int8)
    yield "values of 1e-30", normal * np.float32(1e-30)
    yield "values of 1e+30", normal * np.float32(1e30)
    yield "rows of 1e-30 and of 1e+30", np.where(odd, normal * np.float32(1e-30), normal * np.float32(1e30))
    yield "one outlier of 1e+30", np.vstack([normal[:-1], np.full((1, n_features), 1e30, np.float32)])
    yield "offset 1e+6, spread 1", (1e6 + normal).astype(np.float32)
    yield "offset 1e+4, spread 1e-3", (1e4 + 1e-3 * normal).astype(np.float32)
    yield "offset 1e+6, spread 1e-3, float64", 1e6 + 1e-3 * normal.astype(np.float64)
    yield "lognormal features, sigma 8", np.exp(8 * normal)
    yield "one flag column of 0 and 1e+9", np.hstack([normal[:, 1:], np.where(odd, np.float32(1e9), np.float32(0))])
    yield "two clusters far apart", normal + np.where(odd, np.float32(1e4), np.float32(-1e4))
    yield TIED, np.where(np.arange(n_features) % 2, np.sign(normal) * np.float32(0.1), np.float32(0))


def run(
    normal: Array, queries: Array, k: int, n_threads: int, rounds: int, label: str
) -> tuple[dict[str, Timing], dict[str, dict[str, Any]], list[str]]:
    """Time the search on Gaussian data, as OURS, and on every kind of the above; return timings, facts and remarks."""
    rng = np.random.default_rng(1)
    data = {OURS: (normal, queries)}
    for name, rows in make_data(normal, rng):
        near = rows[rng.integers(0, len(rows), len(queries))]
        # These differ where all rows are alike.
        data[name] = (rows, np.where(np.arange(rows.shape[1]) % 2, np.float32(0), queries) if name == TIED else near)

    def search(name: str) -> df.Neighbors:
        return df.nearest_neighbors(*data[name], k, n_threads=n_threads)

    facts: dict[str, dict[str, Any]] = {}

    def inspect(name: str, found: df.Neighbors) -> None:
        facts[name] = {"note": checks.assert_same_distances(*data[name], found)}

    tasks: list[tuple[str, Callable[[], df.Neighbors]]] = [(name, partial(search, name)) for name in data]
    timings = time_interleaved([Contestant(*task) for task in tasks], rounds, inspect, label)
    ratios = {name: timing.median / timings[OURS].median for name, timing in timings.items() if name != OURS}
    worst = max(ratios, key=ratios.__getitem__)
    return timings, facts, [f"slowest / Gaussian data: **{ratios[worst]:.1f}** ({worst})"]
