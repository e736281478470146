"""`gradgradcheck`: Hessians, their products, and the symmetry that a gradient alone must have."""

import numpy as np
import pytest

import deeprob_fast as df
from tests.gradients.test_gradcheck import W, X, Y, hinge, softmax

RNG = np.random.default_rng(1)
A = RNG.standard_normal((5, 5))
A = A + A.T
x = RNG.standard_normal(5)


def quartic(x):
    return x @ A @ x / 2 + np.sum(x**4), A @ x + 4 * x**3


def hessian(x):
    return A + np.diag(12 * x**2)


def softmax_hessian(W, reg=0.1):
    scores = X @ W
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    inner = np.einsum("ak,kc->akc", chances, np.eye(3)) - np.einsum("ak,ac->akc", chances, chances)
    blocks = np.einsum("ad,akc,ae->dkec", X, inner, X) / len(X)
    return blocks + 2 * reg * np.einsum("de,kc->dkec", np.eye(5), np.eye(3))


@pytest.fixture(params=[False, True], ids=["slow", "fast"])
def fast_mode(request):
    return request.param


def test_hessian_in_every_form(fast_mode):
    assert df.gradgradcheck(quartic, x, hessian=hessian, fast_mode=fast_mode)
    assert df.gradgradcheck(lambda x: (*quartic(x), hessian(x)), x, fast_mode=fast_mode)
    assert df.gradgradcheck(quartic, x, hvp=lambda x, weights: hessian(x) @ weights, fast_mode=fast_mode)
    assert df.gradgradcheck(quartic, x, np.ones(5), hessian=hessian, fast_mode=fast_mode)
    assert df.gradgradcheck(quartic, x, fast_mode=fast_mode)
    assert df.gradgradcheck(
        lambda x: quartic(x)[0], x, grad=lambda x: quartic(x)[1], hessian=hessian, fast_mode=fast_mode, kinks="fail"
    )
    assert df.gradcheck(lambda x: quartic(x)[1], x, grad=hessian, fast_mode=fast_mode)


def test_losses(fast_mode):
    assert df.gradgradcheck(softmax, W, hessian=softmax_hessian, fast_mode=fast_mode)
    assert df.gradgradcheck(softmax, (W, X, Y), fast_mode=fast_mode)
    # Between its kinks the hinge is linear: what is left is the penalty.
    assert df.gradgradcheck(hinge, W, hvp=lambda _, weights: 0.2 * weights, fast_mode=fast_mode)


BREAKS = {
    "sign": lambda h: -h,
    "half": lambda h: h / 2,
    "one entry": lambda h: h + 0.1 * (np.arange(25) == 13).reshape(5, 5),
    "shape": lambda h: h[:, :-1],
    "nan": lambda h: np.where(np.arange(25).reshape(5, 5) == 13, np.nan, h),
}


@pytest.mark.parametrize("name", BREAKS)
def test_wrong_hessians_are_caught(name, fast_mode):
    broken = BREAKS[name]
    with pytest.raises(df.GradcheckError):
        df.gradgradcheck(quartic, x, hessian=lambda x: broken(hessian(x)), fast_mode=fast_mode)
    assert not df.gradgradcheck(lambda x: (*quartic(x), broken(hessian(x))), x, fast_mode=fast_mode, raise_exception=False)
    if name != "shape":
        assert not df.gradgradcheck(
            quartic, x, hvp=lambda x, weights: broken(hessian(x)) @ weights, fast_mode=fast_mode, raise_exception=False
        )


def test_gradients_of_no_function_are_caught(fast_mode):
    """A Jacobian that is not symmetric: one entry of the gradient wrong, two swapped."""
    right = quartic

    def one_wrong(x):
        value, grad = right(x)
        grad[2] *= 2
        return value, grad

    def swapped(x):
        value, grad = right(x)
        return value, grad[[1, 0, 2, 3, 4]]

    for wrong in (one_wrong, swapped):
        with pytest.raises(df.GradcheckError, match="entries of the gradient disagree"):
            df.gradgradcheck(wrong, x, fast_mode=fast_mode)
    # A factor leaves it symmetric: that is for `gradcheck` to find.
    assert df.gradgradcheck(lambda x: (right(x)[0], right(x)[1] / 2), x, fast_mode=fast_mode)
    assert not df.gradcheck(lambda x: (right(x)[0], right(x)[1] / 2), x, fast_mode=fast_mode, raise_exception=False)


def test_several_inputs(fast_mode):
    """Of a' M b the Hessian is M in the corners; the label between the inputs has no gradient."""
    M = RNG.standard_normal((3, 2))  # noqa: N806  # a matrix
    inputs = RNG.standard_normal(3), 7, RNG.standard_normal(2)

    def bilinear(a, _, b):
        return a @ M @ b, (M @ b, None, M.T @ a)

    def blocks(*_):
        return (np.zeros((3, 3)), None, M), None, (M.T, None, np.zeros((2, 2)))

    def product(a, label, b, weights):
        assert weights[1] is None
        return M @ weights[2], None, M.T @ weights[0]

    assert df.gradgradcheck(bilinear, inputs, fast_mode=fast_mode)
    assert df.gradgradcheck(bilinear, inputs, hessian=blocks, fast_mode=fast_mode)
    assert df.gradgradcheck(bilinear, inputs, hvp=product, fast_mode=fast_mode)
    assert df.gradgradcheck(bilinear, inputs, (np.ones(3), None, np.zeros(2)), hessian=blocks, fast_mode=fast_mode)
    with pytest.raises(df.GradcheckError, match=r"input 0: 3 of 3 entries.*\ninput 2: 2 of 2 entries"):
        df.gradgradcheck(
            bilinear, inputs, hvp=lambda *args: tuple(p if p is None else -p for p in product(*args)), fast_mode=fast_mode
        )
    assert not df.gradgradcheck(
        lambda a, _, b: (0.0, (M @ b, None, -M.T @ a)), inputs, fast_mode=fast_mode, raise_exception=False
    )


def test_kink_of_the_gradient():
    """The gradient of max(0, x)^2 / 2 bends at 0; any second derivative of [0, 1] is one."""

    def loss(x):
        return np.sum(np.maximum(0, x) ** 2) / 2, np.maximum(0, x)

    at = np.array([0.0, 1.0])
    with pytest.warns(df.GradcheckWarning, match="1 of 2 entries lie at kinks"):
        assert df.gradgradcheck(loss, at, np.ones(2), hvp=lambda _, weights: weights)
    assert not df.gradgradcheck(loss, at, np.ones(2), hvp=lambda _, weights: weights * [1.5, 1], raise_exception=False)


def test_jump_of_the_gradient_is_no_kink():
    with pytest.raises(df.GradcheckError, match="1 of 2"):
        df.gradgradcheck(lambda x: (np.sum(np.abs(x)), np.sign(x)), np.array([0.0, 1.0]), hvp=lambda x, _: 0 * x)


def test_inputs_stay_as_they_are(fast_mode):
    def scribble(x):
        value, grad = quartic(x)
        x[:] = np.nan
        return value, grad

    given = np.asfortranarray(x)
    given.setflags(write=False)
    before = given.copy()
    assert df.gradgradcheck(scribble, given, fast_mode=fast_mode)
    assert (given == before).all()


def test_narrow_input():
    with pytest.warns(df.GradcheckWarning, match="input 0 is float32"):
        assert df.gradgradcheck(quartic, x.astype(np.float32), hessian=hessian)


def test_functions_must_repeat():
    noise = np.random.default_rng(0)
    with pytest.raises(df.GradcheckError, match="the second derivative of input 0 must not change"):
        df.gradgradcheck(quartic, x, hessian=lambda x: hessian(x) + 1e-9 * noise.random())
    with pytest.raises(df.GradcheckError, match="must not change"):
        df.gradgradcheck(lambda x: (quartic(x)[0], quartic(x)[1] + 1e-12 * noise.random()), x, hessian=hessian)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: df.gradgradcheck(quartic, x, hessian=hessian, hvp=hessian), ValueError, "hessian and hvp must not both"),
        (lambda: df.gradgradcheck(quartic, x, hessian=A), TypeError, "hessian must be callable; got ndarray"),
        (lambda: df.gradgradcheck(quartic, x, hvp=3), TypeError, "hvp must be callable; got int"),
        (lambda: df.gradgradcheck(quartic, [1, 2]), TypeError, "input 0 of inputs must hold floating-point"),
        (lambda: df.gradgradcheck(quartic, x, np.ones(4)), ValueError, r"grad_outputs of input 0 must have shape \(5,\)"),
        (lambda: df.gradgradcheck(quartic, x, (x, x)), ValueError, "grad_outputs must hold weights.* 1 inputs; got a tuple of 2"),
        (lambda: df.gradgradcheck(lambda x: (x, A), x), ValueError, r"func must return one number.*got shape \(5,\)"),
        (lambda: df.gradgradcheck(lambda a, b: (0.0, (a, b)), (x, x), hessian=lambda *_: A), TypeError, "tuple of tuples"),
        (lambda: df.gradgradcheck(lambda a, b: (0.0, (a, b)), (x, x), hessian=lambda *_: ((A,), (A,))), TypeError, "none at "),
        (lambda: df.gradgradcheck(quartic, x, hvp=lambda *_: None), TypeError, "at least one product with the Hessian"),
        (lambda: df.gradgradcheck(lambda x: (0.0, x[:2]), x), df.GradcheckError, r"must have shape \(5,\).*got \(2,\)"),
        (lambda: df.gradgradcheck(lambda a, b: (0.0, (a, b)), (x, x), hvp=lambda *_: x), df.GradcheckError, "for input 1"),
    ],
)  # fmt: skip
def test_messages(call, error, words):
    with pytest.raises(error, match=words):
        call()
