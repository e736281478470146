"""How the linear classifiers learn: when they stop, where they start, what they do when it goes wrong."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

import deeprob_fast as df
from deeprob_fast.linear.examples import examples_of
from deeprob_fast.linear.step_size import auto_learning_rate
from tests.examples import blobs, pixels

BOTH = [df.SoftmaxClassifier, df.LinearSVM]


def test_the_automatic_step_suits_raw_bytes_and_tiny_values():
    x, y = pixels()
    test, truth = pixels(seed=1)
    model = df.SoftmaxClassifier(random_state=0, max_epochs=20).fit(x, y)
    assert model.score(test, truth) > 0.99
    tiny = np.float32(1e-9)
    model = df.SoftmaxClassifier(random_state=0, max_epochs=20, reg=0, fit_intercept=False).fit(x * tiny, y)
    assert model.score(test * tiny, truth) > 0.99


def hard():
    """Few rows of many features with random labels: training makes the validation loss worse soon."""
    rng = np.random.default_rng(4)
    return rng.standard_normal((80, 60)), rng.integers(0, 3, 80), rng.standard_normal((50, 60)), rng.integers(0, 3, 50)


def test_early_stopping_restores_the_best_weights():
    x, y, x_val, y_val = hard()
    model = df.SoftmaxClassifier(schedule=None, random_state=0, early_stopping=True, n_iter_no_change=4, batch_size=16)
    model.fit(x, y, X_val=x_val, y_val=y_val)
    best = int(model.validation_losses_.argmin())
    assert model.n_iter_ == best + 5 == len(model.validation_scores_)
    assert model.score(x_val, y_val) == model.validation_scores_[best]
    rate = model.learning_rate_
    short = df.SoftmaxClassifier(schedule=None, random_state=0, batch_size=16, max_epochs=best + 1, learning_rate=rate).fit(x, y)
    np.testing.assert_array_equal(model.coef_, short.coef_)


def test_early_stopping_holds_out_its_share_of_each_class():
    x, y = blobs(n=300)
    model = df.LinearSVM(early_stopping=True, validation_fraction=0.2, random_state=0, standardize=True, max_epochs=1)
    model.fit(x, y)
    assert model.validation_scores_.size == 1
    # Only training rows count: those held out can be anything.
    held_out = model._split(y)[1]
    assert len(held_out) == 60
    np.testing.assert_allclose(np.bincount(y[held_out]), np.bincount(y) / 5, atol=1)
    changed = x.copy()
    changed[held_out] = 1e3
    np.testing.assert_array_equal(clone(model).fit(changed, y).coef_, model.coef_)
    with pytest.raises(ValueError, match="validation_fraction must leave and hold out examples of each class"):
        model.fit(x[:4], [0, 0, 0, 1])


def test_validation_data_alone_stop_nothing():
    x, y, x_val, y_val = hard()
    model = df.SoftmaxClassifier(random_state=0, max_epochs=30).fit(x, y, X_val=x_val, y_val=y_val)
    plain = df.SoftmaxClassifier(random_state=0, max_epochs=30).fit(x, y)
    assert model.validation_scores_.shape == (30,)
    assert not hasattr(plain, "validation_scores_")
    np.testing.assert_array_equal(model.coef_, plain.coef_)
    with pytest.raises(ValueError, match="X_val and y_val must be given together; got only X_val"):
        model.fit(x, y, X_val=x_val)
    with pytest.raises(ValueError, match=r"y_val must hold labels of the classes \[0, 1, 2\]; got .*7"):
        model.fit(x, y, X_val=x_val, y_val=np.full(50, 7))


def test_constant_rates_stop_when_the_loss_does():
    x, y = blobs()
    model = df.SoftmaxClassifier(schedule="constant", random_state=0, reg=0.1, n_iter_no_change=3).fit(x, y)
    assert model.n_iter_ < 1000
    best = np.minimum.accumulate(model.loss_curve_)
    assert (np.array(model.loss_curve_[-3:]) >= best[-4] - 1e-4).all()
    endless = df.SoftmaxClassifier(schedule="constant", random_state=0, reg=0.1, tol=None, max_epochs=60).fit(x, y)
    assert endless.n_iter_ == 60


def test_a_warm_start_begins_at_the_last_weights():
    x, y = blobs()
    model = df.SoftmaxClassifier(random_state=3, max_epochs=2, schedule=None, warm_start=True, learning_rate=0.05).fit(x, y)
    first = np.vstack([model.coef_.T, model.intercept_])
    model.fit(x, y)
    options = {"learning_rate": 0.05, "momentum": 0.9, "reg": 1e-4, "batch_size": 128, "bias": True, "penalize_bias": False}
    again = df.train(x, y, seed=3, n_epochs=2, initial_weights=first, **options)
    np.testing.assert_array_equal(model.coef_, again.W[:-1].T)
    assert (model.t_, model.n_iter_) == (8, 2)
    with pytest.raises(ValueError, match="y must hold labels of the classes"):
        model.fit(x, y + 1)
    with pytest.raises(ValueError, match="features"):
        model.fit(x[:, 1:], y)
    cold = model.set_params(warm_start=False).fit(x, y)
    np.testing.assert_array_equal(cold.coef_, first[:-1].T)


@pytest.mark.parametrize("standardize", [False, True])
def test_a_warm_start_is_worth_the_same_for_other_data(standardize):
    x, y = blobs()
    model = df.SoftmaxClassifier(standardize=standardize, reg=0.0, warm_start=True).fit(x, y)
    before = np.vstack([model.coef_.T, model.intercept_])
    other, labels = blobs(seed=1)
    other = other * 3 + 2
    weights = np.random.default_rng(0).random(len(other))
    model.set_params(learning_rate=1e-12, max_epochs=1, batch_size=50).fit(other, labels, sample_weight=weights)
    np.testing.assert_allclose(np.vstack([model.coef_.T, model.intercept_]), before, rtol=1e-9)
    loss = df.softmax_loss(before, other, labels, bias=True, sample_weight=weights).loss
    np.testing.assert_allclose(model.loss_curve_, [loss], rtol=1e-7)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("kind", BOTH)
def test_pieces_make_a_whole(kind, optimizer):
    x, y = blobs(n=256)
    model = kind(optimizer=optimizer, learning_rate=0.05, schedule="constant", batch_size=32, shuffle=False, max_epochs=1)
    whole = clone(model).fit(x, y)
    pieces = clone(model)
    for start in range(0, 256, 64):
        part = slice(start, start + 64)
        pieces.partial_fit(x[part], y[part], classes=[0, 1, 2])
        pieces = pickle.loads(pickle.dumps(pieces))
    np.testing.assert_array_equal(pieces.coef_, whole.coef_)
    assert (pieces.t_, pieces.n_iter_, len(pieces.loss_curve_)) == (8, 4, 4)
    assert pieces._trainer.examples.rows.size == 0  # none is kept


def test_partial_fit_goes_on_after_fit_and_changes_of_dtype():
    x, y = blobs()
    model = df.SoftmaxClassifier(random_state=0, standardize=True).partial_fit(x.astype(np.float32), y, classes=[0, 1, 2, 3])
    assert model.coef_.dtype == np.float32
    assert model.coef_.shape == (4, 6)
    model.partial_fit(x, y).partial_fit(x.astype(np.float16), y, sample_weight=np.ones(len(y)))
    assert model.coef_.dtype == np.float32
    before = model.fit(x, y).coef_
    assert not np.array_equal(model.partial_fit(x, y).coef_, before)
    assert model.score(x, y) > 0.8
    with pytest.raises(ValueError, match=r"classes must be given to the first call of partial_fit; got None"):
        df.LinearSVM().partial_fit(x, y)
    with pytest.raises(ValueError, match=r"classes must be those of the calls before, \[0, 1, 2\]; got \[0, 1\]"):
        model.partial_fit(x, y, classes=[0, 1])
    with pytest.raises(ValueError, match="class_weight must be a dict or None in partial_fit"):
        df.LinearSVM(class_weight="balanced").partial_fit(x, y, classes=[0, 1, 2])


def test_schedules_count_steps_or_epochs():
    x, y = blobs()
    options = {"learning_rate": 0.1, "momentum": 0.0, "random_state": 0, "max_epochs": 3, "batch_size": 80}
    frozen = df.SoftmaxClassifier(schedule=lambda o: df.optim.StepLR(o, 3, gamma=0.0), **options).fit(x, y)
    one = df.SoftmaxClassifier(schedule=None, **{**options, "max_epochs": 1}).fit(x, y)
    np.testing.assert_array_equal(frozen.coef_, one.coef_)
    made = []

    def plateau(optimizer):
        made.append(df.optim.ReduceLROnPlateau(optimizer))
        return made[-1]

    df.SoftmaxClassifier(schedule=plateau, **options).fit(x, y)
    assert made[0].last_epoch == 3


def test_the_automatic_step_follows_its_formula():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((500, 8)) * np.arange(1, 9)
    chosen = np.arange(500)
    examples = examples_of(x, np.zeros(500, dtype=np.int64), np.dtype(np.float64), bias=True)
    ones = np.column_stack([x, np.ones(500)])
    eigenvalue, square = np.linalg.norm(ones, 2) ** 2 / 500, (ones**2).sum(axis=1).max()
    whole = auto_learning_rate(examples, chosen, 500, "softmax", 3, 0.5, 0.9, False)
    np.testing.assert_allclose(whole, 0.75 * 3.8 / (eigenvalue / 2 + 1), rtol=0.05)
    single = auto_learning_rate(examples, chosen, 1, "softmax", 3, 0.0, 0.9, True)
    np.testing.assert_allclose(single, 0.75 * 3.8 / 2.8 / (square / 2), rtol=0.05)
    hinge = auto_learning_rate(examples, chosen, 500, "weston_watkins", 40, 0.0, 0.0, False)
    np.testing.assert_allclose(hinge, 0.75 * 2 / (20 * eigenvalue), rtol=0.05)
    nothing = examples_of(np.zeros((5, 2)), np.zeros(5, dtype=np.int64), np.dtype(np.float64))
    assert auto_learning_rate(nothing, np.arange(5), 5, "softmax", 3, 0.0, 0.9, False) == 1.0


@pytest.mark.parametrize("early_stopping", [False, True])
def test_divergence_is_told_and_leaves_no_nan(early_stopping):
    x, y = blobs()
    model = df.LinearSVM(learning_rate=1e25, random_state=0, batch_size=32, early_stopping=early_stopping, max_epochs=30)
    with pytest.warns(
        ConvergenceWarning, match=r"diverged at step \d+, whose loss was not finite.* try a learning_rate below 1e\+25"
    ):
        model.fit(x.astype(np.float32), y)
    assert np.isfinite(model.decision_function(x)).all()
    assert np.isfinite(model.loss_curve_).all()
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.partial_fit(x * 1e20, y)
    model.set_params(learning_rate=0.01).fit(x, y)  # it is not lost
    assert model.score(x, y) > 0.8


def test_a_last_step_too_far_is_told():
    x, y = blobs()
    model = df.SoftmaxClassifier(learning_rate=1e38, batch_size=None, max_epochs=1)
    with pytest.warns(ConvergenceWarning, match="diverged at step 1,"):
        model.fit(np.float32(100) * x.astype(np.float32), y)
    assert np.isfinite(model.coef_).all()


def test_a_loss_that_grows_is_told():
    x, y = blobs()
    with pytest.warns(ConvergenceWarning, match=r"the loss of the last epoch, .* is far above that of zero weights, 1.1; try a"):
        df.SoftmaxClassifier(learning_rate=1e4, random_state=0, max_epochs=2).fit(x, y)


def test_nothing_is_warned_of_in_good_runs():
    x, y = pixels(n=150)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in BOTH:
            kind(random_state=0, max_epochs=50).fit(x, y)
