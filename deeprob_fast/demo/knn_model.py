"""The engine of the k-NN page: neighbours, votes and regions, all of them by the library's kernels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from deeprob_fast._kernels import METRICS
from deeprob_fast._typing import Float64, Int64
from deeprob_fast.demo import _fields, ending, regions
from deeprob_fast.demo._points import FARTHEST, VERSION, check_header, check_points, points_to_json
from deeprob_fast.knn.index import KNNIndex
from deeprob_fast.knn.neighbors import Neighbors
from deeprob_fast.knn.votes import WEIGHTS, check_voting, class_votes, neighbor_weights

# Below, every weight but the largest is 0 wherever two distances differ.
TEMPERATURES = (1e-6, 1000.0)
# Neighbours that are held at a time while the regions are drawn.
_HELD = 2**20

_FIELDS = ("version", "page", "points", "n_classes", "k", "metric", "weights", "temperature", "query")


@dataclass(frozen=True, eq=False)
class KNNState:
    """Points, how their neighbours vote, and a query.

    Attributes
    ----------
    points : array of float64, shape (n_points, 2)
    labels : array of int64, shape (n_points,)
    n_classes, k : int
    metric, weights : str
    temperature : float
    query : array of float64, shape (2,), or None
    """

    points: Float64
    labels: Int64
    n_classes: int
    k: int
    metric: str
    weights: str
    temperature: float
    query: Float64 | None

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Check every field of what a page sent; `FieldError` names the one that is wrong."""
        state = _fields.record("state", value, _FIELDS)
        check_header(state, "knn")
        points, labels, n_classes = check_points(state)
        query = state["query"]
        checked = cls(
            points,
            labels,
            n_classes,
            k=_fields.integer("state.k", state["k"], 1, len(points)),
            metric=_fields.choice("state.metric", state["metric"], METRICS),
            weights=_fields.choice("state.weights", state["weights"], WEIGHTS),
            temperature=_fields.number("state.temperature", state["temperature"], *TEMPERATURES),
            query=None if query is None else _fields.vector("state.query", query, 2, FARTHEST),
        )
        try:
            check_voting(checked.weights, checked.temperature, checked.metric)
        except ValueError as error:
            msg = f"state.{error}"
            raise _fields.FieldError(msg) from error
        return checked

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        query = None if self.query is None else self.query.tolist()
        points = points_to_json(self.points, self.labels)
        values = (VERSION, "knn", points, self.n_classes, self.k, self.metric, self.weights, self.temperature, query)
        return dict(zip(_FIELDS, values, strict=True))

    def votes(self, neighbors: Neighbors) -> Float64:
        """Return the votes for each class: (n_queries, n_classes)."""
        voting: dict[str, Any] = {"weights": self.weights, "metric": self.metric, "temperature": self.temperature}
        return class_votes(neighbors, self.labels, self.n_classes, **voting, n_threads=1)


def view(state: KNNState, n_cells: int | None) -> dict[str, Any]:
    """Return what the page shows of a state.

    Parameters
    ----------
    state : KNNState
    n_cells : int or None
        Cells of a side of the regions; None for no regions.

    Returns
    -------
    dict
        Of what JSON knows; every number is finite.
    """
    index = KNNIndex(state.points, metric=state.metric)

    def classify(queries: Float64) -> Int64:
        return np.concatenate([state.votes(index.search(part, state.k)).argmax(axis=1) for part in _parts(queries, state.k)])

    return {
        "regions": regions.draw(n_cells, classify),
        **_leave_one_out(state, index),
        "query": None if state.query is None else _ask(state, index, state.query),
    }


def _parts(queries: Float64, k: int) -> Iterator[Float64]:
    size = max(1, _HELD // k)
    for start in range(0, len(queries), size):
        ending.check()
        yield queries[start : start + size]


def _leave_one_out(state: KNNState, index: KNNIndex) -> dict[str, Any]:
    """Classify each point by the others: by k of them, or by all if there are no more."""
    others = len(state.points) - 1
    if others == 0:
        return {"leave_one_out": None, "misclassified": []}
    predictions = state.votes(index.search(None, min(state.k, others))).argmax(axis=1)
    right = predictions == state.labels
    return {"leave_one_out": float(right.mean()), "misclassified": np.flatnonzero(~right).tolist()}


def _ask(state: KNNState, index: KNNIndex, query: Float64) -> dict[str, Any]:
    neighbors = index.search(query[np.newaxis], state.k)
    votes = state.votes(neighbors)[0]
    return {
        "neighbors": neighbors.indices[0].tolist(),
        "distances": neighbors.distances[0].tolist(),
        "weights": neighbor_weights(neighbors.distances, state.weights, state.metric, state.temperature)[0].tolist(),
        "votes": votes.tolist(),
        "prediction": int(votes.argmax()),
    }
