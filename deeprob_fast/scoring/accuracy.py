"""How good a classification is: shares of classes that are right."""

import numpy as np

from deeprob_fast._typing import AnyArray, Int64


def confusion_matrix(truth: AnyArray, predictions: AnyArray, n_classes: int) -> Int64:
    """Count the examples of each class (row) that were taken for each class (column), both given by numbers."""
    cells = truth.astype(np.int64) * n_classes + predictions
    return np.bincount(cells, minlength=n_classes * n_classes).reshape(n_classes, n_classes).astype(np.int64)


def accuracy(truth: AnyArray, predictions: AnyArray) -> float:
    """Return the share of the examples that are right; `predictions` may have several columns, of which one has to be."""
    hits = predictions == (truth if predictions.ndim == 1 else truth[:, np.newaxis])
    return float(hits.mean() if hits.ndim == 1 else hits.any(axis=1).mean())


def mean_per_class_accuracy(truth: AnyArray, predictions: AnyArray, n_classes: int) -> float:
    """Return the mean, over the classes that occur in `truth`, of the share of their examples that are right."""
    counts = np.bincount(truth, minlength=n_classes)
    right = np.bincount(truth[truth == predictions], minlength=n_classes)
    return float((right[counts > 0] / counts[counts > 0]).mean())
