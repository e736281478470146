"""Calls whose arrays another thread changes meanwhile. Arguments: the name of a group of calls, the seconds for each call."""

import contextlib
import sys
import threading
import time
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

import deeprob_fast as df
from tests.strategies import low_rank

N_TRAIN, N_CLASSES = 6000, 5
FAR = 10**12  # as a row or a class it is some terabytes away


@contextlib.contextmanager
def changing(array, places, *values):
    """Let another thread write the values to some places of an array in turn, and what was there between them."""
    stop = threading.Event()
    before = array[places].copy()

    def write():
        while not stop.is_set():
            for value in values:
                array[places] = value
                time.sleep(0.0002)  # for kernels that run to meet it
                array[places] = before
                time.sleep(0.0005)  # for calls to begin well

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        array[places] = before


def repeatedly(call, seconds):
    """Yield what comes of many calls: results, and errors as themselves."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        try:
            found = call()
        except (ValueError, TypeError) as error:
            found = error
        yield found


def as_bytes(results):
    return b"".join(np.asarray(result).tobytes() for result in results)


def calls_with_labels():
    """Calls that take the numbers of the classes, in an array that they share, and the name of the argument."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((N_TRAIN, 30), dtype=np.float32)
    weights = rng.standard_normal((30, N_CLASSES))
    shares = np.full((N_TRAIN, N_CLASSES), 1 / N_CLASSES)
    labels = np.arange(N_TRAIN) % N_CLASSES
    zeros = np.zeros(N_TRAIN, dtype=np.int64)
    options: dict[str, Any] = {"n_threads": 2, "n_classes": N_CLASSES}
    validated: dict[str, Any] = {"X_val": rows, "y_val": labels, "n_epochs": 1, **options}
    calls = {
        "softmax_loss": lambda: df.softmax_loss(weights, rows, labels, n_threads=2),
        "weston_watkins": lambda: df.svm_loss(weights, rows, labels, n_threads=2),
        "one_vs_all": lambda: df.svm_loss(weights, rows, labels, formulation="one_vs_all"),
        "runner_up": lambda: df.svm_loss(weights, rows, labels, formulation="runner_up"),
        "train": lambda: [df.train(rows, labels, n_epochs=3, **options).W],
        "validation": lambda: [df.train(rows, zeros, **validated).val_losses],
        "sweep": lambda: [found.W for found in df.sweep(rows, labels, {"reg": [0.0, 0.1]}, n_epochs=2, **options).trainings],
        "random_search": lambda: [df.random_search(rows, labels, n_candidates=64, **options).losses],
        "minimize_softmax": lambda: [df.minimize_softmax(rows, labels, reg=0.1, **options).W],
        "calibration": lambda: [df.expected_calibration_error(shares, labels)],
        "temperature": lambda: [df.fit_temperature(shares, labels)],
    }
    for name, call in calls.items():
        yield name, labels, "truth" if name in ("calibration", "temperature") else "y", call


def calls_with_rows_and_votes():
    """Calls that take numbers of rows, or weights of votes, an array of which is changed, and the name of the argument."""
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((N_TRAIN, 30), dtype=np.float32)
    labels = np.arange(N_TRAIN) % 2
    batches = rng.integers(0, N_TRAIN, (30, 200))
    fold = rng.integers(0, N_TRAIN, 3000)
    folds = [(fold, np.arange(0, N_TRAIN, 4)), (np.arange(0, N_TRAIN, 4), fold)]
    saddle = df.landscapes.saddle()
    batch = np.arange(saddle.n_examples)
    votes = np.ones((N_TRAIN // 4, 9))
    voting = df.KNeighborsClassifier(9, n_jobs=2, weights=lambda _: votes).fit(rows, labels)
    options: dict[str, Any] = {"k_choices": 9, "n_threads": 2}
    yield "batches", batches, "batches", lambda: [df.train(rows, labels, batches=batches, n_threads=2).W]
    yield "folds", fold, "folds", lambda: list(df.knn_cross_validate(rows, labels, folds=folds, **options).mean.values())
    yield "landscape", batch, "batch", lambda: [saddle.gradient([1.0, 0.5], batch)]
    yield "shares of votes", votes, "weights", lambda: [voting.predict_proba(rows[::4])]
    yield "most votes", votes, "weights", lambda: [voting.predict(rows[::4])]


def attack_numbers(seconds):
    """Results are those of the numbers before the change, or an error that names the argument."""
    for name, array, argument, call in (*calls_with_labels(), *calls_with_rows_and_votes()):
        expected = as_bytes(call())
        bad = [np.nan, -np.inf, -1.0] if array.dtype.kind == "f" else [FAR, -FAR, N_TRAIN]
        n_right = n_refused = 0
        with changing(array, np.s_[3::97], *bad):
            for result in repeatedly(lambda c=call: as_bytes(c()), seconds):
                assert result == expected or str(result).startswith(argument), f"{name}: {result!r:.200}"
                n_right += result == expected
                n_refused += result != expected
        print(f"{name}: {n_right} calls, {n_refused} refused")
        assert as_bytes(call()) == expected


def searches():
    """Calls that search, the rows that are changed, and what all numbers of rows must be below."""
    rng = np.random.default_rng(1)
    wide = rng.standard_normal((N_TRAIN, 40), dtype=np.float32)
    low = low_rank(rng, N_TRAIN).astype(np.float32)
    few = rng.standard_normal((N_TRAIN, 3))
    equal = wide[rng.integers(0, 50, N_TRAIN)]
    k = 40
    for name, strategy, rows in (
        ("dense", "dense", wide),
        ("integer", "integer", wide),
        ("prefix", "prefix", low),
        ("boxes", "boxes", few),
        ("equal rows", "auto", equal),
        ("equal rows in boxes", "boxes", np.ascontiguousarray(equal[:, :3])),
    ):
        queries = rows[::10].copy()
        index = df.KNNIndex(rows, strategy=strategy, n_threads=2)
        yield f"search {name}", rows, N_TRAIN, lambda i=index, q=queries: i.search(q, k).indices
        yield f"queries {name}", queries, N_TRAIN, lambda i=index, q=queries: i.search(q, k).indices
        yield (
            f"build {name}",
            rows,
            N_TRAIN,
            lambda r=rows, s=strategy, q=queries: df.KNNIndex(r, strategy=s).search(q, k).indices,
        )
    for metric in ("manhattan", "chebyshev", "cosine", "inner_product"):
        yield f"nearest_neighbors {metric}", wide, N_TRAIN, lambda m=metric: df.nearest_neighbors(wide, wide, k, metric=m).indices
    yield "scan", wide, N_TRAIN, lambda: df.nearest_neighbors(wide, wide[:3], 300).indices
    yield "top_k", wide, 40, lambda: df.top_k(wide, 30, n_threads=2).indices
    flat = wide.reshape(40, -1)
    yield "top_k of many", flat, flat.shape[1], lambda: df.top_k(flat, 2000, largest=True, n_threads=2).indices


def attack_rows(seconds):
    """Numbers of rows are within range whatever the rows are meanwhile, or the rows are refused."""
    for name, rows, n_train, call in searches():
        print(name)
        expected = call()
        bad = [np.nan, np.inf, -np.inf, np.finfo(rows.dtype).max, 0.0, rows[5::7][::-1].copy()]
        with changing(rows, np.s_[5::7], *bad):
            for result in repeatedly(call, seconds):
                if isinstance(result, np.ndarray):
                    assert result.min() >= 0, f"{name}: {result.min()}"
                    assert result.max() < n_train, f"{name}: {result.max()}"
                else:
                    assert isinstance(result, ValueError), f"{name}: {result!r:.200}"
        if not name.startswith("build"):  # what was searched while it changed is searched again
            np.testing.assert_array_equal(call(), expected)


def attack_estimators(seconds):
    """Estimators that some threads fit again while another one uses them: nothing of an old fit meets what is new."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    rng = np.random.default_rng(2)
    many, few = rng.standard_normal((6000, 20), dtype=np.float32), rng.standard_normal((50, 20), dtype=np.float32)
    fits = (many, np.arange(6000) % 300), (few, np.arange(50) % 2)
    everything = np.arange(300)
    linear: dict[str, Any] = {"max_epochs": 1, "n_jobs": 2}
    for name, model, fit in (
        ("KNeighborsClassifier", df.KNeighborsClassifier(20, n_jobs=2), "fit"),
        ("LinearSVM", df.LinearSVM(**linear), "fit"),
        ("SoftmaxClassifier", df.SoftmaxClassifier(**linear), "fit"),
        ("SoftmaxClassifier, in parts", df.SoftmaxClassifier(**linear), "partial_fit"),
    ):
        print(name)
        options = {"classes": everything} if fit == "partial_fit" else {}
        getattr(model, fit)(*fits[0], **options)
        stop = threading.Event()

        def fit_again(model=model, fit=fit, stop=stop, options=options):
            while not stop.is_set():
                for X, y in fits:
                    with contextlib.suppress(ValueError, TypeError, IndexError):
                        getattr(model, fit)(X, y, **options)

        threads = [threading.Thread(target=fit_again) for _ in range(2)]
        for thread in threads:
            thread.start()
        end = time.perf_counter() + 4 * seconds
        while time.perf_counter() < end:
            with contextlib.suppress(ValueError, TypeError, IndexError):
                assert len(model.predict(many[:2000])) == 2000
        stop.set()
        for thread in threads:
            thread.join()
        assert getattr(model, fit)(*fits[1], **options).predict(few).shape == (50,)


if __name__ == "__main__":
    {"numbers": attack_numbers, "rows": attack_rows, "estimators": attack_estimators}[sys.argv[1]](float(sys.argv[2]))
