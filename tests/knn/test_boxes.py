"""Trees of boxes: forced, they give what the specification says; they are chosen where they pay."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import deeprob_fast as df
from deeprob_fast import _cpu, _kernels
from deeprob_fast.knn import boxes, plan
from deeprob_fast.knn.duplicates import NO_DUPLICATES
from tests import reference
from tests.knn.exact import assert_exact, assert_exact_index
from tests.strategies import Problem, cast, problems

METRICS = ("euclidean", "sqeuclidean", "manhattan", "chebyshev")
WIDTHS = range(1, 13)


@st.composite
def narrow_problems(draw):
    """Draw a problem of few features and a boxes metric."""
    problem = draw(problems(metrics=METRICS))
    width = draw(st.sampled_from(WIDTHS))
    return Problem(problem.train[:, :width], problem.queries[:, :width], problem.k, problem.metric)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problem=narrow_problems())
def test_any_problem(isa, problem):
    assert_exact_index(problem.train, problem.queries, problem.k, problem.metric, "boxes")


@pytest.mark.parametrize("n_features", WIDTHS)
@pytest.mark.parametrize("dtype", reference.DTYPES)
@pytest.mark.parametrize("metric", METRICS)
def test_every_width_dtype_and_metric(isa, n_features, dtype, metric):
    rng = np.random.default_rng(n_features)
    train = cast(rng.standard_normal((1700, n_features)) * 30, dtype)
    for queries in (cast(rng.standard_normal((20, n_features)) * 30, dtype), rng.standard_normal((20, n_features)) * 30):
        for k in (1, 10, 33, 400):
            assert_exact_index(train, queries, k, metric, "boxes")


@pytest.mark.parametrize("n_train", [1, 2, 31, 32, 33, 511, 512, 513, 8191, 8193])
@pytest.mark.parametrize("n_queries", [0, 1, 70])
def test_every_shape_of_tree(isa, n_train, n_queries):
    rng = np.random.default_rng(n_train)
    train, queries = rng.random((n_train, 3), dtype=np.float32), rng.random((n_queries, 3))
    for k in {1, min(5, n_train), n_train}:
        assert_exact_index(train, queries, k, "euclidean", "boxes")


def hard(kind):
    """Training rows and queries."""
    rng = np.random.default_rng(30)
    n = 2500
    normal = rng.standard_normal((n, 3))
    rows = {
        "all rows equal": lambda: np.tile(normal[:1], (n, 1)),
        "ten distinct rows": lambda: normal[rng.integers(0, 10, n)],
        "some rows twice": lambda: np.vstack([normal[:-200], normal[:200]]),
        "grid": lambda: np.indices((14, 14, 14)).reshape(3, -1).T[rng.permutation(14**3)].astype(np.float32),
        "tenths": lambda: np.indices((14, 14, 14)).reshape(3, -1).T[rng.permutation(14**3)] * 0.1,
        "sorted": lambda: np.sort(normal, axis=0),
        "a line": lambda: normal[:, :1] * np.array([[1.0, 2.0, -0.5]]),
        "constant features": lambda: normal * np.array([[0.0, 1.0, 0.0]]) + np.array([[7.0, 0.0, -3.0]]),
        "signed zeros": lambda: np.where(normal > 0, 0.0, -0.0) + np.where(rng.random((n, 3)) < 0.01, 1.0, -0.0),
        "a sphere": lambda: normal / np.linalg.norm(normal, axis=1, keepdims=True),
        "near duplicates": lambda: normal[np.arange(n) // 50] * (1 + 1e-15 * normal),
        "offset": lambda: 1e6 + 1e-3 * normal,
        "1e+30": lambda: 1e30 * normal,
        "1e+30 in float32": lambda: (1e30 * normal).astype(np.float32),
        "1e-30 in float32": lambda: (1e-30 * normal).astype(np.float32),
        "1e-21 in float32": lambda: (1e-21 * normal).astype(np.float32),
        "1e-300": lambda: 1e-300 * normal,
        "1e-155": lambda: 1e-155 * normal,
        "1e+74": lambda: 1e74 * normal,
        "subnormal": lambda: 5e-324 * rng.integers(-9, 9, (n, 3)),
        "subnormal in float32": lambda: (1e-45 * rng.integers(-9, 9, (n, 3))).astype(np.float32),
        "one outlier in float32": lambda: np.vstack([normal, [[3e38, -3e38, 0]]]).astype(np.float32),
        "many scales in float32": lambda: (normal * 10.0 ** rng.integers(-38, 37, (n, 1))).astype(np.float32),
    }[kind]()
    return rows, rng


@pytest.mark.parametrize(
    "kind",
    [
        "all rows equal",
        "ten distinct rows",
        "some rows twice",
        "grid",
        "tenths",
        "sorted",
        "a line",
        "constant features",
        "signed zeros",
        "a sphere",
        "near duplicates",
        "offset",
        "1e+30",
        "1e+30 in float32",
        "1e-30 in float32",
        "1e-21 in float32",
        "1e-300",
        "1e-155",
        "1e+74",
        "subnormal",
        "subnormal in float32",
        "one outlier in float32",
        "many scales in float32",
    ],
)
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("grouped", [True, False])
def test_hard_data(isa, monkeypatch, kind, metric, grouped):
    train, rng = hard(kind)
    if not grouped:
        # Ties by the thousand for the tree itself.
        monkeypatch.setattr(plan, "find_duplicates", lambda *_: NO_DUPLICATES)
    own = train[rng.integers(0, len(train), 9)]
    double = train.astype(np.float64)
    between = (double[:5] + double[5:10]) / 2
    far = np.clip(double[:3] * 1e9 + 1e3, -1e74, 1e74)
    for queries in (own, np.vstack([between, far, np.zeros((1, 3)), -0.0 * double[:1]])):
        for k in (1, 10, 300):
            assert_exact_index(train, queries, k, metric, "boxes")


def test_equal_roots_of_different_sums(isa):
    """The root of 1 + 2**-52 is 1: the smaller row comes first, though its sum is larger."""
    step = 2.0**-26
    train = np.zeros((200, 2))
    train[:, 0] = 1
    train[::2, 1] = step
    found = assert_exact_index(train, np.zeros((1, 2)), 3, "euclidean", "boxes").search(np.zeros((1, 2)), 3)
    assert found.indices.tolist() == [[0, 1, 2]]
    assert_exact_index(train, np.zeros((1, 2)), 3, "sqeuclidean", "boxes")


def test_queries_that_float32_cannot_hold(isa):
    """Rows at nearly the same distance, told apart by digits of the queries that float32 drops."""
    rng = np.random.default_rng(31)
    train = (1 + rng.integers(-8, 9, (3000, 2)) * 2.0**-23).astype(np.float32)
    queries = 1 + rng.standard_normal((60, 2)) * 2.0**-23
    for metric in METRICS:
        assert_exact_index(train, queries, 5, metric, "boxes")
        assert_exact_index(train, queries * 1e9, 5, metric, "boxes")


@pytest.mark.parametrize("exponent", range(-78, -70))
def test_squares_that_vanish_in_float32(isa, exponent):
    """Among ordinary rows, some whose squared distances float32 rounds to few bits or none."""
    normal = np.random.default_rng(37).standard_normal((900, 3)).astype(np.float32)
    tiny = normal[::3] * np.float32(2.0**exponent)
    for metric in ("euclidean", "sqeuclidean"):
        for k in (1, 5, 20):
            index = assert_exact_index(np.vstack([normal, tiny]), tiny[:60] / 2, k, metric, "boxes")
            assert index._prepared.values.dtype == np.float32


@pytest.mark.parametrize("metric", METRICS)
def test_same_bytes_for_any_number_of_threads_and_level(metric, monkeypatch):
    rng = np.random.default_rng(32)
    train = rng.integers(0, 40, (30000, 3)).astype(np.float32) + rng.integers(0, 2, (30000, 1)).astype(np.float32) / 3
    queries = rng.random((700, 3)) * 40
    results, trees = set(), set()
    for level in _cpu.runnable():
        monkeypatch.setattr(_kernels, "_module", _kernels.load(level))
        for n_threads in (1, 2, 3, 7):
            index = df.KNNIndex(train, metric=metric, strategy="boxes", n_threads=n_threads)
            found = index.search(queries, 17)
            results.add((found.distances.tobytes(), found.indices.tobytes()))
            tree = index._prepared
            trees.add((tree.values.tobytes(), tree.rows.tobytes(), tree.boxes.tobytes()))
    assert len(results) == 1
    assert len(trees) == 1


def test_few_leaves_are_visited():
    rng = np.random.default_rng(33)
    for n_features, most in ((2, 200), (3, 400), (8, 10000)):
        train = rng.random((100_000, n_features), dtype=np.float32)
        index = df.KNNIndex(train, strategy="boxes")
        index.search(rng.random((200, n_features), dtype=np.float32), 10)
        assert 200 * 10 <= index.stats["n_refined"] < 200 * 60
        assert index._prepared.visited(1) * len(train) < most


def test_bad_rows_are_told_by_their_number():
    rows = np.random.default_rng(34).random((9000, 2))
    for value, what in ((np.nan, "NaN"), (np.inf, "infinity"), (1e76, "1e\\+76, whose square is too large")):
        bad = rows.copy()
        bad[[8123, 8500], 1] = value
        for strategy in ("boxes", "auto"):
            with pytest.raises(ValueError, match=f"train must be finite; row 8123 holds {what}"):
                df.KNNIndex(bad, strategy=strategy)
        with pytest.raises(ValueError, match=f"queries must be finite; row 8123 holds {what}"):
            df.KNNIndex(rows, strategy="boxes").search(bad, 3)


def test_what_boxes_cannot_do():
    rows = np.ones((30, 13))
    with pytest.raises(ValueError, match='strategy="boxes" cannot be used: more than 12 features'):
        df.KNNIndex(rows, strategy="boxes")
    for metric in ("cosine", "inner_product"):
        with pytest.raises(ValueError, match=f'strategy="boxes" cannot be used: boxes have no bound for metric {metric}'):
            df.KNNIndex(rows[:, :3], strategy="boxes", metric=metric)


def test_boxes_are_chosen_where_they_pay():
    rng = np.random.default_rng(35)
    plane = rng.random((20000, 2))
    normal = rng.standard_normal((3000, 12))
    for train, metric, expected in (
        (plane, "euclidean", "boxes"),
        (plane, "manhattan", "boxes"),
        (plane, "cosine", "dense"),
        (plane[:500], "euclidean", "dense"),
        (normal[:, :1] * np.ones(12), "sqeuclidean", "boxes"),
    ):
        index = df.KNNIndex(train, metric=metric)
        index.search(train[:5], 3)
        assert index.stats["strategy"] == expected
        assert index.stats["reason"]
    assert df.KNNIndex(normal)._prepared.name != "boxes"


def test_one_shot_search_uses_them(monkeypatch):
    built = []
    build = boxes.Tree.build

    def counted(*arguments):
        built.append(1)
        return build(*arguments)

    monkeypatch.setattr(boxes.Tree, "build", counted)
    rng = np.random.default_rng(36)
    train = rng.integers(0, 300, (5000, 2)).astype(np.float32)
    assert assert_exact(train, train[:1000] + np.float32(0.5), 7, "euclidean")["strategy"] == "boxes"
    assert built == [1]
    assert assert_exact(train, train[:200], 7, "euclidean")["strategy"] == "dense"
    assert built == [1]


INTERRUPTED = """
import numpy as np, signal, threading, time, os
import deeprob_fast as df
rng = np.random.default_rng(0)
index = df.KNNIndex(rng.standard_normal((400_000, 12), dtype=np.float32), strategy="boxes", n_threads={n_threads})
queries = rng.standard_normal((400_000, 12), dtype=np.float32)
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
begin = time.perf_counter()
try:
    index.search(queries, 10)
except KeyboardInterrupt:
    print(time.perf_counter() - begin)
"""


@pytest.mark.parametrize("n_threads", [1, 2])
def test_interrupt(n_threads):
    code = INTERRUPTED.format(n_threads=n_threads)
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert float(done.stdout) < 1.5
