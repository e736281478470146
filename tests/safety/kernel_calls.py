"""Valid calls of every kernel, recorded while the public functions solve small problems."""

import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import _kernels
from tests.knn.exact import strategies_of
from tests.limits import lowered

_STUB = Path(df.__file__).with_name("_kernels.pyi").read_text(encoding="utf-8")
_SIGNATURES = re.findall(r"^def (\w+)\((.*?)\) ->", _STUB, re.MULTILINE | re.DOTALL)

# Names of the parameters of each kernel.
PARAMETERS = {name: re.findall(r"(\w+): ", inside) for name, inside in _SIGNATURES if name not in ("pick_level", "load")}

# Parameters that take rows of any dtype, alone or as the first part of a record.
_ROWS = ("train", "queries", "rows", "examples", "x", "y")


class Call(NamedTuple):
    """One call of a kernel: its arguments by name."""

    kernel: str
    arguments: dict[str, Any]

    @property
    def kind(self):
        """What tells variants of a call apart: dtypes, what is empty, names and switches."""
        return (self.kernel, *(_kind(value) for value in self.arguments.values()))

    @property
    def variant(self):
        """What tells calls apart whose arrays must have other sizes."""
        without_rows = {
            key: value if key not in _ROWS else value[1:] if isinstance(value, tuple) else ""
            for key, value in self.arguments.items()
        }
        return (self.kernel, *("" if isinstance(value, str) else _kind(value) for value in without_rows.values()))

    def __str__(self):
        dtypes = [
            value.dtype.name for value in leaves(tuple(self.arguments.values())) if isinstance(value, np.ndarray) and value.size
        ]
        return f"{self.kernel}({', '.join(dict.fromkeys(dtypes))})"


def _kind(value):
    if isinstance(value, np.ndarray):
        return value.dtype.char, value.size == 0
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(_kind(item) for item in (value[:1] if isinstance(value, list) else value))
    return type(value).__name__


def leaves(value):
    """The values in a record, those of records inside it too, in their order."""
    if not isinstance(value, tuple):
        return [value]
    return [leaf for part in value for leaf in leaves(part)]


class _Recorder:
    """Stands in for the extension module: computes as it does, and keeps the first call of each kind."""

    def __init__(self, module):
        self._module = module
        self.calls: dict[tuple[Any, ...], Call] = {}

    def __getattr__(self, name):
        function = getattr(self._module, name)
        if name not in PARAMETERS:
            return function

        def recorded(*args, **kwargs):
            given = {**dict(zip(PARAMETERS[name], args, strict=False)), **kwargs}
            call = Call(name, {key: _copied(value) for key, value in given.items()})
            self.calls.setdefault(call.kind, call)
            return function(*args, **kwargs)

        return recorded


def _copied(value):
    if isinstance(value, tuple):
        return tuple(_copied(part) for part in value)
    return value.copy() if isinstance(value, np.ndarray) else value


def recorded():
    """Return one call of each kind, in an order that does not change."""
    recorder = _Recorder(_kernels.load(_kernels.ISA))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_kernels, "_module", recorder)
        _search()
        _learn()
    return list(recorder.calls.values())


def _search():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((70, 20), dtype=np.float32)
    labels = np.arange(70) % 7
    repeated = np.repeat(rng.integers(0, 9, (20, 20)), 4, axis=0)
    low_rank = rng.standard_normal((1100, 6)) @ rng.standard_normal((6, 64))
    few = rng.standard_normal((70, 3))
    for dtype in (np.float32, np.float64, np.float16, np.uint8, np.int8):
        some = np.abs(rows * 9).astype(dtype)
        df.nearest_neighbors(some, some[:2], 3, n_threads=1)
        df.radius_neighbors(some, some[:2], 9.0, n_threads=1)
        for strategy in ("dense", "integer"):
            _ask(df.KNNIndex(some, strategy=strategy, n_threads=1), some[:20], 5)
            _ask(df.KNNIndex(repeated.astype(dtype), strategy=strategy, n_threads=1), some[:20], 9)
    for metric in _kernels.METRICS:
        df.pairwise_distances(rows[:9], rows, metric=metric, n_threads=1)
        df.nearest_neighbors(rows, rows[:2], 3, metric=metric, n_threads=1)
        for strategy in strategies_of(metric):
            _ask(df.KNNIndex(rows, metric=metric, strategy=strategy, n_threads=1), rows[:20], 5)
    for dtype in (np.float32, np.float64):
        for metric in ("euclidean", "manhattan"):
            _ask(df.KNNIndex(few.astype(dtype), metric=metric, strategy="boxes", n_threads=1), few[:20], 5)
        equal = np.repeat(few[:20], 4, axis=0).astype(dtype)
        _ask(df.KNNIndex(equal, strategy="boxes", n_threads=1), few[:20], 9)
    for metric in ("euclidean", "cosine"):
        for train in (low_rank, low_rank[:200], np.repeat(low_rank[:40], 5, axis=0)):
            _ask(df.KNNIndex(train, metric=metric, strategy="prefix", n_threads=1), train[:20], 5)
    with tempfile.TemporaryDirectory() as folder:
        df.KNNIndex(low_rank, strategy="prefix", n_threads=1).save(Path(folder) / "index")
        df.KNNIndex.load(Path(folder) / "index")
    with lowered(whole_bytes=0, piece_bytes=4 * 20 * 32):
        df.nearest_neighbors(repeated, rows[:20], 9, n_threads=1)
    with lowered(small_job=0):
        df.nearest_neighbors(rows, rows[:20], 9, n_threads=1)
    df.pairwise_distances(few, n_threads=1)
    for kind in ("float32", "float64", "int64"):
        df.top_k((few * 9).astype(kind), 2, largest=kind == "int64", n_threads=1)
    df.evaluate_knn(rows, labels, rows[:9], labels[:9], k=(1, 5), n_threads=1)
    df.KNeighborsClassifier(3).fit(rows, labels).predict_proba(rows[:9])


def _ask(index, queries, k):
    radius = float(index.search(queries, k).distances.max())
    index.search_radius(queries, radius)
    index.search_radius(queries, radius, count_only=True)


def _learn():
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((40, 20))
    labels = np.arange(40) % 5
    weights = rng.random(40)
    own = {"sample_weight": weights, "mean": np.zeros(20), "std": np.ones(20), "bias": True}
    for dtype in (np.float32, np.float64):
        some = rows.astype(dtype)
        start = rng.standard_normal((20, 5)).astype(dtype)
        for formulation in ("weston_watkins", "one_vs_all", "runner_up"):
            df.svm_loss(start, some, labels, formulation=formulation, n_threads=1)
        df.softmax_loss(start, some, labels, n_threads=1)
        df.softmax_loss(np.vstack([start, start[:1]]), some, labels, **own, reg=0.1, penalty="elasticnet", n_threads=1)
        for optimizer in ("sgd", "adagrad", "rmsprop", "adam", "adamw"):
            validation = {"X_val": some[:9], "y_val": labels[:9]} if optimizer == "sgd" else {}
            df.train(some, labels, optimizer=optimizer, n_epochs=1, batch_size=16, n_threads=1, **validation)
        df.train(some, labels, **own, momentum=0.9, n_epochs=1, batch_size=16, n_threads=1)
        df.sweep(some, labels, {"reg": [0.0, 0.1], "loss": ["softmax", "runner_up"]}, n_epochs=1, n_threads=1)
        df.random_search(some, labels, n_candidates=3, n_threads=1)
        df.SoftmaxClassifier(max_epochs=1, tol=None, random_state=0, n_jobs=1).fit(some, labels).decision_function(some)
        for rule in ("SGD", "Adagrad", "RMSprop", "Adam"):
            getattr(df.optim, rule)(lr=0.1).step(start.copy(), start, n_threads=1)
        df.optim.SGD(lr=0.1, momentum=0.9).step(start.copy(), start, n_threads=1)
        df.optim.RMSprop(centered=True, momentum=0.5).step(start.copy(), start, n_threads=1)
        df.optim.Adam(amsgrad=True).step(start.copy(), start)
