"""The library against its peers on somebody's own data: a search from raw rows, a loss with its gradient."""

import importlib.util
from collections.abc import Collection
from functools import partial
from typing import Any

import numpy as np

from deeprob_fast._typing import AnyArray, Int64
from deeprob_fast.bench import checks, linear_peers, peers
from deeprob_fast.bench.harness import Contestant, time_interleaved
from deeprob_fast.bench.summary import OURS, summarise
from deeprob_fast.knn import Neighbors, nearest_neighbors
from deeprob_fast.losses import softmax_loss

METRICS = ("euclidean", "manhattan", "cosine")
PEERS = ("numpy", "faiss", "sklearnex", "sklearn", "torch", "scipy")

# Float32 against float64 by other orders of operations: a gradient that is farther off is of something else.
_GRADIENT_TOLERANCE = 1e-3


def installed() -> list[str]:
    """Return the import names of the peers that are there."""
    return [name for name in PEERS if importlib.util.find_spec(name)]


def _unit_rows(rows: AnyArray) -> AnyArray:
    """Scale rows to length 1: then euclidean neighbours are those by cosine, which not all peers know."""
    lengths: AnyArray = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-30))
    return rows / lengths


def compare_search(
    train: AnyArray,
    queries: AnyArray,
    k: int,
    *,
    metric: str,
    libraries: Collection[str],
    rounds: int,
    n_threads: int,
) -> dict[str, Any]:
    """Time the search of raw rows by everyone; what peers find is compared with ours, ours with float64 on a sample.

    Peers read float32 and are timed from it.

    Returns
    -------
    dict
        As of `summarise`.
    """
    near, far = queries.astype(np.float32), train.astype(np.float32)

    def run(peer: peers.Peer) -> Any:
        if metric == "cosine":
            distances, indices = peer.run(_unit_rows(far), _unit_rows(near), k, "euclidean", n_threads)
            return distances**2 / 2, indices
        return peer.run(far, near, k, metric, n_threads)

    chosen = [peer for peer in peers.MANHATTAN if metric == "manhattan"] or list(peers.EUCLIDEAN)
    contestants = [Contestant(OURS, partial(nearest_neighbors, train, queries, k, metric=metric, n_threads=n_threads))]
    contestants += [Contestant(peer.name, partial(run, peer), peer.rounds) for peer in chosen if peer.package in libraries]
    facts: dict[str, dict[str, Any]] = {}
    ours: list[Neighbors] = []

    def inspect(name: str, found: Any) -> None:
        if name == OURS:
            ours.append(found)
            facts[name] = {"note": "exact"}
            if metric != "cosine":
                facts[name] = {"note": checks.assert_exact(train, queries, found, metric)}
        else:
            facts[name] = checks.compare_neighbors(name, found, ours[0])

    return summarise(time_interleaved(contestants, rounds, inspect, "search"), facts, None)


def compare_gradient(
    X: AnyArray, y: Int64, n_classes: int, *, libraries: Collection[str], rounds: int, n_threads: int
) -> dict[str, Any]:
    """Time the softmax loss of all rows with its gradient, at small random weights.

    Peers read float32 and are timed from it.

    Returns
    -------
    dict
        As of `summarise`.
    """
    W = 0.01 * np.random.default_rng(0).standard_normal((X.shape[1], n_classes), dtype=np.float32)
    rows = X.astype(np.float32)
    contestants = [
        Contestant(OURS, partial(softmax_loss, W, X, y, n_threads=n_threads)),
        Contestant("NumPy", partial(linear_peers.numpy_gradient, "softmax", W, rows, y)),
    ]
    if "torch" in libraries:
        contestants.append(Contestant("torch", partial(linear_peers.torch_gradient, "softmax", W, rows, y)))
    facts: dict[str, dict[str, Any]] = {}
    exact = linear_peers.numpy_gradient("softmax", W.astype(np.float64), X.astype(np.float64), y)[1]

    def inspect(name: str, found: Any) -> None:
        error = float(np.linalg.norm(found[1] - exact) / np.linalg.norm(exact))
        if not error < _GRADIENT_TOLERANCE:
            msg = f"{name}: the gradient is {error:.1e} off, more than {_GRADIENT_TOLERANCE:.0e}"
            raise AssertionError(msg)
        facts[name] = {"error": error, "note": f"gradient within {error:.0e} of float64"}

    return summarise(time_interleaved(contestants, rounds, inspect, "gradient"), facts, 4.0 * X.size * n_classes)
