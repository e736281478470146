"""What else has neighbours: all within a radius, graphs of the rows themselves, regression; against those who have it, too."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import deeprob_fast as df
from deeprob_fast.bench import checks
from deeprob_fast.bench.harness import Contestant, Timing, time_interleaved
from deeprob_fast.bench.numpy_search import Array
from deeprob_fast.bench.summary import OURS

if TYPE_CHECKING:
    from collections.abc import Callable

Outcome = tuple[dict[str, Timing], dict[str, dict[str, Any]], list[str]]
_SAMPLE = 256  # queries that a radius is taken from
_FEW_FEATURES = 12  # for which trees are made


def run_radius(train: Array, queries: Array, k: int, n_threads: int, rounds: int, libraries: Any, label: str) -> Outcome:
    """Time the search within the median distance of the k-th neighbour."""
    nearest = df.nearest_neighbors(train, queries[:: max(1, len(queries) // _SAMPLE)], k, n_threads=n_threads)
    radius = float(np.median(nearest.distances[:, -1]))

    def by_faiss() -> tuple[Array, Array, Array]:
        import faiss

        index = faiss.IndexFlatL2(train.shape[1])
        index.add(train)
        indptr, squared, indices = index.range_search(queries, np.float32(radius) ** 2)
        return indptr, indices, np.sqrt(squared)

    def by_sklearn() -> tuple[Array, Array, Array]:
        from sklearn.neighbors import NearestNeighbors

        algorithm = "auto" if train.shape[1] <= _FEW_FEATURES else "brute"
        model = NearestNeighbors(radius=radius, algorithm=algorithm, n_jobs=n_threads).fit(train)
        distances, indices = model.radius_neighbors(queries)
        return _rows_of(indices), np.concatenate(indices), np.concatenate(distances)

    def by_ckdtree() -> tuple[Array, Array, None]:
        from scipy.spatial import cKDTree

        indices = cKDTree(train).query_ball_point(queries, radius, workers=n_threads)
        return _rows_of(indices), np.concatenate(indices), None

    peers: dict[str, tuple[str, Callable[[], Any]]] = {"scikit-learn": ("sklearn", by_sklearn)}
    if train.shape[1] <= _FEW_FEATURES:
        peers["scipy cKDTree, no distances"] = ("scipy", by_ckdtree)
    else:
        peers["faiss"] = ("faiss", by_faiss)
    contestants = [Contestant(OURS, lambda: df.radius_neighbors(train, queries, radius, n_threads=n_threads))]
    contestants += [Contestant(name, run) for name, (package, run) in peers.items() if package in libraries]
    facts: dict[str, dict[str, Any]] = {}

    def inspect(name: str, lists: Any) -> None:
        facts[name] = {"note": _compared(train, queries, radius, lists, exact=name == OURS)}

    return time_interleaved(contestants, rounds, inspect, label), facts, [f"radius {radius:.6g}"]


def run_graph(train: Array, queries: Array, k: int, n_threads: int, rounds: int, libraries: Any, label: str) -> Outcome:
    """Time the graph of the rows with their nearest others."""
    del queries

    def graph(kind: Any, **options: Any) -> Any:
        return kind(n_neighbors=k, n_jobs=n_threads, **options).fit(train).kneighbors_graph(mode="distance")

    from sklearn.neighbors import NearestNeighbors

    contestants = [Contestant(OURS, partial(graph, df.NearestNeighbors))]
    if "sklearn" in libraries:
        contestants.append(Contestant("scikit-learn", partial(graph, NearestNeighbors, algorithm="brute")))
    facts: dict[str, dict[str, Any]] = {}
    ours: list[Any] = []

    def inspect(name: str, result: Any) -> None:
        ours.append(result)
        np.testing.assert_allclose(np.sort(result.data.reshape(-1, k)), ours[0].data.reshape(-1, k), rtol=1e-3, atol=1e-3)
        facts[name] = {"note": "the same distances"}

    return time_interleaved(contestants, rounds, inspect, label), facts, []


def run_regression(train: Array, queries: Array, k: int, n_threads: int, rounds: int, libraries: Any, label: str) -> Outcome:
    """Time `predict` of regressors that are fitted already."""
    from sklearn.neighbors import KNeighborsRegressor

    values = np.random.default_rng(0).standard_normal(len(train))
    models = {OURS: df.KNeighborsRegressor(k, n_jobs=n_threads)}
    if "sklearn" in libraries:
        models["scikit-learn"] = KNeighborsRegressor(k, n_jobs=n_threads)
    contestants = [Contestant(name, partial(model.fit(train, values).predict, queries)) for name, model in models.items()]
    facts: dict[str, dict[str, Any]] = {}
    ours: list[Array] = []

    def inspect(name: str, means: Array) -> None:
        ours.append(means)
        same = float(np.mean(np.isclose(means, ours[0], rtol=1e-6)))
        facts[name] = {"note": f"{100 * same:.2f} % of the means as ours"}
        if same < 0.99:  # of float32, ties are told apart otherwise
            msg = f"{name} predicts something else: {facts[name]['note']}"
            raise AssertionError(msg)

    return time_interleaved(contestants, rounds, inspect, label), facts, []


RUN = {"radius": run_radius, "graph": run_graph, "regression": run_regression}


def _rows_of(lists: Any) -> Array:
    return np.concatenate([[0], np.cumsum([len(one) for one in lists])])


def _compared(train: Array, queries: Array, radius: float, lists: Any, *, exact: bool) -> str:
    """Compare the lists of some queries with a float64 brute force; those of others may differ at the radius itself."""
    indptr, indices = lists[0], lists[1]
    for q in checks.sample(len(queries)):
        true = checks.true_distances(queries[q].astype(np.float64), train, "euclidean")
        mine = np.sort(indices[indptr[q] : indptr[q + 1]])
        if exact:
            np.testing.assert_array_equal(mine, np.flatnonzero(true <= radius))
        else:
            differing = np.setxor1d(mine, np.flatnonzero(true <= radius))
            np.testing.assert_allclose(true[differing], radius, rtol=1e-3)
    return f"{indptr[-1] / len(queries):.0f} neighbours a query"
