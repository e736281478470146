"""`rob599/grad.py` of DeepRob's first project."""

import numpy as np

from deeprob_fast._docstrings import sharing
from deeprob_fast.compat import _differences
from deeprob_fast.compat._arrays import Arrays


def grad_check_sparse(f: _differences.Function, x: Arrays, analytic_grad: Arrays, num_checks: int = 10, h: float = 1e-7) -> None:
    """Print the numerical and the analytic derivative at random coordinates, and their relative error.

    Parameters
    ----------
    f : callable
        Gets a copy of x in double precision, with one entry moved, and returns a number.
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

    See Also
    --------
    deeprob_fast.grad_check_sparse : Returns what it prints.

    Notes
    -----
    The coordinates are the same at every call. The course moves x itself; here a function that ignores its argument is found out,
    and x moved and put back for it.

    Examples
    --------
    >>> import numpy as np
    >>> grad_check_sparse(lambda x: np.sum(3 * x), np.zeros(4), np.full(4, 3.0), num_checks=1)
    numerical: 3.000000 analytic: 3.000000, relative error: 0.000000e+00
    """
    _differences.check_sparse(f, x, analytic_grad, num_checks, h, seed=0)


@sharing(step_and_gradient=_differences.STEP_AND_GRADIENT)
def compute_numeric_gradient(
    f: _differences.Function,
    x: Arrays,
    dLdf: Arrays | None = None,  # noqa: N803  # the course's name
    h: float = 1e-7,
) -> Arrays:
    """Compute the gradient of f by central differences.

    Parameters
    ----------
    f : callable
        Gets a copy of x in double precision, with one entry moved.
    x : array or tensor of floating-point numbers
        Of any layout; as it was, in the end.
    dLdf : array or tensor, optional
        The gradient of a loss in the values of f; by default ones.
    {step_and_gradient}

    Examples
    --------
    >>> import numpy as np
    >>> compute_numeric_gradient(lambda x: x**2, np.array([1.0, -2.0])).round(6)
    array([ 2., -4.])
    """
    return _differences.gradient(f, x, dLdf, h, ones=True)


@sharing(error=_differences.ERROR)
def rel_error(x: Arrays, y: Arrays, eps: float = 1e-10) -> float:
    """Compare two arrays: max(abs(x - y)) / max(abs(x) + abs(y)), the latter at least eps.

    Parameters
    ----------
    x, y : array or tensor
        Of one shape.
    eps : float

    {error}

    Examples
    --------
    >>> import numpy as np
    >>> rel_error(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    0.5
    """
    difference, size = _differences.relative_error(x, y)
    return float(difference.max() / max(eps, np.max(size)))
