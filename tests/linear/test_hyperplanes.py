"""The geometry of binary linear support vector machines."""

import numpy as np
import pytest
from sklearn.svm import SVC

import deeprob_fast as df


def test_the_convention():
    plane = df.Hyperplane([0.0, 2.0], 4.0)  # the line where the second coordinate is 2
    points = [[5.0, 2.0], [0.0, 2.5], [0.0, 1.5], [0.0, 0.0]]
    assert plane.decision_function(points).tolist() == [0.0, 1.0, -1.0, -4.0]
    assert plane.distances(points).tolist() == [0.0, 0.5, -0.5, -2.0]
    assert plane.margin_width == 1.0
    assert plane.margins(points, [1, 1, 1, -1]).tolist() == [0.0, 1.0, -1.0, 4.0]


def test_support_vectors_are_on_their_margin_or_beyond_it():
    plane = df.Hyperplane([1.0], 0.0)
    x = np.array([[1.0], [1.0005], [1.1], [0.5], [-0.5], [-2.0], [-1.0]])
    y = [1, 1, 1, 1, 1, -1, -1]
    assert plane.support_vectors(x, y).tolist() == [0, 1, 3, 4, 6]
    assert plane.support_vectors(x, y, tol=0).tolist() == [0, 3, 4, 6]
    assert plane.support_vectors(x.astype(np.float32), y, tol=0.2).tolist() == [0, 1, 2, 3, 4, 6]


def separable(seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat([-1, 1], 60)
    return rng.standard_normal((120, 2)) + 1.2 * y[:, None], y


@pytest.mark.parametrize("formulation", ["weston_watkins", "runner_up"])
@pytest.mark.parametrize("delta", [1.0, 3.0])
def test_the_plane_of_a_classifier_is_the_one_of_libsvm(formulation, delta):
    x, y = separable()
    names = np.where(y > 0, "positive", "negative")
    # Scores that are delta times as large lose delta times as much, and their squares delta**2 times.
    reg = 1 / (0.1 * len(x)) / delta
    model = df.LinearSVM(formulation=formulation, delta=delta, reg=reg, batch_size=None, max_epochs=4000).fit(x, names)
    theirs = SVC(kernel="linear", C=0.1, tol=1e-6).fit(x, y)
    plane = model.hyperplane_
    np.testing.assert_allclose(plane.w, theirs.coef_[0], atol=0.01)
    np.testing.assert_allclose(-plane.b, theirs.intercept_[0], atol=0.02)
    assert set(plane.support_vectors(x, y, tol=0.02)) >= set(theirs.support_)
    assert (np.sign(plane.distances(x)) > 0).tolist() == (model.predict(x) == "positive").tolist()


def test_one_against_all_has_a_margin_on_each_side():
    x, y = separable()
    ours = df.LinearSVM(formulation="one_vs_all", reg=0.05, batch_size=None, max_epochs=4000).fit(x, y)
    # Two rows of opposite signs, u and -u, minimise hinge + reg |u|^2 each; a binary machine v: hinge + reg / 2 |v|^2.
    binary = df.LinearSVM(reg=0.1, batch_size=None, max_epochs=4000).fit(x, y)
    assert ours.hyperplane_.w == pytest.approx(ours.coef_[0] / 2)
    np.testing.assert_allclose(ours.hyperplane_.w, binary.hyperplane_.w, atol=0.02)


@pytest.mark.parametrize("model", [df.LinearSVM(), df.LinearSVM(max_epochs=1).fit(np.eye(3), [0, 1, 2])])
def test_only_two_classes_have_a_plane(model):
    with pytest.raises(AttributeError, match="hyperplane_ exists after fitting two classes"):
        _ = model.hyperplane_


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: df.Hyperplane([0.0, 0.0], 1.0), "w must not be 0"),
        (lambda: df.Hyperplane([[1.0, 2.0]], 1.0), "w must be 1-D"),
        (lambda: df.Hyperplane([np.nan], 1.0), "w must be finite"),
        (lambda: df.Hyperplane([1.0], np.inf), "b must be finite; got inf"),
        (lambda: df.Hyperplane([1.0], 0.0).distances([[1.0, 2.0]]), "X must have 1 features"),
        (lambda: df.Hyperplane([1.0], 0.0).margins([[1.0]], [0]), "y must hold the labels -1 and 1; got"),
        (lambda: df.Hyperplane([1.0], 0.0).margins([[1.0]], [1, 1]), "y must be 1-D with one label for each of the 1 rows of X"),
        (lambda: df.Hyperplane([1.0], 0.0).support_vectors([[1.0]], [1], tol=-1), "tol must be finite and at least 0"),
    ],
)
def test_wrong_arguments(call, words):
    with pytest.raises(ValueError, match=words):
        call()
