"""Steps of gradient descent as lectures write them: pure functions of plain arrays, to be read beside the formula.

Each returns new arrays and leaves its arguments alone. `deeprob_fast.optim.SGD` does the same work in place; the guide on
optimizers says which convention is which.
"""

from collections.abc import Callable
from typing import NamedTuple

from deeprob_fast._typing import AnyArray, ArrayLike
from deeprob_fast._validation import as_numbers


class Moved(NamedTuple):
    """Where a step with momentum leads.

    Attributes
    ----------
    w : array
        The parameters.
    v : array
        The velocity.
    """

    w: AnyArray
    v: AnyArray


def gradient_step(w: ArrayLike, grad: ArrayLike, *, lr: float) -> AnyArray:
    """Take one step of vanilla gradient descent: w - lr * grad.

    Parameters
    ----------
    w : array-like
        Parameters.
    grad : array-like
        The gradient at w, of all samples or of a minibatch.
    lr : float
        Learning rate.

    Returns
    -------
    array
        The new parameters.

    Examples
    --------
    >>> gradient_step([1.0, -2.0], [2.0, -4.0], lr=0.25)
    array([ 0.5, -1. ])
    """
    return as_numbers("w", w) - lr * as_numbers("grad", grad)


def momentum_step(w: ArrayLike, v: ArrayLike, grad: ArrayLike, *, lr: float, rho: float = 0.9) -> Moved:
    """Take one step with the lecture's momentum: v = rho * v + grad, w = w - lr * v.

    Parameters
    ----------
    w, v : array-like
        Parameters and velocity, which starts at 0.
    grad : array-like
        The gradient at w.
    lr : float
        Learning rate: outside the velocity, so a change of it acts on all that has gathered there.
    rho : float
        The share of the velocity that stays ("friction").

    Returns
    -------
    Moved
        `w` and `v`.

    Examples
    --------
    >>> momentum_step([1.0], [4.0], [2.0], lr=0.25, rho=0.5)
    Moved(w=array([0.]), v=array([4.]))
    """
    v_next = rho * as_numbers("v", v) + as_numbers("grad", grad)
    return Moved(as_numbers("w", w) - lr * v_next, v_next)


def cs231n_momentum_step(w: ArrayLike, v: ArrayLike, grad: ArrayLike, *, lr: float, mu: float = 0.9) -> Moved:
    """Take one step with the momentum of the CS231n notes: v = mu * v - lr * grad, w = w + v.

    Parameters
    ----------
    w, v : array-like
        Parameters and velocity, which starts at 0 and is -lr times the lecture's as long as lr stays.
    grad : array-like
        The gradient at w.
    lr : float
        Learning rate: inside the velocity, so a change of it acts on gradients to come only.
    mu : float
        The share of the velocity that stays.

    Returns
    -------
    Moved
        `w` and `v`.

    Examples
    --------
    >>> cs231n_momentum_step([1.0], [-1.0], [2.0], lr=0.25, mu=0.5)
    Moved(w=array([0.]), v=array([-1.]))
    """
    v_next = mu * as_numbers("v", v) - lr * as_numbers("grad", grad)
    return Moved(as_numbers("w", w) + v_next, v_next)


def nesterov_step(w: ArrayLike, v: ArrayLike, gradient: Callable[[AnyArray], ArrayLike], *, lr: float, mu: float = 0.9) -> Moved:
    """Take one step with Nesterov's momentum: v = mu * v - lr * gradient(w + mu * v), w = w + v.

    Parameters
    ----------
    w, v : array-like
        Parameters and velocity, which starts at 0.
    gradient : function
        The gradient at a point: it is asked at the look-ahead point, where the velocity alone would lead.
    lr : float
        Learning rate, inside the velocity.
    mu : float
        The share of the velocity that stays.

    Returns
    -------
    Moved
        `w` and `v`.

    References
    ----------
    Sutskever, Martens, Dahl, Hinton: On the importance of initialization and momentum in deep learning (ICML 2013).

    Examples
    --------
    >>> nesterov_step([1.0], [-1.0], lambda w: 2 * w, lr=0.25, mu=0.5)  # of w**2, at 0.5
    Moved(w=array([0.25]), v=array([-0.75]))
    """
    ahead = as_numbers("w", w) + mu * as_numbers("v", v)
    v_next = mu * as_numbers("v", v) - lr * as_numbers("gradient(w)", gradient(ahead))
    return Moved(as_numbers("w", w) + v_next, v_next)


def nesterov_ahead_step(w: ArrayLike, v: ArrayLike, grad: ArrayLike, *, lr: float, mu: float = 0.9) -> Moved:
    """Take the same step where w is the look-ahead point: v_next = mu * v - lr * grad, w = w - mu * v + (1 + mu) * v_next.

    Parameters
    ----------
    w, v : array-like
        The look-ahead point, and the velocity, which starts at 0.
    grad : array-like
        The gradient at w.
    lr : float
        Learning rate, inside the velocity.
    mu : float
        The share of the velocity that stays.

    Returns
    -------
    Moved
        `w`, the next look-ahead point, and `v`; `nesterov_step` would have stored w - mu * v.

    Examples
    --------
    >>> w, v = nesterov_ahead_step([0.5], [-1.0], [1.0], lr=0.25, mu=0.5)  # the step of the example above
    >>> w - 0.5 * v
    array([0.25])
    """
    v_next = mu * as_numbers("v", v) - lr * as_numbers("grad", grad)
    return Moved(as_numbers("w", w) - mu * as_numbers("v", v) + (1 + mu) * v_next, v_next)
