"""The scikit-learn estimators."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import deeprob_fast as df
from deeprob_fast import _threads, _validation
from tests import reference


@parametrize_with_checks(
    [
        df.NearestNeighbors(),
        df.KNeighborsClassifier(),
        df.KNeighborsClassifier(weights="distance", metric="manhattan"),
        df.KNeighborsClassifier(weights="softmax", metric="cosine"),
        df.RadiusNeighborsClassifier(outlier_label="most_frequent"),
        df.KNeighborsRegressor(),
        df.KNeighborsRegressor(weights="distance", metric="chebyshev"),
        df.RadiusNeighborsRegressor(),
        df.KNeighborsTransformer(),
        df.RadiusNeighborsTransformer(mode="connectivity"),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def blobs(n=300, d=5, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    return rng.standard_normal((n, d)) + labels[:, None], labels


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
def test_votes_like_scikit_learn(weights, metric):
    from sklearn.neighbors import KNeighborsClassifier

    x, y = blobs()
    queries, truth = blobs(seed=1)
    queries[:5] = x[:5]
    ours = df.KNeighborsClassifier(7, weights=weights, metric=metric).fit(x, y)
    theirs = KNeighborsClassifier(7, weights=weights, metric=metric, algorithm="brute").fit(x, y)
    if metric == "cosine":  # theirs gives equal rows a distance of about 1e-16, not 0
        queries = queries[5:]
        truth = truth[5:]
    np.testing.assert_allclose(ours.predict_proba(queries), theirs.predict_proba(queries), rtol=1e-9)
    assert ours.score(queries, truth) == theirs.score(queries, truth)


@pytest.mark.parametrize("weights", ["uniform", "distance", "softmax"])
def test_votes_follow_the_specification(weights):
    x, y = blobs()
    queries, _ = blobs(n=40, seed=2)
    model = df.KNeighborsClassifier(9, weights=weights, temperature=0.5).fit(x, y)
    distances, indices = reference.nearest(x, queries, 9, "euclidean")
    weight = {"uniform": np.ones_like(distances), "distance": 1 / distances, "softmax": np.exp(-distances / 0.5)}[weights]
    votes = reference.votes(y, indices, weight, 3)
    np.testing.assert_allclose(model.predict_proba(queries), votes / votes.sum(axis=1, keepdims=True), rtol=1e-12)


def test_softmax_of_inner_products_prefers_large_ones():
    model = df.KNeighborsClassifier(2, weights="softmax", temperature=1.0, metric="inner_product")
    model.fit([[1.0], [2.0]], ["near", "far"])
    proba = model.predict_proba([[1.0]])[0]
    np.testing.assert_allclose(proba, [np.e / (1 + np.e), 1 / (1 + np.e)])
    assert model.classes_.tolist() == ["far", "near"]


def test_extreme_temperatures_do_not_overflow():
    x, y = blobs()
    for temperature in (1e-300, 1e300):
        proba = df.KNeighborsClassifier(5, weights="softmax", temperature=temperature).fit(x, y).predict_proba(x * 1e6)
        np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_vote_ties_go_to_the_smallest_label():
    x = np.array([[0.0], [1.0], [2.0], [3.0]])
    model = df.KNeighborsClassifier(2).fit(x, ["b", "a", "d", "c"])
    assert model.predict([[0.5], [2.5]]).tolist() == ["a", "c"]
    model = df.KNeighborsClassifier(4).fit(x, [3, 1, 3, 1])
    assert model.predict([[0.0]]).tolist() == [1]


def test_neighbors_at_distance_zero_outvote_all_others():
    model = df.KNeighborsClassifier(3, weights="distance").fit([[0.0], [0.0], [1e-9]], [0, 1, 1])
    np.testing.assert_array_equal(model.predict_proba([[0.0]]), [[0.5, 0.5]])
    # The inverse of a subnormal distance overflows.
    model = df.KNeighborsClassifier(2, weights="distance", metric="manhattan").fit([[5e-324], [1.0]], [0, 1])
    np.testing.assert_array_equal(model.predict_proba([[0.0]]), [[1.0, 0.0]])


def test_inverses_that_overflow_when_they_are_added():
    model = df.KNeighborsClassifier(2, weights="distance", metric="manhattan").fit([[1e-308], [1.1e-308], [1.0]], [0, 1, 1])
    np.testing.assert_allclose(model.predict_proba([[0.0]]), [[1.1 / 2.1, 1 / 2.1]])


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_weights_of_a_function_must_be_votes(method):
    queries = [[0.0], [1.0], [9.0]]
    model = df.KNeighborsClassifier(2, weights=lambda d: np.where(d < 0.1, 1.0, 0.0)).fit([[0.0], [1.0], [2.0]], ["a", "b", "b"])
    assert len(getattr(model, method)(queries[:2])) == 2
    with pytest.raises(ValueError, match=r"weights must return numbers with a finite sum above 0 .*; got 0.0 for query 2"):
        getattr(model, method)(queries)
    for weigh, came in ((lambda d: 5 - d, "-2.0"), (lambda d: np.where(d > 5, np.inf, 1.0), "inf")):
        with pytest.raises(ValueError, match=f"weights must return finite numbers that are not negative; got {came} for query 2"):
            getattr(model.set_params(weights=weigh), method)(queries)


def test_training_rows_are_not_their_own_neighbors():
    x = np.array([[0.0], [0.0], [0.0], [5.0]])
    distances, indices = df.NearestNeighbors(2).fit(x).kneighbors()
    assert indices.tolist() == [[1, 2], [0, 2], [0, 1], [0, 1]]
    assert distances.tolist() == [[0, 0], [0, 0], [0, 0], [5, 5]]
    # With more equal rows than neighbours asked for, a row may not find itself at all.
    _, indices = df.NearestNeighbors(1).fit(np.zeros((4, 2))).kneighbors()
    assert indices.tolist() == [[1], [0], [0], [0]]


@pytest.mark.parametrize("mode", ["connectivity", "distance"])
@pytest.mark.parametrize("name", ["NearestNeighbors", "KNeighborsClassifier"])
def test_graphs_like_scikit_learn(name, mode):
    import sklearn.neighbors

    x, y = blobs(n=60)
    x[7] = x[3]
    ours, theirs = (getattr(module, name)(n_neighbors=3).fit(x, y) for module in (df, sklearn.neighbors))
    for options in ({}, {"n_neighbors": 5}, {"X": x[:9] + 0.1}, {"X": x[:9], "n_neighbors": 1}):
        found, expected = (model.kneighbors_graph(mode=mode, **options) for model in (ours, theirs))
        assert (found.shape, found.nnz, found.format, found.dtype) == (expected.shape, expected.nnz, "csr", np.float64)
        np.testing.assert_allclose(found.toarray(), expected.toarray(), atol=1e-12)
    with pytest.raises(ValueError, match="mode must be one of connectivity, distance; got 'weight'"):
        ours.kneighbors_graph(mode="weight")
    with pytest.raises(ValueError, match="n_neighbors must be at most 59"):
        ours.kneighbors_graph(n_neighbors=60, mode=mode)


@pytest.mark.parametrize("threads", [-1, -2, np.int64(-2), -100])
def test_negative_numbers_of_threads_count_from_all(threads):
    available = _threads.available_threads()
    expected = max(1, available + 1 + int(threads))
    assert _validation.check_n_threads(threads) == expected
    x, y = blobs(n=50)
    for model in (df.NearestNeighbors(1, n_jobs=threads), df.KNeighborsClassifier(1, n_jobs=threads)):
        model.fit(x, y).kneighbors(x)
        assert model.index_.stats["n_threads"] == expected
    assert df.LinearSVM(random_state=0, max_epochs=1, n_jobs=threads).fit(x, y).predict(x).shape == (50,)
    assert df.nearest_neighbors(x, x, 1, n_threads=threads).indices[:, 0].tolist() == list(range(50))


def test_n_neighbors_can_differ_from_the_default():
    x, _ = blobs()
    model = df.NearestNeighbors(2).fit(x)
    assert model.kneighbors(x[:3], 7, return_distance=False).shape == (3, 7)
    with pytest.raises(ValueError, match=r"n_neighbors must be at most 300; got n_neighbors=301"):
        model.kneighbors(x[:3], 301)


def test_narrow_dtypes_are_kept():
    x = np.arange(12, dtype=np.uint8).reshape(4, 3)
    assert df.NearestNeighbors(1).fit(x).index_.train.dtype == np.uint8


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"n_jobs": 0}, "n_jobs must be between 1 and 4096 .or -1 or None for all, -2 for all but one"),
        ({"weights": "nearest"}, "weights must be one of uniform, distance, softmax, or callable; got 'nearest'"),
        ({"weights": "distance", "metric": "inner_product"}, "weights must be 'uniform' or 'softmax'"),
        ({"temperature": 0.0}, "temperature must be finite and above 0; got 0.0"),
        ({"metric": "hamming"}, "metric must be one of euclidean"),
        ({"n_neighbors": 0}, "n_neighbors must be between 1"),
    ],
)
def test_parameters_are_checked_when_fitting(parameters, words):
    with pytest.raises(ValueError, match=words):
        df.KNeighborsClassifier(**parameters).fit([[0.0], [1.0]], [0, 1])
