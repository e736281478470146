"""Calibration: whether the probabilities of a classifier say how often it is right."""

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._typing import AnyArray, ArrayLike, Float64

_BLOCK_VALUES = 2**22  # of scores converted to float64 at a time
_MOST_STEPS = 200
_LARGEST_SCORE = 1e300  # differences are finite
TEMPERATURES = (1e-3, 1e3)


def binned_calibration_error(confidences: AnyArray, right: AnyArray, n_bins: int) -> float:
    """Return the mean distance between confidence and accuracy over bins of equal width, weighted by their examples."""
    edges = np.linspace(0, 1, n_bins + 1)
    bins = np.clip(np.searchsorted(edges, confidences, side="left") - 1, 0, n_bins - 1)
    excess = np.bincount(bins, weights=confidences - right, minlength=n_bins)
    return float(np.abs(excess).sum() / len(confidences))


def expected_calibration_error(probabilities: ArrayLike, truth: ArrayLike, *, n_bins: int = 15) -> float:
    """Compute how far the confidence of a classifier is from its accuracy.

    Parameters
    ----------
    probabilities : array-like, shape (n_examples, n_classes)
        Each row sums to 1.
    truth : array-like of int, shape (n_examples,)
        Numbers of classes, from 0.
    n_bins : int
        The largest probability of each row falls into one of so many bins of equal width.

    Returns
    -------
    float
        The sum over the bins of (share of the examples in it) * abs(their accuracy - their mean confidence): 0 if calibrated, at
        most 1.

    Raises
    ------
    ValueError
        If a shape or a value is not as stated above.
    TypeError
        If an array does not hold numbers of the right kind.

    See Also
    --------
    fit_temperature : Mend it.

    Notes
    -----
    Bin m of M is ((m - 1) / M, m / M]. Of equal probabilities the first decides the prediction.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger: On calibration of modern neural networks (ICML 2017).

    Examples
    --------
    >>> import deeprob_fast as df
    >>> round(df.expected_calibration_error([[0.9, 0.1], [0.8, 0.2]], [0, 1]), 3)
    0.45
    """
    array = _validation.check_rows("probabilities", probabilities)
    labels = _validation.check_class_numbers("truth", truth, len(array), array.shape[1], of="probabilities")
    bins = _scalars.check_integer("n_bins", n_bins, 1, 2**31, "bins")
    with np.errstate(over="ignore", invalid="ignore"):
        sums = array.sum(axis=1, dtype=np.float64)
    wrong = ~((array.min(axis=1) >= 0) & (np.abs(sums - 1) <= 1e-2))
    if wrong.any():
        i = int(wrong.argmax())
        came = f"row {i} has {array[i].min()} and sums to {sums[i]:g}"
        msg = f"probabilities must not be negative, and each row must sum to 1; {came}"
        raise ValueError(msg)
    right = array.argmax(axis=1) == labels
    return binned_calibration_error(np.minimum(array.max(axis=1).astype(np.float64), 1.0), right, bins)


def _slope_and_curvature(scores: AnyArray, labels: AnyArray, beta: float) -> tuple[float, float]:
    """Return the derivatives of the mean negative log-likelihood of softmax(beta * scores) with respect to beta."""
    slope = curvature = 0.0
    block = max(1, _BLOCK_VALUES // scores.shape[1])
    for start in range(0, len(scores), block):
        part: Float64 = scores[start : start + block].astype(np.float64)
        part -= part.max(axis=1, keepdims=True)
        powers = np.exp(beta * part)
        part[np.isneginf(part)] = 0.0  # of probability 0
        powers /= powers.sum(axis=1, keepdims=True)
        means = np.einsum("ij,ij->i", powers, part)
        squares = np.einsum("ij,ij,ij->i", powers, part, part)
        slope += float((means - part[np.arange(len(part)), labels[start : start + block]]).sum())
        curvature += float((squares - means**2).sum())
    return slope / len(scores), curvature / len(scores)


def fit_temperature(scores: ArrayLike, truth: ArrayLike) -> float:
    """Find the temperature at which softmax(scores / temperature) fits the truth best.

    Parameters
    ----------
    scores : array-like, shape (n_examples, n_classes)
        Of examples that the classifier was not trained on.
    truth : array-like of int, shape (n_examples,)
        Numbers of classes, from 0.

    Returns
    -------
    float
        The minimum of the mean negative log-likelihood between 0.001 and 1000; 1 if the scores say nothing.

    Raises
    ------
    ValueError
        If a shape or a value is not as stated above.
    TypeError
        If an array does not hold numbers of the right kind.

    See Also
    --------
    expected_calibration_error : What it mends.

    Notes
    -----
    The likelihood is convex in 1 / temperature: Newton's method, kept inside a bracket that bisection narrows. Predictions do
    not change with the temperature. Scores are converted to float64 in blocks.

    References
    ----------
    Guo, Pleiss, Sun, Weinberger: On calibration of modern neural networks (ICML 2017).

    Examples
    --------
    >>> import deeprob_fast as df
    >>> scores = [[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]]  # sure, and wrong once in four times
    >>> round(df.fit_temperature(scores, [0, 0, 1, 1]), 3)
    3.641
    """
    array = _validation.check_rows("scores", scores)
    labels = _validation.check_class_numbers("truth", truth, len(array), array.shape[1], of="scores")
    _validation.check_finite_rows("scores", array)
    if array.size and max(float(array.max()), -float(array.min())) > _LARGEST_SCORE:
        msg = f"scores must be up to {_LARGEST_SCORE:g} in magnitude; got {array[np.abs(array) > _LARGEST_SCORE][0]:g}"
        raise ValueError(msg)
    return best_temperature(array, labels)


def best_temperature(scores: AnyArray, labels: AnyArray) -> float:
    """Do the work of `fit_temperature`; a score may be -inf, but not that of the truth."""
    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    beta = 1.0
    slope, curvature = _slope_and_curvature(scores, labels, beta)
    if slope == 0:
        return 1.0
    end = low if slope > 0 else high
    if slope * _slope_and_curvature(scores, labels, end)[0] >= 0:
        return 1 / end
    for _ in range(_MOST_STEPS):
        low, high = (low, beta) if slope > 0 else (beta, high)
        following = beta - slope / curvature if curvature > 0 else low
        if not low < following < high:
            following = float(np.sqrt(low * high))
        if abs(following - beta) <= 1e-12 * beta:
            break
        beta = following
        slope, curvature = _slope_and_curvature(scores, labels, beta)
    return 1 / beta
