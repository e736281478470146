"""Softmax regression to the optimum through the kernels: the solver's own objective against the reference, and the results."""

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast.linear.examples import examples_of
from deeprob_fast.linear.optimum.objective import SoftmaxObjective
from tests import reference

RNG = np.random.default_rng(0)
X = (RNG.standard_normal((300, 12)) + RNG.standard_normal((5, 12))[np.arange(300) % 5]).astype(np.float32)
Y = np.arange(300) % 5
WEIGHTS = RNG.integers(0, 4, 300).astype(float)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_objective_is_that_of_the_reference(bias, weighted):
    weights = WEIGHTS / WEIGHTS.mean() if weighted else None
    mean, std = X.mean(axis=0), X.std(axis=0)
    examples = examples_of(X, Y, np.dtype(np.float64), sample_weight=weights, mean=mean, std=std, bias=bias)
    ours = SoftmaxObjective(examples, 5, 2)
    columns = (X - mean.astype(np.float64)) / std.astype(np.float64)
    columns = np.hstack([columns, np.ones((300, 1))]) if bias else columns
    expected = reference.SoftmaxData(columns, Y, 5, weights)
    W = RNG.standard_normal((5, 12 + bias))
    assert ours.n_features == expected.n_features
    assert ours.value_and_gradient(W)[0] == pytest.approx(expected.value_and_gradient(W)[0], rel=1e-12)
    for found, right in (
        (ours.value_and_gradient(W)[1], expected.value_and_gradient(W)[1]),
        (ours.gram(W), expected.gram(W)),
        (ours.class_covariance(W), expected.class_covariance(W)),
        (ours.class_sums(), expected.class_sums()),
    ):
        np.testing.assert_allclose(found, right, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solver", ["preconditioned", "lbfgs"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("penalize_bias", [False, True])
def test_the_gap_holds_and_the_gradient_vanishes(isa, solver, dtype, penalize_bias):
    rows = X.astype(dtype)
    options = {"reg": 1e-3, "penalize_bias": penalize_bias, "sample_weight": WEIGHTS}
    found = df.minimize_softmax(rows, Y, solver=solver, tol=1e-6, **options)
    tight = df.minimize_softmax(rows, Y, tol=1e-12, **options)
    assert found.converged
    assert found.gap <= 1e-6 * found.loss
    assert -1e-14 <= found.loss - tight.loss <= found.gap
    at = df.softmax_loss(tight.W, rows, Y, bias=True, **options)
    assert at.loss == pytest.approx(tight.loss, rel=1e-13)
    assert np.abs(at.grad).max() < 1e-6


def test_the_optimum_is_scikit_learns():
    from sklearn.linear_model import LogisticRegression

    theirs = LogisticRegression(C=2.0, tol=1e-10, max_iter=10000).fit(X.astype(np.float64), Y)
    ours = df.minimize_softmax(X.astype(np.float64), Y, reg=1 / (2 * 2.0 * len(X)), tol=1e-13)
    np.testing.assert_allclose(ours.W[:-1].T, theirs.coef_, atol=1e-5)
    bias = ours.W[-1] - ours.W[-1].mean()
    np.testing.assert_allclose(bias, theirs.intercept_ - theirs.intercept_.mean(), atol=1e-5)


def test_standardised_on_the_fly():
    mean, std = X.mean(axis=0), X.std(axis=0)
    folded = df.minimize_softmax(X, Y, reg=1e-2, mean=mean, std=std, tol=1e-12)
    plain = df.minimize_softmax((X.astype(np.float64) - mean) / std, Y, reg=1e-2, tol=1e-12)
    assert folded.loss == pytest.approx(plain.loss, rel=1e-12)
    np.testing.assert_allclose(folded.W, plain.W, atol=1e-6)


def test_a_path_gives_what_single_penalties_give():
    regs = [1e-4, 1.0, 1e-2]
    path = df.softmax_path(X, Y, regs=regs, tol=1e-8)
    for reg, found in zip(regs, path, strict=True):
        alone = df.minimize_softmax(X, Y, reg=reg, tol=1e-8)
        assert found.converged
        assert found.loss == pytest.approx(alone.loss, rel=2e-8)


def test_a_callback_stops():
    seen = []

    def stop(loss, gap):
        seen.append((loss, gap))
        return len(seen) == 3

    found = df.minimize_softmax(X.astype(np.float64), Y, reg=1e-6, tol=1e-12, callback=stop)
    assert len(seen) == 3
    assert found.message == "the callback asked to stop"
    assert not found.converged
    assert seen[0][0] > seen[2][0]


def test_an_estimate_may_decide():
    strict, loose = (df.minimize_softmax(X, Y, reg=1e-6, tol=1e-5, certified=c) for c in (True, False))
    assert loose.n_iterations <= strict.n_iterations
    assert loose.converged
    assert loose.gap_estimate <= 1e-5 * loose.loss


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"reg": -1}, ValueError, "reg must be finite and at least 0; got -1"),
        ({"solver": "newton"}, ValueError, "solver must be one of preconditioned, lbfgs"),
        ({"tol": -1}, ValueError, "tol must be finite and at least 0"),
        ({"max_iter": 0}, ValueError, "max_iter must be between 1"),
        ({"X": np.where(np.arange(300)[:, None] == 7, np.nan, X)}, ValueError, "X must be finite; row 7 holds NaN"),
        ({"y": Y + 0.5}, TypeError, "y must hold integers"),
    ],
)
def test_messages(options, error, words):
    with pytest.raises(error, match=words):
        df.minimize_softmax(**{"X": X, "y": Y, "reg": 1.0, **options})


def test_messages_of_paths():
    with pytest.raises(ValueError, match=r"regs\[1\] must be finite and at least 0; got -1"):
        df.softmax_path(X, Y, regs=[1.0, -1])
