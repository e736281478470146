"""The engine of the k-NN page against the specification."""

import numpy as np
import pytest

from tests import reference
from tests.demo.demo_cases import again, decode, neighbors
from tests.limits import recorded_steps

pytest.importorskip("starlette", reason="needs the extra demo")

from deeprob_fast.demo import knn_model, regions, server  # where it can be imported

PAIRS = [
    (metric, weights)
    for metric in reference.METRICS
    for weights in ("uniform", "distance", "softmax")
    if (metric, weights) != ("inner_product", "distance")  # a product is no distance
]


@pytest.mark.parametrize(("metric", "weights"), PAIRS)
def test_knn_view_against_the_specification(metric, weights):
    state = server.knn_preset({"name": "overlapping", "seed": 1, "n_classes": 4})["state"]
    state |= {"k": 5, "metric": metric, "weights": weights, "temperature": 0.1, "query": [0, 0]}
    state["points"][3] = [0, 0, 1]  # without a direction
    state = again(state)
    found = server.knn_view({"state": state, "regions": 24})["view"]
    points = np.array(state["points"])
    rows, labels = np.ascontiguousarray(points[:, :2]), points[:, 2].astype(int)

    def votes_of(train, classes, queries, k):
        distances, indices = reference.nearest(train, queries, k, metric)
        sign = -1 if metric == "inner_product" else 1
        given = {"uniform": np.ones_like(distances), "softmax": np.exp(-sign * (distances - distances[:, :1]) / 0.1)}
        if weights == "distance":
            zero = distances == 0
            inverse = 1 / np.where(zero, 1, distances)
            given["distance"] = np.where(zero.any(axis=1, keepdims=True), zero, inverse)
        hot = classes[indices][:, :, np.newaxis] == np.arange(4)
        return (given[weights][:, :, np.newaxis] * hot).sum(axis=1), distances, indices, given[weights]

    votes, distances, indices, shares = votes_of(rows, labels, np.zeros((1, 2)), 5)
    assert found["query"]["neighbors"] == indices[0].tolist()
    assert found["query"]["distances"] == distances[0].tolist()
    assert found["query"]["weights"] == pytest.approx(shares[0].tolist())
    assert found["query"]["votes"] == pytest.approx(votes[0].tolist())
    assert found["query"]["prediction"] == int(votes[0].argmax())
    cells, *_ = votes_of(rows, labels, regions.centers(24), 5)
    best = np.sort(cells, axis=1)
    clear = best[:, -1] - best[:, -2] > 1e-9
    np.testing.assert_array_equal(decode(found["regions"]["runs"])[clear], cells.argmax(axis=1)[clear])
    wrong = []
    for i in range(len(rows)):
        rest = np.delete(np.arange(len(rows)), i)
        alone, *_ = votes_of(rows[rest], labels[rest], rows[i : i + 1], 5)
        wrong += [i] * int(alone[0].argmax() != labels[i])
    assert found["misclassified"] == wrong
    assert found["leave_one_out"] == pytest.approx(1 - len(wrong) / len(rows))


def test_knn_of_few_points():
    one = server.knn_view({"state": neighbors(points=[[1, 2, 0]], k=1, query=None)})["view"]
    assert one == {"regions": None, "leave_one_out": None, "misclassified": [], "query": None}
    # Of two points the other one decides, whatever k is.
    two = server.knn_view({"state": neighbors(points=[[0, 0, 0], [1, 1, 1]], k=2)})["view"]
    assert (two["leave_one_out"], two["misclassified"]) == (0, [0, 1])


def test_the_regions_of_large_k_are_drawn_in_parts(monkeypatch):
    state = server.knn_preset({"name": "rings"})["state"] | {"k": 40}
    whole = server.knn_view({"state": state, "regions": 40})
    monkeypatch.setattr(knn_model, "_HELD", 999)
    steps = recorded_steps(monkeypatch, knn_model)
    assert server.knn_view({"state": state, "regions": 40}) == whole
    assert max(steps) > 9
