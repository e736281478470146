"""Models in files: what comes back is what went in."""

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import deeprob_fast as df
from tests.examples import blobs
from tests.saving.models import ALL_FILES, ARRAY_FILES, NAMES, again, assert_same_classifier, linear


@pytest.mark.parametrize("suffix", ALL_FILES)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", [df.SoftmaxClassifier, df.LinearSVM])
def test_linear_classifiers_come_back_to_the_bit(tmp_path, kind, n_classes, suffix):
    x, _ = blobs(seed=1)
    for dtype in (np.float32, np.float64):
        model = linear(kind, n_classes, dtype, standardize=True, reg=np.float32(0.01), class_weight={"ant": 2.0})
        loaded = again(model, tmp_path / f"model{suffix}")
        assert_same_classifier(loaded, model, x.astype(dtype))
        assert loaded.coef_.dtype == model.coef_.dtype
        assert loaded.loss_curve_ == model.loss_curve_
        assert set(vars(loaded)) == set(vars(model))


@pytest.mark.parametrize("suffix", ALL_FILES)
@pytest.mark.parametrize(
    "labels", [np.array([3, 7, 9]), np.array([-1.0, 0.0, 2.0]), NAMES, NAMES.astype(object), NAMES.astype("U20")]
)
def test_labels_of_any_type(tmp_path, labels, suffix):
    x, y = blobs(n=90)
    model = df.SoftmaxClassifier(random_state=0, max_epochs=2).fit(x, labels[y])
    loaded = again(model, tmp_path / f"model{suffix}")
    assert loaded.classes_.dtype == model.classes_.dtype
    assert_same_classifier(loaded, model, x)


@pytest.mark.parametrize("suffix", ALL_FILES)
def test_names_of_features_and_validation_come_back(tmp_path, suffix):
    pandas = pytest.importorskip("pandas")
    x, y = blobs(n=90)
    frame = pandas.DataFrame(x, columns=list("abcdef")[: x.shape[1]])
    model = df.LinearSVM(random_state=0, max_epochs=2, early_stopping=True).fit(frame, y)
    loaded = again(model, tmp_path / f"model{suffix}")
    np.testing.assert_array_equal(loaded.validation_losses_, model.validation_losses_)
    np.testing.assert_array_equal(loaded.feature_names_in_, model.feature_names_in_)
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame[frame.columns[::-1]])


@pytest.mark.parametrize("suffix", ALL_FILES)
def test_training_goes_on_from_the_weights(tmp_path, suffix):
    x, y = blobs(n=90)
    model = df.SoftmaxClassifier(random_state=0).partial_fit(x, NAMES[y], classes=NAMES)
    assert model._trainer is not None
    loaded = again(model, tmp_path / f"model{suffix}")
    assert model._trainer is not None  # the one that was saved is not changed
    model._trainer = None
    np.testing.assert_array_equal(loaded.partial_fit(x, NAMES[y]).coef_, model.partial_fit(x, NAMES[y]).coef_)
    assert loaded.t_ == model.t_


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.float16])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_neighbors_come_back_to_the_bit(tmp_path, weights, dtype):
    rng = np.random.default_rng(0)
    x, queries = (rng.integers(0, 50, (n, 20)).astype(dtype) for n in (200, 30))
    model = df.KNeighborsClassifier(n_neighbors=7, weights=weights, metric="manhattan").fit(x, NAMES[rng.integers(0, 3, 200)])
    loaded = again(model, tmp_path / "model.skops")
    assert_same_classifier(loaded, model, queries)
    assert loaded.index_.train.dtype == dtype
    searcher = df.NearestNeighbors(n_neighbors=3).fit(x)
    for ours, theirs in zip(again(searcher, tmp_path / "s.skops").kneighbors(queries), searcher.kneighbors(queries), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_indices_that_are_mapped_into_memory_can_be_part(tmp_path):
    x, y = blobs(n=90)
    model = df.KNeighborsClassifier().fit(x, y)
    model.index_.save(tmp_path / "index")
    model.index_ = df.KNNIndex.load(tmp_path / "index")
    np.testing.assert_array_equal(again(model, tmp_path / "m.skops").predict_proba(x), model.predict_proba(x))


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), df.SoftmaxClassifier(random_state=0, max_epochs=2)),
        make_pipeline(FunctionTransformer(np.exp2), df.KNeighborsClassifier()),
        make_pipeline(StandardScaler(), df.LinearSVM(optimizer=df.optim.Adam(lr=0.05), random_state=3, max_epochs=2)),
    ],
    ids=["scaled", "function", "optimizer"],
)
def test_pipelines_come_back_to_the_bit(tmp_path, model):
    x, y = blobs(n=90)
    model.fit(x, y)
    loaded = again(model, tmp_path / "model.skops")
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    assert getattr(getattr(loaded[-1], "optimizer", None), "lr", 0.05) == 0.05


def test_unfitted_estimators_and_random_states(tmp_path):
    loaded = again(df.LinearSVM(reg=0.5, random_state=np.random.RandomState(3)), tmp_path / "m.skops")
    assert loaded.reg == 0.5
    assert loaded.random_state.randint(1000) == np.random.RandomState(3).randint(1000)
    assert not hasattr(loaded, "coef_")


@pytest.mark.parametrize("suffix", ARRAY_FILES)
def test_arrays_come_back(tmp_path, suffix):
    arrays = {
        "W": np.random.default_rng(0).standard_normal((5, 3)).T,
        "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "big-endian": np.arange(3, dtype=">i4"),
        "every other": np.arange(8.0, dtype=np.float16)[::2],
        "number": np.array(2.5),
        "nothing": np.empty((0, 4), dtype=np.uint8),
        "truth": np.array([True, False]),
        "file": np.arange(2, dtype=np.uint64),
    }
    loaded = again(arrays, tmp_path / f"w{suffix}")
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype.newbyteorder("=")
        assert loaded[name].shape == array.shape
        assert loaded[name].flags.writeable
    np.testing.assert_array_equal(again(arrays["W"], tmp_path / f"w{suffix}")["W"], arrays["W"])


@pytest.mark.parametrize("suffix", ARRAY_FILES)
def test_trainings_come_back(tmp_path, suffix):
    x, y = blobs(n=90)
    for options in ({}, {"X_val": x, "y_val": y, "patience": 1, "n_epochs": 4}):
        training = df.train(x, y, **{"n_epochs": 2} | options)
        loaded = again(training, tmp_path / f"t{suffix}")
        assert type(loaded) is df.Training
        for name in ("W", "loss_history", "val_losses", "val_accuracies"):
            np.testing.assert_array_equal(getattr(loaded, name), getattr(training, name))
        for name in ("best_epoch", "diverged_at", "stopped_early"):
            assert getattr(loaded, name) == getattr(training, name)


def test_other_programs_read_and_write_the_arrays(tmp_path):
    import safetensors.numpy

    weights = {"W": np.arange(6.0).reshape(2, 3), "b": np.arange(3)}
    df.save(weights, tmp_path / "w.npz")
    df.save(weights, tmp_path / "w.safetensors")
    np.testing.assert_array_equal(np.load(tmp_path / "w.npz")["W"], weights["W"])
    np.testing.assert_array_equal(safetensors.numpy.load_file(tmp_path / "w.safetensors")["W"], weights["W"])
    np.savez_compressed(tmp_path / "theirs.npz", **weights)
    safetensors.numpy.save_file(weights, tmp_path / "theirs.safetensors")
    for suffix in ARRAY_FILES:
        loaded = df.load(tmp_path / f"theirs{suffix}")
        assert loaded.keys() == weights.keys()
        np.testing.assert_array_equal(loaded["W"], weights["W"])
    np.testing.assert_array_equal(df.load(tmp_path / "theirs.npz")["b"], weights["b"])


class Unknown(BaseEstimator):
    """Not of this library."""


@pytest.mark.parametrize(
    ("model", "name", "kind", "message"),
    [
        (df.LinearSVM(), "m.pkl", ValueError, r"path must end in one of .skops, .npz, .safetensors; got .*m.pkl"),
        (df.LinearSVM(), "m", ValueError, "path must end in one of"),
        (df.LinearSVM(), "m.npz", ValueError, "model must be fitted for its weights to be written; got LinearSVM"),
        (df.KNeighborsClassifier(), "m.npz", TypeError, "other estimators go into a .skops file; got KNeighborsClassifier"),
        (LogisticRegression(), "m.safetensors", TypeError, "other estimators go into a .skops file; got LogisticRegression"),
        ({"a": np.array(["x"])}, "m.npz", TypeError, "model must hold arrays of numbers, named by strings; got 'a': <U1"),
        ({"a": np.array([{}])}, "m.npz", TypeError, "got 'a': object"),
        ({3: np.zeros(2)}, "m.safetensors", TypeError, "named by strings; got 3"),
        (np.zeros(3), "m.skops", TypeError, "model must be a scikit-learn estimator for a .skops file; got ndarray"),
        (
            Unknown(),
            "m.skops",
            TypeError,
            "model must consist of estimators of deeprob_fast and scikit-learn; it holds .*Unknown",
        ),
        (make_pipeline(Unknown(), df.LinearSVM()), "m.skops", TypeError, "Unknown"),
        (df.LinearSVM(schedule=df.optim.CosineAnnealingLR), "m.skops", TypeError, r"it holds .*CosineAnnealingLR"),
        (df.LinearSVM(schedule=lambda _: None), "m.skops", TypeError, "model must consist of"),
    ],
)
def test_what_cannot_be_saved_is_told_and_leaves_no_file(tmp_path, model, name, kind, message):
    with pytest.raises(kind, match=message):
        df.save(model, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_search_is_saved_by_its_best_estimator(tmp_path):
    x, y = blobs(n=90)
    search = GridSearchCV(df.LinearSVM(random_state=0, max_epochs=2), {"reg": [0.1, 0.01]}, cv=2).fit(x, y)
    with pytest.raises(TypeError, match=r"it holds .*StratifiedKFold"):
        df.save(search, tmp_path / "m.skops")
    best = search.best_estimator_
    assert_same_classifier(again(best, tmp_path / "m.skops"), best, x)


def test_parameters_that_only_skops_holds(tmp_path):
    for options in ({"optimizer": df.optim.Adam()}, {"random_state": np.random.RandomState(0)}):
        model = linear(**options)
        with pytest.raises(TypeError, match=f"{next(iter(options))} must be None, a number, a string .* a .skops file can hold"):
            df.save(model, tmp_path / "m.npz")
        df.save(model, tmp_path / "m.skops")


def test_a_file_is_replaced_only_by_a_whole_one(tmp_path, monkeypatch):
    path = tmp_path / "m.npz"
    df.save(np.ones(3), path)
    monkeypatch.setattr(Path, "replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        df.save(np.zeros(3), path)
    assert [p.name for p in tmp_path.iterdir()] == ["m.npz"]
    assert df.load(path)["W"].tolist() == [1, 1, 1]


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        df.load(tmp_path / "m.npz")
    with pytest.raises(ValueError, match="path must end in one of"):
        df.load(tmp_path / "m.pickle")
    with pytest.raises(FileNotFoundError):
        df.save(np.zeros(3), tmp_path / "no" / "m.npz")


def test_weights_of_others_in_types_that_numpy_lacks_are_named(tmp_path):
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    header = b'{"layer": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}'
    (tmp_path / "theirs.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(
        ValueError, match=r"theirs.safetensors must be .*: it holds 'layer' in BF16, which NumPy lacks: save it in F32"
    ):
        df.load(tmp_path / "theirs.safetensors")


@pytest.mark.parametrize(("suffix", "package"), [(".skops", "skops"), (".safetensors", "safetensors")])
def test_what_is_missing_is_named(tmp_path, monkeypatch, suffix, package):
    path = tmp_path / f"m{suffix}"
    model = linear()
    df.save(model, path)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    for act in (lambda: df.save(model, path), lambda: df.load(path)):
        with pytest.raises(ImportError, match=rf"needs {package}: pip install 'deeprob-fast\[persist\]'"):
            act()
