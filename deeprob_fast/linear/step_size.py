"""The learning rate that the curvature of the objective allows."""

import numpy as np

from deeprob_fast._typing import Float64, Int64
from deeprob_fast.linear.examples import Examples

_SAMPLE = 1024
_ITERATIONS = 20


# Share of the largest step for which gradient descent with momentum is stable.
_SHARE = 0.75


def _curvature(loss: str, n_classes: int) -> float:
    """Return the largest curvature of a loss in the scores of one example.

    Softmax: that of diag(p) - p p^T (Böhning, Multinomial logistic regression algorithm, 1992). A hinge is not smooth; these
    values made good steps on images, embeddings and tables with 2 to 300 classes. The score of the label meets as many hinges
    as there are other classes in "weston_watkins".
    """
    if loss == "softmax":
        return 0.5
    return max(5.0, n_classes / 2) if loss == "weston_watkins" else 5.0


def _largest_eigenvalue(rows: Float64) -> float:
    """Estimate the largest eigenvalue of rows^T rows / n_rows from below, by power iteration."""
    vector: Float64 = np.random.default_rng(0).standard_normal((rows.shape[1],))
    for _ in range(_ITERATIONS):
        direction = vector / (np.linalg.norm(vector) or 1.0)
        vector = rows.T @ (rows @ direction) / len(rows)
    return float(np.linalg.norm(vector))


def auto_learning_rate(
    examples: Examples,
    training_rows: Int64,
    batch_size: int,
    loss: str,
    n_classes: int,
    l2: float,
    momentum: float,
    nesterov: bool,
) -> float:
    """Return a learning rate for stochastic gradient descent.

    Parameters
    ----------
    examples : Examples
    training_rows : array of int64
        Numbers of the training examples; some 1000 of them are looked at.
    batch_size : int
        Not more than there are.
    loss : str
    n_classes : int
    l2 : float
        Factor of the sum of squares.
    momentum : float
    nesterov : bool

    Returns
    -------
    float
        Rounded to two digits, so that it does not depend on the last bits of the sums.

    Raises
    ------
    ValueError
        If the features, or l2, are so large that the rate is 0 in the dtype of the computation.

    Notes
    -----
    Gradient descent is stable below 2 / L, with momentum m below 2 (1 + m) / L, with Nesterov's below that / (1 + 2 m). L is the
    curvature of the loss in the scores times the largest eigenvalue of X^T X / N, plus 2 l2. The eigenvalue that minibatches
    of B see lies between that of all examples (B = N) and the largest squared norm of one (B = 1): the expected smoothness of
    Gower et al., SGD: general analysis and improved rates (ICML 2019). B is the harmonic mean of the sizes of the batches, of
    which the last one may be small.
    """
    n = len(training_rows)
    sample = training_rows[np.linspace(0, n - 1, min(n, _SAMPLE)).astype(np.int64)]
    rows = examples.rows[sample].astype(np.float64)
    if examples.shift.size:
        rows = (rows - examples.shift) * examples.scale
    if examples.bias:
        rows = np.column_stack([rows, np.ones(len(rows))])
    exponent = int(np.frexp(np.abs(rows).max())[1])
    rows = np.ldexp(rows, -exponent)  # to be squared
    if examples.sample_weights.size:
        weights = examples.sample_weights[sample]
        rows *= np.sqrt(weights / (weights.mean() or 1.0))[:, np.newaxis]
    whole, rest = divmod(n, batch_size)
    inverse = (whole / batch_size + (1 / rest if rest else 0)) / (whole + (rest > 0))
    single = (n * inverse - 1) / (n - 1) if n > 1 else 0.0
    largest_square = float(np.einsum("ij,ij->i", rows, rows).max())
    eigenvalue = (1 - single) * _largest_eigenvalue(rows) + single * largest_square
    with np.errstate(over="ignore"):
        smoothness = _curvature(loss, n_classes) * float(np.ldexp(eigenvalue, 2 * exponent)) + 2 * l2
    if smoothness == 0:
        return 1.0
    limit = 2 * (1 + momentum) / (1 + 2 * momentum if nesterov else 1)
    rate = float(f"{min(_SHARE * limit / smoothness, float(np.finfo(examples.dtype).max) / 2):.2g}")
    if not examples.dtype.type(rate) > 0:
        largest = float(np.ldexp(np.abs(rows).max(), exponent))
        msg = (
            f'learning_rate="auto" needs features and a reg whose squares fit {examples.dtype}; got up to {largest:g} in X '
            f"and a reg of {l2:g} (standardize=True brings the features to 1)"
        )
        raise ValueError(msg)
    return rate
