"""Accuracies for several k from one search."""

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import _numpy_baseline
from deeprob_fast.evaluation import search_in_blocks
from tests import reference


@pytest.mark.parametrize("weights", ["uniform", "distance", "softmax"])
def test_every_k_as_if_searched_alone(weights):
    data = df.datasets.load_digits()
    found = df.evaluate_knn(
        data.train, data.train_labels, data.test, data.test_labels, k=(1, 5, 30), weights=weights, temperature=3.0
    )
    for k, accuracy in found.accuracies.items():
        model = df.KNeighborsClassifier(k, weights=weights, temperature=3.0).fit(data.train, data.train_labels)
        assert accuracy == model.score(data.test, data.test_labels)
    assert list(found.accuracies) == [1, 5, 30]
    assert found.neighbors.indices.shape == (len(data.test), 30)


def test_labels_may_be_strings():
    found = df.evaluate_knn([[0.0], [9.0]], ["zero", "nine"], [[1.0], [8.0]], ["zero", "zero"], k=[1])
    assert found.accuracies == {1: 0.5}


def test_unseen_query_labels_count_as_wrong():
    assert df.evaluate_knn([[0.0]], [3], [[0.0]], [4], k=1).accuracies == {1: 0.0}


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_blocks_change_nothing(block):
    rng = np.random.default_rng(0)
    index = df.KNNIndex(rng.standard_normal((200, 5)))
    queries = rng.standard_normal((50, 5))
    seen: list[int] = []
    found = search_in_blocks(index, queries, 4, block=block, done=seen.append)
    assert sum(seen) == 50
    np.testing.assert_array_equal(found.indices, index.search(queries, 4).indices)


def test_no_queries_in_blocks():
    found = search_in_blocks(df.KNNIndex([[0.0]]), np.empty((0, 1)), 1, block=10)
    assert found.indices.shape == (0, 1)


@pytest.mark.parametrize("metric", reference.METRICS)
def test_numpy_baseline_finds_the_neighbors(metric):
    rng = np.random.default_rng(1)
    train, queries = rng.standard_normal((400, 20)), rng.standard_normal((60, 20))
    seen: list[int] = []
    found = _numpy_baseline.nearest(train, queries, 5, metric, seen.append)
    assert sum(seen) == 60
    np.testing.assert_array_equal(found, reference.nearest(train, queries, 5, metric)[1])
