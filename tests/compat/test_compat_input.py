"""What the courses' names say to input that they cannot take."""

import numpy as np
import pytest

from deeprob_fast.compat import cs231n, deeprob

X, y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])
W = np.ones((2, 2))
CLASSIFIER = deeprob.KnnClassifier(X, y)


def own_loss(W, X, y, reg):
    return 0.0, 0 * W


def settings(X_val, y_val):
    return {"X_train": X, "y_train": y, "X_val": X_val, "y_val": y_val}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: deeprob.predict_labels(X, y.astype(np.uint64) + 2**63), ValueError, "y_train must hold integers that fit int64"),
        (lambda: deeprob.predict_labels(X * 1j, y), TypeError, "dists must hold real numbers; got dtype complex128"),
        (lambda: CLASSIFIER.check_accuracy(np.float64(1), y), ValueError, r"x_test must hold .*got shape \(\)"),
        (lambda: CLASSIFIER.check_accuracy(X[:0], y[:0]), ValueError, "x_test must hold at least 1 sample; got shape"),
        (lambda: deeprob.KnnClassifier(X[:0], y[:0]).predict(X), ValueError, "x_train must hold at least 1 sample; got shape"),
        (lambda: deeprob.knn_cross_validate(X[:1], y[:1], 2, [1]), ValueError, "x_train must hold at least 2 samples"),
        (lambda: deeprob.knn_get_best_k({1: [0.5], 3: [np.nan]}), ValueError, "k_to_accuracies must not hold NaN.* k = 3"),
        (lambda: deeprob.knn_get_best_k([50.0]), TypeError, "k_to_accuracies must be a dict from k to accuracies; got list"),
        (lambda: cs231n.KNearestNeighbor().predict(X), ValueError, r"X_train must be memorised first: call train\(X, y\)"),
        (lambda: cs231n.KNearestNeighbor().predict_labels(X), ValueError, "y_train must be memorised first"),
        (lambda: deeprob.train_linear_classifier(own_loss, W, X, y[:3]), ValueError, "y must hold one label for each of"),
        (lambda: deeprob.train_linear_classifier(own_loss, W, X[:0], y[:0]), ValueError, r"X must hold at least .*\(0, 2\)"),
        (lambda: deeprob.train_linear_classifier(deeprob.svm_loss_naive, W, X / 0.0, y), ValueError, "X must be finite; row 0"),
        (lambda: deeprob.train_linear_classifier(lambda *_: (0.0, W[:1]), W, X, y), ValueError, r"\(2, 2\); got \(1, 2\)"),
        (lambda: deeprob.sample_batch(X, y[:5], 5, 2), ValueError, "y must hold one label for each of the 6 rows"),
        (lambda: deeprob.sample_batch(None, y, 5, 2), ValueError, "X must hold at least one example"),
        (lambda: deeprob.test_one_param_set(deeprob.Softmax(), settings(X, y[:1]), 0.1, 0.0, 1), ValueError, "y_val must be 1-D"),
        (lambda: deeprob.test_one_param_set(deeprob.Softmax(), settings(X[:0], y[:0]), 0.1, 0.0, 1), ValueError, "X_val must"),
        (lambda: deeprob.rel_error(X * 1j, X), TypeError, "x must hold real numbers; got dtype complex128"),
        (lambda: deeprob.grad_check_sparse(None, X, X), TypeError, "f must be callable"),
        (lambda: cs231n.eval_numerical_gradient(np.sum, X, h=0), ValueError, "h must be finite and above 0"),
        (lambda: cs231n.sgd(W, W, {"learning_rate": -1}), ValueError, r"config\['learning_rate'\] must be .*; got -1"),
        (lambda: cs231n.rmsprop(W, W, {"decay_rate": 2}), ValueError, r"config\['decay_rate'\] must be .*; got 2"),
        (lambda: cs231n.adam(W, W, {"beta1": 1.0}), ValueError, r"config\['beta1'\] must be .*; got 1.0"),
        (lambda: cs231n.adam(W, W, {"epsilon": None}), TypeError, r"config\['epsilon'\] must be a number; got None"),
        (lambda: cs231n.sgd_momentum(W, W, [0.1]), TypeError, "config must be a dict.*; got list"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_messages_name_the_argument(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_lists_are_examples_for_an_own_loss_too():
    found, history = deeprob.train_linear_classifier(own_loss, W, X.tolist(), y.tolist(), num_iters=2)
    assert history == [0, 0]
    assert (found == W).all()
    assert deeprob.sample_batch(X.tolist(), y.tolist(), 6, 4)[0].shape == (4, 2)


@pytest.mark.parametrize("loss_func", [deeprob.svm_loss_vectorized, deeprob.softmax_loss_vectorized])
def test_a_divergence_is_not_blamed_on_the_examples(loss_func):
    _, history = deeprob.train_linear_classifier(loss_func, None, X, y, learning_rate=1e300, num_iters=5)
    assert np.isnan(history[-1])


def test_files_that_hold_no_weights_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        deeprob.Softmax().load(tmp_path / "absent.pt")
    np.savez(tmp_path / "objects.npz", W=np.array([None]))
    with pytest.raises(ValueError, match=r"objects\.npz must hold plain arrays in W; it holds Python objects"):
        deeprob.Softmax().load(tmp_path / "objects.npz")


def test_files_that_hold_no_tensor_are_named(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    (tmp_path / "junk.pt").write_bytes(b"junk" * 100)
    with pytest.raises(ValueError, match=r"junk\.pt must be a whole file of torch\.save"):
        deeprob.Softmax().load(tmp_path / "junk.pt")
    torch.save({"V": torch.ones(2)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt must hold a dict with the tensor W; got \['V'\]"):
        deeprob.Softmax().load(tmp_path / "other.pt")
    torch.save(torch.ones(2), tmp_path / "bare.pt")
    with pytest.raises(ValueError, match=r"bare\.pt must hold a dict with the tensor W; got Tensor"):
        deeprob.Softmax().load(tmp_path / "bare.pt")
