"""Nothing that is returned was left as the memory was."""

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast.knn import directions, pairs
from deeprob_fast.knn.duplicates import NO_DUPLICATES
from deeprob_fast.knn.limits import LIMITS
from deeprob_fast.knn.strategies import prefix
from deeprob_fast.knn.strategies.job import Job
from tests.safety.answers import flat
from tests.safety.unwritten import filled_with

_N_CALLS = 20
_THREADS = (1, 2, 4)

rng = np.random.default_rng(0)
ROWS = rng.standard_normal((300, 20))
LABELS = np.arange(300) % 7
FEW = rng.standard_normal((2000, 2))
LOW_RANK = rng.standard_normal((1100, 6)) @ rng.standard_normal((6, 64))


def assert_written(call):
    """Call with other bytes in unwritten memory each time."""
    results = []
    for i in range(_N_CALLS):
        with filled_with((0xFF, 0x00, 0x3F, 0x7F, 0x55)[i % 5]):
            results.append(flat(call(n_threads=_THREADS[i % len(_THREADS)])))
    assert len(set(results)) == 1


def large(dtype, n_classes=3, n_rows=2):
    """Rows and weights whose products overflow to both sides."""
    huge = {"float32": 1e30, "float64": 1e300}[dtype]
    X, W = np.full((n_rows, 4), huge, dtype=dtype), np.full((4, n_classes), huge, dtype=dtype)
    W[0, 0] = -huge
    return W, X, np.arange(n_rows) % 2


LOSSES = {
    "softmax": df.softmax_loss,
    **{
        name: (lambda *args, name=name, **own: df.svm_loss(*args, formulation=name, **own))
        for name in ("weston_watkins", "one_vs_all", "runner_up")
    },
}


@pytest.mark.parametrize("n_rows", [2, 5000])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_of_losses_that_are_not_finite(isa, name, dtype, n_rows):
    W, X, y = large(dtype, n_rows=n_rows)
    found = LOSSES[name](W, X, y)
    assert not np.isfinite(found.loss)
    assert np.isnan(found.grad).all()
    assert_written(lambda n_threads: LOSSES[name](W, X, y, n_threads=n_threads))


@pytest.mark.parametrize("penalty", ["l2", "l1", "elasticnet"])
def test_gradients_of_penalties_that_are_not_finite(penalty):
    W, X, y = large("float64")
    own = {"reg": 1e300, "penalty": penalty}
    assert np.isnan(df.softmax_loss(W, X, y, **own).grad).all()
    assert_written(lambda n_threads: df.softmax_loss(W, X, y, **own, n_threads=n_threads))
    # The data alone lose nothing much: the penalty overflows.
    found = df.softmax_loss(W, np.zeros((2, 4)), y, **own)
    assert not np.isfinite(found.loss)
    assert np.isnan(found.grad).all()
    assert_written(lambda n_threads: df.softmax_loss(W, np.zeros((2, 4)), y, **own, n_threads=n_threads))


@pytest.mark.parametrize("bias", [False, True])
def test_gradients_with_weights_and_many_classes(bias):
    W, X, y = large("float64", n_classes=300)
    W = np.vstack([W, W[:1]]) if bias else W
    own = {"sample_weight": [1.0, 2.0], "mean": np.zeros(4), "std": np.ones(4), "bias": bias}
    assert np.isnan(df.softmax_loss(W, X, y, **own).grad).all()
    assert_written(lambda n_threads: df.softmax_loss(W, X, y, **own, n_threads=n_threads))


@pytest.mark.parametrize("batch_size", [7, None])
@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "rmsprop", "adam", "adamw"])
def test_trainings_that_diverge(isa, optimizer, batch_size):
    grid = {"learning_rate": [1e-3, 1e308], "reg": [0.0, 1e3], "loss": ["softmax", "weston_watkins"]}
    own = {"X_val": ROWS[:50], "y_val": LABELS[:50], "batch_size": batch_size, "n_epochs": 3, "patience": 2}
    grid["optimizer"] = [optimizer]

    def run(n_threads):
        return df.sweep(ROWS * 1e100, LABELS, grid, n_threads=n_threads, **own)

    assert any(training.diverged_at is not None for training in run(1).trainings)
    assert_written(run)


def test_a_training_that_starts_where_the_loss_is_not_finite():
    W, X, y = large("float64")

    def run(n_threads):
        return df.train(X, y, initial_weights=W, n_epochs=4, n_threads=n_threads)

    found = run(1)
    assert found.diverged_at == 0
    assert len(found.loss_history) == 1
    np.testing.assert_array_equal(found.W, W)
    assert_written(run)


def estimator(kind, result, **own):
    def call(n_threads):
        return result(kind(n_jobs=n_threads, **own).fit(ROWS, LABELS))

    return call


def search(train, strategy, **own):
    def call(n_threads):
        index = df.KNNIndex(train, strategy=strategy, n_threads=n_threads, **own)
        return index.search(train[:20], 9), index.search(None, 3), index.stats["reason"]

    return call


def stepped(rule, **own):
    def call(n_threads):
        parameter = ROWS.copy()
        optimizer = getattr(df.optim, rule)(**own)
        for _ in range(3):
            optimizer.step(parameter, ROWS, n_threads=n_threads)
        return parameter, optimizer.state_dict()

    return call


def alone(call):
    return lambda n_threads: call()  # noqa: ARG005  # it has no threads


CALLS = {
    "one shot": lambda n_threads: df.nearest_neighbors(ROWS, ROWS, 9, n_threads=n_threads),
    "few queries": lambda n_threads: df.nearest_neighbors(ROWS, ROWS[:3], 9, n_threads=n_threads),
    "dense": search(ROWS, "dense"),
    "integer": search(ROWS, "integer"),
    "integer, manhattan": search(ROWS, "integer", metric="manhattan"),
    "boxes": search(FEW, "boxes"),
    "prefix": search(LOW_RANK, "prefix"),
    "prefix of large numbers": search(LOW_RANK * 1e20, "prefix"),
    "prefix, cosine": search(LOW_RANK, "prefix", metric="cosine"),
    "equal rows": search(np.repeat(ROWS[:50], 6, axis=0), "dense"),
    "pairwise distances": lambda n_threads: df.pairwise_distances(ROWS, n_threads=n_threads),
    "top k": lambda n_threads: df.top_k(ROWS, 3, n_threads=n_threads),
    "evaluation": lambda n_threads: df.evaluate_knn(ROWS, LABELS, k=(1, 5), weights="softmax", n_threads=n_threads),
    "few shots": lambda n_threads: df.evaluate_knn(ROWS, LABELS, ROWS, LABELS, k=3, n_per_class=2, n_threads=n_threads),
    "cross-validation": lambda n_threads: df.knn_cross_validate(ROWS, LABELS, k_choices=(1, 3), n_threads=n_threads),
    "votes": estimator(df.KNeighborsClassifier, lambda model: (model.predict(ROWS), model.predict_proba(ROWS))),
    "neighbours": estimator(df.NearestNeighbors, lambda model: model.kneighbors()),
    "softmax": estimator(
        df.SoftmaxClassifier,
        lambda model: (model.coef_, model.predict_proba(ROWS)),
        random_state=0,
        learning_rate=0.1,
        early_stopping=True,
    ),
    "svm": estimator(df.LinearSVM, lambda model: (model.coef_, model.decision_function(ROWS)), random_state=0, standardize=True),
    "random search": lambda n_threads: df.random_search(ROWS, LABELS, n_candidates=70, n_threads=n_threads),
    "optimum": lambda n_threads: df.minimize_softmax(ROWS, LABELS, reg=0.1, n_threads=n_threads),
    "optimum without a free bias": lambda n_threads: df.minimize_softmax(
        ROWS, LABELS, reg=0.1, penalize_bias=True, n_threads=n_threads
    ),
    "path": lambda n_threads: df.softmax_path(ROWS, LABELS, regs=[0.1, 1.0], n_threads=n_threads),
    "probe": lambda n_threads: df.evaluate_probe(ROWS, LABELS, ROWS, LABELS, n_threads=n_threads).predictions,
    "numerical gradient": alone(lambda: df.numerical_gradient(lambda x: np.sum(x**2), ROWS[0])),
    "second derivatives": alone(lambda: df.gradgradcheck(lambda x: (np.sum(x**3), 3 * x**2), ROWS[0])),
    "temperature": alone(lambda: df.fit_temperature(ROWS, LABELS)),
    "walk": alone(lambda: df.landscapes.descend(df.landscapes.quadratic(10), [1.0, 1.0], df.optim.SGD(lr=1e9), 50)),
    "sgd": stepped("SGD", lr=0.1, momentum=0.9),
    "adagrad": stepped("Adagrad"),
    "rmsprop": stepped("RMSprop", centered=True, momentum=0.5),
    "adam": stepped("Adam", amsgrad=True),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_result_is_written(name):
    assert_written(CALLS[name])


def test_pairs_with_rows_that_are_not_finite():
    rows = ROWS.copy()
    rows[5, 5] = np.inf
    for left, right in ((rows, ROWS), (ROWS, rows)):
        with filled_with(0x3F):
            assert np.isnan(pairs.between(left, right, "inner_product", 2)).all()


@pytest.mark.parametrize("rows", [ROWS * 1e30, ROWS * np.nan, ROWS * 0])
def test_rows_without_directions(rows):
    assert directions.principal_directions(rows, 4).shape == (0, 20)


@pytest.mark.parametrize("scale", [2.0**-70, 2.0**60, 2.0**75])
def test_a_prefix_does_not_depend_on_the_unit(scale):
    reasons = []
    for rows in (LOW_RANK, LOW_RANK * scale):
        estimate = prefix.estimate(Job.of(rows, "euclidean", 1100, 10, 1, NO_DUPLICATES, LIMITS), np.inf)
        reasons.append(estimate.reason)
    assert reasons[0] == reasons[1]
    assert "no directions" not in reasons[0]
