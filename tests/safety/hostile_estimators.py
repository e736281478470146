"""Hostile calls of the estimators, of the probes and of calibration."""

import numpy as np

import deeprob_fast as df
from tests import reference
from tests.safety.answers import answer, flat, names_of

# What scikit-learn's own checks speak of.
_SCIKIT_LEARN = {
    "sample",
    "samples",
    "feature",
    "features",
    "sample(s)",
    "feature(s)",
    "array",
    "label",
    "class",
    "classes",
    "type",
}


def _data(source, most=10**6):
    n, m, d = source.shape()
    d = min(d, most)
    X, queries = source.rows(n, d, source.choice(0.0, 0.3)), source.rows(m, d, source.choice(0.0, 0.3))
    y = source.choice(*(source.labels(n)[0] for _ in range(3)), np.array(["a", "b", "c"])[source.rng.integers(0, 3, n)])
    if source.tame and n > 3:
        y = np.arange(n) % 3
    return X, queries, y, n


def neighbors(source):
    X, queries, y, n = _data(source)
    k, k_plain = source.k(n)
    metric = source.name(*reference.METRICS)
    weights = source.mixed(("uniform", "softmax", np.ones_like), "distance", lambda distances: distances * np.nan, id, "x", 3)
    own = {"temperature": source.number(0.07, 1e-300, 1e300), "n_jobs": source.n_threads()[0]}
    own = {name: value for name, value in own.items() if source.happens(0.3)}
    names = {*names_of(df.KNeighborsClassifier, df.KNeighborsClassifier.fit), *_SCIKIT_LEARN}

    def call():
        model = df.KNeighborsClassifier(k, metric=metric, weights=weights, **own).fit(X.value, y)
        return model, model.kneighbors(queries.value), model.predict(queries.value), model.predict_proba(queries.value)

    answered = answer(call, names)
    if answered is not None:
        model, (distances, indices), predicted, shares = answered
        assert X.plain is not None
        assert queries.plain is not None
        assert k_plain is not None
        expected = reference.nearest(X.plain, queries.plain, k_plain, metric)
        np.testing.assert_array_equal(indices, expected[1])
        np.testing.assert_array_equal(distances, expected[0])
        np.testing.assert_allclose(shares.sum(axis=1), 1.0)
        np.testing.assert_array_equal(predicted, model.classes_[shares.argmax(axis=1)])
    plain = answer(lambda: df.NearestNeighbors(k, metric=metric).fit(X.value).kneighbors(), names)
    assert plain is None or X.plain is not None


def _linear(source):
    pick = source.mixed
    own = {
        "learning_rate": pick(("auto", 0.1), 1e300, -1.0, "x", None, 10**400),
        "momentum": source.number(0.9, 0.0),
        "reg": source.number(1e-4, 0.0),
        "penalty": source.name("l2", "l1", "elasticnet"),
        "batch_size": pick((16, None, 10**18), 0, "x"),
        "tol": pick((None, 1e-4), -1.0, "x"),
        "n_iter_no_change": pick(("auto", 1), 0, "x"),
        "schedule": pick(("cosine", "constant", None), "x", 3, id),
        "optimizer": source.name("sgd", "adagrad", "rmsprop", "adam", "adamw"),
        "early_stopping": pick((False,), True),
        "validation_fraction": source.number(0.1, 0.5),
        "fit_intercept": source.choice(True, False),
        "standardize": source.choice(True, False),
        "class_weight": pick(
            (None, "balanced"), "x", {0: 2.0}, {0: 1.0, 1: 2.0, 2: 0.0}, {9: 1.0}, {0: -1.0}, {0: np.nan}, 3, []
        ),
        "warm_start": source.choice(True, False),
        "shuffle": source.choice(True, False),
        "n_jobs": source.n_threads()[0],
    }
    return {name: value for name, value in own.items() if source.happens(0.15)}


def linear(source):
    X, queries, y, n = _data(source)
    kind = source.choice(df.SoftmaxClassifier, df.LinearSVM)
    own = {"random_state": 0, "max_epochs": 2} | _linear(source)
    if kind is df.LinearSVM and source.happens(0.3):
        own |= {"formulation": source.name("weston_watkins", "one_vs_all", "runner_up"), "delta": source.number(1.0, 0.0)}
    bad = (np.zeros(n), -np.ones(n), np.ones(n + 1), "x", np.nan)
    weight = {} if source.happens(0.7) else {"sample_weight": source.mixed((np.ones(n), None), *bad)}
    names = {*names_of(kind, kind.fit), *_SCIKIT_LEARN}

    def call():
        model = kind(**own).fit(X.value, y, **weight)
        return model.coef_, model.intercept_, model.decision_function(queries.value), model.predict(queries.value)

    found = answer(call, names)
    if found is not None:
        assert X.plain is not None
        assert queries.plain is not None
        assert flat(found) == flat(call())
        assert np.isfinite(found[0]).all()


def partial(source):
    X, queries, y, _ = _data(source)
    kind = source.choice(df.SoftmaxClassifier, df.LinearSVM)
    own = {"random_state": 0} | _linear(source)
    bad: tuple[object, ...] = ([0, 1], [0], [], None, ["a", "b", "c"], "x", [0.5, np.nan], [[0, 1]], 3, [None, 1])
    classes = source.mixed(([0, 1, 2], np.arange(3)), *bad)
    names = {*names_of(kind, kind.partial_fit), *_SCIKIT_LEARN}

    def call():
        model = kind(**own)
        for again in (classes, None):
            model.partial_fit(X.value, y, again)
        return model.coef_, model.predict(queries.value)

    found = answer(call, names)
    if found is not None:
        assert X.plain is not None
        assert queries.plain is not None
        assert flat(found) == flat(call())


def calibration(source):
    n, _, d = source.shape()
    scores = source.rows(n, d)
    if source.happens(0.5) and n and d:
        scores = scores._replace(value=source.rng.dirichlet(np.ones(d), n).astype(source.choice("f2", "f4", "f8")))
    truth, _ = source.labels(n, max(1, d))
    bins = {} if source.happens(0.6) else {"n_bins": source.choice(1, 2, 0, 2.0, None, 10**6, 2**40)}
    found = answer(lambda: df.expected_calibration_error(scores.value, truth, **bins), names_of(df.expected_calibration_error))
    assert found is None or 0 <= found <= 1
    fitted = answer(lambda: df.fit_temperature(scores.value, truth), names_of(df.fit_temperature))
    assert fitted is None or 1e-4 < fitted < 1e4


def probe(source):
    X, queries, y, _ = _data(source, most=300)
    truth = source.choice(source.labels(0 if queries.plain is None else len(queries.plain))[0], y)
    own = {
        "protocol": source.name("logistic", "lsr"),
        "seed": source.mixed((0, 5), -1, None, 2**64),
        "validation": source.mixed((None, (X.value, y)), 0.5, 0.0, 1.0, -1.0, "x", (X.value,), 3),
        "normalize": source.mixed((True, False), "x"),
        "n_threads": source.n_threads()[0],
    }
    if not source.tame:
        own |= {"C": source.choice(1.0, (1.0,), -1.0, "x", ()), "rubbish": 3}
    own = {name: value for name, value in own.items() if source.happens(0.15)}
    found = answer(
        lambda: df.evaluate_probe(X.value, y, queries.value, truth, **own),
        {*names_of(df.evaluate_probe), "max_iter", "C", "normalize", "rubbish"},
    )
    if found is not None:
        assert X.plain is not None
        assert queries.plain is not None
        assert 0 <= found.top1 <= found.top5 <= 1


CALLS = (neighbors, neighbors, linear, linear, partial, calibration, probe)
