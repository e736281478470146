"""`knn.py` of DeepRob's first project."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deeprob_fast.compat import _knn
from deeprob_fast.compat._arrays import Arrays, floating_dtype, like, read
from deeprob_fast.knn.cross_validation import knn_cross_validate as _cross_validate


def compute_distances_no_loops(x_train: Arrays, x_test: Arrays) -> Arrays:
    """Compute the squared euclidean distance of every training sample to every test sample.

    Parameters
    ----------
    x_train : array or tensor, shape (num_train, ...)
        Samples of any shape.
    x_test : array or tensor, shape (num_test, ...)
        Samples of the same shape.

    Returns
    -------
    array or tensor, shape (num_train, num_test)
        Squared, of the kind and dtype of x_train; float64 if that holds integers.

    Raises
    ------
    ValueError
        If the samples' shapes differ, or a value is not finite.
    TypeError
        If the arrays do not hold real numbers.

    Notes
    -----
    The functions of two loops and of one loop are this one: same result, at once. Float32 distances are rounded; those of equal
    samples are exactly 0. In float16 squares beyond 65504 are infinite, as they are in the course.

    Examples
    --------
    >>> import numpy as np
    >>> compute_distances_no_loops(np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 0.0]]))
    array([[ 0.],
           [25.]])
    """
    train, test = _knn.samples("x_train", x_train), _knn.samples("x_test", x_test)
    _knn.check_same_samples("x_test", x_test, "x_train", x_train)
    dtype = floating_dtype(read("x_train", x_train))
    return like(x_train, _knn.distances(train, test, "sqeuclidean", dtype), dtype)


compute_distances_two_loops = compute_distances_no_loops
compute_distances_one_loop = compute_distances_no_loops


def predict_labels(dists: Arrays, y_train: Arrays, k: int = 1) -> Arrays:
    """Predict the label of each test sample by its k nearest training samples.

    Parameters
    ----------
    dists : array or tensor, shape (num_train, num_test)
        As the functions above return it: one column for each test sample.
    y_train : array or tensor of int, shape (num_train,)
    k : int
        From 1 to num_train.

    Returns
    -------
    array or tensor of int64, shape (num_test,)
        Of the kind of dists. The most frequent label; of equally frequent ones the smallest. Equal distances are ordered by
        training row.

    Raises
    ------
    ValueError
        If a shape does not fit (the message says so if dists looks transposed), dists holds NaN, or k is too large.
    TypeError
        If the labels are not integers.

    Examples
    --------
    >>> import numpy as np
    >>> predict_labels(np.array([[1.0], [2.0], [3.0], [4.0], [5.0]]), np.array([1, 2, 1, 2, 3]), k=5)
    array([1])
    """
    labels = _knn.check_labels("y_train", y_train, "dists")
    matrix = _knn.check_distances(dists, len(labels), 0, "(num_train, num_test)")
    return like(dists, _knn.labels_by_distance(matrix.T, labels, k))


class KnnClassifier:
    """k-NN by majority vote.

    Parameters
    ----------
    x_train : array or tensor, shape (num_train, ...)
        Memorised as it is.
    y_train : array or tensor of int, shape (num_train,)

    Examples
    --------
    >>> import numpy as np
    >>> classifier = KnnClassifier(np.array([[0.0], [1.0], [1.1]]), np.array([0, 1, 1]))
    >>> classifier.predict(np.array([[0.9]]), k=3)
    array([1])
    >>> classifier.check_accuracy(np.array([[0.9], [0.1]]), np.array([1, 0]))
    Got 2 / 2 correct; accuracy is 100.00%
    100.0
    """

    def __init__(self, x_train: Arrays, y_train: Arrays) -> None:
        self.x_train = x_train
        self.y_train = y_train

    def predict(self, x_test: Arrays, k: int = 1) -> Arrays:
        """Predict labels.

        Parameters
        ----------
        x_test : array or tensor, shape (num_test, ...)
        k : int

        Returns
        -------
        array or tensor of int64, shape (num_test,)
            Of the kind of x_test.

        Raises
        ------
        ValueError
            If a shape does not fit, a value is not finite, or k is too large.

        Notes
        -----
        An exact search, without the matrix of distances; neighbours are ordered by their distances in double precision, so
        those of float32 samples may differ from what rounded distances say.
        """
        train, test = _knn.samples("x_train", self.x_train, 1), _knn.samples("x_test", x_test)
        _knn.check_same_samples("x_test", x_test, "x_train", self.x_train)
        labels = _knn.check_labels("y_train", self.y_train, "x_train", len(train))
        return like(x_test, _knn.labels_by_search(train, labels, test, k, "sqeuclidean"))

    def check_accuracy(self, x_test: Arrays, y_test: Arrays, k: int = 1, quiet: bool = False) -> float:
        """Compute the accuracy in percent, and print it.

        Parameters
        ----------
        x_test : array or tensor, shape (num_test, ...)
        y_test : array or tensor of int, shape (num_test,)
        k : int
        quiet : bool
            Whether to print nothing.

        Returns
        -------
        float
            From 0 to 100.

        Raises
        ------
        ValueError
            As `predict`, and if there are no test samples.
        """
        shape = tuple(np.shape(x_test))
        if not shape or not shape[0]:
            msg = f"x_test must hold at least 1 sample; got shape {shape}"
            raise ValueError(msg)
        expected = _knn.check_labels("y_test", y_test, "x_test", shape[0])
        correct = int(np.count_nonzero(read("y_pred", self.predict(x_test, k)) == expected))
        accuracy = 100.0 * correct / len(expected)
        if not quiet:
            print(f"Got {correct} / {len(expected)} correct; accuracy is {accuracy:.2f}%")  # noqa: T201  # as the course does
        return accuracy


def knn_cross_validate(
    x_train: Arrays,
    y_train: Arrays,
    num_folds: int = 5,
    k_choices: Sequence[int] | None = None,
) -> dict[int, list[float]]:
    """Cross-validate k.

    Parameters
    ----------
    x_train : array or tensor, shape (num_train, ...)
    y_train : array or tensor of int, shape (num_train,)
    num_folds : int
        Folds are cut as `torch.chunk` cuts: consecutive, the last one smaller. It may cut fewer.
    k_choices : sequence of int, optional
        By default the course's, 1 to 100, as far as every fold has as many training rows.

    Returns
    -------
    dict
        For each k, in the order given, the accuracy of each fold in percent.

    Raises
    ------
    ValueError
        If a shape or a number does not fit.
    TypeError
        If the labels are not integers.

    See Also
    --------
    deeprob_fast.knn_cross_validate : Means, deviations, other folds.

    Examples
    --------
    >>> import numpy as np
    >>> knn_cross_validate(np.array([[0.0], [5.0], [0.1], [5.1]]), np.array([0, 1, 0, 1]), num_folds=2, k_choices=[1, 2])
    {1: [100.0, 100.0], 2: [50.0, 50.0]}
    """
    rows = _knn.samples("x_train", x_train, 2)
    labels = _knn.check_labels("y_train", y_train, "x_train", len(rows))
    result = _cross_validate(rows, labels, num_folds, k_choices, metric="sqeuclidean")
    # From the counts, so that percents are rounded once.
    return {
        k: [100.0 * round(share * size) / size for share, size in zip(shares, result.fold_sizes, strict=True)]
        for k, shares in result.accuracies.items()
    }


def knn_get_best_k(k_to_accuracies: Mapping[int, Sequence[Any]]) -> int:
    """Pick the k with the highest mean accuracy.

    Parameters
    ----------
    k_to_accuracies : dict
        As `knn_cross_validate` returns it.

    Returns
    -------
    int
        Of equal means (to 9 decimals, as they are rounded) the smallest k.

    Raises
    ------
    ValueError
        If there is nothing to pick from, or an accuracy is NaN.
    TypeError
        If it is not a dict.

    Examples
    --------
    >>> knn_get_best_k({3: [50.0, 70.0], 1: [60.0, 60.0], 5: [10.0, 20.0]})
    1
    """
    _check_mapping("k_to_accuracies", k_to_accuracies)
    means = {k: float(np.mean([float(value) for value in values])) for k, values in k_to_accuracies.items() if len(values)}
    if not means:
        msg = "k_to_accuracies must hold the accuracies of at least one k; got none"
        raise ValueError(msg)
    for k, mean in means.items():
        if np.isnan(mean):
            msg = f"k_to_accuracies must not hold NaN; got it for k = {k}"
            raise ValueError(msg)
    best = max(means.values())
    return min(k for k, mean in means.items() if mean >= best - 1e-9)


def _check_mapping(name: str, values: object) -> None:
    if not isinstance(values, Mapping):
        msg = f"{name} must be a dict from k to accuracies; got {type(values).__name__}"
        raise TypeError(msg)
