"""The cases: what shapes are timed, and who runs in each."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import adversarial
import data
import family
import more_peers
import numpy as np
from eigen_product import eigen_product_alone

import deeprob_fast as df
from deeprob_fast.bench import checks, peers
from deeprob_fast.bench.harness import Contestant, Timing, time_interleaved
from deeprob_fast.bench.numpy_search import Array, sgemm_alone
from deeprob_fast.bench.summary import EIGEN, OURS, SGEMM, summarise

Outcome = tuple[dict[str, Timing], dict[str, dict[str, Any]], list[str]]  # timings, facts by contestant, remarks


DEFAULT_K = 10


@dataclass(frozen=True)
class Case:
    """One shape of one task. With `n_queries` 0, the rows are searched for their own neighbours."""

    suite: str
    n_train: int
    n_queries: int
    n_features: int
    k: int = DEFAULT_K
    source: str = "Gaussian"
    dtype: str = "float32"

    @property
    def name(self) -> str:
        """What `--case` takes."""
        what = self.suite if self.source == "Gaussian" else f"{self.suite}-{self.source.lower()}"
        neighbors = "" if self.k == DEFAULT_K else f"-k{self.k}"
        dtype = "" if self.dtype == "float32" else f"-{self.dtype}"
        queries = self.n_queries or "self"
        return f"{what}-{self.n_train}x{queries}x{self.n_features}{neighbors}{dtype}"

    @property
    def metric(self) -> str:
        """The metric of the suite."""
        return "manhattan" if self.suite == "manhattan" else "euclidean"

    def scaled(self, scale: float) -> "Case":
        """Return the case with fewer rows and queries."""
        n_train = max(2 * self.k, round(scale * self.n_train))
        n_queries = min(self.n_queries, max(2 * self.k, round(scale * self.n_queries)))
        return replace(self, n_train=n_train, n_queries=n_queries)


@dataclass(frozen=True)
class Settings:
    """How every case is run.

    Attributes
    ----------
    rounds, n_threads : int
    libraries : collection of str
        Import names of the libraries whose peers run.
    """

    rounds: int
    n_threads: int
    libraries: Collection[str]


CASES = (
    Case("euclidean", 100_000, 10_000, 128),
    Case("euclidean", 60_000, 10_000, 784),
    Case("euclidean", 50_000, 5_000, 3072),
    Case("euclidean", 1_000_000, 1_000, 32),
    Case("images", 60_000, 10_000, 784, source="Fashion-MNIST"),
    Case("images", 60_000, 10_000, 784, source="Fashion-MNIST", dtype="uint8"),
    Case("images", 60_000, 10_000, 784, k=1, source="Fashion-MNIST"),
    Case("images", 60_000, 10_000, 784, k=100, source="Fashion-MNIST"),
    Case("images", 50_000, 5_000, 3072, source="patches"),
    Case("many", 60_000, 4_000, 784, k=200, source="Fashion-MNIST"),
    Case("many", 60_000, 4_000, 784, k=500, source="Fashion-MNIST"),
    Case("many", 20_000, 2_000, 64, k=200),
    Case("many", 20_000, 2_000, 64, k=1000),
    Case("many", 20_000, 2_000, 64, k=2000),
    Case("few", 20_000, 200, 64),
    Case("few", 1_000_000, 1, 128),
    Case("few", 1_000_000, 8, 128),
    Case("few", 1_000_000, 64, 128),
    Case("few", 1_000_000, 512, 128),
    Case("boxes", 1_000_000, 100_000, 2, source="uniform"),
    Case("boxes", 1_000_000, 100_000, 2, source="clusters"),
    Case("boxes", 1_000_000, 100_000, 3, source="uniform"),
    Case("boxes", 1_000_000, 100_000, 3, source="clusters"),
    Case("boxes", 1_000_000, 100_000, 8, source="uniform"),
    Case("boxes", 1_000_000, 100_000, 8, source="clusters"),
    Case("manhattan", 60_000, 1_000, 784),
    Case("manhattan", 60_000, 1_000, 784, source="Fashion-MNIST"),
    Case("manhattan", 60_000, 1_000, 784, source="Fashion-MNIST", dtype="uint8"),
    Case("pairwise", 10_000, 10_000, 784),
    Case("radius", 60_000, 10_000, 784, source="Fashion-MNIST"),
    Case("radius", 60_000, 10_000, 784, k=1000, source="Fashion-MNIST"),
    Case("radius", 1_000_000, 100_000, 3, source="uniform"),
    Case("radius", 1_000_000, 10_000, 3, k=1000, source="uniform"),
    Case("regression", 60_000, 10_000, 784, k=5, source="Fashion-MNIST"),
    Case("adversarial", 20_000, 2_000, 64),
    Case("adversarial", 20_000, 1_000, 784),
)


def cases_of(path: Path) -> list[Case]:
    """Return the cases of embeddings in an `.npz` file: the last fifth against the others, and all against themselves."""
    n_rows, n_features = data.embeddings(path).shape
    n_queries = n_rows // 5
    source = str(path)
    return [
        Case("embeddings", n_rows - n_queries, n_queries, n_features, source=source),
        Case("embeddings", n_rows, 0, n_features, source=source),
        *(Case("embeddings", n_rows - n_queries, n_queries, n_features, k=k, source=source) for k in (100, 200, 500)),
        Case("graph", n_rows, 0, n_features, source=source),
        *(Case("radius", n_rows - n_queries, n_queries, n_features, k=k, source=source) for k in (10, 1000)),
    ]


def run_case(case: Case, settings: Settings, peak: float) -> dict[str, Any]:
    """Time and check one case.

    Parameters
    ----------
    case : Case
    settings : Settings
    peak : float
        GFLOP/s of the best large sgemm.

    Returns
    -------
    dict
        The case's part of the report.
    """
    train, queries = data.load(case.source, case.n_train, case.n_queries, case.n_features, case.dtype)
    if case.suite == "adversarial":
        timings, facts, remarks = adversarial.run(train, queries, case.k, settings.n_threads, settings.rounds, case.name)
        summary = summarise(timings, facts, None)
        return {"name": case.name, "title": _title(case), **summary, "fastest_peer": None, "remarks": remarks}
    if case.suite in family.RUN:
        run_family = family.RUN[case.suite]
        outcome = run_family(train, queries, case.k, settings.n_threads, settings.rounds, settings.libraries, case.name)
        return {"name": case.name, "title": _title(case), **summarise(*outcome[:2], None), "remarks": outcome[2]}
    run = _run_pairwise if case.suite == "pairwise" else _run_neighbors
    timings, facts, remarks = run(case, train, queries, settings)
    is_product = case.metric == "euclidean" and case.suite != "boxes"
    flops = 2.0 * len(train) * len(queries) * case.n_features if is_product else None
    summary = summarise(timings, facts, flops)
    for row in summary["rows"]:
        if row["contestant"] in (SGEMM, EIGEN):
            row["note"] = f"{100 * row['gflops'] / peak:.0f} % of the peak"
    name = case.name.replace(case.source.lower(), Path(case.source).stem) if case.suite == "embeddings" else case.name
    return {"name": name, "title": _title(case), **summary, "remarks": remarks}


def _title(case: Case) -> str:
    """Return what the case does, in words."""
    queries = f"{case.n_queries} queries" if case.n_queries else "against themselves"
    source = Path(case.source).stem if case.suite == "embeddings" else case.source
    shape = f"{case.n_train} rows, {queries}, {case.n_features} features, {source} {case.dtype}"
    if case.suite == "adversarial":
        return f"deeprob_fast alone, k={case.k}: {shape}, then other data of this shape"
    if case.suite in family.RUN:
        return f"{case.suite}, {case.k} neighbours: {shape}"
    return f"pairwise {case.metric}: {shape}" if case.suite == "pairwise" else f"{case.metric}, k={case.k}: {shape}"


def _products_alone(train: Array, queries: Array) -> list[Contestant]:
    """Return the matrix products that a search by these would begin with."""
    by_eigen = eigen_product_alone(train, queries)
    products = [Contestant(SGEMM, sgemm_alone(train, queries))]
    if isinstance(by_eigen, str):
        print(f"{EIGEN} is left out: {by_eigen}")
        return products
    return [*products, Contestant(EIGEN, by_eigen)]


def _run_neighbors(case: Case, train: Array, queries: Array, settings: Settings) -> Outcome:
    """Time a nearest-neighbour search from raw arrays, the preparation of an index included."""
    stats: dict[str, Any] = {}  # of the last search

    def search() -> df.Neighbors:
        options: dict[str, Any] = {"metric": case.metric, "n_threads": settings.n_threads}
        if case.n_queries:
            neighbors, told = df.nearest_neighbors(train, queries, case.k, **options, return_stats=True)
        else:
            index = df.KNNIndex(train, **options)
            neighbors, told = index.search(None, case.k), index.stats
        stats.update(told)
        return neighbors

    def run(peer: peers.Peer) -> Any:
        rows = [values.astype(np.float32, copy=False) for values in (train, queries)]
        if case.n_queries:
            return peer.run(*rows, case.k, case.metric, settings.n_threads)
        distances, indices = peer.run(*rows, case.k + 1, case.metric, settings.n_threads)
        return distances[:, 1:], indices[:, 1:]  # nobody else leaves out the row itself; of equal rows, another one may go

    tasks = [peer for peer in more_peers.OF_SUITE.get(case.suite, peers.EUCLIDEAN) if peer.package in settings.libraries]
    if "faiss" in settings.libraries and not peers.scans_per_query(*queries.shape):
        tasks = [peer for peer in tasks if peer.run is not peers.knn_faiss_blas]  # it uses BLAS by itself
    contestants = [Contestant(OURS, search)]
    contestants += [Contestant(peer.name, partial(run, peer), peer.rounds) for peer in tasks]
    if case.metric == "euclidean" and case.suite != "boxes":
        rows = train.astype(np.float32, copy=False)
        contestants += _products_alone(rows, queries.astype(np.float32, copy=False))
    facts: dict[str, dict[str, Any]] = {}
    ours: list[df.Neighbors] = []

    def inspect(name: str, found: Any) -> None:
        if name == OURS:
            ours.append(found)
            note = checks.assert_exact(train, queries, found, case.metric, with_self=bool(case.n_queries))
            facts[name] = {"note": note}
        elif found is not None:
            facts[name] = checks.compare_neighbors(name, train, queries, found, ours[0], case.metric)

    timings = time_interleaved(contestants, settings.rounds, inspect, case.name)
    return timings, facts, _remarks(stats)


def _remarks(stats: dict[str, Any]) -> list[str]:
    """Say what a search did: what each look left of the rows, for a query, and what it cost by that."""
    if stats["strategy"] == "scan":
        return ["scan: canonical distances of all rows"]
    counts = [f"{stats[f'n_{look}'] / stats['n_queries']:.0f} {look}" for look in ("passed", "candidates", "looked", "refined")]
    told = f"{stats['strategy']}: {', '.join(counts)}; cost {stats['counted_cost']:.2f}, predicted {stats['predicted_cost']:.2f}"
    return [told, stats["reason"]]


def _run_pairwise(case: Case, train: Array, queries: Array, settings: Settings) -> Outcome:
    """Time the full matrix of distances; everyone allocates its own result, as its users would."""
    contestants = [Contestant(OURS, partial(df.pairwise_distances, queries, train, n_threads=settings.n_threads))]
    contestants += [
        Contestant(peer.name, partial(peer.run, queries, train, settings.n_threads), peer.rounds)
        for peer in more_peers.PAIRWISE
        if peer.package in settings.libraries
    ]
    contestants += _products_alone(train, queries)
    facts: dict[str, dict[str, Any]] = {}

    def inspect(name: str, distances: Any) -> None:
        if distances is not None:
            facts[name] = checks.compare_pairs(name, distances, queries, train)

    return time_interleaved(contestants, settings.rounds, inspect, case.name), facts, []
