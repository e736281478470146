"""The linear classifiers as scikit-learn estimators."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import deeprob_fast as df
from deeprob_fast.linear import base, scores
from deeprob_fast.linear.examples import examples_of
from tests.examples import blobs, pixels

BOTH = [df.SoftmaxClassifier, df.LinearSVM]


@parametrize_with_checks(
    [
        df.SoftmaxClassifier(optimizer="adam", learning_rate=0.1, standardize=True, batch_size=None, max_epochs=50),
        df.LinearSVM(formulation="one_vs_all", schedule="constant", penalty="elasticnet"),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@parametrize_with_checks([kind() for kind in BOTH])
@pytest.mark.filterwarnings("error")
def test_scikit_learn_checks_are_silent(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(("load", "at_least"), [(load_digits, 0.94), (load_iris, 0.94)])
def test_defaults_are_accurate(kind, load, at_least):
    x, y = load(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, random_state=0, stratify=y)
    model = kind(random_state=0).fit(x_train, y_train)
    assert model.score(x_test, y_test) > at_least
    assert model.loss_curve_[-1] < model.loss_curve_[0]


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (df.SoftmaxClassifier(reg=0.01), {"loss": "softmax", "reg": 0.01}),
        (df.SoftmaxClassifier(penalty="elasticnet", l1_ratio=0.3), {"reg": 1e-4, "penalty": "elasticnet", "l1_ratio": 0.3}),
        (df.LinearSVM(delta=2.0), {"loss": "weston_watkins", "delta": 2.0, "reg": 1e-4}),
        (df.LinearSVM(formulation="runner_up", nesterov=True), {"loss": "runner_up", "reg": 1e-4, "nesterov": True}),
    ],
)
def test_fit_is_train(model, options):
    x, y = blobs()
    model.set_params(random_state=5, batch_size=32, max_epochs=4).fit(x, y)
    trained = df.train(
        x,
        y,
        **options,
        learning_rate=model.learning_rate_,
        momentum=0.9,
        schedule=lambda o: df.optim.CosineAnnealingLR(o, 32),
        seed=5,
        batch_size=32,
        n_epochs=4,
        bias=True,
        penalize_bias=False,
    )
    np.testing.assert_array_equal(model.coef_, trained.W[:-1].T)
    np.testing.assert_array_equal(model.intercept_, trained.W[-1])
    assert model.t_ == 32
    sizes = np.tile([32] * 7 + [16], 4)
    np.testing.assert_allclose(
        model.loss_curve_, (trained.loss_history * sizes).reshape(4, 8).sum(axis=1) / sizes.reshape(4, 8).sum(axis=1)
    )


@pytest.mark.parametrize("optimizer", ["adagrad", "rmsprop", "adam", "adamw", df.optim.Adam(lr=0.1, betas=(0.5, 0.9))])
def test_other_optimizers_keep_their_own_settings(optimizer):
    x, y = blobs()
    model = df.SoftmaxClassifier(optimizer=optimizer, random_state=1, max_epochs=2, schedule=None).fit(x, y)
    trained = df.train(x, y, reg=1e-4, optimizer=optimizer, seed=1, batch_size=128, n_epochs=2, bias=True, penalize_bias=False)
    np.testing.assert_array_equal(model.coef_, trained.W[:-1].T)


def test_intercepts():
    x, y = blobs()
    x += 3
    free = df.SoftmaxClassifier(reg=1.0, batch_size=None).fit(x, y)
    held = df.SoftmaxClassifier(reg=1.0, batch_size=None, penalize_intercept=True).fit(x, y)
    ones = np.column_stack([x, np.ones(len(x))])
    column = df.SoftmaxClassifier(reg=1.0, batch_size=None, fit_intercept=False).fit(ones, y)
    np.testing.assert_array_equal(column.intercept_, 0)
    np.testing.assert_allclose(held.intercept_, column.coef_[:, -1], atol=1e-9)
    assert np.abs(free.intercept_).max() > 2 * np.abs(held.intercept_).max()


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("standardize", [False, True])
def test_integer_weights_are_repeated_rows(kind, standardize):
    x, y = blobs()
    counts = np.random.default_rng(2).integers(0, 4, len(x))
    model = kind(batch_size=None, max_epochs=50, standardize=standardize, random_state=0)
    weighted = clone(model).fit(x, y, sample_weight=counts)
    repeated = clone(model).fit(np.repeat(x, counts, axis=0), np.repeat(y, counts))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)


def test_class_weights_multiply_sample_weights():
    x, y = blobs()
    names = np.array(["a", "b", "c"])[y]
    given = np.random.default_rng(3).random(len(x))
    factors = {"a": 2.0, "c": 0.5}
    model = df.SoftmaxClassifier(random_state=0, max_epochs=5)
    ours = clone(model).set_params(class_weight=factors).fit(x, names, sample_weight=given)
    explicit = clone(model).fit(x, names, sample_weight=given * np.array([2.0, 1.0, 0.5])[y])
    np.testing.assert_array_equal(ours.coef_, explicit.coef_)
    balanced = clone(model).set_params(class_weight="balanced").fit(x, y)
    explicit = clone(model).fit(x, y, sample_weight=len(y) / (3 * np.bincount(y))[y])
    np.testing.assert_array_equal(balanced.coef_, explicit.coef_)


@pytest.mark.parametrize(
    ("factor", "size"), [(2.0**1000, 2.0**300), (2.0**-1000, 2.0**-300), (2.0**600, 2.0**600), (2.0**1000, 1)]
)
def test_only_ratios_of_class_weights_count(factor, size):
    x, y = blobs()
    weights = np.random.default_rng(0).uniform(0.5, 1, len(x))
    plain = df.SoftmaxClassifier(random_state=0, max_epochs=5, class_weight={0: 3.0, 1: 1.0, 2: 1.0}).fit(x, y, weights)
    model = df.SoftmaxClassifier(random_state=0, max_epochs=5, class_weight={0: 3 * factor, 1: factor, 2: factor})
    np.testing.assert_allclose(model.fit(x, y, weights * size).coef_, plain.coef_, rtol=1e-12)


@pytest.mark.parametrize("factor", [-1.0, np.nan, np.inf])
def test_class_weights_are_no_less_than_zero(factor):
    x, y = blobs()
    with pytest.raises(ValueError, match="class_weight must hold finite numbers that are not negative; got"):
        df.LinearSVM(class_weight={0: factor}).fit(x, y)


def test_two_classes_as_scikit_learn_has_them():
    x, y = blobs(classes=2)
    names = np.array(["no", "yes"])[y]
    ours = df.SoftmaxClassifier(reg=1 / len(x), batch_size=None, max_epochs=2000).fit(x, names)
    theirs = LogisticRegression(C=1.0, tol=1e-10).fit(x, names)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-6)
    np.testing.assert_allclose(ours.decision_function(x), theirs.decision_function(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-6)
    assert (ours.predict(x) == theirs.predict(x)).all()


def test_more_classes_as_scikit_learn_has_them():
    x, y = blobs()
    ours = df.SoftmaxClassifier(reg=1 / (2 * len(x)), batch_size=None, max_epochs=2000).fit(x, y)
    theirs = LogisticRegression(C=1.0, tol=1e-10).fit(x, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities(classes):
    x, y = blobs(classes=classes)
    model = df.SoftmaxClassifier(random_state=0).fit(x.astype(np.float32), y)
    x = x * 1e4  # one of them rounds to 1, the others to 0
    with np.errstate(under="ignore"):
        proba, log_proba = model.predict_proba(x), model.predict_log_proba(x)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    assert np.isfinite(log_proba).all()
    assert (log_proba.argmax(axis=1) == model.predict(x)).all()
    assert not hasattr(df.LinearSVM(), "predict_proba")


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float16"])
@pytest.mark.parametrize("standardize", [False, True])
def test_narrow_rows_are_worth_the_same(dtype, standardize):
    x, y = pixels()
    x = (x // 2).astype(dtype)
    model = df.LinearSVM(random_state=0, standardize=standardize, max_epochs=5)
    narrow, wide = clone(model).fit(x, y), clone(model).fit(x.astype(np.float32), y)
    assert narrow.coef_.dtype == np.float32
    np.testing.assert_allclose(narrow.decision_function(x), wide.decision_function(x.astype(np.float32)), atol=1e-5)


def test_rows_are_read_in_place(monkeypatch):
    x, y = pixels()
    seen = []

    def spy(rows, *arguments, **options):
        seen.append(np.shares_memory(rows, x))
        return examples_of(rows, *arguments, **options)

    for module in (base, scores):
        monkeypatch.setattr(module, "examples_of", spy)
    df.LinearSVM(max_epochs=1, early_stopping=True).fit(x, y).predict(x)
    assert seen == [True, True]


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_standardisation_is_a_scaler(fit_intercept):
    x, y = blobs()
    x = x * [1, 10, 100, 1e3, 1e-3, 0] + [0, 5, -50, 0, 1, 3]
    model = df.SoftmaxClassifier(random_state=0, fit_intercept=fit_intercept, max_epochs=20)
    ours = clone(model).set_params(standardize=True).fit(x, y)
    scaler = StandardScaler(with_mean=fit_intercept).fit(x)
    theirs = clone(model).fit(scaler.transform(x), y)
    np.testing.assert_allclose(ours.decision_function(x), theirs.decision_function(scaler.transform(x)), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours.coef_ * scaler.scale_, theirs.coef_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", BOTH)
def test_threads_change_nothing(kind):
    x, y = pixels()
    models = [kind(random_state=0, max_epochs=3, batch_size=200, standardize=True, n_jobs=n).fit(x, y) for n in (1, 2, 5, None)]
    for other in models[1:]:
        np.testing.assert_array_equal(other.coef_, models[0].coef_)
        np.testing.assert_array_equal(other.decision_function(x), models[0].decision_function(x))


def test_random_states():
    x, y = blobs()
    model = df.SoftmaxClassifier(max_epochs=2, batch_size=16)
    first, second, other = (clone(model).set_params(random_state=seed).fit(x, y).coef_ for seed in (1, np.int64(1), 2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    drawn = [clone(model).set_params(random_state=np.random.RandomState(0)).fit(x, y).coef_ for _ in range(2)]
    np.testing.assert_array_equal(*drawn)


def test_models_are_pickled():
    x, y = blobs()
    names = np.array(["low", "mid", "top"])[y]
    model = df.SoftmaxClassifier(optimizer=df.optim.Adam(lr=0.05), random_state=0, max_epochs=3).fit(x, names)
    other = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(other.predict_proba(x), model.predict_proba(x))
    assert set(other.predict(x)) == {"low", "mid", "top"}
    np.testing.assert_array_equal(other.partial_fit(x, names).coef_, model.partial_fit(x, names).coef_)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"optimizer": "lbfgs"}, "optimizer must be one of sgd, adagrad"),
        ({"learning_rate": "optimal"}, "learning_rate must be one of auto; got 'optimal'"),
        ({"learning_rate": 0.0}, "learning_rate must be finite and above 0; got 0.0"),
        ({"momentum": -1.0}, "momentum must be finite and at least 0; got -1.0"),
        ({"schedule": "linear"}, "schedule must be one of constant, cosine; got 'linear'"),
        ({"reg": -1.0}, "reg must be finite and at least 0; got -1.0"),
        ({"penalty": "l3"}, "penalty must be one of l2, l1, elasticnet"),
        ({"penalty": "elasticnet", "l1_ratio": 2}, "l1_ratio must be finite and at least 0 and at most 1; got 2"),
        ({"batch_size": 0}, "batch_size must be between 1"),
        ({"max_epochs": 0}, "max_epochs must be between 1"),
        ({"max_epochs": "many"}, "max_epochs must be one of auto"),
        ({"tol": -1.0}, "tol must be finite and at least 0"),
        ({"n_iter_no_change": 0}, "n_iter_no_change must be between 1"),
        ({"validation_fraction": 1.0}, "validation_fraction must be finite and at least 0 and below 1"),
        ({"random_state": -1}, "random_state must be between 0"),
        ({"n_jobs": 0}, "n_jobs must be between 1"),
        ({"formulation": "hinge"}, "formulation must be one of weston_watkins, one_vs_all, runner_up; got 'hinge'"),
        ({"delta": -1.0}, "delta must be finite and at least 0"),
        ({"class_weight": "even"}, "class_weight"),
    ],
)
def test_parameters_are_checked_when_fitting(parameters, words):
    model = df.LinearSVM(**parameters)
    with pytest.raises(ValueError, match=words):
        model.fit([[0.0], [1.0]], [0, 1])


def test_what_is_no_class_is_told():
    with pytest.raises(ValueError, match=r"y must hold at least two classes; got one class: \[3\]"):
        df.LinearSVM().fit([[0.0], [1.0]], [3, 3])
    with pytest.raises(ValueError, match=r"y must hold labels of the classes \['a', 'b'\]; got .*'c'"):
        df.LinearSVM().partial_fit([[0.0], [1.0]], ["a", "c"], classes=["a", "b"])
