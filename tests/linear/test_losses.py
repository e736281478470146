"""Losses and gradients against the float64 reference, closed forms, and every dtype, shape, thread and instruction set."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deeprob_fast as df
from tests import reference
from tests.nine_points import KNOWN, LABELS, POINTS, STEPS, WEIGHTS, WITH_BIAS

TOLERANCE = {np.float32: 1e-6, np.float64: 1e-12}


def call(loss, W, X, y, **options):
    if loss == "softmax":
        options.pop("delta", None)
        return df.softmax_loss(W, X, y, **options)
    return df.svm_loss(W, X, y, formulation=loss, **options)


def problem(rng, shape, dtype, spread=1.0):
    n, d, k = shape
    X = rng.standard_normal((n, d)).astype(dtype)
    W = (rng.standard_normal((d, k)) * spread / np.sqrt(d)).astype(dtype)
    return W, X, rng.integers(0, k, n)


def assert_close(found, expected, tolerance):
    loss, gradient = expected
    assert found.loss == pytest.approx(loss, rel=tolerance, abs=tolerance * 1e-3)
    scale = max(np.linalg.norm(gradient), 1e-3)
    assert np.linalg.norm(found.grad - gradient) <= tolerance * scale


SHAPES = [(1, 1, 2), (7, 5, 3), (100, 37, 2), (513, 785, 10), (130, 3073, 10), (1100, 40, 15), (60, 500, 300)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", reference.LOSSES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equals_the_reference(isa, shape, loss, dtype):
    rng = np.random.default_rng(sum(shape))
    W, X, y = problem(rng, shape, dtype, spread=3.0)
    found = call(loss, W, X, y)
    assert found.grad.dtype == dtype
    assert found.grad.shape == W.shape
    assert_close(found, reference.linear_loss(W, X, y, loss), TOLERANCE[dtype])


@pytest.mark.parametrize(
    ("loss", "expected"), [("runner_up", 0.0), ("weston_watkins", 0.0), ("softmax", 0.0), ("one_vs_all", 0.5)]
)
def test_one_class_has_no_rival(loss, expected):
    found = call(loss, [[0.25]], [[2.0]], [0])
    assert (found.loss, found.grad.tolist()) == (expected, [[-4 * expected]])


@pytest.mark.parametrize("loss", reference.LOSSES)
@pytest.mark.parametrize(("kind", "reg"), [("l2", 0.3), ("l1", 0.2), ("elasticnet", 0.5)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_penalties_weights_margin(loss, kind, reg, dtype):
    rng = np.random.default_rng(3)
    W, X, y = problem(rng, (90, 50, 6), dtype)
    weights = rng.integers(0, 4, 90)
    found = call(loss, W, X, y, reg=reg, penalty=kind, l1_ratio=0.25, delta=2.5, sample_weight=weights)
    expected = reference.linear_loss(W, X, y, loss, delta=2.5, weights=weights, reg=reg, kind=kind, l1_ratio=0.25)
    assert_close(found, expected, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float16", "float32", "float64"])
@pytest.mark.parametrize("loss", reference.LOSSES)
def test_every_dtype_is_read_in_place_with_standardisation_and_bias(isa, loss, dtype):
    rng = np.random.default_rng(4)
    X = np.clip(rng.normal(60, 25, (300, 85)), 0, 120).astype(dtype)
    mean, std = X.astype(float).mean(axis=0), X.astype(float).std(axis=0)
    y = rng.integers(0, 7, 300)
    W = rng.standard_normal((86, 7)) * 0.1
    columns = np.hstack([(X - mean) / std, np.ones((300, 1))])
    expected = reference.linear_loss(W, columns, y, loss)
    assert_close(call(loss, W, X, y, bias=True, mean=mean, std=std), expected, 1e-12)
    if dtype != "float64":
        found = call(loss, W.astype(np.float32), X, y, bias=True, mean=mean, std=std)
        assert found.grad.dtype == np.float32
        assert_close(found, expected, 1e-6)


def test_bias_is_penalized_or_not():
    W, X, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0]]), np.array([1])
    free = df.softmax_loss(W, X, y, bias=True, penalize_bias=False, reg=0.5)
    whole = df.softmax_loss(W, X, y, bias=True, reg=0.5)
    assert whole.loss - free.loss == pytest.approx(0.5 * 25)
    assert (whole.grad - free.grad).tolist() == [[0.0, 0.0], pytest.approx([3.0, 4.0])]


def test_closed_forms():
    d, k = 3073, 10
    rng = np.random.default_rng(0)
    X, y = rng.random((50, d)), np.arange(50) % k
    assert df.softmax_loss(np.ones((d, k)), X, y, reg=2.5e4).loss == pytest.approx(768250000 + np.log(10), rel=1e-15)
    assert df.softmax_loss(np.zeros((d, k)), X, y).loss == pytest.approx(np.log(10))
    assert df.svm_loss(np.zeros((d, k)), X, y).loss == 9.0
    assert df.svm_loss(np.zeros((d, k)), X, y, formulation="one_vs_all").loss == 10.0
    assert df.svm_loss([[-2.85, 0.86, 0.28]], [[1.0]], [2]).loss == pytest.approx(1.58)
    # The lecture's preference example: the same score, and penalties of 1 and 1/4.
    x = np.ones((1, 4))
    losses = [df.softmax_loss(np.transpose([w]), x, [0], reg=1.0).loss for w in ([1.0, 0, 0, 0], [0.25] * 4)]
    assert losses == [1.0, 0.25]


@pytest.mark.parametrize("loss", KNOWN)
def test_the_demo_page_of_the_lecture(loss):
    known = KNOWN[loss]
    assert call(loss, WITH_BIAS, POINTS, LABELS, bias=True).loss == pytest.approx(known.data_loss, abs=5e-5)
    options = {"reg": 0.1, "bias": True, "penalize_bias": False}
    found = call(loss, WITH_BIAS, POINTS, LABELS, **options)
    assert found.loss == pytest.approx(known.totals[0], abs=5e-5)
    np.testing.assert_allclose(found.grad[:2].T, np.array(known.by_weights) + 0.2 * WEIGHTS, atol=6e-5)
    np.testing.assert_allclose(found.grad[2], known.by_bias, atol=6e-5)
    trained = df.train(
        POINTS, LABELS, loss=loss, learning_rate=0.1, reg=0.1, batch_size=None, n_steps=200, bias=True, penalize_bias=False,
        initial_weights=WITH_BIAS,
    )  # fmt: skip
    assert trained.loss_history[STEPS] == pytest.approx(known.totals, abs=5e-5)


def test_large_scores_stay_finite(isa):
    for dtype in (np.float32, np.float64):
        found = df.softmax_loss(np.array([[1e4, -1e4]], dtype=dtype), np.array([[1.0], [-1.0]], dtype=dtype), [1, 1])
        assert found.loss == 1e4
        assert found.grad.tolist() == [[0.5, -0.5]]
        assert df.softmax_loss(np.array([[123.0, 456.0, 789.0]], dtype=dtype), [[1.0]], [2]).loss == 0.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_to_the_last_digits(isa, dtype):
    """With one example the gradient is x (p - 1): the exponential at work, over its whole range."""
    differences = np.concatenate([np.linspace(0, 87, 4001), np.logspace(-8, 0, 200)]).astype(dtype)
    X = differences[:, None]
    p = np.array([df.softmax_loss(np.array([[0.0, -1.0]], dtype=dtype), x[None], [0]).grad[0, 1] for x in X[:600:7]])
    exact = np.exp(-X[:600:7, 0].astype(float))
    np.testing.assert_allclose(p, X[:600:7, 0] * exact / (1 + exact), rtol=4 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("shape", [(5000, 100, 10), (2000, 800, 30), (400, 1600, 200)], ids=str)
def test_threads_change_no_bit(isa, shape):
    W, X, y = problem(np.random.default_rng(1), shape, np.float32)
    for loss in reference.LOSSES:
        results = [call(loss, W, X, y, n_threads=n, reg=0.1) for n in (1, 2, 3, 8)]
        assert len({(r.loss, r.grad.tobytes()) for r in results}) == 1


@given(st.integers(1, 70), st.integers(1, 120), st.integers(2, 40), st.sampled_from(reference.LOSSES), st.integers(0, 2**32 - 1))
def test_any_shape(n, d, k, loss, seed):
    W, X, y = problem(np.random.default_rng(seed), (n, d, k), np.float64, spread=2.0)
    assert_close(call(loss, W, X, y), reference.linear_loss(W, X, y, loss), 1e-12)


def test_layouts_are_read_as_they_are():
    W, X, y = problem(np.random.default_rng(5), (60, 33, 4), np.float64)
    expected = df.softmax_loss(W, X, y)
    wide = np.zeros((60, 99))
    wide[:, ::3] = X
    read_only = X.copy()
    read_only.setflags(write=False)
    for rows in (np.asfortranarray(X), wide[:, ::3], read_only, X[::-1][::-1], X.astype(">f8"), X.tolist()):
        found = df.softmax_loss(np.asfortranarray(W), rows, y.astype(np.int8))
        assert (found.loss, found.grad.tobytes()) == (expected.loss, expected.grad.tobytes())


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: df.svm_loss([[1.0]], [[np.nan]], [0]), ValueError, "X must be finite; row 0 holds NaN"),
        (lambda: df.svm_loss([[1.0]], [[np.inf]], [0]), ValueError, "X must be finite; row 0 holds infinity"),
        (lambda: df.softmax_loss([[np.inf, 0.0]], [[1.0]], [0]), ValueError, "W must be finite"),
        (lambda: df.svm_loss([[1.0]], [[1.0]], [1]), ValueError, "y must hold numbers of classes from 0 to 0; got 1"),
        (lambda: df.svm_loss([[1.0]], [[1.0]], [-1]), ValueError, "y must hold numbers of classes from 0 to 0; got -1"),
        (lambda: df.svm_loss([[1.0]], [[1.0]], [0.5]), TypeError, "y must hold integers.*got dtype float64"),
        (lambda: df.svm_loss([[1.0]], [[1.0]], [0, 0]), ValueError, "y must be 1-D with one label for each of the 1 rows"),
        (lambda: df.svm_loss([1.0], [[1.0]], [0]), ValueError, r"W must have shape \(1, n_classes\).*got \(1,\)"),
        (lambda: df.svm_loss([[1.0]], [[1.0]], [0], bias=True), ValueError, r"W must have shape \(2, n_classes\)"),
        (lambda: df.svm_loss([[1.0]], np.empty((0, 1)), []), ValueError, "X must have at least one row"),
        (lambda: df.svm_loss([[1.0]], [[1.0]], [0], reg=-1), ValueError, "reg must be finite and at least 0; got -1"),
        (lambda: df.svm_loss([[1.0]], [[1.0]], [0], penalty="l3"), ValueError, "penalty must be one of l2, l1, elasticnet"),
        (lambda: df.svm_loss([[1.0]], [[1.0]], [0], l1_ratio=2), ValueError, "l1_ratio must be finite and .* at most 1"),
        (lambda: df.svm_loss([[1.0]], [[1.0]], [0], delta=np.nan), ValueError, "delta must be finite"),
        (lambda: df.svm_loss([[1.0]], [[1.0]], [0], formulation="x"), ValueError, "formulation must be one of weston_watkins"),
        (lambda: df.svm_loss([[1.0]], [[1.0]], [0], sample_weight=[-1]), ValueError, "sample_weight must not be negative"),
        (lambda: df.svm_loss([[1.0]], [[1.0]], [0], sample_weight=[0]), ValueError, "not zero for all rows"),
        (lambda: df.svm_loss([[1.0]], [[1.0]], [0], std=[0]), ValueError, "std must be above 0; got 0.0 for feature 0"),
        (lambda: df.svm_loss([[1.0]], [[1.0]], [0], mean=[1, 2]), ValueError, "mean must be 1-D with one number for"),
    ],
)  # fmt: skip
def test_messages(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_overflow_is_no_error():
    """Finite inputs whose scores overflow: the loss says so by itself."""
    assert not np.isfinite(df.svm_loss(np.full((2, 2), 1e300), np.full((1, 2), 1e300), [0]).loss)


@pytest.mark.parametrize("loss", reference.LOSSES)
@pytest.mark.parametrize("kind", ["l2", "l1", "elasticnet"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "uint8"])
def test_gradcheck_passes(loss, kind, dtype):
    rng = np.random.default_rng(8)
    X = np.clip(rng.normal(3, 1, (12, 7)), 0, 9).astype(dtype)
    y = rng.integers(0, 4, 12)
    options = {"reg": 0.1, "penalty": kind, "bias": True, "sample_weight": rng.random(12) + 0.5}
    W = rng.standard_normal((8, 4))
    assert df.gradcheck(lambda W: call(loss, W, X, y, **options), W)
    assert df.gradgradcheck(lambda W: call(loss, W, X, y, **options), W)


def test_gradcheck_sees_a_wrong_penalty():
    """The courses' trap: the gradient of reg * sum(W**2) is 2 reg W, not reg W."""
    W, X, y = problem(np.random.default_rng(9), (20, 5, 3), np.float64)

    def halved(W):
        loss, gradient = df.softmax_loss(W, X, y, reg=1.0)
        return loss, gradient - W

    with pytest.raises(df.GradcheckError):
        df.gradcheck(halved, W)
