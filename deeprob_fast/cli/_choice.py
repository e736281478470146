"""By which rows the best k and temperature are found: those that are scored, or training rows that are held out for it."""

from typing import Any

import click

from deeprob_fast.cli._library import df
from deeprob_fast.cli._options import Choice
from deeprob_fast.cli._progress import percentage
from deeprob_fast.datasets import Dataset
from deeprob_fast.datasets._splitting import stratified_rows
from deeprob_fast.knn.scores import KNNEvaluation, KNNScore

VALIDATION = "validation"
_SHARE = 0.2

choose_option = click.option(
    "--choose",
    type=Choice(["queries", VALIDATION]),
    default="queries",
    show_default=True,
    help="Find the best setting on the queries, which flatters it, or on a fifth of the training rows, drawn by --seed.",
)


def best_setting(
    evaluation: KNNEvaluation, data: Dataset, by: str, seed: int, *, quiet: bool, **options: Any
) -> tuple[KNNScore, str]:
    """Return the score of the best setting, and in words on which rows it is the best.

    Parameters
    ----------
    found : KNNEvaluation
    data : Dataset
        What it was found on.
    by : {"queries", "validation"}
    seed : int
    quiet : bool
        Whether no progress is shown.
    **options
        Of `evaluate_knn`.
    """
    if by != VALIDATION:
        return evaluation.best, "these queries"
    kept, held_out = stratified_rows(data.train_labels, _SHARE, seed)
    if not len(held_out):
        msg = f"--choose validation needs a class of two training rows; {data.name} has none"
        raise click.ClickException(msg)
    options["k"] = [k for k in dict.fromkeys(score.k for score in evaluation.scores) if k <= len(kept)]
    if not options["k"]:
        msg = f"--choose validation leaves {len(kept)} training rows, too few for k = {evaluation.scores[0].k}"
        raise click.ClickException(msg)
    rows, labels = data.train, data.train_labels
    with percentage("choice of k", quiet=quiet) as tell:
        judged = df.evaluate_knn(rows[kept], labels[kept], rows[held_out], labels[held_out], **options, callback=tell)
    best = next(score for score in evaluation.scores if score[:2] == judged.best[:2])
    return best, f"{len(held_out)} validation rows"
