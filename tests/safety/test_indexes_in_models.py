"""Indexes, labels and parameters of neighbours in model files that an attacker wrote: ValueError, never a row that is none."""

import pickle

import numpy as np
import pytest
import skops.io

import deeprob_fast as df
from deeprob_fast.knn.neighbors import without_self
from tests.examples import blobs

X, Y = blobs(n=60)


def written(path, monkeypatch, state=None, **changes):
    """A .skops file of a classifier with other attributes, or with another state in its index."""
    model = df.KNeighborsClassifier(3).fit(X, Y)
    for name, value in changes.items():
        setattr(model, name, value)
    with monkeypatch.context() as patch:
        if state is not None:
            patch.setattr(df.KNNIndex, "__getstate__", lambda _: state)
        path.write_bytes(skops.io.dumps(model))


STATE = {"train": X, "metric": "euclidean", "n_threads": 1, "strategy": "auto"}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "'train'"),
        (STATE | {"_prepared": 1}, "unexpected keyword argument '_prepared'"),
        (STATE | {"callback": 1}, "unexpected keyword argument 'callback'"),
        (STATE | {"train": X * np.nan}, "train must be finite; row 0 holds NaN"),
        (STATE | {"train": X[0]}, "train must be 2-D"),
        (STATE | {"train": X[:0]}, "train must have at least one row"),
        (STATE | {"train": "x"}, "train must hold real numbers"),
        (STATE | {"train": X[:50]}, "its rows and features do not fit together"),
        (STATE | {"train": X[:, :2]}, "its rows and features do not fit together"),
        (STATE | {"metric": "hamming"}, "metric must be one of"),
        (STATE | {"metric": 3}, "metric must be one of"),
        (STATE | {"n_threads": 10**9}, "n_threads must be between 1 and 4096"),
        (STATE | {"strategy": "prefix"}, "strategy=.* cannot be used: fewer than 64 features"),
        (STATE | {"strategy": None}, "strategy must be one of"),
    ],
)
def test_an_index_is_prepared_from_its_rows_and_checked(tmp_path, monkeypatch, state, message):
    path = tmp_path / "m.skops"
    written(path, monkeypatch, STATE)
    assert df.load(path).index_.n_train == 60
    written(path, monkeypatch, state)
    with pytest.raises(ValueError, match=rf"m.skops must be a whole .skops file .*{message}"):
        df.load(path)


def masked(values):
    """Labels whose extremes leave out the one that leads out of the classes."""
    labels = np.ma.masked_array(values.copy(), mask=np.arange(len(values)) == 3)
    labels.data[3] = 10**9
    assert labels.max() < 10
    return labels


@pytest.mark.parametrize(
    "changes",
    [
        {"_labels": masked(Y)},
        {"_labels": np.full(60, 10**9)},
        {"_labels": -Y},
        {"_labels": Y[:, None]},
        {"_labels": np.repeat(Y, 2)},
        {"_labels": Y.astype(np.int32)},
        {"_labels": Y.astype(">i8")},
        {"_labels": Y.tolist()},
        {"classes_": [0, 1, 2]},
        {"classes_": {0: 0, 1: 1, 2: 2}},
        {"classes_": np.zeros((3, 2))},
        {"classes_": np.array([0, 2, 1])},
        {"classes_": np.arange(2)},
        {"index_": df.NearestNeighbors()},
    ],
)
def test_labels_fit_rows_and_classes(tmp_path, monkeypatch, changes):
    written(tmp_path / "m.skops", monkeypatch, **changes)
    with pytest.raises(ValueError, match=r"m.skops must be a whole .* do not fit together"):
        df.load(tmp_path / "m.skops")


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"weights": "softmax", "temperature": float("nan")}, ValueError, "temperature must be finite and above 0; got nan"),
        ({"weights": "softmax", "temperature": 0.0}, ValueError, "temperature must be finite and above 0; got 0.0"),
        ({"weights": "softmax", "temperature": -1.0}, ValueError, "temperature must be finite and above 0; got -1.0"),
        ({"weights": "softmax", "temperature": "warm"}, TypeError, "temperature must be a number; got 'warm'"),
        ({"weights": "heavy"}, ValueError, "weights must be one of uniform, distance, softmax, or callable; got 'heavy'"),
        ({"weights": np.negative}, ValueError, "weights must return finite numbers that are not negative"),
        ({"n_neighbors": 10**9}, ValueError, "n_neighbors must be at most 60; got"),
        ({"n_neighbors": -1}, ValueError, "n_neighbors must be between 1 and"),
        ({"n_jobs": 10**9}, ValueError, "n_jobs must be between 1 and 4096"),
    ],
)
def test_parameters_are_checked_when_they_are_used(tmp_path, monkeypatch, changes, kind, message):
    """They may come from a file, or have been set after the fit."""
    written(tmp_path / "m.skops", monkeypatch, **changes)
    for model in (df.load(tmp_path / "m.skops"), df.KNeighborsClassifier(3).fit(X, Y).set_params(**changes)):
        for predict in (model.predict, model.predict_proba):
            with pytest.raises(kind, match=message):
                predict(X[:9])


def test_the_metric_of_the_votes_is_that_of_the_index():
    model = df.KNeighborsClassifier(3, weights="softmax").fit(X, Y)
    expected = model.predict_proba(X)
    np.testing.assert_array_equal(model.set_params(metric="inner_product").predict_proba(X), expected)


def test_a_pickled_index_is_prepared_again():
    data = pickle.dumps(df.KNNIndex(X))
    index = pickle.loads(data)
    assert index._file is None
    broken = df.KNNIndex(X)
    broken._train = X * np.nan
    with pytest.raises(ValueError, match="train must be finite"):
        pickle.loads(pickle.dumps(broken))


def test_rows_that_are_found_twice_or_not_at_all():
    found = df.Neighbors(np.arange(9.0).reshape(3, 3), np.array([[0, 0, 1], [0, 2, 0], [1, 2, 2]]))
    assert without_self(found).indices.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert without_self(found).distances.tolist() == [[1, 2], [3, 4], [6, 8]]
