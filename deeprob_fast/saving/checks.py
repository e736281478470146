"""Whether estimators from a file hang together, so that no kernel reads beyond an array."""

from typing import Any

import numpy as np

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
    """Refuse rows and labels that do not fit together."""
    index = model.index_
    _demand(isinstance(index, KNNIndex), "rows")
    _demand(model.n_features_in_ == index.n_features and model.n_samples_fit_ == index.n_train, "rows and features")
    if hasattr(model, "classes_"):
        classes, labels = model.classes_, model._labels
        # Exactly arrays: the extremes of a masked one leave out what the kernels read.
        _demand(type(classes) is np.ndarray and np.array_equal(np.unique(classes), classes), "classes")
        _demand(type(labels) is np.ndarray and labels.dtype == np.int64 and labels.shape == (index.n_train,), "labels")
        _demand(labels.min() >= 0 and labels.max() < len(classes), "labels")
