"""k-NN classification evaluated: every k and temperature, protocols, few-shot subsets, leave-one-out."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deeprob_fast as df
from deeprob_fast.knn.few_shot import few_per_class
from deeprob_fast.knn.votes import neighbor_weights, rank_classes
from tests import reference

MINILM = Path(__file__).parents[3] / "shared" / "data" / "pypi-minilm-384.npz"


def blobs(n=300, n_queries=80, n_features=16, n_classes=7, seed=0):
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((n_classes, n_features)) * 1.2
    y, wanted = rng.integers(0, n_classes, n), rng.integers(0, n_classes, n_queries)
    X = (centers[y] + rng.standard_normal((n, n_features))).astype(np.float32)
    queries = (centers[wanted] + rng.standard_normal((n_queries, n_features))).astype(np.float32)
    return X, y, queries, wanted


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_ranked_classes_follow_the_specification(data):
    n_queries, n_neighbors = data.draw(st.integers(0, 6)), data.draw(st.integers(1, 12))
    n_classes, n_train = data.draw(st.integers(1, 9)), 15
    rng = np.random.default_rng(data.draw(st.integers(0, 2**16)))
    k_values = data.draw(st.lists(st.integers(1, n_neighbors), min_size=1, max_size=4))
    n_top = data.draw(st.integers(1, n_classes))
    labels = rng.integers(0, n_classes, n_train)
    found = df.Neighbors(
        np.sort(rng.choice([0.0, 1.0, 1.0, 2.5], (n_queries, n_neighbors))), rng.integers(0, n_train, (n_queries, n_neighbors))
    )

    def to_last(distances):  # votes that may be 0 for all but the nearest
        return np.where(distances == distances[:, :1], 1.0, distances[:, -1:] - distances)

    kind = data.draw(st.sampled_from(["uniform", "distance", to_last]))
    ranked = rank_classes(
        found, labels, n_classes, k_values, n_top, weights=kind, metric="euclidean", temperature=1.0, n_threads=2
    )
    assert ranked.shape == (len(k_values), n_queries, n_top)
    for k, own in zip(k_values, ranked, strict=True):
        weights = neighbor_weights(found.distances[:, :k], kind, "euclidean", 1.0)
        votes = reference.votes(labels, found.indices[:, :k], weights, n_classes)
        np.testing.assert_array_equal(own, reference.ranked_classes(votes, n_top))


@pytest.mark.filterwarnings("ignore::deeprob_fast.datasets.SplitWarning")
def test_only_classes_that_have_votes_are_among_the_best_five():
    rows, labels = np.arange(10.0)[:, None], np.arange(10)
    wrong = (labels + 1) % 10
    for first, second in ((labels, wrong), (9 - labels, 9 - wrong)):  # whatever the numbers of the classes
        assert [score[2:] for score in df.evaluate_knn(rows, first, rows, second, k=1).scores] == [(0, 0, 0)]
        assert df.evaluate_knn(rows, first, rows, first, n_per_class=1, k=1).few_shot[0].top5 == 1
        assert df.evaluate_knn(rows, first, rows, second, n_per_class=1, k=1).few_shot[0].top5 == 0
    unseen = df.evaluate_knn(rows, labels // 4, rows, np.full(10, 3), k=(1, 5, 10))  # three classes, and one of the queries only
    assert [(score.top1, score.top5) for score in unseen.scores] == [(0, 0)] * 3


@pytest.mark.parametrize(
    ("weights", "temperature"), [("softmax", 1e-5), (lambda d: (d == d[:, :1]) * 1.0, 1.0), ("distance", 1.0)]
)
def test_votes_of_zero_are_none(weights, temperature):
    rows, labels = np.arange(6.0)[:, None], np.arange(6)
    found = df.evaluate_knn(rows, labels, rows, (labels + 1) % 6, k=6, weights=weights, temperature=temperature)
    assert found.scores[0].top5 == 0


@pytest.mark.parametrize("weights", ["uniform", "distance", "softmax"])
def test_every_k_as_if_searched_alone(weights):
    data = df.datasets.load_digits()
    arrays = (data.train, data.train_labels, data.test, data.test_labels)
    found = df.evaluate_knn(*arrays, k=(1, 30, 5), weights=weights, temperature=3.0)
    for k, accuracy in found.accuracies.items():
        model = df.KNeighborsClassifier(k, weights=weights, temperature=3.0).fit(data.train, data.train_labels)
        assert accuracy == model.score(data.test, data.test_labels)
    assert [score.k for score in found.scores] == [1, 30, 5]
    assert found.neighbors.indices.shape == (len(data.test), 30)


def test_scores_are_those_of_the_predictions():
    X, y, queries, wanted = blobs()
    found = df.evaluate_knn(X, y, queries, wanted, k=(1, 9), temperature=(0.1, 2.0), weights="softmax")
    assert [(score.k, score.temperature) for score in found.scores] == [(1, 0.1), (9, 0.1), (1, 2.0), (9, 2.0)]
    for score, predicted in zip(found.scores, found.predictions, strict=True):
        assert score.top1 == np.mean(predicted == wanted)
        shares = [np.mean(predicted[wanted == label] == label) for label in np.unique(wanted)]
        assert score.mean_per_class == pytest.approx(np.mean(shares), abs=1e-15)
        matrix = found.confusion_matrix(score)
        assert matrix.sum() == len(wanted)
        assert matrix[2, 3] == np.sum((wanted == 2) & (predicted == 3))
    assert found.best.top1 == max(score.top1 for score in found.scores)
    assert found.accuracies == {score.k: score.top1 for score in found.scores[:2]}
    assert found.settings["temperature"] == [0.1, 2.0]


# What each protocol's own script computes, after its preparation of the features: similarities, the k largest, votes.
def normalized(rows):
    rows = rows.astype(np.float64)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def similarities(train, queries, protocol):
    if protocol == "vissl":
        return queries.astype(np.float64) @ train.astype(np.float64).T
    if protocol == "solo-euclidean":
        a, b = queries.astype(np.float64), train.astype(np.float64)
        squares = (a * a).sum(axis=1)[:, None] - 2 * a @ b.T + (b * b).sum(axis=1)
        return 1 / (np.sqrt(np.maximum(squares, 0)) + 1e-5)
    return normalized(queries) @ normalized(train).T


def transcription(arrays, protocol, k_values, temperature):
    """Top-1 and top-5 for each k by the protocol's formula, one query after the other."""
    train, y, queries, wanted = arrays
    n_classes = max(y.max(), wanted.max()) + 1
    right = np.zeros((len(k_values), 2), dtype=int)
    for row, label in zip(similarities(train, queries, protocol), wanted, strict=True):
        near = np.flatnonzero(row >= np.partition(row, -max(k_values))[-max(k_values)])
        near = near[np.argsort(-row[near], kind="stable")]
        for i, k in enumerate(k_values):
            nearest = near[:k]
            votes = np.zeros(n_classes)
            vote = row[nearest] if protocol == "solo-euclidean" else np.exp(row[nearest] / temperature)
            if protocol == "dinov2":
                vote /= vote.sum()
            np.add.at(votes, y[nearest], vote)
            order = np.argsort(-votes, kind="stable")
            # The scripts also count classes without votes, in whichever order their sort leaves them.
            right[i] += (order[0] == label, votes[label] > 0 and label in order[:5])
    return [tuple(pair) for pair in right / len(wanted)]


PROTOCOLS = {
    "dino": ((10, 20, 100, 200), 0.07),
    "dinov2": ((10, 20, 100, 200), 0.07),
    "moco": ((200,), 0.1),
    "lightly": ((200,), 0.1),
    "solo": ((20,), 0.07),
    "solo-euclidean": ((20,), None),
    "vissl": ((200,), 0.1),
}


def assert_follows_the_transcription(arrays, protocol):
    k_values, temperature = PROTOCOLS[protocol]
    found = df.evaluate_knn(*arrays, protocol=protocol)
    assert [(score.k, score.temperature) for score in found.scores] == [(k, temperature) for k in k_values]
    assert [(score.top1, score.top5) for score in found.scores] == transcription(arrays, protocol, k_values, temperature)
    assert found.settings["source"] == df.KNN_PROTOCOLS[protocol].source


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_protocols(protocol):
    assert_follows_the_transcription(blobs(n=400, n_queries=90), protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.skipif(not MINILM.exists(), reason="needs the sentence embeddings beside the project")
def test_protocols_on_embeddings(protocol):
    data = df.datasets.load_npz(MINILM)
    arrays = (data.train, data.train_labels.astype(np.int64), data.test, data.test_labels.astype(np.int64))
    assert_follows_the_transcription(arrays, protocol)


def test_every_protocol_is_tested():
    assert set(PROTOCOLS) == set(df.KNN_PROTOCOLS)
    for name, protocol in df.KNN_PROTOCOLS.items():
        assert protocol.name == name
        assert protocol.source in str(protocol)


def test_arguments_go_before_the_protocol():
    found = df.evaluate_knn(*blobs(), protocol="dino", k=3, temperature=0.2, metric="euclidean", weights="uniform")
    assert found.settings["k"] == [3]
    assert found.settings["metric"] == "euclidean"
    assert found.scores[0].temperature is None


@pytest.mark.parametrize("temperature", [0.01, 1e-5])
def test_small_temperatures_do_not_overflow(temperature):
    X, y, queries, wanted = blobs()
    found = df.evaluate_knn(100 * X, y, 100 * queries, wanted, protocol="vissl", k=20, temperature=temperature)
    nearest = df.nearest_neighbors(X, queries, 1, metric="inner_product").indices[:, 0]
    assert found.scores[0].top1 == np.mean(y[nearest] == wanted)


def test_few_rows_few_queries_one_class():
    found = df.evaluate_knn([[0.0], [1.0]], [3, 3], [[0.5]], [3], protocol="dino")
    assert [score.k for score in found.scores] == [2]
    assert found.scores[0][2:] == (1.0, 1.0, 1.0)
    found = df.evaluate_knn(*blobs(n=150, n_queries=3), protocol="dino")
    assert [score.k for score in found.scores] == [10, 20, 100]


def test_labels_may_be_strings():
    found = df.evaluate_knn([[0.0], [9.0]], ["zero", "nine"], [[1.0], [8.0]], ["zero", "zero"], k=[1])
    assert found.accuracies == {1: 0.5}
    assert found.classes.tolist() == ["nine", "zero"]
    assert found.confusion_matrix().tolist() == [[0, 0], [1, 1]]


def test_unseen_query_labels_count_as_wrong():
    with pytest.warns(
        df.datasets.SplitWarning, match="^1 queries are of classes that no training row has, 4: they count as wrong"
    ):
        found = df.evaluate_knn([[0.0]], [3], [[0.0]], [4], k=1)
    assert found.accuracies == {1: 0.0}
    assert found.classes.tolist() == [3, 4]


def test_weights_may_be_a_function():
    X, y, queries, wanted = blobs()
    named = df.evaluate_knn(X, y, queries, wanted, k=9, weights="distance")
    function = df.evaluate_knn(X, y, queries, wanted, k=9, weights=lambda distances: 1 / distances)
    np.testing.assert_array_equal(named.predictions, function.predictions)
    assert df.KNeighborsClassifier(9, weights=lambda d: 1 / d).fit(X, y).score(queries, wanted) == named.scores[0].top1


@pytest.mark.parametrize("weights", ["uniform", "softmax"])
def test_leave_one_out(weights):
    X, y, _, _ = blobs(n=60)
    found = df.evaluate_knn(X, y, k=(1, 5), weights=weights, temperature=1.0)
    for k in (1, 5):
        right = []
        for i in range(len(X)):
            others = np.arange(len(X)) != i
            model = df.KNeighborsClassifier(k, weights=weights, temperature=1.0).fit(X[others], y[others])
            right.append(model.predict(X[i : i + 1])[0] == y[i])
        assert found.accuracies[k] == np.mean(right)
    assert found.settings["leave_one_out"]


def test_few_shot_rows_are_those_that_torch_draws():
    # torch 2.13: randperm(10), randperm(1) and randperm(6) after manual_seed(3)
    drawn = [[6, 0, 3, 7, 8, 5, 1, 9, 2, 4], [0], [1, 5, 0, 2, 3, 4]]
    numbers = np.repeat([0, 1, 2], [10, 1, 6])
    shuffled = np.random.default_rng(0).permutation(numbers)
    for size in (1, 4, 100):
        expected = [np.flatnonzero(shuffled == c)[own[:size]] for c, own in enumerate(drawn)]
        np.testing.assert_array_equal(few_per_class(shuffled, size, 3), np.concatenate(expected))


def test_few_shot_subsets_as_if_evaluated_alone():
    X, y, queries, wanted = blobs()
    found = df.evaluate_knn(X, y, queries, wanted, k=(1, 3, 10), n_per_class=(2, 5), n_tries=3, metric="cosine")
    assert [(score.n_per_class, score.k) for score in found.few_shot] == [(2, 1), (2, 2), (5, 1), (5, 3), (5, 5)]
    for score in found.few_shot:
        alone = []
        for attempt in range(3):
            own = few_per_class(y, score.n_per_class, attempt)
            alone.append(df.evaluate_knn(X[own], y[own], queries, wanted, k=score.k, metric="cosine").scores[0])
        assert score.top1 == pytest.approx(np.mean([one.top1 for one in alone]), abs=1e-15)
        assert score.top5 == pytest.approx(np.mean([one.top5 for one in alone]), abs=1e-15)
        assert score.top1_std == pytest.approx(np.std([one.top1 for one in alone], ddof=1), abs=1e-15)
    once = df.evaluate_knn(X, y, queries, wanted, k=1, n_per_class=2)
    assert np.isnan(once.few_shot[0].top1_std)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"protocol": "dine"}, ValueError, "protocol must be one of dino, .*; got 'dine'"),
        ({"k": 0}, ValueError, "k must be between 1 and 300"),
        ({"k": []}, ValueError, "k must hold at least one number"),
        ({"temperature": 0.0}, ValueError, "temperature must be finite and above 0; got 0.0"),
        ({"temperature": []}, ValueError, "temperature must hold at least one number"),
        ({"temperature": "warm"}, TypeError, "temperature must be a number"),
        ({"weights": "heavy"}, ValueError, "weights must be one of uniform, distance, softmax, or callable; got 'heavy'"),
        ({"weights": lambda d: -d}, ValueError, "weights must return finite numbers that are not negative; got -.* for query 0"),
        ({"weights": lambda d: d * np.nan}, ValueError, "weights must return finite .*; got nan for query 0"),
        ({"weights": lambda d: d * 0}, ValueError, "weights must return .* sum above 0 for each query; got 0.0 for query 0"),
        ({"weights": lambda d: d[0]}, ValueError, r"weights must return real numbers of shape \(80, 5\)"),
        ({"metric": "hamming"}, ValueError, "metric must be one of"),
        ({"n_per_class": 0}, ValueError, "n_per_class must be between 1"),
        ({"n_tries": 0}, ValueError, "n_tries must be between 1"),
        ({"queries": None}, ValueError, "queries must be given with query_labels"),
        ({"query_labels": None}, ValueError, "query_labels must be given with queries"),
        ({"queries": None, "query_labels": None, "n_per_class": 1}, ValueError, "n_per_class needs queries"),
        ({"queries": np.empty((0, 16)), "query_labels": []}, ValueError, "queries must have at least one row"),
        (
            {"query_labels": [str(i) for i in range(80)]},
            TypeError,
            "query_labels must be labels of the same kind .* got text",
        ),
        ({"train_labels": [1, 2]}, ValueError, "train_labels must be 1-D with one label for each of the 300 rows"),
    ],
)
def test_mistakes(change, error, words):
    X, y, queries, wanted = blobs()
    arguments = {"train": X, "train_labels": y, "queries": queries, "query_labels": wanted, "k": 5, **change}
    with pytest.raises(error, match=words):
        df.evaluate_knn(**arguments)


def test_one_row_cannot_be_left_out():
    with pytest.raises(ValueError, match="train must have at least two rows"):
        df.evaluate_knn([[0.0]], [1])
