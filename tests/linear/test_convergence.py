"""Linear classifiers that end far from the minimum say so, and what helps; all others say nothing."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

import deeprob_fast as df
from tests.examples import blobs

pytestmark = pytest.mark.filterwarnings("error")

RNG = np.random.default_rng(0)
NOISE = RNG.standard_normal((500, 5))
BY_FIRST = (NOISE[:, 0] > 0).astype(int)
YEAR = RNG.integers(1950, 2021, 600)
BOTH = [df.SoftmaxClassifier, df.LinearSVM]
FAR = {
    "wine": load_wine(return_X_y=True),
    "cancer": load_breast_cancer(return_X_y=True),
    "year": (YEAR[:, None], (YEAR > 2000).astype(int)),
    "year beside noise": (np.column_stack([YEAR, RNG.standard_normal(600)]), (YEAR > 1985).astype(int)),
    "far off": (NOISE + 10, BY_FIRST),
    "one large feature": (NOISE * [1, 1, 1000, 1, 1], BY_FIRST),
    "one large feature, float32": ((NOISE * [1, 1, 1000, 1, 1]).astype(np.float32), BY_FIRST),
}
NEAR = {
    "iris": load_iris(return_X_y=True),
    "digits": load_digits(return_X_y=True),
    "bytes": (load_digits(return_X_y=True)[0].astype(np.uint8), load_digits(return_X_y=True)[1]),
    "blobs": blobs(),
    "overlap": make_classification(2000, 20, n_informative=10, n_classes=3, random_state=0),
    "no signal": (NOISE, RNG.integers(0, 3, 500)),
    "two rows": (np.array([[0.0, 1.0], [1.0, 0.0]]), [0, 1]),
    "a constant": (np.column_stack([NOISE, np.full(500, 3.0)]), BY_FIRST),
    "rare class": (NOISE, (np.arange(500) < 5).astype(int)),
    **{name: (StandardScaler().fit_transform(X), y) for name, (X, y) in FAR.items() if name in ("wine", "cancer", "year")},
}  # fmt: skip


def warned(model, *examples, **more):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(*examples, **more)
    assert all(warning.category is ConvergenceWarning for warning in caught)
    assert all(warning.filename == __file__ for warning in caught)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("name", FAR)
def test_who_ends_far_from_the_minimum_says_so(kind, name, early_stopping):
    X, y = FAR[name]
    model = kind(random_state=0, early_stopping=early_stopping)
    (message,) = warned(model, X, y)
    assert message.startswith(
        "training ended far from the minimum: one step along the gradient of standardised features lowers the"
    )
    assert ("validation loss" if early_stopping else "objective") in message
    assert f"try standardize=True, more epochs than {model.n_iter_} (max_epochs) or another learning_rate" in message
    accuracy = model.score(X, y)
    helped = kind(random_state=0, standardize=True)
    assert not warned(helped, X, y)
    assert helped.score(X, y) > max(accuracy, 0.95)


@pytest.mark.parametrize(
    "options", [{}, {"fit_intercept": False}, {"class_weight": "balanced"}, {"penalty": "l1"}, {"standardize": True}]
)
@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("name", NEAR)
def test_who_ends_near_it_says_nothing(kind, name, options):
    kind(random_state=0, **options).fit(*NEAR[name])


@pytest.mark.parametrize("kind", BOTH)
def test_few_epochs_are_told(kind):
    X, y = NEAR["overlap"]
    (message,) = warned(kind(random_state=0, max_epochs=1, learning_rate=1e-3, standardize=True), X, y)
    assert "try more epochs than 1 (max_epochs) or another learning_rate" in message
    kind(random_state=0).partial_fit(X, y, np.unique(y))  # of which there will be more


def test_what_a_step_gains_was_missing():
    X, y = load_wine(return_X_y=True)
    for options in ({"max_epochs": 10}, {"optimizer": "adam"}, {"schedule": None}, {"reg": 0.01, "penalize_intercept": True}):
        model = df.SoftmaxClassifier(random_state=0, **options)
        (message,) = warned(model, X, y)
        bias = {"bias": True, "penalize_bias": model.penalize_intercept, "reg": model.reg}
        own = df.softmax_loss(np.vstack([model.coef_.T, model.intercept_]), X, y, **bias).loss
        smallest = df.minimize_softmax(X, y, **bias, max_iter=3000).loss
        gained = float(message.split(" by ")[1].split(" more")[0])
        assert 0.03 * np.log(3) < gained <= own - smallest


def test_only_the_training_part_counts():
    X, y = FAR["far off"]
    weights = np.ones(len(X))
    assert warned(df.SoftmaxClassifier(random_state=0), X, y, weights) == warned(df.SoftmaxClassifier(random_state=0), X, y)
    assert warned(df.SoftmaxClassifier(random_state=0), X, y, weights * 1e300)
    assert not warned(df.SoftmaxClassifier(random_state=0, early_stopping=True), *NEAR["iris"], np.full(150, 1e-300))
