"""Whether estimators from a file hang together, so that no kernel reads beyond an array."""

from typing import Any

import numpy as np

from deeprob_fast.knn.estimators.metrics import PRECOMPUTED
from deeprob_fast.knn.estimators.precomputed import PrecomputedDistances, is_square
from deeprob_fast.knn.index import KNNIndex
from deeprob_fast.linear.loop import Training


def _demand(condition: Any, what: str) -> None:
    if not condition:
        msg = f"its {what} do not fit together"
        raise ValueError(msg)


def check_linear(model: Any) -> None:
    """Refuse weights and labels that do not fit together."""
    classes, n_features = model.classes_, model.n_features_in_
    _demand(isinstance(classes, np.ndarray) and classes.ndim == 1 and len(classes) >= 2, "classes")
    _demand(np.array_equal(np.unique(classes), classes), "classes")
    _demand(type(n_features) is int and n_features >= 1, "features")
    n_classes = len(classes)
    n_scores = 1 if n_classes == 2 else n_classes
    shapes = {
        "coef_": (n_scores, n_features),
        "intercept_": (n_scores,),
        "_weights": (n_classes, n_features + 1),
    }
    for name, shape in shapes.items():
        array = getattr(model, name)
        _demand(isinstance(array, np.ndarray) and array.shape == shape and array.dtype in (np.float32, np.float64), "weights")
    _demand(model.coef_.dtype == model.intercept_.dtype and model._weights.dtype == np.float64, "weights")
    _demand(model._trainer is None, "weights and optimizer")


def check_training(training: Training) -> None:
    """Refuse what are no weights and losses."""
    floats = (np.float32, np.float64)
    arrays = {"W": 2, "loss_history": 1, "val_losses": 1, "val_accuracies": 1}
    for name, n_dimensions in arrays.items():
        array = getattr(training, name)
        _demand(isinstance(array, np.ndarray) and array.ndim == n_dimensions and array.dtype in floats, "weights and losses")
    _demand(len(training.val_losses) == len(training.val_accuracies), "losses and accuracies")
    _demand(type(training.best_epoch) is int and type(training.stopped_early) is bool, "numbers")
    _demand(training.diverged_at is None or type(training.diverged_at) is int, "numbers")


def check_neighbors(model: Any) -> None:
    """Refuse rows, labels and values that do not fit together."""
    index = model.index_
    if isinstance(index, PrecomputedDistances):
        _demand(is_square(index), "distances")
        n_features, metric = index.n_train, PRECOMPUTED
    else:
        _demand(isinstance(index, KNNIndex), "rows")
        n_features, metric = index.n_features, index.metric
    _demand(model.n_features_in_ == n_features and model.n_samples_fit_ == index.n_train, "rows and features")
    _demand(model.effective_metric_ == metric, "rows and metric")
    if hasattr(model, "classes_"):
        _demand(type(model.outputs_2d_) is bool, "outputs")
        outputs = (model.classes_, model._labels) if model.outputs_2d_ else ([model.classes_], [model._labels])
        _demand(len(outputs[0]) == len(outputs[1]) > 0, "classes and labels")
        for classes, labels in zip(*outputs, strict=True):
            _check_labels(classes, labels, index.n_train)
        outliers = getattr(model, "outlier_label_", None)
        _demand(outliers is None or len(outliers) == len(outputs[0]), "labels of outliers")
    if hasattr(model, "_y"):
        values = model._y
        _demand(type(values) is np.ndarray and values.dtype == np.float64 and values.ndim in (1, 2), "values")
        _demand(len(values) == index.n_train, "values")


def _check_labels(classes: Any, labels: Any, n_train: int) -> None:
    # Exactly arrays: the extremes of a masked one leave out what the kernels read.
    _demand(type(classes) is np.ndarray and np.array_equal(np.unique(classes), classes), "classes")
    _demand(type(labels) is np.ndarray and labels.dtype == np.int64 and labels.shape == (n_train,), "labels")
    _demand(labels.min() >= 0 and labels.max() < len(classes), "labels")
