"""Check gradients and second derivatives against differences, under the names and with the defaults of PyTorch."""

import warnings
from collections.abc import Callable
from typing import Any

from deeprob_fast.gradients.claimed import ClaimedGradient, Mismatch, Settings
from deeprob_fast.gradients.comparison import compare
from deeprob_fast.gradients.functions import Function, as_inputs, points_of
from deeprob_fast.gradients.second import claimed_second


class GradcheckError(RuntimeError):
    """A gradient does not agree with the differences of its function; the message says where."""


class GradcheckWarning(UserWarning):
    """A gradient was accepted, but there is something to know: a kink, or an input that is not float64."""


def _conclude(prepare: Callable[[], tuple[ClaimedGradient, list[str]]], settings: Settings, raise_exception: bool) -> bool:
    try:
        claimed, notes = prepare()
        notes = compare(claimed, settings, notes)
    except Mismatch as error:
        if raise_exception:
            raise GradcheckError(str(error)) from None
        return False
    for note in notes:
        warnings.warn(note, GradcheckWarning, stacklevel=3)
    return True


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad: Callable[..., Any] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    fast_mode: bool = False,
    num_checks: int | None = None,
    seed: int = 0,
    kinks: str = "report",
) -> bool:
    """Check a gradient against central differences.

    Parameters
    ----------
    func : callable
        `func(*inputs)` returns (value, gradients), as our losses do, or only the value if `grad` is given. The value is a number
        or an array. One array of gradients belongs to the first input; a tuple has one for each input, None for those that
        are not to be checked. For values of some shape a gradient is the Jacobian, of that shape + the shape of the input.
    inputs : array-like, or tuple
        The only input, or all of them. Those that have gradients must hold floating-point numbers; the others (labels,
        options) are handed over as they are. Never changed: func is called with copies in C order.
    grad : callable, optional
        `grad(*inputs)` returns the gradients.
    eps : float
        The step beside 1; the step of an entry x_i is eps max(1, abs(x_i)).
    atol, rtol : float
        An entry agrees if abs(analytic - numerical) <= atol + rtol abs(numerical).
    raise_exception : bool
        Whether a disagreement raises; otherwise it returns False.
    nondet_tol : float
        How much the values and gradients of two calls at the same point may differ.
    fast_mode : bool
        Compare v' J u for one random direction u of each input and v of the values, with two calls for each input; entry by
        entry, which then decides, only if they differ by more than atol sum(abs(u)) sum(abs(v)) + rtol abs(numerical).
    num_checks : int, optional
        Check only so many entries of each input, drawn at random; in fast mode the direction lies in these.
    seed : int
        Of everything random.
    kinks : {"report", "accept", "fail"}
        What to do where the differences to the left and to the right differ as they do at a kink of func, and the analytic
        value lies between them: accept it with a warning or without, or treat it like any disagreement.

    Returns
    -------
    bool
        True if all entries agree.

    Raises
    ------
    GradcheckError
        If a gradient disagrees or has the wrong shape, or func changes from call to call, unless `raise_exception` is False.
        The message names the worst entry, both values and their errors, and how many entries disagree.
    TypeError
        If an input with a gradient holds integers (a step would round away), or func does not return what is stated above.
    ValueError
        If an input is not finite, or an option not as stated above.

    Warns
    -----
    GradcheckWarning
        If a gradient was accepted at kinks; if an input is float32 or float16: then the gradient at the input as it is is
        compared with differences of func at float64 copies; if func computes in float32 all the same, whatever type it returns:
        then eps is raised to 5e-3, and atol by 2.4e-4 max(1, abs(func)).

    Notes
    -----
    Costs two calls of func for each entry and four more; ten more for an entry that may be a kink. Where entries disagree, nine
    more tell whether func computes in float32 or float16, and if so the check is repeated with the step that fits. Unlike
    PyTorch's, the step grows with the entry.

    Examples
    --------
    >>> import numpy as np
    >>> import deeprob_fast as df
    >>> def loss(x):
    ...     return np.sum(x**3), 3 * x**2
    >>> df.gradcheck(loss, np.array([1.0, 2.0]))
    True
    >>> df.gradcheck(np.sin, np.array([1.0, 2.0]), grad=lambda x: np.diag(np.cos(x)))
    True
    >>> df.gradcheck(lambda x: (np.sum(x**3), x**2), np.array([1.0, 2.0]), raise_exception=False)
    False
    """
    settings = Settings(eps, atol, rtol, nondet_tol, bool(fast_mode), num_checks, seed, kinks)
    function = Function(func, grad)
    arguments = as_inputs(inputs)

    def prepare() -> tuple[ClaimedGradient, list[str]]:
        gradients = function.gradients(*arguments)
        points, notes = points_of(arguments, gradients)
        again = function.gradients(*arguments)
        for number, gradient in gradients.items():
            settings.must_repeat(f"the gradient of input {number}", gradient, again[number])
        return ClaimedGradient(function.value, arguments, points, gradients), notes

    return _conclude(prepare, settings, raise_exception)


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    grad: Callable[..., Any] | None = None,
    hessian: Callable[..., Any] | None = None,
    hvp: Callable[..., Any] | None = None,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    fast_mode: bool = False,
    num_checks: int | None = None,
    seed: int = 0,
    kinks: str = "report",
) -> bool:
    """Check second derivatives against central differences of the gradient.

    What is differentiated is s = sum(grad_outputs * gradient), whose gradient is the Hessian times `grad_outputs`. It is
    compared with `hessian` or `hvp`, or with a third member of what func returns. If there is none of these, it is compared
    with the difference of the gradient along `grad_outputs`: the two are equal if the Hessian is symmetric, as that of every
    gradient is. This finds gradients that belong to no function; it cannot find a wrong factor, which `gradcheck` does.

    Parameters
    ----------
    func : callable
        `func(*inputs)` returns (value, gradients) as for `gradcheck`, or (value, gradients, hessian), or only the value if `grad`
        is given. The value must be a number.
    inputs : array-like, or tuple
        As for `gradcheck`; the Hessian is that in the inputs that have gradients.
    grad_outputs : array-like, or tuple, optional
        Weights of the gradient's entries, of its shape; if not only the first input has a gradient, a tuple with one array, or
        None, for each input. By default random normal numbers.
    grad : callable, optional
        `grad(*inputs)` returns the gradients.
    hessian : callable, optional
        `hessian(*inputs)` returns the Hessian, of the shape of the gradient twice; if not only the first input has a gradient, a
        tuple of tuples of blocks, one for each pair of inputs.
    hvp : callable, optional
        `hvp(*inputs, weights)` returns the Hessian times weights, which have the form of `grad_outputs`, in that form.
    eps, atol, rtol : float
        As for `gradcheck`.
    raise_exception : bool
        As for `gradcheck`.
    nondet_tol : float
        As for `gradcheck`.
    fast_mode : bool
        As for `gradcheck`.
    num_checks : int, optional
        As for `gradcheck`.
    seed : int
        As for `gradcheck`.
    kinks : {"report", "accept", "fail"}
        As for `gradcheck`, of the gradient's kinks; where the gradient jumps, as that of a hinge loss does at a margin, there is
        no second derivative to accept.

    Returns
    -------
    bool
        True if all entries agree.

    Raises
    ------
    GradcheckError
        If a second derivative disagrees or has the wrong shape, or func changes from call to call, unless `raise_exception` is
        False.
    TypeError
        If an input with a gradient holds integers, or func does not return what is stated above.
    ValueError
        If an input is not finite, a shape does not fit, or an option is not as stated above.

    Notes
    -----
    Costs two evaluations of the gradient for each entry, and up to nine that tell how it rounds. The entries of a small Hessian
    are checked one by one by ``gradcheck(gradient, inputs, grad=hessian)``.

    Examples
    --------
    >>> import numpy as np
    >>> import deeprob_fast as df
    >>> A = np.array([[2.0, 1.0], [1.0, 3.0]])
    >>> def loss(x):
    ...     return x @ A @ x / 2, A @ x
    >>> df.gradgradcheck(loss, np.ones(2), hessian=lambda x: A)
    True
    >>> df.gradgradcheck(loss, np.ones(2), hvp=lambda x, weights: A @ weights)
    True
    >>> df.gradgradcheck(lambda x: (x[0] * x[1], x), np.array([1.0, 2.0]))  # the Jacobian of x is symmetric
    True
    >>> df.gradgradcheck(lambda x: (x[0] * x[1], x[::-1] * [1, -1]), np.array([1.0, 2.0]), raise_exception=False)
    False
    """
    settings = Settings(eps, atol, rtol, nondet_tol, bool(fast_mode), num_checks, seed, kinks)
    function = Function(func, grad, may_add_hessian=True)
    arguments = as_inputs(inputs)
    return _conclude(
        lambda: claimed_second(function, arguments, grad_outputs, hessian=hessian, hvp=hvp, settings=settings),
        settings,
        raise_exception,
    )
