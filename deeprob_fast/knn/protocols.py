"""Protocols of k-NN evaluation in use, by name: which k, which votes, and where that is written."""

from collections.abc import Callable
from dataclasses import dataclass

from deeprob_fast._typing import Float64


@dataclass(frozen=True)
class KNNProtocol:
    """How a code base or a paper evaluates features by their nearest neighbours.

    Attributes
    ----------
    name : str
    source : str
        Where it comes from.
    k : tuple of int
    metric : str
        "cosine" where features are normalised to length 1.
    weights : str or callable
        Of the votes, as in `evaluate_knn`.
    temperature : float
        Of "softmax": votes exp(similarity / temperature), up to a factor that a query's neighbours share.
    remarks : str
        What differs from the source.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> print(df.KNN_PROTOCOLS["moco"])
    moco: k = 200, cosine, softmax, temperature = 0.1
      source: facebookresearch/moco, CIFAR-10 notebook
    """

    name: str
    source: str
    k: tuple[int, ...]
    metric: str = "cosine"
    weights: str | Callable[[Float64], Float64] = "softmax"
    temperature: float = 0.07
    remarks: str = ""

    def __str__(self) -> str:
        numbers = ", ".join(map(str, self.k))
        votes = self.weights if isinstance(self.weights, str) else self.weights.__name__
        if self.weights == "softmax":
            votes += f", temperature = {self.temperature}"
        lines = [f"{self.name}: k = {numbers}, {self.metric}, {votes}", f"source: {self.source}"]
        return "\n  ".join(lines + [f"remarks: {self.remarks}"] * bool(self.remarks))


def inverse_distance(distances: Float64) -> Float64:
    """Weigh a vote by 1 / (distance + 1e-5)."""
    weights: Float64 = 1 / (distances + 1e-5)
    return weights


_FEW_QUERIES = "works for fewer than 100 queries, and for temperatures whose exponentials overflow float32"

KNN_PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        KNNProtocol("dino", "facebookresearch/dino, eval_knn.py", (10, 20, 100, 200), remarks=_FEW_QUERIES),
        KNNProtocol(
            "dinov2",
            "facebookresearch/dinov2, dinov2/eval/knn.py",
            (10, 20, 100, 200),
            remarks="votes are normalised over the largest k there, which changes no prediction; few-shot subsets by n_per_class",
        ),
        KNNProtocol("moco", "facebookresearch/moco, CIFAR-10 notebook", (200,), temperature=0.1),
        KNNProtocol("lightly", "lightly-ai/lightly, lightly/utils/benchmarking/knn.py", (200,), temperature=0.1),
        KNNProtocol("solo", "vturrisi/solo-learn, solo/utils/knn.py, cosine", (20,)),
        KNNProtocol(
            "solo-euclidean",
            "vturrisi/solo-learn, solo/utils/knn.py, euclidean",
            (20,),
            metric="euclidean",
            weights=inverse_distance,
        ),
        KNNProtocol(
            "vissl",
            "facebookresearch/vissl, vissl/utils/knn_utils.py",
            (200,),
            metric="inner_product",
            temperature=0.1,
            remarks=f"features are not normalised, its default; {_FEW_QUERIES}",
        ),
    )
}
