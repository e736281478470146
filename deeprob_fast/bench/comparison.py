"""The library against its peers on somebody's own data: a search from raw rows, a loss with its gradient."""

import importlib.util
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from deeprob_fast._typing import AnyArray, Int64
from deeprob_fast.bench import checks, linear_peers, peers
from deeprob_fast.bench.harness import Contestant, time_interleaved
from deeprob_fast.bench.numpy_search import unit_rows
from deeprob_fast.bench.sizes import enough_repeats, enough_rows
from deeprob_fast.bench.summary import OURS, summarise
from deeprob_fast.knn.nearest import nearest_neighbors
from deeprob_fast.linear.losses import softmax_loss

if TYPE_CHECKING:
    from deeprob_fast.knn.neighbors import Neighbors

METRICS = ("euclidean", "manhattan", "cosine")
PEERS = ("numpy", "faiss", "sklearnex", "sklearn", "torch", "scipy")

# Float32 against float64 by other orders of operations: a gradient that is farther off is of something else.
_GRADIENT_TOLERANCE = 1e-3


def installed() -> list[str]:
    """Return the import names of the peers that are there."""
    return [name for name in PEERS if importlib.util.find_spec(name)]


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

    Peers read float32 and are timed from it. Rows whose search is too short to be timed are searched with copies of themselves.

    Returns
    -------
    dict
        As of `summarise`.
    """
    search = partial(nearest_neighbors, k=k, metric=metric, n_threads=n_threads)
    train, queries = enough_rows(train, queries, search)
    near, far = queries.astype(np.float32), train.astype(np.float32)

    def run(peer: peers.Peer) -> Any:
        if metric == "cosine":  # not all peers know it, but all the euclidean neighbours of directions
            distances, indices = peer.run(unit_rows(far), unit_rows(near), k, "euclidean", n_threads)
            return distances**2 / 2, indices
        return peer.run(far, near, k, metric, n_threads)

    chosen = [peer for peer in peers.MANHATTAN if metric == "manhattan"] or list(peers.EUCLIDEAN)
    contestants = [Contestant(OURS, partial(search, train, queries))]
    contestants += [Contestant(peer.name, partial(run, peer), peer.rounds) for peer in chosen if peer.package in libraries]
    facts: dict[str, dict[str, Any]] = {}
    ours: list[Neighbors] = []

    def inspect(name: str, result: Any) -> None:
        if name == OURS:
            ours.append(result)
            facts[name] = {"note": "exact"}
            if metric != "cosine":
                facts[name] = {"note": checks.assert_exact(train, queries, result, metric)}
        else:
            facts[name] = checks.compare_neighbors(name, train, queries, result, ours[0], metric)

    summary = summarise(time_interleaved(contestants, rounds, inspect, "search"), facts, None)
    return {**summary, "n_train": len(train), "n_queries": len(queries)}


def compare_gradient(
    X: AnyArray, y: Int64, n_classes: int, *, libraries: Collection[str], rounds: int, n_threads: int
) -> dict[str, Any]:
    """Time the softmax loss of all rows with its gradient, at small random weights.

    Peers read float32 and are timed from it. What is too short to be timed is done several times.

    Returns
    -------
    dict
        As of `summarise`, and the number of `repeats`.
    """
    W = 0.01 * np.random.default_rng(0).standard_normal((X.shape[1], n_classes), dtype=np.float32)
    rows = X.astype(np.float32)
    once = partial(softmax_loss, W, X, y, n_threads=n_threads)
    repeats = enough_repeats(once)
    contestants = [
        Contestant(OURS, _repeated(once, repeats)),
        Contestant("NumPy", _repeated(partial(linear_peers.numpy_gradient, "softmax", W, rows, y), repeats)),
    ]
    if "torch" in libraries:
        by_torch = partial(linear_peers.torch_gradient, "softmax", W, rows, y)
        contestants.append(Contestant("torch", _repeated(by_torch, repeats)))
    facts: dict[str, dict[str, Any]] = {}
    exact = linear_peers.numpy_gradient("softmax", W.astype(np.float64), X.astype(np.float64), y)[1]

    def inspect(name: str, result: Any) -> None:
        error = float(np.linalg.norm(result[1] - exact) / np.linalg.norm(exact))
        if not error < _GRADIENT_TOLERANCE:
            msg = f"{name}: the gradient is {error:.1e} off, more than {_GRADIENT_TOLERANCE:.0e}"
            raise AssertionError(msg)
        facts[name] = {"error": error, "note": f"gradient within {error:.0e} of float64"}

    timings = time_interleaved(contestants, rounds, inspect, "gradient")
    return {**summarise(timings, facts, 4.0 * X.size * n_classes * repeats), "repeats": repeats}


def _repeated(work: Callable[[], Any], n: int) -> Callable[[], Any]:
    def run() -> Any:
        for _ in range(n - 1):
            work()
        return work()

    return run
