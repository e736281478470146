"""The protocols of linear probes: what they are, schedules as PyTorch's, the search, least squares as written down."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deeprob_fast as df
from deeprob_fast.linear.batches import Sampler
from deeprob_fast.probes.data import Part
from deeprob_fast.probes.grid import coarse_to_fine
from deeprob_fast.probes.least_squares import Ridge, few_shot
from tests.optim import optim_cases

PROTOCOLS: dict[str, Any] = dict(df.PROBE_PROTOCOLS)
NAMES = tuple(PROTOCOLS)


def test_the_table():
    assert NAMES == ("logistic", "dino-linear", "dinov2-linear", "moco-linear", "clip", "ssl-transfer", "lsr")
    for name, protocol in PROTOCOLS.items():
        lines = str(protocol).splitlines()
        assert lines[0] == f"{name}: {protocol.source}"
        assert [line.split(" = ")[0].strip() for line in lines[1:]] == list(protocol.parameters())
        assert max(map(len, lines)) < 200
        with pytest.raises(dataclasses.FrozenInstanceError):
            protocol.name = "mine"
    stated = "{" + ", ".join(f'"{name}"' for name in NAMES) + "}"
    assert stated in str(df.evaluate_probe.__doc__)


def rates(name):
    kept = optim_cases.PROBES[name][-1]
    found = PROTOCOLS[name].learning_rates(300)
    assert found.shape[1] == optim_cases.PROBES[name][3]
    return found[:, kept]


def assert_same_rates(ours, theirs):
    np.testing.assert_allclose(ours / ours[:, :1], theirs / theirs[:, :1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours[:, 0], theirs[:, 0], rtol=1e-15)


@pytest.mark.parametrize("name", list(optim_cases.PROBES))
def test_learning_rates_of_pytorch(name):
    assert_same_rates(rates(name), np.array(optim_cases.recorded()["probes"][name]))


@pytest.mark.parametrize("name", list(optim_cases.PROBES))
def test_learning_rates_of_live_pytorch(name):
    pytest.importorskip("torch", reason="PyTorch is not installed; its recorded values are compared above")
    from tests.optim import record_torch

    assert_same_rates(rates(name), np.array(record_torch.probe_rates(name)))


@pytest.mark.parametrize("name", list(optim_cases.PROBES))
def test_weights_are_those_of_the_stated_steps(name):
    """Momentum written out, with the stated learning rates, initial weights and batches."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((300, 3)), rng.integers(0, 4, 300)
    short = {"n_epochs": 5, **({"epoch_steps": 7} if name == "dinov2-linear" else {})}
    found = df.evaluate_probe(X, y, X, y, protocol=name, validation=(X[:50], y[:50]), seed=3, **short)
    protocol = PROTOCOLS[name].changed(short)
    steps = protocol.learning_rates(300)[protocol.lr.index(found.selected["lr"])]
    assert len(steps) == len(found.losses) == (35 if name == "dinov2-linear" else 5 * math.ceil(300 / protocol.batch_size))
    assert len(set(steps.tolist())) > 2
    W = np.random.default_rng([3, 1]).standard_normal((4, 4)) * 0.01
    W[:, -1] = 0
    columns = np.column_stack([X, np.ones(300)])
    sampler, velocity = Sampler(300, protocol.batch_size, replacement=False, seed=3), np.zeros_like(W)
    drawn: list[Any] = []
    while len(drawn) < len(steps):
        epoch = sampler.epoch()
        drawn += np.split(epoch.order, epoch.starts[1:-1])
    for rate, batch in zip(steps, drawn, strict=False):
        powers = np.exp(columns[batch] @ W.T)
        difference = powers / powers.sum(axis=1, keepdims=True) - np.eye(4)[y[batch]]
        velocity = 0.9 * velocity + difference.T @ columns[batch] / len(batch)
        W = W - rate * velocity
    np.testing.assert_allclose(found.W, W.T, rtol=1e-9, atol=1e-9)


def test_a_shorter_training_keeps_its_shape():
    protocol = PROTOCOLS["moco-linear"].changed({"n_epochs": 10})
    np.testing.assert_allclose(protocol.learning_rates(100)[0], [30.0] * 6 + [3.0] * 2 + [0.3] * 2)
    cosine = PROTOCOLS["dino-linear"].changed({"n_epochs": 4, "batch_size": 256}).learning_rates(100)[0]
    np.testing.assert_allclose(cosine, [0.001 * (1 + math.cos(math.pi * i / 4)) / 2 for i in range(4)])
    larger = PROTOCOLS["dinov2-linear"].changed({"batch_size": 1024})
    assert larger.learning_rates(10**6)[:, 0] == pytest.approx(np.array(larger.lr) * 4)


def test_grids():
    clip, transfer = PROTOCOLS["clip"], PROTOCOLS["ssl-transfer"]
    np.testing.assert_allclose(clip.C, np.logspace(-6, 6, 97), rtol=1e-12)
    np.testing.assert_allclose(transfer.C, 1 / np.logspace(-6, 5, 45), rtol=1e-12)
    assert transfer.stride == 1
    assert {name: p.validation_fraction for name, p in PROTOCOLS.items() if p.validation_fraction != 0.1} == {"ssl-transfer": 0.2}
    assert [name for name, p in PROTOCOLS.items() if p.refit] == ["clip", "ssl-transfer", "lsr"]
    assert [name for name, p in PROTOCOLS.items() if p.standardize or p.normalize] == ["lsr"]
    lsr = PROTOCOLS["lsr"]
    assert (lsr.l2, lsr.shots, lsr.n_seeds, lsr.constant) == ((1024.0,), (1, 5, 10, 25), 3, 100.0)


@pytest.mark.parametrize("peak", [0, 1, 13, 47, 48, 61, 95, 96])
def test_the_search_of_clip_visits_its_grid_and_finds_the_peak(peak):
    rounds = []

    def evaluate(numbers):
        rounds.append(list(numbers))
        return [-abs(i - peak) for i in numbers]

    merits = coarse_to_fine(97, PROTOCOLS["clip"].stride, evaluate)
    assert rounds[0] == [0, 16, 32, 48, 64, 80, 96]  # 1e-6, 1e-4, ..., 1e6: two decades of eight steps
    assert max(merits, key=merits.get) == peak
    assert sum(map(len, rounds)) == len(merits) <= 15
    best = min(rounds[0], key=lambda i: (abs(i - peak), i))
    for stride, visited in zip((8, 4, 2, 1), rounds[1:], strict=True):
        assert visited == [i for i in (best - stride, best + stride) if 0 <= i <= 96]
        best = min([*visited, best], key=lambda i: (abs(i - peak), i))


@given(st.integers(1, 40), st.integers(1, 50), st.randoms(use_true_random=False))
def test_the_search_ends_beside_nothing_better(n, stride, random):
    values = [random.randint(0, 5) for _ in range(n)]
    merits = coarse_to_fine(n, stride, lambda numbers: [values[i] for i in numbers])
    assert all(merits[i] == values[i] for i in merits)
    best = max(sorted(merits), key=merits.get)
    assert all(i in merits for i in (best - 1, best + 1) if 0 <= i < n)
    if stride == 1:
        assert len(merits) == n


def least_squares(X, y, n_classes, l2):
    """big_vision's formula for its weights, without its shortcuts; returns a function that predicts scores."""
    mean, std = X.mean(axis=0), X.std(axis=0) + 1e-5

    def columns(rows):
        return np.pad((rows - mean) / std, ((0, 0), (0, 1)), constant_values=100.0)

    targets = 2.0 * np.eye(n_classes)[y] - 1.0
    wide = columns(X)
    W = np.linalg.solve(wide.T @ wide + l2 * np.eye(wide.shape[1]), wide.T @ targets)
    return lambda rows: columns(rows) @ W


@pytest.mark.parametrize("n_rows", [5, 8, 9, 40, 5000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
def test_least_squares_as_written_down(n_rows, dtype):
    rng = np.random.default_rng(n_rows)
    X = (rng.standard_normal((n_rows, 8)) * 20 + 128).astype(dtype)
    X[:, 3] = 7  # constant: no division by zero
    y = np.append(np.arange(3), rng.integers(0, 3, n_rows - 3))
    ridge = Ridge(Part(X, y), 3, 100.0)
    for l2 in (0.1, 1.0, 1024.0):
        W = ridge.weights(l2)
        wide = X.astype(np.float64)
        np.testing.assert_allclose(wide @ W[:-1] + W[-1], least_squares(wide, y, 3, l2)(wide), rtol=0, atol=1e-7)


def test_shots_are_drawn_as_in_big_vision():
    y = np.random.default_rng(1).integers(0, 4, 50)
    rng = np.random.default_rng(2)
    by_class = [rng.permutation(np.where(y == label)[0]) for label in range(4)]
    for shots in (1, 3, 100):
        assert few_shot(y, 4, shots, 2).tolist() == np.concatenate([rows[:shots] for rows in by_class]).tolist()


def test_few_shot_accuracies_are_those_of_the_formula():
    rng = np.random.default_rng(0)
    centers = rng.standard_normal((3, 6))
    y, y_test = rng.integers(0, 3, 200), rng.integers(0, 3, 300)
    X, X_test = centers[y] + rng.standard_normal((200, 6)), centers[y_test] + rng.standard_normal((300, 6))
    found = df.evaluate_probe(X, y, X_test, y_test, protocol="lsr", seed=4)
    assert [c["shots"] for c in found.candidates] == [1, 5, 10, 25]
    for candidate in found.candidates:
        expected = []
        for seed in (4, 5, 6):
            rows = few_shot(y, 3, candidate["shots"], seed)
            scores = least_squares(X[rows], y[rows], 3, 1024.0)(X_test)
            expected.append((scores.argmax(axis=1) == y_test).mean())
        assert candidate["accuracies"] == pytest.approx(expected)
        assert candidate["accuracy"] == pytest.approx(np.mean(expected))
    assert found.top1 == found.candidates[-1]["accuracies"][0]
    assert found.selected == {"shots": 25, "l2": 1024.0, "seed": 4}
    assert found.ece is found.temperature is None

    chosen = df.evaluate_probe(X, y, X_test, y_test, protocol="lsr", shots=None, l2=(1e6, 1.0, 1e9), validation=(X[:50], y[:50]))
    assert [c["l2"] for c in chosen.candidates] == [1e6, 1.0, 1e9]
    assert chosen.selected["l2"] == max(chosen.candidates, key=lambda c: c["val_accuracy"])["l2"]
    both = np.concatenate([X, X[:50]]), np.concatenate([y, y[:50]])
    expected_scores = least_squares(*both, 3, chosen.selected["l2"])(X_test)
    np.testing.assert_allclose(X_test @ chosen.W[:-1] + chosen.W[-1], expected_scores, atol=1e-9)
