"""Losses of linear classifiers and their gradients, from one pass over the examples."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels, _scalars, _validation
from deeprob_fast._docstrings import sharing
from deeprob_fast._memory import aligned_empty
from deeprob_fast._typing import AnyArray, ArrayLike, KernelLoss, KernelPenalty
from deeprob_fast.linear.checks import FORMULATIONS, check_penalty, check_weights
from deeprob_fast.linear.docstrings import SHARED
from deeprob_fast.linear.examples import check_finite_loss, computing_dtype, examples_of


class Loss(NamedTuple):
    """A loss and its gradient.

    Attributes
    ----------
    loss : float
        Mean over the examples, plus the penalty.
    grad : array, shape of W
        In the dtype of the computation.
    """

    loss: float
    grad: AnyArray


def _loss(
    W: ArrayLike,
    X: ArrayLike,
    y: ArrayLike,
    formula: str,
    delta: float,
    reg: float,
    penalty: str,
    l1_ratio: float,
    bias: bool,
    penalize_bias: bool,
    sample_weight: ArrayLike | None,
    mean: ArrayLike | None,
    std: ArrayLike | None,
    n_threads: int | None,
) -> Loss:
    rows = _validation.check_rows("X", X)
    weights = check_weights(W, rows.shape[1] + bool(bias))
    if not np.isfinite(weights).all():
        msg = "W must be finite; it holds NaN or infinity"
        raise ValueError(msg)
    labels = _validation.check_class_numbers("y", y, len(rows), weights.shape[1])
    l2, l1 = check_penalty(reg, penalty, l1_ratio)
    dtype = computing_dtype(rows.dtype, weights.dtype)
    examples = examples_of(rows, labels, dtype, sample_weight=sample_weight, mean=mean, std=std, bias=bool(bias))
    packed = examples.packed(weights.T)
    gradient = aligned_empty(packed.shape, packed.dtype)
    n_penalized = examples.n_columns if penalize_bias else rows.shape[1]
    threads = _validation.check_n_threads(n_threads)
    n_classes = weights.shape[1]
    value = _kernels.loss_and_gradient(
        examples, KernelLoss(formula, delta), KernelPenalty(l2, l1, n_penalized), n_classes, packed, gradient, threads
    )
    # A hinge does not see infinite features on the right side of the margin; its gradient does.
    check_finite_loss(value if np.isfinite(gradient).all() else np.nan, rows, weights)
    return Loss(value, np.ascontiguousarray(examples.unpacked(gradient, n_classes).T))


_DATA_AND_PENALTY = """
W : array-like, shape (n_features, n_classes)
    One row more if there is a bias, which is the last. float32 or float64.
X : array-like, shape (n_examples, n_features)
    At least one row; float32, float64, float16, uint8 or int8, read in place.
y : array-like of int, shape (n_examples,)
    Numbers of classes, 0 <= y < n_classes.
reg : float
    Strength of the penalty.
penalty : {"l2", "l1", "elasticnet"}
    R(W): the sum of squares (without 1/2), the sum of absolute values, or l1_ratio of this and the rest of that.
l1_ratio : float
    Of "elasticnet", in [0, 1].
"""

_COLUMNS = """
bias : bool
    Whether the last row of W is added to the scores, as if X had a column of ones behind its features.
penalize_bias : bool
    Whether the penalty counts that row, as it does where the column of ones is part of X.
sample_weight : array-like, shape (n_examples,), optional
    Not negative. The mean is the weighted one.
"""

_shared = sharing(**SHARED, data_and_penalty=_DATA_AND_PENALTY, columns=_COLUMNS)


@_shared
def svm_loss(
    W: ArrayLike,
    X: ArrayLike,
    y: ArrayLike,
    *,
    reg: float = 0.0,
    penalty: str = "l2",
    l1_ratio: float = 0.5,
    delta: float = 1.0,
    formulation: str = "weston_watkins",
    bias: bool = False,
    penalize_bias: bool = True,
    sample_weight: ArrayLike | None = None,
    mean: ArrayLike | None = None,
    std: ArrayLike | None = None,
    n_threads: int | None = None,
) -> Loss:
    r"""Compute the multiclass hinge loss and its gradient.

    Parameters
    ----------
    {data_and_penalty}
    delta : float
        Margin.
    formulation : {"weston_watkins", "one_vs_all", "runner_up"}
        What an example's scores s lose: the sum over j != y of max(0, s_j - s_y + delta); the sum over j of
        max(0, delta - t_j s_j) with t_y = 1 and -1 for the others; max(0, max over j != y of s_j - s_y + delta).
    {columns}
    {standardisation}
    {threads}

    Returns
    -------
    Loss
        `loss`, mean over the examples + reg * R(W), and `grad`, of W's shape; float64 if X or W is, else float32. At a kink the
        gradient is the one of the side where the margin is not violated, and that of `abs` at 0 is 0.

    {raises}

    Notes
    -----
    Weston and Watkins (1999); Crammer and Singer (2001) for "runner_up". Costs 4 n_examples n_features n_classes operations in
    one pass over X; no matrix of scores and no converted copy of X is made. Sums over the examples are in float64 for the loss.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.svm_loss([[13.0, -7.0, 11.0]], [[1.0]], [0], delta=10).loss
    8.0
    """
    formulation = _scalars.check_choice("formulation", formulation, FORMULATIONS)
    delta = _scalars.check_real("delta", delta, 0)
    return _loss(W, X, y, formulation, delta, reg, penalty, l1_ratio, bias, penalize_bias, sample_weight, mean, std, n_threads)


@_shared
def softmax_loss(
    W: ArrayLike,
    X: ArrayLike,
    y: ArrayLike,
    *,
    reg: float = 0.0,
    penalty: str = "l2",
    l1_ratio: float = 0.5,
    bias: bool = False,
    penalize_bias: bool = True,
    sample_weight: ArrayLike | None = None,
    mean: ArrayLike | None = None,
    std: ArrayLike | None = None,
    n_threads: int | None = None,
) -> Loss:
    """Compute the softmax (cross-entropy) loss and its gradient.

    Parameters
    ----------
    {data_and_penalty}
    {columns}
    {standardisation}
    {threads}

    Returns
    -------
    Loss
        `loss`, mean over the examples + reg * R(W), and `grad`, of W's shape; float64 if X or W is, else float32.

    {raises}

    Notes
    -----
    An example loses -log(exp(s_y) / sum of exp(s_j)); scores are shifted by their largest, so nothing overflows. Costs
    4 n_examples n_features n_classes operations and n_examples n_classes exponentials in one pass over X; no matrix of scores and
    no converted copy of X is made. Sums over the examples are in float64 for the loss.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> round(df.softmax_loss([[-2.85, 0.86, 0.28]], [[1.0]], [2]).loss, 2)
    1.04
    """
    return _loss(W, X, y, "softmax", 0.0, reg, penalty, l1_ratio, bias, penalize_bias, sample_weight, mean, std, n_threads)
