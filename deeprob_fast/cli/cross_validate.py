"""`deeprob-fast cross-validate`: the number of neighbours by cross-validation."""

from typing import Any

import click

from deeprob_fast.cli._library import df, load_whole
from deeprob_fast.cli._options import (
    COUNTS,
    Choice,
    data_options,
    output_options,
    plain_metric_option,
    refuse_temperature,
    threads_option,
    without_none,
)
from deeprob_fast.cli._output import Outputs
from deeprob_fast.cli._places import Command
from deeprob_fast.cli._progress import progress
from deeprob_fast.cli._provenance import describe, provenance
from deeprob_fast.cli._sections import PERCENT, display
from deeprob_fast.cli.report.model import Column, Figure, Result, Section
from deeprob_fast.knn.votes import WEIGHTS
from deeprob_fast.scoring.folds import RULES


@click.command("cross-validate", cls=Command)
@data_options(test=False)
@click.option("--folds", "num_folds", type=click.IntRange(min=2), default=5, show_default=True, help="Parts of the rows.")
@click.option(
    "--fold-rule",
    "folds",
    type=Choice(RULES),
    default="chunk",
    show_default=True,
    help="How rows are cut into folds: as torch.chunk or numpy.array_split does it, or with rows of every class in each.",
)
@click.option("--k", "k_choices", type=COUNTS, metavar="K,K,...", help="Numbers of neighbours.  [default: 1 to 100]")
@plain_metric_option
@click.option("--weights", type=Choice(WEIGHTS), default="uniform", show_default=True, help="Weight of a vote.")
@click.option("--temperature", type=click.FloatRange(min=0, min_open=True), metavar="T", help="Of the softmax weights.")
@threads_option
@output_options()
def cross_validate(source: dict[str, Any], outputs: Outputs, **options: Any) -> None:
    """Choose k by cross-validation.

    All rows are cut into folds (the training rows, where the data says which those are); each fold is classified by the
    others, for all k from one search.

    \b
    Examples:
      deeprob-fast cross-validate
      deeprob-fast cross-validate --data embeddings.npz --folds 10 --k 1,3,5,10,20 --metric cosine
      deeprob-fast cross-validate --data embeddings.npz --fold-rule array_split --report folds.html
    """  # noqa: D301  # click wants the control character
    refuse_temperature(options["temperature"], options["weights"])
    data = load_whole(source, outputs)
    with progress("folds", options["num_folds"], quiet=outputs.quiet, unit="fold") as done:
        result = df.knn_cross_validate(data.train, data.train_labels, callback=lambda _: done(1), **without_none(**options))
    settings = without_none(n_folds=options["num_folds"], fold_rule=options["folds"])
    settings |= without_none(**{name: options[name] for name in ("metric", "weights", "temperature")})
    size = describe(data, n_queries=None)
    if len(data.test):
        size["split"] += f"; the {len(data.test)} test rows are not used"
    section = _section(result)
    highlights = {
        "best k, by the mean of the folds": str(result.best_k),
        "mean accuracy": f"{section.rows[section.best or 0][1]:.2%}",
    }
    made = provenance(options["n_threads"])
    outputs.write(Result("cross-validate", "Cross-validation of k", size, settings, [section], made, highlights))


def _section(result: Any) -> Section:
    choices = list(result.accuracies)
    n_folds = len(result.accuracies[choices[0]])
    columns = [Column("k", "k", measured=False), Column("mean", "mean", PERCENT), Column("std", "deviation", PERCENT)]
    columns += [Column(f"fold_{i + 1}", f"fold {i + 1}", PERCENT) for i in range(n_folds)]
    rows = [[k, result.mean[k], result.std[k], *result.accuracies[k]] for k in choices]
    best = choices.index(result.best_k)
    figure = Figure(
        "Accuracy of each fold, their mean and deviation, for each k",
        f"Dots for the folds and a line for their mean, which is largest, {rows[best][1]:.2%}, at k = {result.best_k}.",
        display("CrossValidationDisplay", "from_results", result),
    )
    text = "Each fold is classified by the others."
    return Section("cross_validation", "Folds", text, columns, rows, best, [figure], best_on="the mean of the folds")
