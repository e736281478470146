"""Calibration errors and temperatures."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deeprob_fast as df
from deeprob_fast.scoring import calibration
from tests.limits import recorded_steps


def naive_error(probabilities, truth, n_bins):
    """Guo et al., equation 3."""
    edges = np.linspace(0, 1, n_bins + 1)
    confidences, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    total = 0.0
    for low, high in pairwise(edges):
        inside = (confidences > low) & (confidences <= high)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidences[inside].mean())
    return total


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(1, 6), st.integers(1, 30))
def test_the_error_by_its_definition(seed, n, n_classes, n_bins):
    rng = np.random.default_rng(seed)
    probabilities = softmax(rng.standard_normal((n, n_classes)) * 3)
    probabilities[: n // 3] = np.eye(n_classes)[0]
    truth = rng.integers(0, n_classes, n)
    found = df.expected_calibration_error(probabilities, truth, n_bins=n_bins)
    assert found == pytest.approx(naive_error(probabilities, truth, n_bins), abs=1e-12)
    assert 0 <= found <= 1


def test_edges_belong_to_the_lower_bin():
    assert df.expected_calibration_error([[0.5, 0.5], [0.75, 0.25]], [0, 1], n_bins=2) == pytest.approx((0.5 + 0.75) / 2)


def test_what_is_refused():
    with pytest.raises(ValueError, match="probabilities must not be negative, and each row must sum to 1; row 1"):
        df.expected_calibration_error([[0.5, 0.5], [1.5, 0.5]], [0, 1])
    with pytest.raises(ValueError, match="sum to 1; row 0"):
        df.expected_calibration_error([[np.nan, 0.5]], [0])
    with pytest.raises(ValueError, match="truth must hold numbers of classes from 0 to 1; got 2"):
        df.expected_calibration_error([[0.5, 0.5]], [2])
    with pytest.raises(ValueError, match="one label for each of the 1 rows of probabilities"):
        df.expected_calibration_error([[0.5, 0.5]], [0, 1])
    with pytest.raises(ValueError, match="n_bins must be between 1"):
        df.expected_calibration_error([[0.5, 0.5]], [0], n_bins=0)
    with pytest.raises(ValueError, match="scores must be finite; row 1 holds infinity"):
        df.fit_temperature([[0.5, 0.5], [np.inf, 1.0]], [0, 1])
    with pytest.raises(ValueError, match="scores must have at least one row"):
        df.fit_temperature(np.empty((0, 2)), [])


@pytest.mark.parametrize("scale", [0.02, 0.5, 1.0, 3.0, 100.0])
def test_the_temperature_is_that_of_scipy(scale):
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((500, 5)) * 2
    truth = np.array([rng.choice(5, p=p) for p in softmax(scores)])
    scores *= scale

    def loss(log_temperature):
        scaled = scores / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return (np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(500), truth]).mean()

    expected = np.exp(optimize.minimize_scalar(loss, bounds=(-7, 7), method="bounded", options={"xatol": 1e-9}).x)
    found = df.fit_temperature(scores, truth)
    assert found == pytest.approx(expected, rel=1e-6)
    assert found == pytest.approx(scale, rel=0.3)
    assert loss(np.log(found)) <= loss(np.log(expected)) + 1e-12


@given(st.integers(0, 2**32 - 1), st.floats(-3, 4))
def test_the_temperature_scales_with_the_scores(seed, exponent):
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((60, 3))
    truth = np.where(rng.random(60) < 0.7, scores.argmax(axis=1), rng.integers(0, 3, 60))
    found, factor = df.fit_temperature(scores, truth), 10**exponent
    assert df.fit_temperature(scores * factor, truth) == pytest.approx(np.clip(found * factor, 1e-3, 1e3), rel=1e-6)


def test_extremes():
    scores = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert df.fit_temperature(scores, [0, 1]) == pytest.approx(1e-3)  # never wrong
    assert df.fit_temperature(scores, [1, 0]) == pytest.approx(1e3)  # never right
    assert df.fit_temperature([[2.0, 2.0], [1.0, 1.0]], [0, 1]) == 1  # says nothing
    assert df.fit_temperature([[2.0], [1.0]], [0, 0]) == 1  # one class


def test_blocks_do_not_matter(monkeypatch):
    rng = np.random.default_rng(0)
    scores, truth = rng.standard_normal((100, 3)).astype(np.float32), rng.integers(0, 3, 100)
    whole = df.fit_temperature(scores, truth)
    monkeypatch.setattr(calibration, "_BLOCK_VALUES", 20)
    steps = recorded_steps(monkeypatch, calibration)
    assert df.fit_temperature(scores, truth) == pytest.approx(whole, rel=1e-9)
    assert set(steps) == {17}  # of six rows
