"""`deeprob-fast knn`: k-NN classification under a published protocol or one's own settings."""

from collections.abc import Mapping
from typing import Any

import click

from deeprob_fast.cli._choice import VALIDATION, best_setting, choose_option
from deeprob_fast.cli._errors import refuse_without_effect
from deeprob_fast.cli._library import df, load, load_whole, require_test
from deeprob_fast.cli._options import (
    COUNTS,
    NUMBERS,
    Choice,
    data_options,
    metric_option,
    output_options,
    refuse_temperature,
    threads_option,
    without_none,
)
from deeprob_fast.cli._output import Outputs
from deeprob_fast.cli._places import Command
from deeprob_fast.cli._progress import percentage
from deeprob_fast.cli._provenance import describe, provenance
from deeprob_fast.cli._sections import confusion_sections, few_shot_section, knn_section
from deeprob_fast.cli.report.model import Result
from deeprob_fast.datasets import Dataset
from deeprob_fast.knn.protocols import KNN_PROTOCOLS
from deeprob_fast.knn.votes import WEIGHTS


@click.command(cls=Command)
@data_options()
@click.option(
    "--protocol", type=Choice(list(KNN_PROTOCOLS)), help="Take k, temperature, weights and metric from a published one."
)
@click.option("--k", type=COUNTS, metavar="K,K,...", help="Numbers of neighbours.  [default: 10,20,100,200, or the protocol's]")
@click.option("--temperature", type=NUMBERS, metavar="T,T,...", help="Temperatures of the softmax weights.")
@click.option("--weights", type=Choice(WEIGHTS), help="Weight of a vote.  [default: uniform, or the protocol's]")
@metric_option
@click.option("--n-per-class", type=COUNTS, metavar="N,N,...", help="Also with so few training rows of each class.")
@click.option("--n-tries", type=click.IntRange(min=1), help="Subsets for each of --n-per-class.  [default: 1]")
@choose_option
@click.option("--leave-one-out", is_flag=True, help="Classify each (training) row by the others.")
@threads_option
@output_options()
def knn(
    source: dict[str, Any],
    leave_one_out: bool,
    choose: str,
    outputs: Outputs,
    **options: Any,
) -> None:
    """Classify by k nearest neighbours.

    All numbers of neighbours and all temperatures are answered from one exact search.

    \b
    Examples:
      deeprob-fast knn --data embeddings.npz --protocol dino
      deeprob-fast knn --data train.npy --labels labels.npy --test test.npy --test-labels test-labels.npy --k 1,5,20
      deeprob-fast knn --data embeddings.npz --metric cosine --weights softmax --temperature 0.05,0.07,0.1
      deeprob-fast knn --data embeddings.npz --k 1,5 --n-per-class 1,5,10 --n-tries 5
      deeprob-fast knn --data embeddings.npz --leave-one-out --csv - --quiet
    """  # noqa: D301  # click wants the control character
    _refuse_unused(leave_one_out, choose, options)
    data = _data(source, outputs, choose, leave_one_out=leave_one_out)
    queries, labels = (None, None) if leave_one_out else (data.test, data.test_labels)
    with percentage("k-NN", quiet=outputs.quiet) as tell:
        evaluation = df.evaluate_knn(data.train, data.train_labels, queries, labels, **without_none(**options), callback=tell)
    voting = {name: options[name] for name in ("protocol", "temperature", "weights", "metric", "n_threads")}
    best, best_on = best_setting(evaluation, data, choose, source.get("seed", 0), quiet=outputs.quiet, **without_none(**voting))
    few_shot = [few_shot_section(evaluation)] if evaluation.few_shot else []
    confusions = confusion_sections(evaluation, data, f"k-NN with k = {best.k}", best)
    sections = [knn_section(evaluation, best, best_on), *few_shot, *confusions]
    size = describe(data, n_queries=len(evaluation.truth))
    told = size if options["protocol"] else {*size, "protocol", "source"}
    settings = {name: value for name, value in evaluation.settings.items() if name not in told}
    highlights = {f"top-1 (k = {best.k}, best on {best_on})": f"{best.top1:.2%}"}
    outputs.write(Result("knn", "k-NN evaluation", size, settings, sections, provenance(options["n_threads"]), highlights))


def _data(source: dict[str, Any], outputs: Outputs, choose: str, *, leave_one_out: bool) -> Dataset:
    if leave_one_out:
        return load_whole(source, outputs)
    return require_test(load(source, outputs, draws=choose == VALIDATION), ", or --leave-one-out do without them")


def _refuse_unused(leave_one_out: bool, choose: str, options: Mapping[str, Any]) -> None:
    """Refuse options that would change nothing."""
    protocol = options["protocol"]
    refuse_temperature(options["temperature"], options["weights"] or (KNN_PROTOCOLS[protocol].weights if protocol else "uniform"))
    if options["n_tries"] and not options["n_per_class"]:
        refuse_without_effect("--n-tries", "without --n-per-class")
    if leave_one_out and choose == VALIDATION:
        refuse_without_effect("--choose", "with --leave-one-out, where no rows are held out")
