"""The comparison of `evaluate` with NumPy: the same rows and queries, no figure that says nothing, ties apart from errors."""

import time
from typing import Any

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast.bench import against_numpy, checks, sizes, summary
from deeprob_fast.bench.harness import Timing
from deeprob_fast.bench.numpy_search import knn_numpy
from tests import reference


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(against_numpy, "_PAUSE", 0.0)
    monkeypatch.setattr(sizes, "LEAST_STEPS", 0)


@pytest.fixture
def searches(monkeypatch):
    """The sizes of all searches, by who searched."""
    seen: dict[str, list[Any]] = {"deeprob_fast": [], "NumPy": []}
    for name, module_name in (("deeprob_fast", "nearest_neighbors"), ("NumPy", "knn_numpy")):
        search = getattr(against_numpy, module_name)

        def counted(train, queries, *arguments, _search=search, _seen=seen[name], **options):
            _seen.append((train, queries))
            return _search(train, queries, *arguments, **options)

        monkeypatch.setattr(against_numpy, module_name, counted)
    return seen


def compare(train, queries, metric="euclidean", k=3, done=lambda _: None):
    return against_numpy.compare_with_numpy(train, queries, k, metric=metric, n_threads=2, done=done)


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("n_train", [30, 5000])
def test_numpy_finds_the_neighbors(metric, n_train):
    rng = np.random.default_rng(1)
    train, queries = rng.standard_normal((n_train, 20)), rng.standard_normal((300, 20))
    seen: list[int] = []
    distances, indices = knn_numpy(train, queries, 5, metric, 2, seen.append)
    assert seen == [256, 44]
    expected, rows = reference.nearest(train, queries, 5, metric)
    assert checks.agreement(train, queries, indices, (expected, rows), metric).up_to_ties > 0.99
    np.testing.assert_allclose(distances, expected, rtol=1e-4, atol=1e-5)


def test_both_search_the_same_rows_for_the_same_queries(searches, monkeypatch):
    monkeypatch.setattr(sizes, "SHORTEST", 0.0)
    rng = np.random.default_rng(0)
    train, queries = rng.standard_normal((500, 8)), rng.standard_normal((200, 8))
    seen: list[int] = []
    found = compare(train, queries, done=seen.append)
    assert (found.n_train, found.n_queries, found.copies) == (500, 200, False)
    for name, sizes_of_searches in searches.items():
        timed = sizes_of_searches[-3:]  # the rounds
        assert all(rows.shape == (500, 8) and asked.shape == (200, 8) for rows, asked in timed), name
    assert len(found.ratios) == 3
    assert sum(seen) == 3 * 200
    assert found.agreement == (1.0, 1.0)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_what_is_too_short_is_searched_with_copies(searches, monkeypatch, dtype):
    asked = []

    def seconds_of(search):  # of a machine on which they grow with the work
        search()
        asked.append(len(searches["deeprob_fast"][-1][0]) * len(searches["deeprob_fast"][-1][1]))
        return 1e-6 * asked[-1]

    monkeypatch.setattr(sizes, "seconds_of", seconds_of)
    rows = (np.random.default_rng(0).standard_normal((40, 6)) * 9 + 100).astype(dtype)
    rows[:, 0] = 7
    found = compare(rows, rows[:10])
    assert found.copies
    assert 0.05 <= 1e-6 * asked[-1] < 0.2
    assert found.n_train * found.n_queries == asked[-1]
    assert asked[:3] == [400, 400, 321 * 81]
    (train, queries), ours = searches["NumPy"][-1], searches["deeprob_fast"][-1]
    assert train is ours[0]
    assert queries.base is ours[1].base
    assert (len(train), len(queries)) == (found.n_train, found.n_queries)
    assert train.dtype == dtype
    assert (train[:, 0] == 7).all()
    assert np.abs(train[: len(rows)].astype(float) - rows).max() < 9
    assert len(np.unique(train, axis=0)) > 2 * len(rows)


def test_few_rows_are_searched_with_copies_whatever_they_take(monkeypatch):
    monkeypatch.setattr(sizes, "SHORTEST", 0.0)
    monkeypatch.setattr(sizes, "LEAST_STEPS", 64 * 400 * (1 + 64))
    rows = np.arange(40.0)[:, None]
    found = compare(rows, rows[:10])
    assert (found.n_train, found.n_queries, found.copies) == (321, 81, True)
    assert not compare(np.repeat(rows, 8, axis=0), np.repeat(rows, 2, axis=0)).copies  # as many steps


def test_rows_that_no_number_of_copies_makes_enough_give_no_ratio(monkeypatch):
    monkeypatch.setattr(sizes, "SHORTEST", 60.0)
    monkeypatch.setattr(sizes, "_MOST_BYTES", 1 << 14)
    found = compare(np.eye(9), np.eye(9)[:4])
    assert found.ratio is None


def test_queries_are_fewer_where_numpy_takes_too_long(monkeypatch):
    monkeypatch.setattr(sizes, "SHORTEST", 0.0)
    monkeypatch.setattr(against_numpy, "_LONGEST", 1e-9)
    rng = np.random.default_rng(0)
    found = compare(rng.standard_normal((500, 8)), rng.standard_normal((600, 8)))
    assert (found.n_train, found.n_queries, found.copies) == (500, 1, False)


def test_rows_beyond_what_numpy_may_copy_are_left_out(monkeypatch):
    monkeypatch.setattr(sizes, "SHORTEST", 0.0)
    monkeypatch.setattr(against_numpy, "_MOST_OF_NUMPY", 100 * 4 * 8)
    rng = np.random.default_rng(0)
    assert compare(rng.standard_normal((500, 8)), rng.standard_normal((3, 8))).n_train == 100


@pytest.mark.parametrize(
    ("ours", "other", "expected"),
    [
        ([0.1, 0.2, 0.1], [0.4, 0.8, 0.4], 4.0),
        ([0.01, 0.01, 0.01], [0.4, 0.4, 0.4], None),
        ([0.1, 0.1, 0.1], [0.01, 0.01, 0.01], None),
        ([0.1, 0.1, 0.1], [0.4, 0.4, 0.61], None),
        ([0.1, 0.1, 0.1], [0.4, 0.4, 0.59], 4.0),
    ],
)
def test_ratios_that_say_nothing_are_not_told(ours, other, expected):
    assert summary.ratio(Timing(ours), Timing(other)) == expected


@pytest.mark.parametrize("metric", reference.METRICS)
def test_ties_are_told_from_errors(metric):
    rng = np.random.default_rng(0)
    train = rng.integers(-2, 3, (60, 3)).astype(np.float64)
    train[30:] = train[:30]
    queries = rng.standard_normal((20, 3))
    ours = df.nearest_neighbors(train, queries, 6, metric=metric)
    others = np.where(ours.indices < 30, ours.indices + 30, ours.indices - 30)  # each the twin of the right one
    assert checks.agreement(train, queries, others, ours, metric) == (0.0, 1.0)
    others[4, 2] = ours.indices[4, 5] if ours.distances[4, 5] != ours.distances[4, 2] else ours.indices[4, 0]
    assert checks.agreement(train, queries, others, ours, metric) == (0.0, 0.95)
    assert checks.agreement(train, queries, ours.indices, ours, metric) == (1.0, 1.0)


def test_short_work_is_repeated():
    calls: list[float] = []

    def work():
        time.sleep(0.004)
        calls.append(time.perf_counter())

    n = sizes.enough_repeats(work)
    assert len(calls) == 5
    assert 5 <= n <= 20
    assert sizes.enough_repeats(lambda: time.sleep(sizes.SHORTEST)) == 1
