"""`gradcheck` passes right gradients, refuses wrong ones, each in one way wrong, and knows kinks."""

import pickle
import re
import warnings
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deeprob_fast as df

RNG = np.random.default_rng(0)
X = RNG.standard_normal((8, 5))
Y = RNG.integers(0, 3, 8)
W = RNG.standard_normal((5, 3))


class Loss(NamedTuple):
    loss: float
    grad: np.ndarray


def softmax(W, X=X, y=Y, reg=0.1):
    scores = X @ W
    scores = scores - scores.max(axis=1, keepdims=True)
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = -np.mean(np.log(chances[rows, y])) + reg * np.sum(W**2)
    chances[rows, y] -= 1
    return Loss(loss, X.T @ chances / len(y) + 2 * reg * W)


def hinge(W, X=X, y=Y, reg=0.1):
    scores = X @ W
    rows = np.arange(len(y))
    margins = np.maximum(0, scores - scores[rows, y][:, None] + 1)
    margins[rows, y] = 0
    signs = (margins > 0).astype(W.dtype)
    signs[rows, y] = -signs.sum(axis=1)
    return Loss(margins.sum() / len(y) + reg * np.sum(W**2), X.T @ signs / len(y) + 2 * reg * W)


def absolute(slope):
    """abs(x), with some slope at 0."""
    return lambda x: (np.sum(np.abs(x)), np.where(x == 0, slope, np.sign(x)))


@pytest.fixture(params=[False, True], ids=["slow", "fast"])
def fast_mode(request):
    return request.param


@pytest.mark.parametrize("loss", [softmax, hinge])
def test_losses(loss, fast_mode):
    assert df.gradcheck(loss, W, fast_mode=fast_mode)
    # Labels and options are handed over as they are; only the first input has a gradient.
    assert df.gradcheck(loss, (W, X, Y, 0.5), fast_mode=fast_mode)


BREAKS = {
    "sign": lambda grad: -grad,
    "half": lambda grad: grad / 2,
    "one entry": lambda grad: grad + 0.01 * (np.arange(grad.size) == 4).reshape(grad.shape),
    "transposed": lambda grad: np.ascontiguousarray(grad.T),
    "swapped classes": lambda grad: grad[:, ::-1],
    "nan": lambda grad: np.where(np.arange(grad.size).reshape(grad.shape) == 4, np.nan, grad),
}


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("loss", [softmax, hinge])
def test_wrong_gradients_are_caught(loss, name, fast_mode):
    def wrong(W):
        right = loss(W)
        return Loss(right.loss, BREAKS[name](right.grad))

    with pytest.raises(df.GradcheckError):
        df.gradcheck(wrong, W, fast_mode=fast_mode)
    assert df.gradcheck(wrong, W, fast_mode=fast_mode, raise_exception=False) is False


def test_message_names_the_worst_entry(fast_mode):
    def wrong(x):
        grad = 2 * x
        grad[1, 2] += 0.5
        grad[0, 0] += 0.1
        return np.sum(x**2), grad

    with pytest.raises(df.GradcheckError, match="gradient") as caught:
        df.gradcheck(wrong, np.full((2, 3), 2.0), fast_mode=fast_mode)
    found = str(caught.value)
    assert "input 0: 2 of 6 entries of the gradient disagree; the worst is at index (1, 2)" in found
    numerical, analytic, absolute_error, relative = (
        float(number) for number in re.findall(r"(?:numerical|analytic|absolute error|relative error) (\S+?)[,;]", found)
    )
    np.testing.assert_allclose([numerical, analytic, absolute_error, relative], [4, 4.5, 0.5, 0.5 / 8.5], rtol=1e-2)
    assert "tolerated is 1e-05 + 0.001 |numerical|" in found


def test_several_inputs(fast_mode):
    def bilinear(a, b, scale):
        return scale * (a @ b), (scale * b, scale * a, None)

    a, b = RNG.standard_normal((2, 4))
    assert df.gradcheck(bilinear, (a, b, 3), fast_mode=fast_mode)
    with pytest.raises(df.GradcheckError, match=r"^input 1: 4 of 4 entries"):
        df.gradcheck(lambda a, b: (a @ b, (b, -a)), (a, b), fast_mode=fast_mode)
    # Only the second has a gradient.
    assert df.gradcheck(lambda a, b: (a @ b, (None, a)), (a, b), fast_mode=fast_mode)


def test_vector_values(fast_mode):
    matrix = RNG.standard_normal((3, 5))
    assert df.gradcheck(lambda x: matrix @ x**2, X[0], grad=lambda x: 2 * matrix * x, fast_mode=fast_mode)
    assert df.gradcheck(lambda W: X @ W, W, grad=lambda _: np.einsum("ad,kc->akdc", X, np.eye(3)), fast_mode=fast_mode)
    with pytest.raises(df.GradcheckError, match=r"1 of 15 entries.*worst is at output \(2,\), index \(3,\)"):
        df.gradcheck(lambda x: matrix @ x, X[0], grad=lambda _: matrix + (np.arange(15) == 13).reshape(3, 5), fast_mode=fast_mode)


def test_scalars_and_empty_arrays():
    assert df.gradcheck(lambda x: (x**2, 2 * x), 3.0)
    assert df.gradcheck(lambda x: (np.sum(x), np.ones(0)), np.empty(0), fast_mode=True)
    assert df.gradcheck(lambda x: (x[:0], np.ones((0, 2))), np.ones(2), fast_mode=True)


@pytest.mark.parametrize("slope", [0.0, 1.0, -1.0, 0.3])
@pytest.mark.parametrize("offset", [0.0, 2e-7, -3e-7, 0.8e-6])
def test_kinks_are_reported(slope, offset, fast_mode):
    """At the kink every slope between the sides is one; near it only that of the side is."""
    x = np.array([1.0, offset, -2.0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert df.gradcheck(absolute(slope), x, fast_mode=fast_mode)
    if (slope, offset) == (0.0, 0.0):
        assert not caught  # the central difference is 0 as well
    elif not fast_mode:
        assert [w.category for w in caught] == [df.GradcheckWarning]
        assert "input 0: 1 of 3 entries lie at kinks" in str(caught[0].message)
        assert "(index (1,))" in str(caught[0].message)
        assert caught[0].filename == __file__


@pytest.mark.parametrize(("slope", "offset"), [(2.0, 0.0), (-1.01, 0.0), (0.5, 3e-7), (1.0, 3e-7), (0.5, 0.7e-6), (-2.0, 0.1e-6)])
def test_wrong_gradients_at_kinks_are_refused(slope, offset, fast_mode):
    def loss(x):
        return np.sum(np.abs(x - offset)), np.where(x == 0, slope, np.sign(x - offset))

    with pytest.raises(df.GradcheckError, match=r"1 of 2 entries.*index \(0,\)"):
        df.gradcheck(loss, np.array([0.0, 1.0]), fast_mode=fast_mode)


def test_what_to_do_at_kinks():
    x = np.zeros(2)
    assert df.gradcheck(absolute(1.0), x, kinks="accept")  # warnings are errors here
    with pytest.raises(df.GradcheckError, match="2 of 2"):
        df.gradcheck(absolute(1.0), x, kinks="fail")
    with pytest.warns(df.GradcheckWarning, match="2 of 2"):
        assert df.gradcheck(absolute(1.0), x, kinks="report")
    with pytest.raises(df.GradcheckError, match=r"1 of 3 entries of the gradient.*1 of 3 entries lie at kinks"):
        df.gradcheck(lambda x: (np.sum(np.abs(x)), [1.0, 1.0, 5.0]), np.array([0.0, 1.0, 2.0]))


def test_hinge_at_its_margin():
    """A row whose margin is exactly 0: the loss counts margins > 0, so its gradient is the left one."""
    rows, labels = np.array([[1.0, 0.0]]), np.array([0])
    weights = np.array([[1.0, 0.0], [0.5, 0.25]])
    with pytest.warns(df.GradcheckWarning, match=r"2 of 4 entries lie at kinks.*\(index \(0, 0\), index \(0, 1\)\)"):
        assert df.gradcheck(lambda W: hinge(W, rows, labels), weights)


def test_many_kinks_within_a_step():
    """Hundreds of hinges within the step look like a curve at that step."""
    offsets = np.random.default_rng(5).uniform(-1e-6, 1e-6, 300)

    def loss(x):
        return np.sum(np.maximum(0, x - offsets)) + 0.0, np.array([np.sum(x > offsets)], dtype=float)

    assert df.gradcheck(loss, np.zeros(1), kinks="accept", rtol=1e-6)
    assert not df.gradcheck(lambda x: (loss(x)[0], loss(x)[1] + 40), np.zeros(1), rtol=1e-6, raise_exception=False)


@pytest.mark.parametrize("curvature", [1e2, 1e4, 1e6])
@pytest.mark.parametrize("error", [1.1e-7, 5e-7])
def test_curvature_is_no_kink(curvature, error):
    """The slope of a parabola between its left and its right difference, but wrong by more than tolerated."""

    def loss(x, wrong):
        return curvature * np.sum(x**2), 2 * curvature * x + wrong * curvature

    assert not df.gradcheck(lambda x: loss(x, error), np.zeros(3), atol=1e-7 * curvature, raise_exception=False)
    assert df.gradcheck(lambda x: loss(x, 0.9e-7), np.zeros(3), atol=1e-7 * curvature)


def test_a_jump_is_no_kink():
    assert not df.gradcheck(lambda x: (np.sum(x >= 0), np.zeros(1)), np.zeros(1), raise_exception=False)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_narrow_inputs(dtype, fast_mode):
    """The gradient as the user computes it, in float32, against differences in float64."""
    dtypes = []

    def loss(W):
        dtypes.append(W.dtype)
        return np.sum(W**2), 2 * W

    with pytest.warns(df.GradcheckWarning, match=f"input 0 is {dtype}: its gradient there.*float64 copies"):
        assert df.gradcheck(loss, W.astype(dtype), fast_mode=fast_mode)
    assert set(dtypes) == {np.dtype(dtype), np.dtype(np.float64)}
    with pytest.raises(df.GradcheckError, match=f"note: input 0 is {dtype}"):
        df.gradcheck(lambda W: (np.sum(W**2), W), W.astype(dtype), fast_mode=fast_mode)


def test_function_that_computes_in_float32(fast_mode):
    def loss(W):
        return np.sum(W.astype(np.float32) ** 2), 2 * W

    with pytest.warns(df.GradcheckWarning, match="func returns float32 although its inputs are float64: eps is 0.0049"):
        assert df.gradcheck(loss, W, atol=1e-2, rtol=1e-2, fast_mode=fast_mode)
    assert not df.gradcheck(lambda W: (loss(W)[0], W), W, atol=1e-2, rtol=1e-2, fast_mode=fast_mode, raise_exception=False)


def test_functions_must_repeat():
    noise = np.random.default_rng(0)
    with pytest.raises(df.GradcheckError, match=r"the value of func must not change.*changed by \S+, more than nondet_tol=0"):
        df.gradcheck(lambda x: (np.sum(x) + 1e-12 * noise.random(), np.ones(3)), np.ones(3))
    with pytest.raises(df.GradcheckError, match="the gradient of input 0 must not change"):
        df.gradcheck(lambda x: (np.sum(x), np.ones(3) + 1e-12 * noise.random()), np.ones(3))
    assert df.gradcheck(lambda x: (np.sum(x) + 1e-12 * noise.random(), np.ones(3)), np.ones(3), nondet_tol=1e-11)


def test_num_checks():
    calls = []

    def loss(x):
        calls.append(1)
        return np.sum(x**2), 2 * x

    assert df.gradcheck(loss, np.ones(1000), num_checks=5)
    assert len(calls) == 4 + 2 * 5
    calls.clear()
    assert df.gradcheck(loss, np.ones(1000), fast_mode=True)
    assert len(calls) == 4 + 2
    calls.clear()
    assert not df.gradcheck(lambda x: (loss(x)[0], -x), np.ones(10), raise_exception=False)
    assert len(calls) == 4 + 2 * 10 + 9  # what is simply wrong is not searched for kinks, but for float32
    grad = np.full(1000, 2.0)
    grad[7] = 3.0
    seen = [
        df.gradcheck(lambda x: (np.sum(x**2), grad), np.ones(1000), num_checks=300, seed=s, raise_exception=False)
        for s in range(20)
    ]
    assert set(seen) == {True, False}


def test_slow_mode_decides_when_directions_differ():
    """A kink in the direction's way is no reason to fail."""
    with pytest.warns(df.GradcheckWarning, match="kinks"):
        assert df.gradcheck(absolute(1.0), np.zeros(4), fast_mode=True)


def test_function_that_reads_the_array_instead_of_its_argument():
    with pytest.raises(df.GradcheckError, match="all differences are 0: does the function read its arguments"):
        df.gradcheck(lambda _: softmax(W), W)


def test_function_whose_shape_changes():
    with pytest.raises(df.GradcheckError, match=r"func must return values of one shape; got \(0,\), and \(1,\)"):
        df.gradcheck(lambda x: x[x > 0], np.zeros(1), grad=lambda _: np.zeros((0, 1)))


def test_infinite_values_disagree():
    for value, slope in ((np.inf, 0.0), (np.nan, 0.0), (np.nan, np.nan), (0.0, np.inf)):
        with pytest.raises(df.GradcheckError, match="2 of 2 entries of the gradient disagree"):
            df.gradcheck(lambda _, value=value, slope=slope: (value, np.full(2, slope)), np.ones(2))


@pytest.mark.parametrize("check", [df.gradcheck, df.gradgradcheck])
def test_unknown_options_are_refused(check):
    with pytest.raises(TypeError, match="check_batched_grad"):
        check(softmax, W, check_batched_grad=True)


def test_errors_can_be_pickled():
    error = pickle.loads(pickle.dumps(df.GradcheckError("words")))
    assert type(error) is df.GradcheckError
    assert isinstance(error, RuntimeError)
    assert issubclass(df.GradcheckWarning, UserWarning)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from([1e-3, 1.0, 1e3]), st.booleans())
def test_random_quadratics(seed, n, scale, fast_mode):
    rng = np.random.default_rng(seed)
    matrix, linear, x = rng.standard_normal((n, n)) * scale, rng.standard_normal(n) * scale, rng.standard_normal(n)

    def loss(x):
        return x @ matrix @ x + linear @ x, (matrix + matrix.T) @ x + linear

    options = {"atol": 1e-5 * scale, "fast_mode": fast_mode}
    assert df.gradcheck(loss, x, **options)
    assert df.gradgradcheck(loss, x, hessian=lambda _: matrix + matrix.T, **options)
    wrong = rng.integers(0, n)

    def broken(x):
        value, grad = loss(x)
        grad[wrong] += 0.1 * scale + abs(grad[wrong])
        return value, grad

    assert not df.gradcheck(broken, x, raise_exception=False, **options)


def ok(x):
    return np.sum(x**2), 2 * x


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: df.gradcheck(None, W), TypeError, "func must be callable; got NoneType"),
        (lambda: df.gradcheck(ok, W, 3), TypeError, "grad must be callable; got int"),
        (lambda: df.gradcheck(ok, ()), ValueError, r"inputs must hold at least one array; got \(\)"),
        (lambda: df.gradcheck(ok, [1, 2]), TypeError, "input 0 of inputs must hold floating-point numbers.*got dtype int64"),
        (lambda: df.gradcheck(lambda a, b: (0.0, (a, b)), (W, Y)), TypeError, "input 1 of inputs must hold floating.*int64"),
        (lambda: df.gradcheck(ok, W * 1j), TypeError, "input 0 of inputs must hold real"),
        (lambda: df.gradcheck(ok, W * np.inf), ValueError, r"input 0 of inputs must be finite; got -?inf at index \(0, 0\)"),
        (lambda: df.gradcheck(np.sum, W), TypeError, r"func must return \(value, gradients\).*got float64"),
        (lambda: df.gradcheck(lambda a, b: (0.0, a, b), (W, X)), TypeError, r"func must return \(value, grad.*a tuple of 3"),
        (lambda: df.gradcheck(ok, W, grad=ok), TypeError, r"func must give one gradient.* 1 inputs; got a tuple of 2"),
        (lambda: df.gradcheck(ok, W, grad=lambda x: x), TypeError, r"func must return only a value where grad is given"),
        (lambda: df.gradcheck(lambda _: (0.0, None), W), TypeError, "func must give at least one gradient; got None"),
        (lambda: df.gradcheck(lambda x: ("a", x), W), TypeError, "the value of func must hold real numbers"),
        (lambda: df.gradcheck(lambda _: (0.0, "a"), W), TypeError, "the gradient of input 0 must hold real numbers"),
        (lambda: df.gradcheck(ok, W, eps=0), ValueError, "eps must be finite and above 0; got 0"),
        (lambda: df.gradcheck(ok, W, eps=1e-17), ValueError, "eps must be large enough to change every coordinate"),
        (lambda: df.gradcheck(ok, W, atol=-1), ValueError, "atol must be finite and at least 0; got -1"),
        (lambda: df.gradcheck(ok, W, eps=1e-18, fast_mode=True), ValueError, "eps must be large enough"),
        (lambda: df.gradcheck(ok, W, rtol=None), TypeError, "rtol must be a number; got None"),
        (lambda: df.gradcheck(ok, W, nondet_tol=np.nan), ValueError, "nondet_tol must be finite and at least 0; got nan"),
        (lambda: df.gradcheck(ok, W, num_checks=0), ValueError, "num_checks must be between 1 and"),
        (lambda: df.gradcheck(ok, W, seed=-1), ValueError, "seed must be between 0 and"),
        (lambda: df.gradcheck(ok, W, kinks="ignore"), ValueError, "kinks must be one of report, accept, fail; got 'ignore'"),
    ],
)  # fmt: skip
def test_messages(call, error, words):
    with pytest.raises(error, match=words):
        call()
