"""Losses, training and gradient checks of DeepRob's first project, on arrays and on tensors."""

import random
import re
import sys
from functools import partial
from typing import Any

import numpy as np
import pytest

from deeprob_fast.compat import deeprob
from tests import reference
from tests.compat.kinds import digits, with_ones
from tests.compat.kinds import kind as kind  # noqa: PLC0414  # a fixture
from tests.nine_points import KNOWN, LABELS, POINTS, WITH_BIAS

LOSSES: dict[str, Any] = {
    "svm": (deeprob.svm_loss_naive, deeprob.svm_loss_vectorized, "weston_watkins"),
    "softmax": (deeprob.softmax_loss_naive, deeprob.softmax_loss_vectorized, "softmax"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_those_of_the_page(kind, name):
    """The bias trick, without the penalty, which the page spares the bias."""
    W, X, y = kind.make(WITH_BIAS), kind.make(with_ones(POINTS)), kind.make(LABELS)
    known = KNOWN[LOSSES[name][2]]
    for function in LOSSES[name][:2]:
        loss, dW = function(W, X, y, 0.0)
        assert loss.item() == pytest.approx(known.data_loss, abs=5e-5)
        assert np.allclose(dW, np.column_stack([known.by_weights, known.by_bias]).T, atol=1e-4)
        assert kind.is_own(dW)


def test_the_penalty_has_no_half_and_counts_the_bias(kind):
    loss, dW = deeprob.softmax_loss_naive(
        kind.make(np.ones((3073, 10))), kind.make(np.zeros((4, 3073))), kind.make(np.array([1, 2, 3, 4])), 2.5e4
    )  # fmt: skip
    assert f"{loss.item():.6f}" == "768250002.302585"
    assert np.allclose(dW, 5e4)


def test_losses_at_chance():
    X, y = digits()
    W = 1e-6 * np.random.default_rng(0).standard_normal((65, 10))
    assert deeprob.svm_loss_vectorized(W, X, y, 5e-6)[0] == pytest.approx(9, abs=1e-3)
    assert deeprob.softmax_loss_vectorized(W, X, y, 5e-6)[0] == pytest.approx(np.log(10), abs=1e-3)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_losses_keep_the_kind_and_dtype_of_the_weights(kind, name, dtype):
    rng = np.random.default_rng(3)
    W, X, y = rng.standard_normal((7, 4)), rng.standard_normal((20, 7)), rng.integers(0, 4, 20)
    naive, vectorized, formula = LOSSES[name]
    args = (kind.make(W.astype(dtype)), kind.make(X.astype(dtype)), kind.make(y), 0.5)
    loss, dW = vectorized(*args)
    value, gradient = reference.linear_loss(W.astype(dtype), X.astype(dtype), y, formula, reg=0.5)
    rounding = {"float16": 2e-3, "float32": 1e-5, "float64": 1e-12}[dtype]
    assert float(loss) == pytest.approx(value, rel=rounding)
    assert np.allclose(dW, gradient, atol=rounding * 20)
    assert dW.dtype == kind.dtype(dtype)
    assert isinstance(loss, float) or (tuple(loss.shape), loss.dtype) == ((), kind.dtype(dtype))
    again, same = naive(*args)
    assert float(again) == float(loss)
    assert same.tolist() == dW.tolist()


@pytest.mark.parametrize(("name", "reg"), [("svm", 0.0), ("svm", 1e3), ("softmax", 0.0), ("softmax", 10.0)])
def test_gradient_checks_of_the_notebook(kind, name, reg, capsys):
    X, y = map(kind.make, digits(64))
    W = kind.make(1e-3 * np.random.default_rng(0).standard_normal((65, 10)))
    loss = LOSSES[name][1]
    deeprob.grad_check_sparse(lambda w: loss(w, X, y, reg)[0], W, loss(W, X, y, reg)[1])
    pattern = r"^numerical: -?\d+\.\d{6} analytic: -?\d+\.\d{6}, relative error: (\d\.\d{6}e[+-]\d\d)$"
    errors = [float(error) for error in re.findall(pattern, capsys.readouterr().out, re.MULTILINE)]
    assert len(errors) == 10
    # Derivatives that are all but 0 drown in the rounding of a difference of 2e-7.
    assert np.median(errors) < 1e-5
    assert max(errors) < 1e-3
    numeric = deeprob.compute_numeric_gradient(lambda w: loss(w, X, y, reg)[0], W, h=1e-5)
    assert kind.is_own(numeric)
    assert deeprob.rel_error(numeric, loss(W, X, y, reg)[1]) < 1e-5


def test_numeric_gradient_of_arrays_in_any_layout(kind):
    x = kind.make(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    x = x.T if kind.type is np.ndarray else x.t()
    assert np.allclose(deeprob.compute_numeric_gradient(lambda v: v**2, x), 2 * np.array([[1.0, 4], [2, 5], [3, 6]]), atol=1e-5)
    weights = kind.make(np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]))
    assert np.allclose(deeprob.compute_numeric_gradient(lambda v: v**2, x, weights), [[2, 0], [0, 20], [0, 0]], atol=1e-5)


def test_relative_error_is_that_of_the_code(kind):
    x, y = kind.make(np.array([1.0, 0.0])), kind.make(np.array([1.0, 1e-12]))
    assert deeprob.rel_error(x, y) == pytest.approx(0.5e-12)
    assert deeprob.rel_error(0 * x, 0 * x) == 0
    assert deeprob.rel_error(kind.make(np.array([0.0])), kind.make(np.array([1e-12]))) == pytest.approx(1e-2)


def test_batches_are_those_of_the_seed(kind):
    X, y = kind.make(np.arange(40.0).reshape(20, 2)), kind.make(np.arange(20))
    if kind.type is np.ndarray:
        np.random.seed(5)  # noqa: NPY002  # as a notebook does
        expected = np.random.choice(20, 8)  # noqa: NPY002
        np.random.seed(5)  # noqa: NPY002
    else:
        torch = kind.dtypes
        torch.manual_seed(5)
        expected = torch.randint(20, (8,))
        torch.manual_seed(5)
    X_batch, y_batch = deeprob.sample_batch(X, y, 20, 8)
    assert y_batch.tolist() == expected.tolist()
    assert X_batch[:, 0].tolist() == (2 * expected).tolist()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_is_the_loop_of_the_course(kind, name, dtype, capsys):
    """The compiled loop against the steps that any other callable gets: same draws, same losses."""
    X, y = digits()
    X, y = kind.make(X.astype(dtype)), kind.make(y)
    loss = LOSSES[name][1]
    runs = []
    for function in (loss, partial(loss)):
        deeprob.LinearSVM()  # seeds
        runs.append(deeprob.train_linear_classifier(function, None, X, y, 0.1, 1e-3, 250, 50, verbose=True))
    (W, history), (steps, expected) = runs
    assert kind.is_own(W, steps)
    assert W.dtype == steps.dtype == kind.dtype(dtype)
    assert history == pytest.approx(expected, rel=1e-4 if dtype == "float32" else 1e-10)
    assert np.allclose(W, steps, atol=1e-4 if dtype == "float32" else 1e-10)
    assert all(type(value) is float for value in history)
    assert history[0] == pytest.approx(9 if name == "svm" else np.log(10), rel=1e-3)
    assert np.mean(history[-20:]) < 0.4 * history[0]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [f"iteration {i} / 250: loss {history[i]:f}" for i in (0, 100, 200)]
    assert len(lines) == 6


def test_a_training_that_diverges_has_nan_losses():
    X, y = digits(50)
    W, history = deeprob.train_linear_classifier(deeprob.svm_loss_naive, None, X, y, 1e3, 1e3, num_iters=200)
    assert len(history) == 200
    assert np.isnan(history[-1])
    assert W.shape == (65, 10)


def test_training_for_no_steps_changes_nothing():
    X, y = digits(20)
    W, history = deeprob.train_linear_classifier(deeprob.svm_loss_naive, np.ones((65, 10)), X, y, num_iters=0)
    assert (W == 1).all()
    assert history == []


def test_inputs_are_left_alone(kind):
    X, y = digits(60)
    W = np.random.default_rng(0).standard_normal((65, 10))
    given = [kind.make(W), kind.make(X), kind.make(y)]
    if kind.type is np.ndarray:
        for array in given:
            array.flags.writeable = False
    w, x, labels = given
    deeprob.svm_loss_naive(w, x, labels, 0.1)
    deeprob.softmax_loss_naive(w, x, labels, 0.1)
    deeprob.train_linear_classifier(deeprob.softmax_loss_naive, w, x, labels, 0.1)
    deeprob.train_linear_classifier(partial(deeprob.softmax_loss_naive), w, x, labels, 0.1)
    deeprob.predict_linear_classifier(w, x)
    deeprob.predict_labels(deeprob.compute_distances_no_loops(x, x), labels, k=2)
    deeprob.knn_cross_validate(x, labels, k_choices=[1])
    deeprob.compute_numeric_gradient(lambda v: v**2, w)
    assert [np.asarray(value).tolist() for value in given] == [W.tolist(), X.tolist(), y.tolist()]


@pytest.mark.parametrize("cls", [deeprob.LinearSVM, deeprob.Softmax])
def test_classifiers(kind, cls, tmp_path, capsys):
    X, y = digits(500)
    X, y = kind.make(X), kind.make(y)
    model = cls()
    history = model.train(X[:400], y[:400], learning_rate=0.1, reg=1e-4, num_iters=300)
    more = model.train(X[:400], y[:400], learning_rate=0.1, reg=1e-4, num_iters=10)
    assert more[0] < history[0] / 4  # from where it was
    predicted = model.predict(X[400:])
    assert kind.is_own(predicted)
    assert predicted.dtype == kind.dtype("int64")
    assert np.mean(np.asarray(predicted) == np.asarray(y[400:])) > 0.85
    model.save(tmp_path / "best.pt")
    assert capsys.readouterr().out == f"Saved in {tmp_path / 'best.pt'}\n"
    other = cls()
    other.load(tmp_path / "best.pt")
    assert kind.is_own(other.W)
    assert other.W.tolist() == model.W.tolist()


def test_a_saved_tensor_is_the_file_of_the_course(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    model = deeprob.Softmax()
    model.W = torch.eye(3)
    model.save(tmp_path / "softmax.pt")
    assert torch.load(tmp_path / "softmax.pt")["W"].tolist() == torch.eye(3).tolist()


def test_loading_what_is_no_file_of_weights(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    (tmp_path / "weights.pt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"weights\.pt must be an \.npz file with W; if it holds a tensor, import torch first"):
        deeprob.Softmax().load(tmp_path / "weights.pt")
    (tmp_path / "folder.pt").mkdir()
    with pytest.raises(ValueError, match=r"folder\.pt must be a regular file; it is a directory"):
        deeprob.Softmax().load(tmp_path / "folder.pt")
    for W, words in (
        (np.array([[None]]), "it holds Python objects"),
        (np.ones(3), "W as a matrix of numbers; it is 1-D"),
    ):
        with (tmp_path / "weights.pt").open("wb") as file:
            np.savez(file, W=W)
        with pytest.raises(ValueError, match=rf"weights\.pt must hold .*{words}"):
            deeprob.Softmax().load(tmp_path / "weights.pt")


def test_a_new_classifier_seeds_as_the_course_does(kind):
    X, y = digits(100)
    histories = []
    for _ in range(2):
        model = deeprob.Softmax()
        drawn = random.random()
        histories.append((drawn, model.train(kind.make(X), kind.make(y), num_iters=5)))
    assert histories[0] == histories[1]
    assert histories[0][0] == random.Random(0).random()


def test_an_own_loss_is_used():
    class Doubled(deeprob.LinearSVM):
        def loss(self, W, X_batch, y_batch, reg):  # type: ignore[override]  # a method, as in the course
            loss, dW = super().loss(W, X_batch, y_batch, reg)
            return 2 * loss, 2 * dW

    X, y = digits(100)
    assert Doubled().train(X, y, num_iters=1)[0] == pytest.approx(2 * deeprob.LinearSVM().train(X, y, num_iters=1)[0])


@pytest.mark.parametrize("params", [deeprob.svm_get_search_params(), deeprob.softmax_get_search_params()])
def test_search_of_settings(params):
    rates, strengths = params
    assert len(rates) >= 2
    assert len(strengths) >= 2
    assert 5 <= len(rates) * len(strengths) < 25


def test_one_set_of_parameters_gives_fractions(kind):
    X, y = digits(500)
    data = {"X_train": X[:400], "y_train": y[:400], "X_val": X[400:], "y_val": y[400:]}
    data = {name: kind.make(values) for name, values in data.items()}
    model = deeprob.Softmax()
    found, train_acc, val_acc = deeprob.test_one_param_set(model, data, 0.1, 1e-5, num_iters=200)
    assert found is model
    assert 0.9 < train_acc == np.mean(np.asarray(model.predict(data["X_train"])) == y[:400])
    assert val_acc == np.mean(np.asarray(model.predict(data["X_val"])) == y[400:])
    assert not vars(deeprob.test_one_param_set)["__test__"]


def test_first_class_wins_equal_scores(kind):
    assert deeprob.predict_linear_classifier(kind.make(np.ones((2, 3))), kind.make(np.ones((1, 2)))).tolist() == [0]
    bytes_ = kind.make(np.array([[200, 1], [1, 200]], dtype=np.uint8))
    assert deeprob.predict_linear_classifier(kind.make(np.eye(2, dtype=np.float32)), bytes_).tolist() == [0, 1]
