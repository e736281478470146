"""Calls of everything that computes, small enough to be repeated thousands of times; each returns its result as bytes."""

from collections.abc import Callable
from typing import Any

import numpy as np

import deeprob_fast as df
from deeprob_fast._typing import AnyArray
from tests.limits import lowered
from tests.strategies import low_rank


def as_bytes(result: Any) -> bytes:
    """Return all numbers of a result, which may be nested, as bytes."""
    if isinstance(result, (tuple, list)):
        return b"".join(map(as_bytes, result))
    return bytes(np.asarray(result).tobytes())


def rows_of(strategy: str) -> AnyArray:
    """Return training rows that a strategy serves, several of its tasks and pieces full."""
    rng = np.random.default_rng(0)
    if strategy == "prefix":
        flat: AnyArray = low_rank(rng, 1100, 64, 8).astype(np.float32)
        return flat
    if strategy == "boxes":
        return rng.standard_normal((1500, 3))
    if strategy == "equal rows":
        return rng.integers(0, 2, (800, 5)).astype(np.uint8)
    return rng.standard_normal((600, 24), dtype=np.float32)


# What to build an index with: rows, strategy, metric.
INDEXES = {
    "dense": ("dense", "dense", "euclidean"),
    "integer": ("integer", "integer", "euclidean"),
    "prefix": ("prefix", "prefix", "euclidean"),
    "boxes": ("boxes", "boxes", "euclidean"),
    "equal rows": ("equal rows", "dense", "euclidean"),
    "equal rows in boxes": ("equal rows", "boxes", "manhattan"),
    "manhattan": ("integer", "integer", "manhattan"),
    "cosine": ("dense", "integer", "cosine"),
    "inner_product": ("dense", "dense", "inner_product"),
}


def searches(n_threads: int) -> dict[str, Callable[[], bytes]]:
    """Return calls that build, search, or do both at once."""
    calls: dict[str, Callable[[], bytes]] = {}
    for name, (kind, strategy, metric) in INDEXES.items():
        rows = rows_of(kind)
        options: dict[str, Any] = {"strategy": strategy, "metric": metric, "n_threads": n_threads}
        index = df.KNNIndex(rows, **options)
        queries = rows[::9].copy()
        calls[f"search {name}"] = lambda i=index, q=queries: as_bytes(i.search(q, 7))  # type: ignore[misc]
        calls[f"build {name}"] = lambda r=rows, o=options, q=queries[:9]: as_bytes(df.KNNIndex(r, **o).search(q, 7))  # type: ignore[misc]
    plain, equal = rows_of("dense"), rows_of("equal rows")
    wide = np.tile(equal, (1, 3))
    labels = np.arange(len(plain)) % 7

    def pieces() -> bytes:
        with lowered(piece_bytes=1 << 14):
            found, stats = df.nearest_neighbors(plain, plain[::5], 5, n_threads=n_threads, return_stats=True)
        assert stats["piece_rows"] > 0
        return as_bytes(found)

    def grouped_pieces() -> bytes:
        with lowered(piece_bytes=1 << 12):
            found = df.knn_cross_validate(wide, np.arange(len(wide)) % 3, num_folds=2, k_choices=(1, 5), n_threads=n_threads)
        return as_bytes(list(found.mean.values()))

    classifier = df.KNeighborsClassifier(20, weights="softmax", n_jobs=n_threads).fit(plain, labels)
    fold = {"num_folds": 3, "k_choices": (1, 5), "n_threads": n_threads}
    evaluation: dict[str, Any] = {"k": (1, 5), "n_per_class": 3, "n_threads": n_threads}
    many = np.concatenate([plain, plain[:, :1]], axis=1).reshape(30, -1)
    calls |= {
        "scan": lambda: as_bytes(df.nearest_neighbors(plain, plain[:3], 5, n_threads=n_threads)),
        "pieces": pieces,
        "grouped pieces": grouped_pieces,
        "pairwise_distances": lambda: as_bytes(df.pairwise_distances(plain[:90], plain, n_threads=n_threads)),
        "pairwise manhattan": lambda: as_bytes(
            df.pairwise_distances(plain[:90].astype(float), plain, metric="manhattan", n_threads=n_threads)
        ),
        "top_k": lambda: as_bytes(df.top_k(many, 17, largest=True, n_threads=n_threads)),
        "predict_proba": lambda: as_bytes(classifier.predict_proba(plain[::3])),
        "predict": lambda: as_bytes(classifier.predict(plain[::3])),
        "cross-validation": lambda: as_bytes(list(df.knn_cross_validate(plain, labels, **fold).mean.values())),
        "evaluate_knn": lambda: as_bytes(df.evaluate_knn(plain, labels, plain[:99], labels[:99], **evaluation).predictions),
    }
    return calls


OPTIMIZERS = ("sgd", "adagrad", "rmsprop", "adam", "adamw")


def fits(n_threads: int) -> dict[str, Callable[[], bytes]]:
    """Return calls that train, minimise or compute losses."""
    rows = rows_of("dense")
    labels = np.arange(len(rows)) % 5
    weights = np.random.default_rng(1).standard_normal((rows.shape[1], 5))
    threads = {"n_threads": n_threads}
    short: dict[str, Any] = {"n_epochs": 2, "batch_size": 64, **threads}
    validated: dict[str, Any] = {"X_val": rows[:99], "y_val": labels[:99], "patience": 1, **short}
    calls: dict[str, Callable[[], bytes]] = {
        f"train {rule}": lambda r=rule: as_bytes(df.train(rows, labels, optimizer=r, **short).W)  # type: ignore[misc]
        for rule in OPTIMIZERS
    }
    calls |= {
        f"svm_loss {name}": lambda f=name: as_bytes(df.svm_loss(weights, rows, labels, formulation=f, **threads))  # type: ignore[misc]
        for name in ("weston_watkins", "one_vs_all", "runner_up")
    }
    grid: dict[str, Any] = {"loss": ["softmax", "one_vs_all"], "reg": [0.0, 0.1], "penalty": ["elasticnet"]}
    path: dict[str, Any] = {"regs": [0.1, 1.0], **threads}
    sgd: dict[str, Any] = {"protocol": "dino-linear", "n_epochs": 2, **threads}
    few: dict[str, Any] = {"protocol": "lsr", "shots": 5, "n_seeds": 1, **threads}
    model: dict[str, Any] = {"random_state": 0, "max_epochs": 2, "n_jobs": n_threads}
    optimizer, parameter = df.optim.Adam(), np.zeros(5000)

    def step() -> bytes:
        optimizer.step(parameter, np.ones(5000), **threads)
        optimizer.load_state_dict(df.optim.Adam().state_dict())
        parameter[:] = 0
        return as_bytes(parameter)

    return calls | {
        "train validated": lambda: as_bytes(df.train(rows, labels, **validated).W),
        "sweep": lambda: as_bytes([found.W for found in df.sweep(rows, labels, grid, **short).trainings]),
        "softmax_loss": lambda: as_bytes(df.softmax_loss(weights, rows, labels, penalty="l1", reg=0.1, **threads)),
        "random_search": lambda: as_bytes(df.random_search(rows, labels, n_candidates=70, **threads).losses),
        "minimize_softmax": lambda: as_bytes(df.minimize_softmax(rows, labels, reg=0.01, **threads).W),
        "lbfgs": lambda: as_bytes(df.minimize_softmax(rows, labels, reg=0.1, solver="lbfgs", max_iter=5, **threads).W),
        "softmax_path": lambda: as_bytes([found.W for found in df.softmax_path(rows, labels, **path)]),
        "evaluate_probe": lambda: as_bytes(df.evaluate_probe(rows, labels, rows[:99], labels[:99], **threads).W),
        "evaluate_probe sgd": lambda: as_bytes(df.evaluate_probe(rows, labels, rows[:99], labels[:99], **sgd).W),
        "evaluate_probe lsr": lambda: as_bytes(df.evaluate_probe(rows, labels, rows[:99], labels[:99], **few).W),
        "LinearSVM": lambda: as_bytes(df.LinearSVM(**model).fit(rows, labels).decision_function(rows)),
        "SoftmaxClassifier": lambda: as_bytes(
            df.SoftmaxClassifier(standardize=True, **model).fit(rows, labels).predict_proba(rows)
        ),
        "numerical_gradient": lambda: as_bytes(
            df.numerical_gradient(lambda w: df.softmax_loss(w, rows[:, :2], labels, **threads).loss, weights[:2])
        ),
        "gradcheck": lambda: as_bytes(
            df.gradcheck(lambda w: df.softmax_loss(w, rows, labels, **threads), weights, num_checks=5, seed=0)
        ),
        "optimizer": step,
    }


def everything(n_threads: int) -> dict[str, Callable[[], bytes]]:
    """Return all calls, by name."""
    return searches(n_threads) | fits(n_threads)
