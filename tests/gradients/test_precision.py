"""Functions that compute in float32 are recognised, whatever they return, and checked with the step that fits."""

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast.gradients.precision import precision

RNG = np.random.default_rng(0)
W = RNG.standard_normal((4, 3))
X = RNG.standard_normal((20, 4))
X32 = X.astype(np.float32)
Y = np.arange(20) % 3
MANY, MANY_LABELS = RNG.standard_normal((20_000, 4)), RNG.integers(0, 3, 20_000)


def cross_entropy(scores):
    scores = scores - scores.max(axis=1, keepdims=True)
    return -np.mean(scores[np.arange(20), Y] - np.log(np.exp(scores).sum(axis=1)))


SINGLE = {
    "rounds its input": lambda W: np.sum(W.astype(np.float32).astype(np.float64) ** 2),
    "returns a float": lambda W: float(np.sum(W.astype(np.float32) ** 3)),
    "returns float64": lambda W: np.float64(np.sum(W.astype(np.float32) ** 3)),
    "returns float32": lambda W: np.sum(W.astype(np.float32) ** 3),
    "rounds its scores": lambda W: cross_entropy((X @ W).astype(np.float32).astype(np.float64)),
    "rounds its value": lambda W: float(np.float32(cross_entropy(X @ W))),
    "beside a large number": lambda W: float(np.float32(30 + np.sum(W))),
    "our loss": lambda W: df.softmax_loss(W.astype(np.float32), X32, Y).loss,
    "our other loss": lambda W: df.svm_loss(W.astype(np.float32), X32, Y, reg=0.1).loss,
    "an array": lambda W: (X32 @ W.astype(np.float32)).astype(np.float64),
}
DOUBLE = {
    "a polynomial": lambda W: np.sum(W**3 - 2 * W),
    "linear": np.sum,
    "constant": lambda _: 3.0,
    "zero": lambda _: 0.0,
    "flat here": lambda W: np.sum(np.maximum(0, W - 1e3)),
    "a kink close by": lambda x: np.sum(x) + abs(x[0, 0] - W[0, 0] * (1 + 2e-5)),
    "a kink that is met": lambda x: np.maximum(0, np.abs(x[0, 0]) - np.abs(W[0, 0]) * (1 + 2e-5)),
    "many kinks": lambda x: df.svm_loss(x, MANY, MANY_LABELS).loss,
    "at the minimum": lambda x: np.sum((x - W) ** 2),
    "at a flat minimum": lambda x: np.sum((x - W) ** 4),
    "steep": lambda W: np.exp(20 * W).sum(),
    "tiny": lambda W: 1e-12 * np.sum(W**2),
    "huge": lambda W: 1e200 * np.sum(W**2),
    "beside a large number": lambda W: 1e6 + np.sum(W**2),
    "not finite": lambda W: np.sum(W) * np.nan,
    "an array": lambda W: np.concatenate([(X @ W).ravel(), np.zeros(2)]),
    "our loss": lambda W: df.softmax_loss(W, X32, Y).loss,
    "our other loss": lambda W: df.svm_loss(W, X, Y, reg=0.1).loss,
    "wide data": lambda W: cross_entropy(X32 @ W),
}


def unit_at(function, point):
    calls = []

    def evaluate(points):
        calls.append(1)
        return np.asarray(function(points[0]))

    found = precision(evaluate, evaluate([point.copy()]), [point])
    assert len(calls) <= 19
    return found


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", SINGLE)
def test_single_precision_is_seen(name, seed):
    assert unit_at(SINGLE[name], np.random.default_rng(seed).standard_normal((4, 3))) == 2.0**-23


@pytest.mark.parametrize("name", DOUBLE)
def test_double_precision_is_believed(name):
    for point in (W, W.round(1), W * 1e-3, np.ones((4, 3)), np.zeros((4, 3))):
        assert unit_at(DOUBLE[name], point) == 2.0**-52


@pytest.mark.parametrize("name", DOUBLE)
def test_double_precision_is_believed_at_random_points(name):
    for seed in range(20):
        assert unit_at(DOUBLE[name], np.random.default_rng(seed).standard_normal((4, 3))) == 2.0**-52


def test_half_precision_is_seen():
    assert unit_at(lambda W: float(np.sum(W.astype(np.float16) ** 2)), W) == 2.0**-10
    assert unit_at(lambda W: np.sum(W.astype(np.float16) ** 2), W) == 2.0**-10


def test_no_entries_need_no_calls():
    assert unit_at(np.sum, np.empty((0, 3))) == 2.0**-52


PAIRS = {
    "softmax": (lambda W: df.softmax_loss(W.astype(np.float32), X32, Y).loss, lambda W: df.softmax_loss(W, X, Y).grad),
    "cubic": (lambda W: float(np.sum(W.astype(np.float32) ** 3)), lambda W: 3 * W**2),
    "returned": (lambda W: np.sum(W.astype(np.float32) ** 3), lambda W: 3 * W**2),
}


@pytest.mark.parametrize("name", PAIRS)
def test_gradients_of_functions_in_float32(name, capsys):
    function, gradient = PAIRS[name]
    np.testing.assert_allclose(df.numerical_gradient(function, W), gradient(W), atol=1e-3)
    assert all(check.relative_error < 1e-2 for check in df.grad_check_sparse(function, W, gradient(W), num_checks=30))
    assert "numerical" in capsys.readouterr().out
    how = "returns" if name == "returned" else "computes in"
    with pytest.warns(
        df.GradcheckWarning, match=f"func {how} float32 although its inputs are float64: eps is 0.0049, and the abs"
    ):
        assert df.gradcheck(function, W, grad=gradient)
    with pytest.raises(df.GradcheckError, match=f"12 of 12 entries .*\n.*note: func {how} float32"):
        df.gradcheck(function, W, grad=lambda W: 1.1 * gradient(W) + 0.01)


def test_second_derivatives_of_functions_in_float32():
    def loss(W):
        narrow = W.astype(np.float32)
        return float(np.sum(narrow**3)), (3 * narrow**2).astype(np.float64)

    with pytest.warns(df.GradcheckWarning, match="func computes in float32"):
        assert df.gradgradcheck(loss, W, hvp=lambda W, v: 6 * W * v)
    with pytest.warns(df.GradcheckWarning, match="func computes in float32"):
        assert df.gradgradcheck(loss, W)
    assert not df.gradgradcheck(loss, W, hvp=lambda W, v: 5 * W * v, raise_exception=False)


def test_functions_in_float64_are_checked_as_before(recwarn):
    assert df.gradcheck(lambda W: df.softmax_loss(W, X, Y), W)
    assert not df.gradcheck(lambda W: (np.sum(W**3), 2.999 * W**2), W, rtol=1e-5, raise_exception=False)
    assert not recwarn.list
