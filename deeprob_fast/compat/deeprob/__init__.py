"""DeepRob's first project (and the first two of EECS 498-007/598): `knn`, `linear_classifier` and the helpers for gradients.

Distances are squared and of shape (num_train, num_test), accuracies of k-NN in percent, folds those of
`torch.chunk`; W is (D, C).
"""

from deeprob_fast.compat._linear import (
    softmax_loss_naive,
    softmax_loss_vectorized,
    svm_loss_naive,
    svm_loss_vectorized,
)
from deeprob_fast.compat.deeprob.grad import compute_numeric_gradient, grad_check_sparse, rel_error
from deeprob_fast.compat.deeprob.knn import (
    KnnClassifier,
    compute_distances_no_loops,
    compute_distances_one_loop,
    compute_distances_two_loops,
    knn_cross_validate,
    knn_get_best_k,
    predict_labels,
)
from deeprob_fast.compat.deeprob.linear_classifier import (
    LinearClassifier,
    LinearSVM,
    Softmax,
    softmax_get_search_params,
    svm_get_search_params,
    test_one_param_set,
)
from deeprob_fast.compat.deeprob.training import predict_linear_classifier, sample_batch, train_linear_classifier

__all__ = [
    "KnnClassifier",
    "LinearClassifier",
    "LinearSVM",
    "Softmax",
    "compute_distances_no_loops",
    "compute_distances_one_loop",
    "compute_distances_two_loops",
    "compute_numeric_gradient",
    "grad_check_sparse",
    "knn_cross_validate",
    "knn_get_best_k",
    "predict_labels",
    "predict_linear_classifier",
    "rel_error",
    "sample_batch",
    "softmax_get_search_params",
    "softmax_loss_naive",
    "softmax_loss_vectorized",
    "svm_get_search_params",
    "svm_loss_naive",
    "svm_loss_vectorized",
    "test_one_param_set",
    "train_linear_classifier",
]
