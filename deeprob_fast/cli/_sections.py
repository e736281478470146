"""The sections of a result that several commands show."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeprob_fast._typing import Int64
from deeprob_fast.cli.report.model import Column, Figure, Section, plain
from deeprob_fast.datasets import Dataset

PERCENT = ".2%"
_TOP1 = Column("top1", "top-1", PERCENT)
_TOP5 = Column("top5", "top-5", PERCENT)
_MEAN_PER_CLASS = Column("mean_per_class", "mean per class", PERCENT)
_N_CONFUSIONS = 10
_FEW_CLASSES = 12
_MOST_CLASSES_DRAWN = 40
_MOST_CLASSES_COUNTED = 2000  # more would need gigabytes for their confusion matrix


def display(name: str, source: str, *results: object) -> Callable[[Any], object]:
    """Return what draws: the display `name` of `deeprob_fast.plots`, made by its method `source` from what was found."""

    def draw(axes: Any) -> object:
        plots: Any = importlib.import_module("deeprob_fast.plots")  # only for those who look
        return getattr(getattr(plots, name), source)(*results, ax=axes)

    return draw


def knn_section(evaluation: Any, best_score: Any, best_on: str) -> Section:
    """Show the scores of each k and temperature, and which is the best on which rows."""
    softmax = evaluation.settings.get("weights") == "softmax"
    temperature = [Column("temperature", "temperature", "g", measured=False)] if softmax else []
    columns = [Column("k", "k", measured=False), *temperature, _TOP1, _TOP5, _MEAN_PER_CLASS]
    scores = list(evaluation.scores)
    best = scores.index(best_score)
    accuracy = f"between {min(s.top1 for s in scores):.2%} and {max(s.top1 for s in scores):.2%}"
    accuracy += f", best on {best_on} at k = {scores[best].k}"
    curve = Figure(
        "Accuracy of k-NN classification for each k",
        f"A line of top-1 accuracy over the number of neighbours: {accuracy}.",
        display("KNNAccuracyDisplay", "from_evaluation", evaluation),
    )
    figures = [curve] if len({s.k for s in scores}) > 1 else []
    rows = _values(scores, columns)
    text = "Shares of the queries that are classified correctly, all from one search."
    return Section("knn", "k-nearest neighbours", text, columns, rows, best, figures, best_on=best_on)


def few_shot_section(evaluation: Any) -> Section:
    """Show the scores with few training rows of each class."""
    columns = [
        Column("n_per_class", "rows per class", measured=False),
        Column("k", "k", measured=False),
        Column("temperature", "temperature", "g", measured=False),
        _TOP1,
        Column("top1_std", "deviation", PERCENT),
        _TOP5,
        Column("n_tries", "tries", measured=False),
    ]
    if evaluation.settings.get("weights") != "softmax":
        columns = [column for column in columns if column.name != "temperature"]
    text = "Means over subsets of the training rows, drawn with as many rows of each class, and their standard deviation."
    return Section("few_shot", "With few training rows", text, columns, _values(evaluation.few_shot, columns))


def probe_section(evaluation: Any) -> Section:
    """Show the scores of a linear classifier."""
    columns = [
        Column("protocol", "protocol", measured=False),
        _TOP1,
        _TOP5,
        _MEAN_PER_CLASS,
        Column("ece", "calibration error", PERCENT),
        Column("scaled_ece", "after scaling", PERCENT),
        Column("temperature", "temperature", ".3g"),
    ]
    rows = _values([evaluation], columns)
    kept = [i for i, column in enumerate(columns) if not column.measured or rows[0][i] is not None]
    text = "A linear classifier, trained on the training rows and scored on the queries."
    return Section("probe", "Linear probe", text, [columns[i] for i in kept], [[rows[0][i] for i in kept]])


@dataclass(frozen=True)
class Confusions:
    """A confusion matrix with the names of its classes, to be drawn."""

    matrix: Int64
    classes: Sequence[str]

    def confusion_matrix(self) -> Int64:
        """Return the counts."""
        return self.matrix


def confusion_sections(evaluation: Any, data: Dataset, by: str, *score: Any) -> list[Section]:
    """Show which classes are taken for which, most frequent first; `by` says what takes them, `score` which of several."""
    classes = evaluation.classes
    if len(classes) > _MOST_CLASSES_COUNTED:
        return []
    names = class_names(data, classes)
    matrix = np.array(evaluation.confusion_matrix(*score))
    totals = matrix.sum(axis=1)
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_N_CONFUSIONS]
    pairs = [divmod(int(place), len(classes)) for place in order]
    rows = [(names[i], names[j], wrong[i, j], wrong[i, j] / totals[i]) for i, j in pairs if wrong[i, j]]
    if not rows:
        return []
    columns = [
        Column("actual", "class", measured=False),
        Column("predicted", "taken for", measured=False),
        Column("count", "queries"),
        Column("share", "of the class", PERCENT),
    ]
    picture = Figure(
        "Confusion matrix: classes in rows, what they were taken for in columns",
        f"A {len(classes)} by {len(classes)} matrix of counts; most often {rows[0][0]} is taken for {rows[0][1]}.",
        display("ConfusionMatrixDisplay", "from_evaluation", Confusions(matrix, [_drawable(name) for name in names])),
        (5.4, 4.6) if len(classes) <= _FEW_CLASSES else (6.6, 5.8),
    )
    figures = [picture] if len(classes) <= _MOST_CLASSES_DRAWN else []
    return [
        Section(
            "confusions",
            "What is taken for what",
            f"The most frequent mistakes of {by}.",
            columns,
            rows,
            None,
            figures,
            scores=False,
        )
    ]


def class_names(data: Dataset, classes: Any) -> list[str]:
    """Return the names of classes: those that the data set gives to numbers, else the labels themselves."""
    names: Sequence[str] = getattr(data, "class_names", ())
    labels = plain(classes)
    numbers = range(len(names))
    return [str(names[label]) if label in numbers else str(label) for label in labels]


def _drawable(name: str) -> str:
    """Write out what is no character: fonts have only those."""
    return name.encode("utf-8", "backslashreplace").decode()


def _values(scores: Any, columns: list[Column]) -> list[list[Any]]:
    return [[getattr(score, column.name, None) for column in columns] for score in scores]
