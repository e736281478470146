"""The losses of both courses, which agree: mean loss + reg * sum(W**2), W of shape (D, C)."""

import numpy as np

from deeprob_fast import _validation
from deeprob_fast._typing import AnyArray, Int64
from deeprob_fast.compat._arrays import Arrays, floating_dtype, like, number_like, read
from deeprob_fast.linear.checks import check_weights
from deeprob_fast.linear.losses import Loss, softmax_loss, svm_loss
from deeprob_fast.linear.scores import linear_scores

_BLOCK = 4096  # rows whose scores are computed at a time


def _as_given(W: Arrays, weights: AnyArray, result: Loss) -> tuple[Arrays, Arrays]:
    dtype = floating_dtype(weights)
    return number_like(W, result.loss, dtype), like(W, result.grad, dtype)


def svm_loss_vectorized(W: Arrays, X: Arrays, y: Arrays, reg: float) -> tuple[Arrays, Arrays]:
    """Compute the multiclass hinge loss (Weston and Watkins, margin 1) and its gradient.

    Parameters
    ----------
    W : array or tensor, shape (D, C)
        Weights; a bias, if any, is the row of a column of ones of X, and is penalised like the others.
    X : array or tensor, shape (N, D)
    y : array or tensor of int, shape (N,)
        0 <= y < C.
    reg : float
        The penalty is reg * sum(W**2), without 1/2; its gradient 2 * reg * W.

    Returns
    -------
    loss : float64 or 0-d tensor
        A 0-d tensor of W's dtype if W is a tensor, else NumPy's float64, which is a float; both have `item()`.
    dW : array or tensor, shape (D, C)
        Of the kind and dtype of W.

    Raises
    ------
    ValueError
        If a shape does not fit, or a value is not finite or out of its range.
    TypeError
        If y does not hold integers, or an array no real numbers.

    Notes
    -----
    The naive function is this one.

    Examples
    --------
    >>> import numpy as np
    >>> loss, dW = svm_loss_vectorized(np.array([[2.0, 0.5, 1.5]]), np.array([[1.0]]), np.array([0]), reg=0.0)
    >>> print(loss, dW)
    0.5 [[-1.  0.  1.]]
    """
    weights = read("W", W)
    return _as_given(W, weights, svm_loss(weights, read("X", X), read("y", y), reg=reg))


def softmax_loss_vectorized(W: Arrays, X: Arrays, y: Arrays, reg: float) -> tuple[Arrays, Arrays]:
    """Compute the softmax (cross-entropy) loss and its gradient.

    Parameters
    ----------
    W : array or tensor, shape (D, C)
    X : array or tensor, shape (N, D)
    y : array or tensor of int, shape (N,)
    reg : float
        All as for `svm_loss_vectorized`.

    Returns
    -------
    loss : float64 or 0-d tensor
    dW : array or tensor, shape (D, C)
        Both as from `svm_loss_vectorized`.

    Raises
    ------
    ValueError
        If a shape does not fit, or a value is not finite or out of its range.
    TypeError
        If y does not hold integers, or an array no real numbers.

    Notes
    -----
    Scores are shifted by their largest, so nothing overflows. The naive function is this one.

    Examples
    --------
    >>> import numpy as np
    >>> loss, _ = softmax_loss_vectorized(np.ones((3073, 10)), np.zeros((1, 3073)), np.array([0]), reg=2.5e4)
    >>> f"{loss:.6f}"
    '768250002.302585'
    """
    weights = read("W", W)
    return _as_given(W, weights, softmax_loss(weights, read("X", X), read("y", y), reg=reg))


svm_loss_naive = svm_loss_vectorized
softmax_loss_naive = softmax_loss_vectorized


def best_classes(W: Arrays, X: Arrays) -> Int64:
    """Return the class of the highest score of each row; of equal ones the first."""
    rows = _validation.check_rows("X", read("X", X))
    weights = check_weights(read("W", W), rows.shape[1]).T
    n_threads = _validation.check_n_threads(None)
    classes: Int64 = np.empty(len(rows), dtype=np.int64)
    for start in range(0, len(rows), _BLOCK):
        part = slice(start, start + _BLOCK)
        classes[part] = linear_scores(rows[part], weights, n_threads, bias=False).argmax(axis=1)
    return classes
