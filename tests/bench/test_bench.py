"""Timings on somebody's own data: who runs, and that their results are compared."""

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast.bench import checks, comparison, harness, peers, sizes
from deeprob_fast.bench.summary import OURS


def rows(n, n_features=12, seed=0, dtype="float32"):
    return (50 * np.random.default_rng(seed).standard_normal((n, n_features))).astype(dtype)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(harness, "PAUSE", 0.0)
    monkeypatch.setattr(sizes, "SHORTEST", 0.0)
    monkeypatch.setattr(sizes, "LEAST_STEPS", 0)


@pytest.mark.parametrize("metric", comparison.METRICS)
@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_search(metric, dtype):
    options = {"metric": metric, "libraries": comparison.installed(), "rounds": 3, "n_threads": 2}
    found = comparison.compare_search(rows(300, dtype=dtype), rows(40, seed=1, dtype=dtype), 5, **options)
    names = [row["contestant"] for row in found["rows"]]
    assert names[0] == OURS
    assert "scikit-learn" in names
    assert ("NumPy tiles" in names) == (metric != "manhattan")
    for row in found["rows"]:
        assert len(row["seconds"]) == (2 if metric == "manhattan" and row["contestant"] != OURS else 3)
        assert row["ratio_to_ours"] == row["median"] / found["rows"][0]["median"]
    assert found["fastest_peer"] in names[1:]
    assert all(row["agreement_up_to_ties"] > 0.9 for row in found["rows"][1:])


def test_without_peers():
    options = {"metric": "euclidean", "libraries": (), "rounds": 1, "n_threads": 1}
    found = comparison.compare_search(rows(30), rows(5), 2, **options)
    assert [row["contestant"] for row in found["rows"]] == [OURS]
    assert found["fastest_peer"] is None


def test_wrong_results_are_found(monkeypatch):
    options = {"metric": "euclidean", "libraries": ("numpy",), "rounds": 1, "n_threads": 1}
    wrong = peers.Peer("wrong", "numpy", lambda _train, _queries, k, *_: (np.ones((5, k)), np.zeros((5, k), dtype=int)))
    monkeypatch.setattr(peers, "EUCLIDEAN", (wrong,))
    with pytest.raises(AssertionError, match="wrong: distances are off"):
        comparison.compare_search(rows(30), rows(5), 2, **options)
    train, queries = rows(30), rows(5, seed=1)
    distances, indices = df.nearest_neighbors(train, queries, 2)
    with pytest.raises(AssertionError, match="deeprob_fast found rows"):
        checks.assert_exact(train, queries, (distances, indices[:, ::-1]), "euclidean")


def test_gradient(monkeypatch):
    y = np.random.default_rng(2).integers(0, 3, 200)
    options = {"libraries": comparison.installed(), "rounds": 2, "n_threads": 2}
    found = comparison.compare_gradient(rows(200) / 50, y, 3, **options)
    assert [row["contestant"] for row in found["rows"]][:2] == [OURS, "NumPy"]
    assert all(row["error"] < 1e-5 for row in found["rows"])
    monkeypatch.setattr(comparison, "softmax_loss", lambda W, *_, **__: (0.0, W))
    with pytest.raises(AssertionError, match="deeprob_fast: the gradient is"):
        comparison.compare_gradient(rows(200) / 50, y, 3, **options)
