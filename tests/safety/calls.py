"""Small calls that between them run every parallel kernel: each takes a number of threads and returns the bytes of its result."""

from collections.abc import Callable

import numpy as np

import deeprob_fast as df
from deeprob_fast.knn.evaluation import evaluate_knn

rng = np.random.default_rng(0)
ROWS = rng.standard_normal((3000, 40), dtype=np.float32)
QUERIES = ROWS[:200]
LABELS = np.arange(3000) % 7
# Of low rank: what a prefix is for.
FLAT = (rng.standard_normal((3000, 6)) @ rng.standard_normal((6, 80))).astype(np.float32)
FEW_FEATURES = rng.standard_normal((5000, 3))
REPEATED = np.repeat(rng.integers(0, 9, (300, 16)).astype(np.uint8), 6, axis=0)
CHOICES = {"learning_rate": [0.01, 0.1], "reg": [1e-3, 1e-4]}


def _search(rows, n_queries=200, k=10, **settings):
    def call(n_threads: int) -> bytes:
        found = df.KNNIndex(rows, n_threads=n_threads, **settings).search(rows[:n_queries], k, n_threads=n_threads)
        return found.distances.tobytes() + found.indices.tobytes()

    return call


def _once(rows, n_queries, k, **settings):
    def call(n_threads: int) -> bytes:
        found: df.Neighbors = df.nearest_neighbors(rows, rows[:n_queries], k, n_threads=n_threads, **settings)
        return found.indices.tobytes()

    return call


def _train(labels=LABELS, **settings):
    def call(n_threads: int) -> bytes:
        return df.train(ROWS, labels, n_epochs=1, n_threads=n_threads, **settings).W.tobytes()

    return call


def _proba(n_threads: int) -> bytes:
    model = df.KNeighborsClassifier(9, weights="distance", n_jobs=n_threads).fit(ROWS, LABELS)
    return model.predict_proba(QUERIES).tobytes() + model.predict(QUERIES).tobytes()


CALLS: dict[str, Callable[[int], bytes]] = {
    "dense": _search(ROWS, strategy="dense"),
    "integer": _search(ROWS, strategy="integer"),
    "integer manhattan": _search(ROWS, strategy="integer", metric="manhattan"),
    "prefix": _search(FLAT, k=5, strategy="prefix"),
    "boxes": _search(FEW_FEATURES, n_queries=300, k=5, strategy="boxes"),
    "equal rows": _search(REPEATED, n_queries=100, k=9),
    "few queries": _once(ROWS, 2, 9),
    "pieces": _once(ROWS, 200, 9),
    "cosine": _once(ROWS, 200, 9, metric="cosine"),
    "pairwise distances": lambda n: df.pairwise_distances(QUERIES, ROWS, n_threads=n).tobytes(),
    "manhattan distances": lambda n: df.pairwise_distances(QUERIES, ROWS, metric="manhattan", n_threads=n).tobytes(),
    "top_k of many rows": lambda n: df.top_k(ROWS, 7, n_threads=n)[1].tobytes(),
    "top_k of a long row": lambda n: df.top_k(ROWS.reshape(1, -1), 70, n_threads=n)[1].tobytes(),
    "train": _train(batch_size=100),
    "train by Adam": _train(batch_size=500, optimizer="adam"),
    "train 300 classes": _train(np.arange(3000) % 300, batch_size=500),
    "sweep": lambda n: b"".join(t.W.tobytes() for t in df.sweep(ROWS, LABELS, CHOICES, n_epochs=1, n_threads=n).trainings),
    "optimum": lambda n: df.minimize_softmax(ROWS[:800], LABELS[:800], reg=0.1, n_threads=n).W.tobytes(),
    "softmax loss": lambda n: df.softmax_loss(np.ones((40, 7)), ROWS, LABELS, n_threads=n).grad.tobytes(),
    "hinge loss": lambda n: df.svm_loss(np.ones((40, 7)), ROWS, LABELS, n_threads=n).grad.tobytes(),
    "random search": lambda n: df.random_search(ROWS, LABELS, n_candidates=20, n_threads=n).W.tobytes(),
    "evaluation": lambda n: repr(evaluate_knn(ROWS, LABELS, QUERIES, LABELS[:200], k=(1, 5), n_threads=n).accuracies).encode(),
    "votes": _proba,
}
