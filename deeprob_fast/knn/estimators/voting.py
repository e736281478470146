"""How much a neighbour counts, for all estimators that add up neighbours."""

from typing import Any

from deeprob_fast.knn.estimators.metrics import PRECOMPUTED
from deeprob_fast.knn.votes import Weights, check_voting

VOTING = """
weights : {"uniform", "distance", "softmax"} or callable, or None
    Weight of a neighbour: 1, 1 / distance, exp(-distance / temperature), or what a function of the distances returns, in the
    shape that it gets: (n_queries, k), or for a radius an array of objects that holds an array for each query. Finite, not
    negative, and not all 0 for a query. None: "uniform".
temperature : float
    Of "softmax", in units of the distance.
"""


class VotingMixin:
    """Weights of neighbours. Subclasses declare the parameters."""

    weights: Weights | None
    temperature: float
    effective_metric_: str

    def _check_voting(self, metric: str) -> None:
        check_voting(self._weights(), self.temperature, _compared(metric))

    def _voting(self) -> dict[str, Any]:
        """Return what votes are weighed by: parameters may have changed since the fit, or come from a file."""
        self._check_voting(self.effective_metric_)
        metric = _compared(self.effective_metric_)
        return {"weights": self._weights(), "metric": metric, "temperature": self.temperature}

    def _weights(self) -> Any:
        return "uniform" if self.weights is None else self.weights


def _compared(metric: str) -> str:
    """Return a metric by which distances are compared as these."""
    return "euclidean" if metric == PRECOMPUTED else metric
