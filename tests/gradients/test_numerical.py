"""Numerical gradients: their digits, their layouts, and that nothing of the caller's changes."""

import re

import numpy as np
import pytest

import deeprob_fast as df

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 6))
A = RNG.standard_normal((6, 6))


def cubic(x):
    return np.sum(x**3 - 2 * x)


def layouts(x):
    """The same numbers in every layout."""
    yield "C order", x.copy()
    yield "Fortran order", np.asfortranarray(x)
    yield "strided", np.repeat(x, 2, axis=1)[:, ::2]
    yield "reversed", np.ascontiguousarray(x[::-1, ::-1])[::-1, ::-1]
    yield "transposed", np.ascontiguousarray(x.T).T
    yield "big-endian", x.astype(">f8")
    frozen = x.copy()
    frozen.setflags(write=False)
    yield "read-only", frozen


LAYOUTS = [pytest.param(x, id=name) for name, x in layouts(X)]


@pytest.mark.parametrize("x", LAYOUTS)
def test_layouts(x):
    before = x.tobytes()
    np.testing.assert_allclose(df.numerical_gradient(cubic, x), 3 * X**2 - 2, rtol=1e-8, atol=1e-8)
    df.grad_check_sparse(cubic, x, 3 * x**2 - 2)
    assert df.gradcheck(cubic, x, grad=lambda x: 3 * x**2 - 2)
    assert x.tobytes() == before


def test_broadcast_input():
    row = RNG.standard_normal(6)
    x = np.broadcast_to(row, (4, 6))
    found = df.numerical_gradient(cubic, x)
    assert found.shape == (4, 6)
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, 3 * x**2 - 2, rtol=1e-8, atol=1e-8)
    assert (x == row).all()


def test_quadratic_form_is_exact_to_rounding():
    x = X[0]
    np.testing.assert_allclose(df.numerical_gradient(lambda x: x @ A @ x, x), (A + A.T) @ x, atol=1e-9)


def test_forward_has_half_the_digits():
    exact = 3 * X**2 - 2
    forward = np.abs(df.numerical_gradient(cubic, X, method="forward") - exact).max()
    central = np.abs(df.numerical_gradient(cubic, X) - exact).max()
    assert central < 1e-8 < forward < 1e-5


def test_upstream_gives_the_vector_jacobian_product():
    upstream = RNG.standard_normal((6, 4))
    found = df.numerical_gradient(lambda x: np.sin(x).T, X, upstream=upstream)
    np.testing.assert_allclose(found, np.cos(X) * upstream.T, atol=1e-9)


def test_upstream_of_values_like_the_argument():
    """The identity returns its argument, which must not change under the result."""
    np.testing.assert_allclose(df.numerical_gradient(lambda x: x, X, upstream=X), X, rtol=1e-9)


def test_a_function_may_return_one_buffer_always():
    buffer = np.empty(X.shape)
    found = df.numerical_gradient(lambda x: np.sin(x, out=buffer), X, upstream=X)
    np.testing.assert_allclose(found, X * np.cos(X), atol=1e-9)
    found = df.numerical_gradient(lambda x: np.sin(x, out=buffer), X, upstream=X, method="forward")
    np.testing.assert_allclose(found, X * np.cos(X), atol=1e-6)
    jacobian = np.diag(np.cos(X[0]))
    assert df.gradcheck(lambda x: np.sin(x, out=buffer[0]), X[0], grad=lambda _: jacobian)


@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 0), (1, 2, 3)])
def test_shapes(shape):
    x = np.full(shape, 0.5)
    found = df.numerical_gradient(lambda x: np.sum(x**2), x)
    assert found.shape == shape
    np.testing.assert_allclose(found, 1.0, rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float16", "float32", ">f4"])
def test_narrow_input_is_differentiated_in_float64(dtype):
    x = X.astype(dtype)
    found = df.numerical_gradient(cubic, x)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, 3 * x.astype(np.float64) ** 2 - 2, rtol=1e-8, atol=1e-8)


def test_step_follows_what_the_function_returns():
    """Differences of float32 values with float64's step would be noise."""
    found = df.numerical_gradient(lambda x: np.sum(x.astype(np.float32) ** 2), X)
    np.testing.assert_allclose(found, 2 * X, atol=2e-2)


def test_step_grows_with_the_entry():
    x = np.array([1e12, 1.0, -1e9])
    np.testing.assert_allclose(df.numerical_gradient(lambda x: np.sum(x**2), x[:1]), 2e12, rtol=1e-8)
    np.testing.assert_allclose(df.numerical_gradient(np.square, x, upstream=np.ones(3)), 2 * x, rtol=1e-8)


def test_quotient_divides_by_the_step_that_was_taken():
    """1e6 + 1e-7 is rounded by 2e-3 of the step."""
    found = df.numerical_gradient(lambda x: x - 1e6, np.array([1e6]), h=1e-7, upstream=[1.0])
    assert found.tolist() == [1.0]


def test_a_function_may_write_on_its_argument():
    def scribble(x):
        value = cubic(x)
        x[:] = np.nan
        return value

    x = X.copy()
    np.testing.assert_allclose(df.numerical_gradient(scribble, x), 3 * X**2 - 2, rtol=1e-8, atol=1e-8)
    assert (x == X).all()
    assert df.gradcheck(scribble, x, grad=lambda x: 3 * x**2 - 2)
    assert (x == X).all()


@pytest.mark.parametrize("after", [0, 1, 5])
def test_exceptions_leave_everything_unchanged(after):
    calls = []

    def f(x):
        calls.append(1)
        if len(calls) > after:
            raise ZeroDivisionError
        return cubic(x)

    x = X.copy()
    for check in (
        lambda: df.numerical_gradient(f, x),
        lambda: df.grad_check_sparse(f, x, x),
        lambda: df.gradcheck(f, x, grad=lambda x: 3 * x**2 - 2),
    ):
        calls.clear()
        with pytest.raises(ZeroDivisionError):
            check()
        assert (x == X).all()


def test_sparse_prints_and_returns(capsys):
    checks = df.grad_check_sparse(cubic, X, 3 * X**2 - 2, num_checks=7)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(checks) == 7
    for line, check in zip(lines, checks, strict=True):
        numbers = re.fullmatch(r"numerical: (\S+) analytic: (\S+), relative error: (\S+)", line).groups()
        np.testing.assert_allclose([float(number) for number in numbers], check[1:], rtol=1e-3, atol=1e-6)
        assert check.analytic == 3 * X[check.coordinate] ** 2 - 2
        assert check.relative_error < 1e-6
    assert df.grad_check_sparse(cubic, X, X, num_checks=7, seed=1) != df.grad_check_sparse(cubic, X, X, num_checks=7, seed=2)
    assert df.grad_check_sparse(cubic, X, X) == df.grad_check_sparse(cubic, X, X)


def test_sparse_sees_a_wrong_gradient():
    assert all(check.relative_error > 0.9 for check in df.grad_check_sparse(cubic, X, 2 - 3 * X**2))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: df.numerical_gradient(3, X), TypeError, "f must be callable; got int"),
        (lambda: df.numerical_gradient(cubic, [1, 2]), TypeError, "x must hold floating-point numbers.*got dtype int64"),
        (lambda: df.numerical_gradient(cubic, X > 0), TypeError, "x must hold floating-point numbers.*got dtype bool"),
        (lambda: df.numerical_gradient(cubic, X + 1j), TypeError, "x must hold real floating-point.*complex128"),
        (lambda: df.numerical_gradient(cubic, [[1.0, np.nan]]), ValueError, r"x must be finite; got nan at index \(0, 1\)"),
        (lambda: df.numerical_gradient(np.sin, X), ValueError, r"f must return one number, or upstream.*\(4, 6\)"),
        (lambda: df.numerical_gradient(lambda _: 1j, X), TypeError, "the value of f must hold real numbers.*complex128"),
        (lambda: df.numerical_gradient(lambda _: None, X), TypeError, "the value of f must hold real numbers.*object"),
        (lambda: df.numerical_gradient(np.sin, X, upstream=X.T), ValueError, r"upstream must have shape \(4, 6\).* \(6, 4\)"),
        (lambda: df.numerical_gradient(cubic, X, method="backward"), ValueError, "method must be one of central, forward"),
        (lambda: df.numerical_gradient(cubic, X, h=0), ValueError, "h must be finite and above 0; got 0"),
        (lambda: df.numerical_gradient(cubic, X, h="small"), TypeError, "h must be a number; got 'small'"),
        (lambda: df.numerical_gradient(cubic, [1.0, 1e12], h=1e-7), ValueError, r"h must be large enough.* 1e-07 beside 1e\+12"),
        (lambda: df.grad_check_sparse(cubic, [1, 2], [1, 2]), TypeError, "x must hold floating-point numbers"),
        (lambda: df.grad_check_sparse(cubic, X, X.T), ValueError, r"analytic_grad must have shape \(4, 6\), that of x"),
        (lambda: df.grad_check_sparse(np.sin, X, X), ValueError, r"f must return one number; got shape \(4, 6\)"),
        (lambda: df.grad_check_sparse(cubic, np.empty(0), np.empty(0)), ValueError, r"x must have at least one entry"),
        (lambda: df.grad_check_sparse(cubic, X, X, 1.5), TypeError, "num_checks must be an integer; got 1.5"),
    ],
)  # fmt: skip
def test_messages(call, error, words):
    with pytest.raises(error, match=words):
        call()
