"""How well neighbours classify: what `evaluate_knn` returns."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from deeprob_fast._typing import AnyArray, Int64
from deeprob_fast.knn.neighbors import Neighbors
from deeprob_fast.scoring import accuracy


class KNNScore(NamedTuple):
    """How well one k and temperature classify.

    Attributes
    ----------
    k : int
    temperature : float or None
        None where votes do not depend on it.
    top1, top5 : float
        Share of the queries whose class has the most votes, or is among the five classes with the most. A class without votes is
        never counted: with k = 1 both are the same, and a class that has no training rows counts as wrong.
    mean_per_class : float
        Mean over the classes of the queries of `top1` among each one's.
    """

    k: int
    temperature: float | None
    top1: float
    top5: float
    mean_per_class: float


class FewShotScore(NamedTuple):
    """How well one k and temperature classify from a few training rows of each class: means over several drawn subsets.

    Attributes
    ----------
    n_per_class, k : int
    temperature : float or None
    top1, top1_std, top5 : float
        `top1_std` is the deviation between the tries (that of a sample; NaN for one).
    n_tries : int
    """

    n_per_class: int
    k: int
    temperature: float | None
    top1: float
    top1_std: float
    top5: float
    n_tries: int


@dataclass(frozen=True)
class KNNEvaluation:
    """What `evaluate_knn` found.

    Attributes
    ----------
    settings : dict
        What was computed: protocol, its source, k, weights, temperatures, metric, numbers of rows.
    classes : array, shape (n_classes,)
        Labels of the training rows and the queries, ascending.
    scores : tuple of KNNScore
        For each temperature, each k.
    few_shot : tuple of FewShotScore
        For each number of rows a class, each temperature and k.
    neighbors : Neighbors
        Of the largest k; those of smaller k are its first columns.
    predictions : array of int64, shape (n_scores, n_queries)
        Numbers of classes.
    truth : array of int64, shape (n_queries,)
        Numbers of classes.
    """

    settings: dict[str, Any]
    classes: AnyArray
    scores: tuple[KNNScore, ...]
    few_shot: tuple[FewShotScore, ...]
    neighbors: Neighbors
    predictions: Int64
    truth: Int64

    @property
    def accuracies(self) -> dict[int, float]:
        """`top1` for each k, at the first temperature."""
        return {score.k: score.top1 for score in self.scores if score.temperature == self.scores[0].temperature}

    @property
    def best(self) -> KNNScore:
        """The score with the largest `top1`, of equal ones the first."""
        return max(self.scores, key=lambda score: score.top1)

    def confusion_matrix(self, score: KNNScore | None = None) -> Int64:
        """Count the queries of each class (row) that were taken for each class (column).

        Parameters
        ----------
        score : KNNScore, optional
            One of `scores`; by default the best.

        Returns
        -------
        array of int64, shape (n_classes, n_classes)
        """
        number = self.scores.index(self.best if score is None else score)
        return accuracy.confusion_matrix(self.truth, self.predictions[number], len(self.classes))
