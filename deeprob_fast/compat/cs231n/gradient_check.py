"""`cs231n/gradient_check.py`."""

import numpy as np

from deeprob_fast._docstrings import sharing
from deeprob_fast.compat import _differences
from deeprob_fast.compat._arrays import Arrays, read


def eval_numerical_gradient(f: _differences.Function, x: Arrays, verbose: bool = True, h: float = 1e-5) -> Arrays:
    """Compute the gradient of a number by central differences.

    Parameters
    ----------
    f : callable
        Gets a copy of x in double precision, with one entry moved, and returns a number. In the course x itself is moved; here
        only if f ignores its argument.
    x : array or tensor of floating-point numbers
        Of any layout; as it was, in the end.
    verbose : bool
        Whether to print each index and derivative.
    h : float
        The step.

    Returns
    -------
    array or tensor, shape of x
        Of the kind and dtype of x.

    Raises
    ------
    ValueError
        If f does not return one number, x is not finite, or h is lost beside an entry of x.
    TypeError
        If x does not hold floating-point numbers.

    Examples
    --------
    >>> import numpy as np
    >>> eval_numerical_gradient(lambda x: np.sum(x**2), np.array([1.0, -2.0]), verbose=False).round(6)
    array([ 2., -4.])
    """
    gradient = _differences.gradient(f, x, None, h)
    if verbose:
        for index, value in np.ndenumerate(read("x", gradient)):
            print(index, value)  # noqa: T201  # as the course does
    return gradient


@sharing(step_and_gradient=_differences.STEP_AND_GRADIENT)
def eval_numerical_gradient_array(f: _differences.Function, x: Arrays, df: Arrays, h: float = 1e-5) -> Arrays:
    """Compute the gradient in x of a number whose gradient in the values of f is df.

    Parameters
    ----------
    f : callable
        Gets a copy of x in double precision, with one entry moved, and returns an array.
    x : array or tensor of floating-point numbers
        Of any layout; as it was, in the end.
    df : array or tensor
        Of the shape of f's values.
    {step_and_gradient}

    Examples
    --------
    >>> import numpy as np
    >>> eval_numerical_gradient_array(np.square, np.array([1.0, -2.0]), np.array([1.0, 10.0])).round(6)
    array([  2., -40.])
    """
    return _differences.gradient(f, x, df, h)


def grad_check_sparse(f: _differences.Function, x: Arrays, analytic_grad: Arrays, num_checks: int = 10, h: float = 1e-5) -> None:
    """Print the numerical and the analytic derivative at random coordinates, and their relative error.

    Parameters
    ----------
    f : callable
        As for `eval_numerical_gradient`.
    x : array or tensor of floating-point numbers
        As it was, in the end.
    analytic_grad : array or tensor, shape of x
    num_checks : int
    h : float
        The step of the central difference.

    Raises
    ------
    ValueError
        If a shape does not fit, x is not finite, or h is lost beside an entry of x.
    TypeError
        If x does not hold floating-point numbers.

    Notes
    -----
    As in the course each call draws other coordinates, from a generator that `np.random.seed` seeds. 0 against 0 has error 0.

    Examples
    --------
    >>> import numpy as np
    >>> grad_check_sparse(lambda x: np.sum(4 * x), np.zeros(4), np.full(4, 4.0), num_checks=1)
    numerical: 4.000000 analytic: 4.000000, relative error: 0.000000e+00
    """
    seed = int(np.random.randint(2**31))  # noqa: NPY002  # notebooks call np.random.seed
    _differences.check_sparse(f, x, analytic_grad, num_checks, h, seed=seed)


@sharing(error=_differences.ERROR)
def rel_error(x: Arrays, y: Arrays) -> float:
    """Compare two arrays: the largest abs(x - y) / max(1e-8, abs(x) + abs(y)) of all entries.

    Parameters
    ----------
    x, y : array or tensor
        Of one shape.

    {error}

    Examples
    --------
    >>> import numpy as np
    >>> rel_error(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    0.5
    """
    difference, size = _differences.relative_error(x, y)
    return float((difference / np.maximum(1e-8, size)).max())
