"""Cross-validation of k against a loop over folds and k."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GroupKFold, ShuffleSplit, StratifiedKFold

import deeprob_fast as df
from deeprob_fast.datasets import SplitWarning
from deeprob_fast.scoring.folds import folds_of
from tests import reference
from tests.limits import lower_limits


def example(n, n_features=6, n_classes=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 4, (n, n_features)).astype(np.float32)  # many equal distances
    return X, rng.integers(0, n_classes, n)


def predict(train, labels, queries, k):
    """The class with the most of the k nearest; ties to the smallest."""
    nearest = reference.nearest(train, queries, k, "euclidean")[1]
    return np.array([np.bincount(labels[row]).argmax() for row in nearest])


def loop(X, y, folds, k_choices):
    """What the courses write: a loop over folds and k."""
    return {
        k: tuple(float(np.mean(predict(X[train], y[train], X[held_out], k) == y[held_out])) for train, held_out in folds)
        for k in k_choices
    }


def chunks(n, num_folds):
    """As torch.chunk splits n rows, and what is left."""
    size = -(-n // num_folds)
    parts = [np.arange(n)[start : start + size] for start in range(0, n, size)]
    return [(np.setdiff1d(np.arange(n), part), part) for part in parts]


def array_splits(n, num_folds):
    return [(np.setdiff1d(np.arange(n), part), part) for part in np.array_split(np.arange(n), num_folds)]


RULES = {"chunk": chunks, "array_split": array_splits}


@given(
    n=st.integers(20, 70),
    num_folds=st.integers(2, 9),
    rule=st.sampled_from(sorted(RULES)),
    seed=st.integers(0, 99),
    n_features=st.sampled_from([3, 6, 20]),  # sorted into boxes, or searched by pieces
)
@settings(deadline=None, max_examples=40)
@pytest.mark.filterwarnings("ignore::deeprob_fast.datasets.SplitWarning")  # few rows: all of a class may be in one fold
def test_equals_the_loop(n, num_folds, rule, seed, n_features):
    X, y = example(n, n_features, seed=seed)
    found = df.knn_cross_validate(X, y, num_folds, (1, 7, 3), rule)
    assert found.accuracies == loop(X, y, RULES[rule](n, num_folds), (1, 7, 3))
    assert list(found.accuracies) == [1, 7, 3]


@pytest.mark.parametrize("num_folds", [2, 3, 4])
def test_rows_sorted_by_class(num_folds):
    """Consecutive folds hold whole classes, which nothing can recognise; stratified ones have rows of every class."""
    rng = np.random.default_rng(0)
    y = np.repeat([*"abcdefg", "h"], [*[30] * 7, 1])
    X = rng.standard_normal((len(y), 2)) + 10 * np.unique(y, return_inverse=True)[1][:, None]
    with pytest.warns(SplitWarning, match=r"fold 1 validates class 'a'.*, of which no row trains, and which counts as wrong"):
        low = df.knn_cross_validate(X, y, num_folds, 1)
    assert low.mean[1] < 0.5
    found = df.knn_cross_validate(X, y, num_folds, 1, folds="stratified")
    assert found.mean[1] > 0.98
    assert sum(found.fold_sizes) == len(y)
    assert max(found.fold_sizes) - min(found.fold_sizes) <= 1


def test_stratified_folds():
    y = np.array([*"aabbbcc"])
    folds = folds_of("stratified", 2, y, y, None)
    assert [validation.tolist() for _, validation in folds] == [[0, 2, 4, 6], [1, 3, 5]]
    assert [train.tolist() for train, _ in folds] == [[1, 3, 5], [0, 2, 4, 6]]


@pytest.mark.parametrize("repeated", [False, True])
def test_larger_data_equal_the_loop(repeated, monkeypatch):
    lower_limits(monkeypatch, piece_bytes=1 << 14)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 70)).astype(np.float32)
    if repeated:
        X = X[rng.integers(0, 90, 600)]
    y = rng.integers(0, 5, 600)
    splitter = StratifiedKFold(3, shuffle=True, random_state=0)
    found = df.knn_cross_validate(X, y, k_choices=(1, 4, 40), folds=splitter)
    assert found.accuracies == loop(X, y, list(splitter.split(X, y)), (1, 4, 40))


def test_chunks_may_be_fewer_than_asked():
    X, y = example(5)
    assert df.knn_cross_validate(X, y, 4, 1).fold_sizes == (2, 2, 1)
    assert df.knn_cross_validate(X, y, 4, 1, "array_split").fold_sizes == (2, 1, 1, 1)


@pytest.mark.parametrize("splitter", [StratifiedKFold(4, shuffle=True, random_state=0), ShuffleSplit(3, random_state=1)])
def test_splitters(splitter):
    X, y = example(60)
    found = df.knn_cross_validate(X, y, k_choices=(1, 5), folds=splitter)
    pairs = list(splitter.split(X, y))
    assert found.accuracies == loop(X, y, pairs, (1, 5))
    assert df.knn_cross_validate(X, y, k_choices=(1, 5), folds=pairs) == found
    masks = [tuple(np.isin(np.arange(60), rows) for rows in (np.sort(pair[0]), pair[1])) for pair in pairs[:1]]
    assert df.knn_cross_validate(X, y, k_choices=1, folds=masks).fold_sizes == found.fold_sizes[:1]


def test_groups_stay_together():
    X, y = example(40)
    groups = np.arange(40) // 5
    splitter = GroupKFold(4)
    found = df.knn_cross_validate(X, y, k_choices=3, folds=splitter, groups=groups)
    assert found.accuracies == loop(X, y, splitter.split(X, y, groups), (3,))


def test_summary():
    X, y = example(52)
    found = df.knn_cross_validate(X, np.where(y == 0, "a", "b"), 5, (1, 2, 5))
    for k, shares in found.accuracies.items():
        assert found.mean[k] == pytest.approx(np.mean(shares), abs=1e-15)
        assert found.std[k] == pytest.approx(np.std(shares, ddof=1), abs=1e-15)
    assert found.mean[found.best_k] == max(found.mean.values())
    lines = str(found).splitlines()
    assert len(lines) == 4
    assert f"{found.accuracies[5][2]:.2%}" in lines[3]
    assert [line.endswith("best") for line in lines[1:]] == [k == found.best_k for k in (1, 2, 5)]


def test_equal_means_go_to_the_smallest_k():
    X = np.array([[0.0], [0.1], [0.2], [9.0], [9.1], [9.2]] * 2)
    found = df.knn_cross_validate(X, (X[:, 0] > 5).astype(int), 2, (3, 2, 1))
    assert set(found.mean.values()) == {1.0}
    assert found.best_k == 1


def test_one_fold_has_no_deviation():
    X, y = example(20)
    assert np.isnan(df.knn_cross_validate(X, y, k_choices=1, folds=[(range(10), range(10, 20))]).std[1])


@pytest.mark.parametrize("weights", ["distance", "softmax"])
def test_weights_and_metric(weights):
    X, y = example(50)
    found = df.knn_cross_validate(X, y, 2, 9, weights=weights, temperature=0.5, metric="manhattan")
    model = df.KNeighborsClassifier(9, weights=weights, temperature=0.5, metric="manhattan").fit(X[25:], y[25:])
    assert found.accuracies[9][0] == model.score(X[:25], y[:25])


def test_callback_hears_of_every_fold():
    heard: list[float] = []
    X, y = example(40)
    df.knn_cross_validate(X, y, 4, 1, callback=heard.append)
    assert heard == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"num_folds": 1}, ValueError, "num_folds must be between 2 and 30"),
        ({"num_folds": 31}, ValueError, "num_folds must be between 2 and 30"),
        ({"folds": "random"}, ValueError, "folds must be one of chunk, array_split, stratified; got 'random'"),
        ({"folds": 5}, TypeError, "folds must be one of chunk, array_split, stratified, a splitter of scikit-learn or pairs"),
        ({"folds": []}, ValueError, "folds must hold at least one fold; got none"),
        ({"folds": [1, 2]}, TypeError, "folds must give pairs, .*; got int"),
        ({"folds": [([0, 1], [30])]}, ValueError, "folds must give numbers of rows from 0 to 29"),
        ({"folds": [([0, 1], [])]}, ValueError, "folds must give numbers of rows from 0 to 29"),
        ({"k_choices": (1, 25)}, ValueError, "k_choices must be between 1 and 24"),
        ({"k_choices": ()}, ValueError, "k_choices must hold at least one"),
        ({"y": [1, 2]}, ValueError, "y must be 1-D with one label for each of the 30 rows of X"),
        ({"X": [[1.0]], "y": [1]}, ValueError, "X must have at least two rows; got 1"),
    ],
)
def test_mistakes(change, error, words):
    X, y = example(30)
    with pytest.raises(error, match=words):
        df.knn_cross_validate(**{"X": X, "y": y, "k_choices": 1, **change})


@pytest.mark.parametrize(("n_rows", "largest"), [(5, 3), (10, 8), (124, 50), (125, 100)])
def test_the_default_leaves_out_what_exceeds_a_fold(n_rows, largest):
    rows, labels = np.arange(n_rows, dtype=np.float64)[:, None], np.arange(n_rows) % 2
    found = df.knn_cross_validate(rows, labels)
    assert max(found.accuracies) == largest
    assert set(found.accuracies) <= {1, 3, 5, 8, 10, 12, 15, 20, 50, 100}
    assert list(df.compat.deeprob.knn_cross_validate(rows, labels)) == list(found.accuracies)
    with pytest.raises(ValueError, match=r"k_choices must be between 1 and .*; got 101"):
        df.knn_cross_validate(rows, labels, k_choices=(1, 101))
