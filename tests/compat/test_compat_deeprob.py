"""Arrays, tensors and k-nearest neighbours under the names of DeepRob's first project."""

import subprocess
import sys

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast.compat import deeprob
from deeprob_fast.compat._arrays import like, read
from tests import reference
from tests.compat.kinds import digits
from tests.compat.kinds import kind as kind  # noqa: PLC0414  # a fixture


def loops(x_train, x_test):
    """What the course writes first."""
    dists = np.zeros((len(x_train), len(x_test)))
    for i, a in enumerate(x_train):
        for j, b in enumerate(x_test):
            dists[i, j] = ((a - b) ** 2).sum()
    return dists


@pytest.mark.parametrize("n_loops", ["two_loops", "one_loop", "no_loops"])
def test_distances_are_squared_and_train_by_test(kind, n_loops):
    rng = np.random.default_rng(0)
    x_train, x_test = rng.standard_normal((30, 3, 4, 4)), rng.standard_normal((20, 3, 4, 4))
    found = getattr(deeprob, f"compute_distances_{n_loops}")(kind.make(x_train), kind.make(x_test))
    assert kind.is_own(found)
    assert found.dtype == kind.dtype("float64")
    assert tuple(found.shape) == (30, 20)
    assert np.linalg.norm(read("found", found) - loops(x_train, x_test)) < 1e-4


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_distances_have_the_dtype_of_x_train(kind, dtype):
    x = kind.make(np.array([[1.0, 2.0], [4.0, 6.0]], dtype=dtype))
    found = deeprob.compute_distances_no_loops(x, x)
    assert found.dtype == kind.dtype(dtype)
    assert found.tolist() == [[0.0, 25.0], [25.0, 0.0]]


def test_distances_in_half_precision_overflow_as_they_do_in_the_course(kind):
    x = kind.make(np.array([[0.0], [300.0]], dtype=np.float16))
    assert deeprob.compute_distances_no_loops(x, x).tolist() == [[0.0, np.inf], [np.inf, 0.0]]


def test_distances_of_bytes_do_not_wrap_around(kind):
    x_train, x_test = kind.make(np.array([[0, 0]], dtype=np.uint8)), kind.make(np.array([[255, 1]], dtype=np.uint8))
    found = deeprob.compute_distances_no_loops(x_train, x_test)
    assert found.tolist() == [[65026.0]]
    assert found.dtype == kind.dtype("float64")


def test_distances_of_layouts_that_are_not_contiguous(kind):
    x = np.random.default_rng(1).standard_normal((6, 8))
    rows = kind.make(x)
    columns = rows.T if kind.type is np.ndarray else rows.t()
    assert np.allclose(deeprob.compute_distances_no_loops(rows[::2], rows[1::2]), loops(x[::2], x[1::2]))
    assert np.allclose(deeprob.compute_distances_no_loops(columns, columns), loops(x.T, x.T))


@pytest.mark.parametrize("dtype", ["bool", "int16", "int64"])
def test_distances_of_integers_are_in_double_precision(dtype):
    x = np.array([[0, 1], [1, 0]], dtype=dtype)
    found = deeprob.compute_distances_no_loops(x, x)
    assert found.dtype == np.float64
    assert found.tolist() == [[0, 2], [2, 0]]


def test_no_test_samples_have_no_distances(kind):
    assert tuple(deeprob.compute_distances_no_loops(kind.make(np.ones((3, 2))), kind.make(np.ones((0, 2)))).shape) == (3, 0)


def test_the_vote_of_the_notebook(kind):
    dists = [[0.3, 0.4, 0.1], [0.1, 0.5, 0.5], [0.4, 0.1, 0.2], [0.2, 0.2, 0.4], [0.5, 0.3, 0.3]]
    found = deeprob.predict_labels(kind.make(np.array(dists)), kind.make(np.array([0, 1, 0, 1, 2])), k=3)
    assert kind.is_own(found)
    assert found.dtype == kind.dtype("int64")
    assert found.tolist() == [1, 0, 0]


def test_equal_votes_go_to_the_smallest_label(kind):
    """The example of the docstring, with labels that are not class numbers as well."""
    dists = kind.make(np.arange(5.0)[:, None])
    assert deeprob.predict_labels(dists, kind.make(np.array([1, 2, 1, 2, 3])), k=5).tolist() == [1]
    assert deeprob.predict_labels(dists, kind.make(np.array([50, -7, 50, -7, 9])), k=4).tolist() == [-7]


def test_equal_distances_are_ordered_by_row(kind):
    dists, labels = kind.make(np.zeros((4, 1))), kind.make(np.array([3, 2, 1, 0]))
    assert deeprob.predict_labels(dists, labels, k=1).tolist() == [3]


def test_votes_over_many_columns_and_infinite_distances():
    rng = np.random.default_rng(2)
    dists, labels = rng.integers(0, 5, (40, 700)).astype(np.float32), rng.integers(0, 4, 40)
    dists[rng.random(dists.shape) < 0.3] = np.inf
    _, nearest = reference.top_k(dists.T, 7, largest=False)
    expected = [np.bincount(labels[own], minlength=4).argmax() for own in nearest]
    assert deeprob.predict_labels(dists, labels, k=7).tolist() == expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: deeprob.predict_labels(np.ones((3, 5)), np.arange(5)), r"\(num_train, num_test\).*got \(3, 5\).*transposed"),
        (lambda: deeprob.predict_labels(np.ones((3, 4)), np.arange(5)), r"num_train = 5, one for each label; got \(3, 4\)$"),
        (lambda: deeprob.predict_labels(np.full((2, 1), np.nan), np.arange(2)), r"dists must not hold NaN; got it at \(0, 0\)"),
        (lambda: deeprob.predict_labels(np.ones((2, 1)), np.ones((1, 2), dtype=int)), "y_train must be 1-D"),
        (lambda: deeprob.predict_labels(np.ones((2, 1)), np.arange(2), k=3), "k must be between 1 and 2"),
        (lambda: deeprob.compute_distances_no_loops(np.ones((2, 3)), np.ones((2, 4))), r"samples of shape \(3,\)"),
        (lambda: deeprob.compute_distances_no_loops(np.ones((2, 1)), [[np.nan]]), "x_test must be finite; row 0 holds NaN"),
        (lambda: deeprob.knn_cross_validate([[1.0], [np.inf]], [0, 1], 2, [1]), "x_train must be finite; row 1 holds infinity"),
        (lambda: deeprob.compute_distances_no_loops(1.0, np.ones((2, 4))), "x_train must hold samples"),
        (lambda: deeprob.KnnClassifier(np.ones((2, 3)), np.arange(3)).predict(np.ones((1, 3))), "2 rows of x_train; got"),
        (lambda: deeprob.KnnClassifier([[1]], [2]).check_accuracy(np.ones((0, 3)), np.arange(0)), "at least 1 sample"),
        (lambda: deeprob.knn_get_best_k({}), "k_to_accuracies must hold"),
        (lambda: deeprob.sample_batch(np.ones((3, 1)), np.arange(3), 4, 2), "num_train must be between 1 and 3"),
        (lambda: deeprob.LinearSVM().predict(np.ones((1, 2))), "W must be trained or loaded first"),
        (lambda: deeprob.svm_loss_naive(np.ones((10, 4)), np.ones((2, 4)), [0, 1], 0.0), r"W must have shape \(4, n_classes\)"),
        (lambda: deeprob.rel_error(np.ones(2), np.ones(3)), "x and y must have the same shape"),
    ],
)  # fmt: skip
def test_wrong_shapes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_labels_must_be_integers():
    with pytest.raises(TypeError, match="y_train must hold integers; got dtype float64"):
        deeprob.predict_labels(np.ones((2, 1)), np.ones(2))


def test_what_tensors_cannot_be():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    with pytest.raises(ValueError, match=r"x_train must be on the CPU.*got device meta"):
        deeprob.compute_distances_no_loops(torch.ones(2, 3, device="meta"), torch.ones(2, 3))
    with pytest.raises(TypeError, match=r"x_train must be a dense tensor of a dtype that NumPy has; got torch\.bfloat16"):
        deeprob.compute_distances_no_loops(torch.ones(2, 3, dtype=torch.bfloat16), torch.ones(2, 3))
    with pytest.raises(TypeError, match="dense tensor"):
        deeprob.compute_distances_no_loops(torch.ones(2, 3).to_sparse(), torch.ones(2, 3))


def test_torch_is_never_imported_here(tmp_path):
    code = (
        "import sys, numpy as np; from deeprob_fast.compat import cs231n, deeprob; model = deeprob.LinearSVM();"
        "model.train(np.ones((2, 1)), np.arange(2)); model.predict(np.ones((1, 1))); assert 'torch' not in sys.modules;"
        "assert not any(name.startswith(('sklearn', 'matplotlib')) for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_tensors_share_memory_and_forget_gradients():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    tensor = torch.ones(3, 2, requires_grad=True)
    array = read("x", tensor)
    assert array.ctypes.data == tensor.data_ptr()
    assert like(tensor, array).data_ptr() == tensor.data_ptr()
    found = deeprob.svm_loss_vectorized(tensor, torch.ones(4, 3), torch.zeros(4, dtype=torch.int64), 0.1)
    assert not any(value.requires_grad for value in found)


def test_classifier(kind, capsys):
    X, y = digits(400)
    classifier = deeprob.KnnClassifier(kind.make(X[:300].reshape(300, 5, 13)), kind.make(y[:300]))
    test, expected = kind.make(X[300:].reshape(100, 5, 13)), kind.make(y[300:])
    predicted = classifier.predict(test, k=3)
    assert kind.is_own(predicted)
    assert predicted.dtype == kind.dtype("int64")
    dists = deeprob.compute_distances_no_loops(classifier.x_train, test)
    assert predicted.tolist() == deeprob.predict_labels(dists, classifier.y_train, k=3).tolist()
    right = int((np.asarray(predicted) == y[300:]).sum())
    assert right > 85
    assert classifier.check_accuracy(test, expected, k=3) == right  # of 100, in percent
    assert capsys.readouterr().out == f"Got {right} / 100 correct; accuracy is {right:.2f}%\n"
    classifier.check_accuracy(test, expected, k=3, quiet=True)
    assert capsys.readouterr().out == ""


def test_folds_are_those_of_chunk(kind):
    """Of 5 rows in 4 folds chunk makes 2, 2 and 1."""
    X, y = kind.make(np.array([[0.0], [1.0], [0.1], [1.1], [0.2]])), kind.make(np.array([0, 1, 0, 0, 0]))
    found = deeprob.knn_cross_validate(X, y, num_folds=4, k_choices=[3, 1])
    assert found == {3: [50.0, 100.0, 100.0], 1: [50.0, 50.0, 100.0]}
    assert list(found) == [3, 1]


def test_cross_validation_is_the_loop_of_the_course(kind):
    X, y = digits(203)
    found = deeprob.knn_cross_validate(kind.make(X), kind.make(y), k_choices=[1, 3, 20])
    folds = [np.arange(start, min(start + 41, 203)) for start in range(0, 203, 41)]
    for k, accuracies in found.items():
        for fold, accuracy in zip(folds, accuracies, strict=True):
            rest = np.setdiff1d(np.arange(203), fold)
            classifier = deeprob.KnnClassifier(X[rest], y[rest])
            assert accuracy == classifier.check_accuracy(X[fold], y[fold], k=k, quiet=True)
    assert deeprob.knn_get_best_k(found) == df.knn_cross_validate(X, y, k_choices=(1, 3, 20)).best_k


@pytest.mark.filterwarnings("ignore::deeprob_fast.datasets.SplitWarning")  # few rows: all of a class are in one fold
def test_percents_are_rounded_once():
    """All rows are equal, so each fold is given the first label of the other; 100 * (7 / 25) is not 28."""
    labels = np.repeat([1, 0, 1], [7, 18, 25])
    assert deeprob.knn_cross_validate(np.zeros((50, 1)), labels, num_folds=2, k_choices=[1]) == {1: [28.0, 100.0]}


def test_best_k_of_equal_means_is_the_smallest():
    sevenths = [[100 * right / 7 for right in counts] for counts in ((0, 0, 3), (0, 1, 2))]
    assert np.mean(sevenths[0]) < np.mean(sevenths[1])  # by rounding
    assert deeprob.knn_get_best_k({5: sevenths[1], 3: sevenths[0], 1: [0.0, 0.0, 42.0]}) == 3
    assert deeprob.knn_get_best_k({8: [50.0, 50.0], 5: [49.0, 51.0], 1: [0.0, 99.9]}) == 5
    assert deeprob.knn_get_best_k({1: [10.0], 12: [30.0], 7: [20.0]}) == 12
