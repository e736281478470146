"""CS231n's first assignment: k-nearest neighbours, linear classifiers, the helpers for gradients; and the update rules.

Distances are not squared, in double precision and of shape (num_test, num_train), accuracies are fractions; W is (D, C).
"""

from deeprob_fast.compat._linear import (
    softmax_loss_naive,
    softmax_loss_vectorized,
    svm_loss_naive,
    svm_loss_vectorized,
)
from deeprob_fast.compat.cs231n.gradient_check import (
    eval_numerical_gradient,
    eval_numerical_gradient_array,
    grad_check_sparse,
    rel_error,
)
from deeprob_fast.compat.cs231n.k_nearest_neighbor import KNearestNeighbor
from deeprob_fast.compat.cs231n.linear_classifier import LinearClassifier, LinearSVM, Softmax
from deeprob_fast.compat.cs231n.optim import adam, rmsprop, sgd, sgd_momentum

__all__ = [
    "KNearestNeighbor",
    "LinearClassifier",
    "LinearSVM",
    "Softmax",
    "adam",
    "eval_numerical_gradient",
    "eval_numerical_gradient_array",
    "grad_check_sparse",
    "rel_error",
    "rmsprop",
    "sgd",
    "sgd_momentum",
    "softmax_loss_naive",
    "softmax_loss_vectorized",
    "svm_loss_naive",
    "svm_loss_vectorized",
]
