"""Hostile calls of everything that looks for neighbours; answers are compared with the specification."""

import numpy as np

import deeprob_fast as df
from tests import reference
from tests.safety.answers import answer, flat, names_of, right

_STRATEGIES = ("auto", "boxes", "dense", "integer", "prefix")


def _problem(source):
    """Draw training rows, queries, k, a metric and a number of threads, and whether all of them are right."""
    n, m, d = source.shape()
    train = source.rows(n, d, source.choice(0.0, 0.3))
    queries = source.rows(m, d + 1 if source.happens(0.0 if source.tame else 0.06) else d, source.choice(0.0, 0.3))
    if train.plain is not None and len(train.plain) and source.happens(0.2):
        queries = queries._replace(value=train.plain[:m], plain=train.plain[:m], mild=train.mild)
    k, k_plain = source.k(n)
    metric = source.name(*reference.METRICS)
    n_threads, threads_are = source.n_threads()
    good = right((train.plain, queries.plain, k_plain)) and _is_metric(metric) and threads_are and n > 0 and d > 0
    good = good and train.plain.shape[1] == queries.plain.shape[1]
    return train, queries, k, metric, n_threads, good


def _is_metric(metric):
    return isinstance(metric, str) and metric in reference.METRICS


def _assert_neighbors(found, train, queries, k, metric):
    assert np.isfinite(found.distances).all()
    distances, indices = reference.nearest(train.plain, queries.plain, int(k), metric)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)


def one_shot(source):
    train, queries, k, metric, n_threads, good = _problem(source)
    options = {"callback": source.mixed((None, id), 3, "x")}
    must = good and train.mild and queries.mild and not isinstance(options["callback"], (int, str))

    def call():
        return df.nearest_neighbors(train.value, queries.value, k, metric=metric, n_threads=n_threads, **options)

    found = answer(call, names_of(df.nearest_neighbors), must=must)
    if found is not None:
        assert good, "answered what is wrong"
        _assert_neighbors(found, train, queries, k, metric)


def index(source):
    train, queries, k, metric, n_threads, good = _problem(source)
    strategy = source.name(*_STRATEGIES)
    names = names_of(df.KNNIndex, df.KNNIndex.search)
    must = good and train.mild and queries.mild and isinstance(strategy, str) and strategy in ("auto", "dense")

    def call():
        made = df.KNNIndex(train.value, metric=metric, strategy=strategy, n_threads=n_threads)
        return made, made.search(queries.value, k)

    answered = answer(call, names, must=must)
    if answered is None:
        return
    assert good, "answered what is wrong"
    made, found = answered
    _assert_neighbors(found, train, queries, k, metric)
    # A prefix without directions is dense.
    assert made.stats["strategy"] in (
        {strategy, "dense"} if strategy == "prefix" else _STRATEGIES[1:] if strategy == "auto" else {strategy}
    )
    others = answer(lambda: made.search(None, k), names)
    if others is not None:
        distances, indices = reference.nearest_others(train.plain, int(k), metric)
        np.testing.assert_array_equal(others.indices, indices)
        np.testing.assert_array_equal(others.distances, distances)


def pairwise(source):
    train, queries, _, metric, n_threads, _ = _problem(source)
    given = () if source.happens(0.2) else (train.value,)
    Y = train if given else queries

    def call():
        return df.pairwise_distances(queries.value, *given, metric=metric, n_threads=n_threads)

    found = answer(call, names_of(df.pairwise_distances))
    if found is None or not found.size:
        return
    assert right((queries.plain, Y.plain)), "answered what is wrong"
    assert found.shape == (len(queries.plain), len(Y.plain))
    assert flat(found) == flat(call())
    if queries.mild and Y.mild and found.size:
        expected = reference.distances(Y.plain, queries.plain, metric)
        largest = (
            np.abs(expected).max()
            if metric != "inner_product"
            else np.abs(queries.plain).max() * np.abs(Y.plain).sum(axis=1).max()
        )
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * largest + 1e-6)


def top_k(source):
    n, _, d = source.shape()
    values = source.rows(n, d)
    k, k_plain = source.k(d)
    largest = source.choice(True, False)
    n_threads, _ = source.n_threads()
    found = answer(lambda: df.top_k(values.value, k, largest=largest, n_threads=n_threads), names_of(df.top_k))
    if found is None:
        return
    assert k_plain is not None
    array = np.asarray(values.value)
    held = array if array.dtype.kind != "f" or array.dtype.itemsize > 2 else array.astype(np.float32)
    expected, columns = reference.top_k(held, k_plain, largest=largest)
    np.testing.assert_array_equal(found.indices, columns)
    np.testing.assert_array_equal(found.values, expected)


def evaluation(source):
    train, queries, k, metric, n_threads, _ = _problem(source)
    n = 0 if train.plain is None else len(train.plain)
    m = 0 if queries.plain is None else len(queries.plain)
    labels, _ = source.labels(n)
    truth, _ = source.labels(m)
    rest = {} if source.happens(0.3) else {"queries": queries.value, "query_labels": truth}
    options = {
        "k": source.mixed((k, [k], (1, k), np.array([1]), np.array(1)), (), None, "1"),
        "weights": source.mixed(
            ("uniform", "softmax", np.ones_like), "distance", lambda distances: distances[:, :0], "x", np.ones(2)
        ),
        "temperature": source.mixed((0.07, 1e-300, 1e300, [0.1, 1.0], np.array([0.1])), (), -1.0, "x", 10**400),
        "metric": metric,
        "protocol": source.choice(None, source.name("dino", "moco")),
        "n_per_class": source.mixed(((), 1, [1, 2]) if rest else ((),), 0, "x", True, 1),
        "n_tries": source.mixed((1, 2), 0, None),
        "n_threads": n_threads,
    }
    kept = {name: value for name, value in options.items() if source.happens(0.5)}

    def call():
        return df.evaluate_knn(train.value, labels, **rest, **kept)

    found = answer(call, names_of(df.evaluate_knn))
    if found is not None:
        assert train.plain is not None, "answered what is wrong"
        assert all(0 <= score.top1 <= score.top5 <= 1 for score in found.scores)
        assert found.confusion_matrix().sum() == len(found.truth)
        assert flat(found.predictions) == flat(call().predictions)


def cross_validation(source):
    n, _, d = source.shape()
    rows = source.rows(n, d)
    labels, _ = source.labels(n)
    k, _ = source.k(n)
    options = {
        "num_folds": source.mixed((2,), 3, n, 0, n + 1, None, 2.0),
        "k_choices": source.mixed((1, [1], np.array([1])), (1, k), k, (), "1"),
        "folds": source.mixed(
            ("chunk", "array_split", [(np.arange(n), np.arange(n))]), "x", None, 3, [], [([0], [0])], [([n], [0])], ["ab"], [(1,)]
        ),
        "weights": source.mixed(("uniform", "softmax"), "distance", "x", np.ones(2)),
        "temperature": source.number(0.07, 1.0),
        "metric": source.name(*reference.METRICS),
        "groups": source.choice(None, labels),
    }
    kept = {"k_choices": 1} | {name: value for name, value in options.items() if source.happens(0.5)}
    found = answer(lambda: df.knn_cross_validate(rows.value, labels, **kept), names_of(df.knn_cross_validate))
    if found is not None:
        assert rows.plain is not None, "answered what is wrong"
        assert all(0 <= share <= 1 for shares in found.accuracies.values() for share in shares)


CALLS = (one_shot, one_shot, index, index, index, pairwise, top_k, evaluation, cross_validation)
