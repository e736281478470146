"""Calls that take seconds, and how the objects they use are checked afterwards."""

import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import deeprob_fast as df
from deeprob_fast import _kernels
from deeprob_fast._typing import AnyArray
from deeprob_fast.knn.directions import principal_directions
from deeprob_fast.knn.duplicates import find_duplicates
from tests.safety.workloads import as_bytes
from tests.strategies import low_rank


class Long(NamedTuple):
    """A call, and a short one of the same objects, whose result must always be the same."""

    call: Callable[[], object]
    check: Callable[[], bytes]


N_ROWS, N_CLASSES = 60_000, 1000


@cache
def rows() -> AnyArray:
    return np.random.default_rng(0).standard_normal((N_ROWS, 128), dtype=np.float32)


@cache
def labels(n_classes: int = N_CLASSES) -> AnyArray:
    return np.arange(N_ROWS) % n_classes


@cache
def low_rows() -> AnyArray:
    found: AnyArray = low_rank(np.random.default_rng(1), N_ROWS, 128, 8).astype(np.float32)
    return found


@cache
def few_columns() -> AnyArray:
    return np.random.default_rng(2).standard_normal((300_000, 3))


@cache
def equal_rows() -> AnyArray:
    return np.repeat(rows()[:600], 100, axis=0)


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="deeprob-"))


def _index(train: AnyArray, queries: AnyArray, k: int, n_threads: int, strategy: str = "auto", metric: str = "euclidean") -> Long:
    index = df.KNNIndex(train, strategy=strategy, metric=metric, n_threads=n_threads)
    return Long(lambda: index.search(queries, k), lambda: as_bytes(index.search(queries[:20], 5)))


def _build(train: AnyArray, strategy: str, n_threads: int, metric: str = "euclidean") -> Long:
    def build(rows: AnyArray) -> df.KNNIndex:
        return df.KNNIndex(rows, strategy=strategy, metric=metric, n_threads=n_threads)

    return Long(lambda: build(train), lambda: as_bytes(build(train[:3000]).search(train[:20], 5)))


def _votes(n_queries: int, k: int, n_classes: int, kernel: Callable[..., object]) -> Long:
    """Call a kernel that votes as it is: with random neighbours, all of them far apart in memory."""
    rng = np.random.default_rng(3)
    neighbors, own = rng.integers(0, n_classes, (n_queries, k)), np.arange(n_classes)
    weights = np.ones(neighbors.shape)

    def check() -> bytes:
        return as_bytes(kernel(own, neighbors[:20, :50].copy(), weights[:20, :50].copy()))

    return Long(lambda: kernel(own, neighbors, weights), check)


def _add(labels: AnyArray, neighbors: AnyArray, weights: AnyArray, n_threads: int) -> AnyArray:
    votes = np.zeros((len(neighbors), len(labels)))
    _kernels.add_votes(labels, neighbors, weights, votes, n_threads)
    return votes


def _rank(labels: AnyArray, neighbors: AnyArray, weights: AnyArray, n_threads: int) -> AnyArray:
    ranked = np.empty((len(neighbors), 5), dtype=np.int64)
    k_values = np.array([neighbors.shape[1]])
    _kernels.rank_classes(labels, neighbors, weights, k_values, len(labels), ranked, n_threads)
    return ranked


def _classifier(n_threads: int) -> Long:
    model = df.KNeighborsClassifier(2000, weights="distance", n_jobs=n_threads).fit(rows(), labels())
    return Long(lambda: model.predict_proba(rows()[:10_000]), lambda: as_bytes(model.predict_proba(rows()[:20])))


def _on_rows(call: Callable[..., Any], small: int, n_classes: int = N_CLASSES) -> Long:
    """Call something that takes rows and labels, and check it on a few of them."""
    y = labels(n_classes)
    return Long(lambda: call(rows(), y), lambda: as_bytes(call(rows()[:small], y[:small])))


def _saving() -> Long:
    index, path = df.KNNIndex(rows()), folder() / "index"

    def save_and_load() -> df.KNNIndex:
        index.save(path)
        return df.KNNIndex.load(path)

    return Long(save_and_load, lambda: as_bytes(save_and_load().search(rows()[:20], 5)))


def _reading() -> Long:
    path = folder() / "rows.npz"
    np.savez_compressed(path, X=rows())
    return Long(lambda: df.datasets.load_embeddings(path), lambda: as_bytes(df.datasets.load_embeddings(path)[:20]))


def _gradient(n_threads: int) -> Long:
    weights = np.zeros((128, N_CLASSES))

    def value(w: AnyArray) -> float:
        return df.softmax_loss(w, rows()[:9000], labels()[:9000], n_threads=n_threads).loss

    return Long(lambda: df.numerical_gradient(value, weights), lambda: as_bytes(value(weights)))


def _directions() -> Long:
    sample = rows()[:1024].astype(np.float64)

    def call() -> AnyArray:
        return principal_directions(sample, 100)

    return Long(lambda: [call() for _ in range(200)], lambda: as_bytes(call()))


def _pairwise(n_threads: int, **options: Any) -> Long:
    def call(rows: AnyArray) -> AnyArray:
        return df.pairwise_distances(rows, n_threads=n_threads, **options)

    return Long(lambda: call(rows()[:15_000]), lambda: as_bytes(call(rows()[:50])))


def _top_k(n_threads: int) -> Long:
    values = np.random.default_rng(4).random((200, 500_000), dtype=np.float32)

    def call(values: AnyArray) -> df.TopK:
        return df.top_k(values, 50_000, n_threads=n_threads)

    return Long(lambda: call(values), lambda: as_bytes(call(values[:1])))


MAKERS: dict[str, Callable[[int], Long]] = {
    "search dense": lambda n: _index(rows(), rows(), 10, n, "dense"),
    "search integer": lambda n: _index(rows(), rows(), 10, n, "integer"),
    "search manhattan": lambda n: _index(rows(), rows()[:20_000], 10, n, "integer", "manhattan"),
    "search prefix": lambda n: _index(low_rows(), low_rows(), 10, n, "prefix"),
    "search boxes": lambda n: _index(few_columns(), few_columns()[:100_000], 200, n, "boxes"),
    "search equal rows": lambda n: _index(equal_rows(), rows()[:20_000], 300, n),
    "k huge": lambda n: _index(rows(), rows()[:3000], 20_000, n),
    "build dense": lambda n: _build(rows(), "dense", n),
    "build integer": lambda n: _build(rows(), "integer", n, "cosine"),
    "build prefix": lambda n: _build(low_rows(), "prefix", n),
    "build boxes": lambda n: _build(few_columns(), "boxes", n),
    "nearest_neighbors": lambda n: _on_rows(lambda x, _: df.nearest_neighbors(x, x, 10, n_threads=n), 3000),
    "pairwise_distances": _pairwise,
    "pairwise manhattan": lambda n: _pairwise(n, metric="manhattan"),
    "top_k": _top_k,
    "predict_proba": _classifier,
    "add_votes": lambda n: _votes(4000, 20_000, N_ROWS, partial(_add, n_threads=n)),
    "add_votes of few": lambda n: _votes(8, 8_000_000, 8_000_000, partial(_add, n_threads=n)),
    # They take less memory.
    "add_votes of fewer": lambda n: _votes(3, 5_000_000, 5_000_000, partial(_add, n_threads=n)),
    "rank_classes": lambda n: _votes(4000, 20_000, N_ROWS, partial(_rank, n_threads=n)),
    "rank_classes of few": lambda n: _votes(8, 8_000_000, 8_000_000, partial(_rank, n_threads=n)),
    "find_duplicates": lambda n: _on_rows(lambda x, _: find_duplicates(np.repeat(x, 4, 0), n), 3000),
    "principal_directions": lambda n: _directions(),  # noqa: ARG005  # of one thread
    "cross-validation": lambda n: _on_rows(lambda x, y: df.knn_cross_validate(x, y, n_threads=n).mean[5], 3000, 10),
    "evaluate_knn": lambda n: _on_rows(lambda x, y: df.evaluate_knn(x, y, x, y, k=(1, 20), n_threads=n).predictions, 3000),
    "train": lambda n: _on_rows(lambda x, y: df.train(x, y, n_epochs=30, n_threads=n).W, 3000),
    "sweep": lambda n: _on_rows(
        lambda x, y: df.sweep(x, y, {"reg": [0.0, 0.1], "learning_rate": [0.1, 1.0]}, n_epochs=9, n_threads=n).trainings[0].W, 500
    ),
    "minimize_softmax": lambda n: _on_rows(
        lambda x, y: df.minimize_softmax(x, y, reg=1e-9, max_iter=60, n_threads=n).W, 500, 100
    ),
    "random_search": lambda n: _on_rows(lambda x, y: df.random_search(x, y, n_candidates=900, n_threads=n).losses, 500, 10),
    "evaluate_probe": lambda n: _on_rows(lambda x, y: df.evaluate_probe(x, y, x[:99], y[:99], n_threads=n).W, 500, 10),
    "numerical_gradient": _gradient,
    "save and load": lambda n: _saving(),  # noqa: ARG005  # of one thread
    "read": lambda n: _reading(),  # noqa: ARG005  # of one thread
}
