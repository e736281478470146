"""The cases of the linear classifiers: what is timed, and what is asserted of the results."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import linear_peers
import numpy as np

import deeprob_fast as df
from deeprob_fast.bench.harness import Contestant, time_interleaved
from deeprob_fast.bench.linear_peers import numpy_gradient, torch_gradient
from deeprob_fast.bench.numpy_search import Array
from deeprob_fast.bench.summary import OURS, summarise

PASS = 1e-4  # relative; how far weights of the same training may be apart in float32


@dataclass(frozen=True)
class Settings:
    """How every case is run: timed rounds, threads, import names of the peers' libraries, the file of embeddings."""

    rounds: int
    n_threads: int
    libraries: Collection[str]
    embeddings: Path | None
    peak: float
    bandwidth: float
    scale: float


def distance(found: Array, expected: Array) -> float:
    """Return how far two arrays are apart, relative to the second."""
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def check(what: str, error: float, limit: float) -> str:
    """Refuse what is too far off; say how far it is."""
    if not error <= limit:
        msg = f"{what} is off by {error:.1e}, more than {limit:.0e}"
        raise AssertionError(msg)
    return f"{error:.0e} from ours"


def gaussian(n: int, d: int, k: int) -> tuple[Array, Array, Array]:
    """Return weights, rows and labels."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d), dtype=np.float32)
    W = np.float32(0.01) * rng.standard_normal((d, k), dtype=np.float32)
    return W, X, rng.integers(0, k, n)


def gradient(loss: str, n: int, d: int, k: int, settings: Settings) -> dict[str, Any]:
    """Time one loss and gradient over all examples."""
    n = max(100, round(n * settings.scale))
    W, X, y = gaussian(n, d, k)

    def ours() -> df.Loss:
        if loss == "softmax":
            return df.softmax_loss(W, X, y, n_threads=settings.n_threads)
        return df.svm_loss(W, X, y, n_threads=settings.n_threads)

    contestants = [Contestant(OURS, ours), Contestant("NumPy", partial(numpy_gradient, loss, W, X, y))]
    if "torch" in settings.libraries:
        contestants.append(Contestant("torch", partial(torch_gradient, loss, W, X, y)))
    facts: dict[str, dict[str, Any]] = {}
    exact = numpy_gradient(loss, W.astype(np.float64), X.astype(np.float64), y)

    def inspect(name: str, found: Any) -> None:
        error = max(abs(found[0] / exact[0] - 1), distance(found[1], exact[1]))
        limit = 1e-6 if name == OURS else 1e-3
        facts[name] = {"note": check(f"{name}: loss or gradient", error, limit).replace("ours", "float64")}

    timings = time_interleaved(contestants, settings.rounds, inspect, f"{loss} {n} x {d} x {k}")
    flops = 4.0 * n * d * k
    summary = summarise(timings, facts, flops)
    seconds = timings[OURS].median
    share = f"{flops / seconds / settings.peak / 1e7:.0f} % of the peak flop"
    moved = f"{X.nbytes / seconds / settings.bandwidth / 1e7:.0f} % of the memory bandwidth"
    title = f"loss and gradient, {loss}: {n} examples, {d} features, {k} classes, float32"
    return {"name": f"gradient-{loss}-{n}x{d}x{k}", "title": title, **summary, "remarks": [f"{share}, {moved}"]}


def epoch(batch_size: int, settings: Settings) -> dict[str, Any]:
    """Time one epoch of momentum SGD on images, everybody on the same batches."""
    data = df.datasets.load_fashion_mnist()
    X = data.train[: round(settings.scale * 60000)].reshape(-1, 784).astype(np.float32) / np.float32(255)
    y = data.train_labels[: len(X)].astype(np.int64)
    order = np.random.default_rng(0).permutation(len(X))
    batches = [order[i : i + batch_size] for i in range(0, len(X), batch_size)]
    rate, momentum = 0.01, 0.9

    def ours(dtype: str = "float32", rows: Array = X) -> Array:
        found = df.train(
            rows, y, learning_rate=rate, momentum=momentum, batches=batches, bias=True, dtype=dtype, n_threads=settings.n_threads
        )
        return found.W

    contestants = [
        Contestant(OURS, ours),
        Contestant("NumPy", partial(linear_peers.numpy_training, X, y, batches, 10, rate, momentum)),
    ]
    facts: dict[str, dict[str, Any]] = {}
    remarks = []
    if "torch" in settings.libraries:
        contestants.append(Contestant("torch", partial(linear_peers.torch_training, X, y, batches, 10, rate, momentum)))
        wide = X.astype(np.float64)
        theirs = linear_peers.torch_training(wide, y, batches, 10, rate, momentum, np.float64)
        remarks.append(f"float64 weights {check('float64', distance(ours('float64', wide), theirs), 1e-9)} as torch's")
    expected = ours()

    def inspect(name: str, found: Any) -> None:
        facts[name] = {"note": f"weights {check(name, distance(found, expected), PASS)}"}

    timings = time_interleaved(contestants, settings.rounds, inspect, f"epoch, batches of {batch_size}")
    title = f"one epoch, momentum SGD, softmax: {len(X)} x 784 x 10, batches of {batch_size}"
    return {"name": f"epoch-{batch_size}", "title": title, **summarise(timings, facts, 4.0 * X.size * 10), "remarks": remarks}


def sweep(settings: Settings) -> dict[str, Any]:
    """Time 25 settings on one stream of batches against as many NumPy loops; and against ourselves, one by one."""
    n = max(400, round(40000 * settings.scale))
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((n, 3073), dtype=np.float32), rng.integers(0, 10, n)
    batches = [rng.integers(0, n, 200) for _ in range(max(10, round(2000 * settings.scale)))]
    grid = [(rate, reg) for rate in (1e-4, 3e-4, 1e-3, 3e-3, 1e-2) for reg in (0.0, 1e-5, 1e-4, 1e-3, 1e-2)]
    options = {"loss": "weston_watkins", "momentum": 0.9}

    def ours() -> list[Array]:
        settings_ = [{"learning_rate": rate, "reg": reg, **options} for rate, reg in grid]
        found = df.sweep(X, y, settings_, batches=batches, bias=True, penalize_bias=False, n_threads=settings.n_threads)
        return [training.W for training in found.trainings]

    def one_by_one() -> list[Array]:
        return [
            df.train(
                X, y, learning_rate=rate, reg=reg, momentum=0.9, loss="weston_watkins", batches=batches, bias=True,
                penalize_bias=False, n_threads=settings.n_threads,
            ).W
            for rate, reg in grid
        ]  # fmt: skip

    def numpy_loops() -> list[Array]:
        return [linear_peers.numpy_training(X, y, batches, 10, rate, 0.9, reg, "weston_watkins") for rate, reg in grid]

    kept: list[list[Array]] = []
    facts: dict[str, dict[str, Any]] = {}

    def inspect(name: str, found: list[Array]) -> None:
        if name == OURS:
            kept.append(found)
        elif name == "NumPy":
            errors = [distance(a, b) for a, b in zip(found, kept[0], strict=True)]
            facts[name] = {"note": f"weights {np.median(errors):.0e} from ours in the median, {max(errors):.0e} at most"}
        else:
            if not all(np.array_equal(a, b) for a, b in zip(found, kept[0], strict=True)):
                msg = "a sweep must give the bits of single runs"
                raise AssertionError(msg)
            facts[name] = {"note": "the same bits"}

    contestants = [
        Contestant(OURS, ours),
        Contestant("deeprob_fast, one by one", one_by_one, rounds=1),
        Contestant("NumPy", numpy_loops, rounds=1),
    ]
    timings = time_interleaved(contestants, min(2, settings.rounds), inspect, "sweep")
    summary = summarise(timings, facts, 4.0 * 200 * 3073 * 10 * len(batches) * len(grid))
    title = f"sweep of 25 settings: {len(batches)} steps, batches of 200, {n} x 3073 x 10, Weston-Watkins hinge"
    ratio = timings["NumPy"].median / timings[OURS].median
    return {
        "name": "sweep", "title": title, **summary, "fastest_peer": "NumPy", "fastest_peer_over_ours": ratio,
        "remarks": ["the same bits as 25 single runs"],
    }  # fmt: skip


def _embeddings(settings: Settings) -> tuple[Array, Array]:
    if settings.embeddings is None:
        msg = "the suites optimum and path need --embeddings, an .npz file with X and y"
        raise ValueError(msg)
    with np.load(settings.embeddings, allow_pickle=False) as archive:
        n = round(18000 * settings.scale)
        return archive["X"][:n], np.unique(archive["y"][:n], return_inverse=True)[1].astype(np.int64)


def _objective(X: Array, y: Array, model: Any, reg: float) -> float:
    coefficients, intercept = (model.coef_, model.intercept_) if hasattr(model, "coef_") else model
    W = np.vstack([coefficients.T, intercept])
    return df.softmax_loss(W, X, y, bias=True, penalize_bias=False, reg=reg).loss


def optimum(C: float, settings: Settings) -> dict[str, Any]:  # noqa: N803  # scikit-learn's
    """Time the way to the objective that scikit-learn ends with."""
    X, y = _embeddings(settings)
    wide = X.astype(np.float64)
    reg = 1 / (2 * C * len(X))
    target = _objective(wide, y, linear_peers.sklearn_optimum(wide, y, C), reg)
    kept: dict[str, Any] = {}

    def ours() -> df.Optimum:
        return df.minimize_softmax(
            X, y, reg=reg, tol=1e-12, callback=lambda loss, _: loss <= target, n_threads=settings.n_threads
        )

    def inspect(name: str, found: Any) -> None:
        kept[name] = found

    contestants = [
        Contestant(OURS, ours),
        Contestant(
            "scikit-learn", lambda: linear_peers.sklearn_optimum(X.astype(np.float64), y, C), rounds=1 if C > 10 else None
        ),
    ]
    timings = time_interleaved(contestants, settings.rounds, inspect, f"optimum, C = {C:g}")
    found = kept[OURS]
    if not found.loss <= target:
        msg = f"ended at {found.loss!r}, above scikit-learn's {target!r}"
        raise AssertionError(msg)
    facts = {
        OURS: {"note": f"{found.n_evaluations} evaluations, certified gap {found.gap / found.loss:.0e} of the loss"},
        "scikit-learn": {"note": f"{int(kept['scikit-learn'].n_iter_[0])} iterations, loss {target:.10g}"},
    }
    title = f"softmax to scikit-learn's objective (tol 1e-6), C = {C:g}: {len(X)} x {X.shape[1]} x {y.max() + 1}, float16"
    remarks = [f"{target - found.loss:.0e} below scikit-learn's, certified gap {found.gap / found.loss:.0e} of the loss"]
    return {"name": f"optimum-{C:g}", "title": title, **summarise(timings, facts, None), "remarks": remarks}


def path(settings: Settings) -> dict[str, Any]:
    """Time 45 values of C with warm starts, ours until the estimated gap is a millionth of the loss."""
    X, y = _embeddings(settings)
    values = [10.0**power for power in np.linspace(-6, 5, 45)]
    regs = [1 / (2 * C * len(X)) for C in values]
    kept: dict[str, Any] = {}

    def inspect(name: str, found: Any) -> None:
        kept[name] = found

    def ours() -> list[df.Optimum]:
        return df.softmax_path(X, y, regs=regs, tol=1e-6, certified=False, n_threads=settings.n_threads)

    contestants = [
        Contestant(OURS, ours, rounds=2),
        Contestant("scikit-learn, warm starts", lambda: linear_peers.sklearn_path(X.astype(np.float64), y, values), rounds=1),
    ]
    timings = time_interleaved(contestants, min(2, settings.rounds), inspect, "path")
    wide = X.astype(np.float64)
    theirs = [_objective(wide, y, m, reg) for m, reg in zip(kept["scikit-learn, warm starts"], regs, strict=True)]
    excess = [found.loss / other - 1 for found, other in zip(kept[OURS], theirs, strict=True)]
    remarks = [f"the loss is {max(excess):.0e} above scikit-learn's at most and {-min(excess):.0%} below it at best"]
    title = f"path of 45 values of C, 1e-6 to 1e5: {len(X)} x {X.shape[1]} x {y.max() + 1}"
    return {"name": "path", "title": title, **summarise(timings, {}, None), "remarks": remarks}


def accuracy(settings: Settings) -> dict[str, Any]:
    """Time one epoch on images with steps of automatic length against scikit-learn's SGDClassifier."""
    data = df.datasets.load_fashion_mnist()
    X, X_test = (rows.reshape(len(rows), -1) for rows in (data.train, data.test))
    X, y = X[: round(settings.scale * 60000)], data.train_labels[: round(settings.scale * 60000)]
    scores: dict[str, float] = {}

    def inspect(name: str, model: Any) -> None:
        scores[name] = model.score(X_test if name == OURS else X_test / 255.0, data.test_labels)

    def ours() -> Any:
        return df.SoftmaxClassifier(max_epochs=1, batch_size=32, standardize=True, n_jobs=settings.n_threads, random_state=0).fit(
            X, y
        )

    contestants = [
        Contestant(OURS, ours),
        Contestant("scikit-learn SGDClassifier", lambda: linear_peers.sklearn_sgd(X / 255.0, y, 1)),
    ]
    timings = time_interleaved(contestants, min(3, settings.rounds), inspect, "accuracy")
    facts = {name: {"note": f"{score:.2%} of the test images"} for name, score in scores.items()}
    remarks = ["test accuracy " + ", ".join(f"{name} {score:.2%}" for name, score in scores.items())]
    title = f"one epoch on Fashion-MNIST, {len(X)} x 784 x 10, uint8"
    return {"name": "accuracy", "title": title, **summarise(timings, facts, None), "remarks": remarks}


CASES: dict[str, list[Callable[[Settings], dict[str, Any]]]] = {
    "gradient": [
        partial(gradient, loss, *shape)
        for shape in ((50000, 3072, 10), (60000, 784, 10), (18000, 384, 24), (20000, 768, 1000))
        for loss in ("softmax", "hinge")
    ],
    "epoch": [partial(epoch, size) for size in (32, 128, 512)],
    "sweep": [sweep],
    "optimum": [partial(optimum, C) for C in (1.0, 100.0, 10000.0)],
    "path": [path],
    "accuracy": [accuracy],
}
