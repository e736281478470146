"""Exact k-nearest neighbours, proven exact, and linear classifiers, at the speed of the machine."""

import importlib
from typing import TYPE_CHECKING

from deeprob_fast import optim
from deeprob_fast.calibration import expected_calibration_error, fit_temperature
from deeprob_fast.cross_validation import CrossValidation, knn_cross_validate
from deeprob_fast.distances import TopK, pairwise_distances, top_k
from deeprob_fast.evaluation import FewShotScore, KNNEvaluation, KNNScore, evaluate_knn
from deeprob_fast.gradcheck import GradcheckError, GradcheckWarning, gradcheck, gradgradcheck
from deeprob_fast.hyperplanes import Hyperplane
from deeprob_fast.knn import KNNIndex, Neighbors, nearest_neighbors
from deeprob_fast.knn_protocols import KNN_PROTOCOLS, KNNProtocol
from deeprob_fast.losses import Loss, softmax_loss, svm_loss
from deeprob_fast.numerical import SparseCheck, grad_check_sparse, numerical_gradient
from deeprob_fast.optimum import Optimum, minimize_softmax, softmax_path
from deeprob_fast.probes import PROBE_PROTOCOLS, ProbeEvaluation, evaluate_probe
from deeprob_fast.random_search import RandomSearch, random_search
from deeprob_fast.training import Sweep, Training, sweep, train

if TYPE_CHECKING:
    from deeprob_fast import datasets, plots
    from deeprob_fast.linear import LinearSVM, SoftmaxClassifier
    from deeprob_fast.neighbors import KNeighborsClassifier, NearestNeighbors
    from deeprob_fast.persistence import load, save

__all__ = [
    "KNN_PROTOCOLS",
    "PROBE_PROTOCOLS",
    "CrossValidation",
    "FewShotScore",
    "GradcheckError",
    "GradcheckWarning",
    "Hyperplane",
    "KNNEvaluation",
    "KNNIndex",
    "KNNProtocol",
    "KNNScore",
    "KNeighborsClassifier",
    "LinearSVM",
    "Loss",
    "NearestNeighbors",
    "Neighbors",
    "Optimum",
    "ProbeEvaluation",
    "RandomSearch",
    "SoftmaxClassifier",
    "SparseCheck",
    "Sweep",
    "TopK",
    "Training",
    "datasets",
    "evaluate_knn",
    "evaluate_probe",
    "expected_calibration_error",
    "fit_temperature",
    "grad_check_sparse",
    "gradcheck",
    "gradgradcheck",
    "knn_cross_validate",
    "load",
    "minimize_softmax",
    "nearest_neighbors",
    "numerical_gradient",
    "optim",
    "pairwise_distances",
    "plots",
    "random_search",
    "save",
    "softmax_loss",
    "softmax_path",
    "svm_loss",
    "sweep",
    "top_k",
    "train",
]

# Imported on first use: what needs scikit-learn or matplotlib, which cost far more to import than all the rest, and what not
# everybody uses.
_LAZY_MODULES = ("datasets", "plots")
_LAZY = {
    "KNeighborsClassifier": "deeprob_fast.neighbors",
    "LinearSVM": "deeprob_fast.linear",
    "NearestNeighbors": "deeprob_fast.neighbors",
    "SoftmaxClassifier": "deeprob_fast.linear",
    "load": "deeprob_fast.persistence",
    "save": "deeprob_fast.persistence",
}


def __getattr__(name: str) -> object:
    if name in _LAZY_MODULES:
        return importlib.import_module(f"deeprob_fast.{name}")
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted(__all__)
