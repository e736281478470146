"""`deeprob-fast knn`: k-NN classification under a published protocol or one's own settings."""

from typing import Any

import click

from deeprob_fast.cli._library import df, load, require_test
from deeprob_fast.cli._options import (
    COUNTS,
    NUMBERS,
    data_options,
    given,
    metric_option,
    output_options,
    threads_option,
)
from deeprob_fast.cli._output import Outputs
from deeprob_fast.cli._places import Command
from deeprob_fast.cli._progress import percentage
from deeprob_fast.cli._provenance import describe, provenance
from deeprob_fast.cli._sections import confusion_sections, few_shot_section, knn_section
from deeprob_fast.knn_protocols import KNN_PROTOCOLS
from deeprob_fast.report.model import Result
from deeprob_fast.votes import WEIGHTS


@click.command(cls=Command)
@data_options()
@click.option(
    "--protocol", type=click.Choice(list(KNN_PROTOCOLS)), help="Take k, temperature, weights and metric from a published one."
)
@click.option("--k", type=COUNTS, metavar="K,K,...", help="Numbers of neighbours.  [default: 10,20,100,200, or the protocol's]")
@click.option("--temperature", type=NUMBERS, metavar="T,T,...", help="Temperatures of the softmax weights.")
@click.option("--weights", type=click.Choice(WEIGHTS), help="Weight of a vote.  [default: uniform, or the protocol's]")
@metric_option
@click.option("--n-per-class", type=COUNTS, metavar="N,N,...", help="Also with so few training rows of each class.")
@click.option("--n-tries", type=click.IntRange(min=1), default=1, show_default=True, help="Subsets for each of --n-per-class.")
@click.option("--leave-one-out", is_flag=True, help="Classify each training row by the others.")
@threads_option
@output_options()
def knn(
    source: dict[str, Any], leave_one_out: bool, n_per_class: tuple[int, ...] | None, outputs: Outputs, **options: Any
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
    data = load(source)
    if not leave_one_out:
        require_test(data, ", or --leave-one-out do without them")
    queries, labels = (None, None) if leave_one_out else (data.test, data.test_labels)
    few = given(n_per_class=n_per_class)
    with percentage("k-NN", quiet=outputs.quiet) as tell:
        found = df.evaluate_knn(data.train, data.train_labels, queries, labels, **few, **given(**options), callback=tell)
    few_shot = [few_shot_section(found)] if found.few_shot else []
    sections = [knn_section(found), *few_shot, *confusion_sections(found, data, f"k-NN with k = {found.best.k}")]
    size = describe(data, n_queries=len(found.truth))
    known = size if options["protocol"] else {*size, "protocol", "source"}
    settings = {name: value for name, value in found.settings.items() if name not in known}
    highlights = {f"top-1 (k = {found.best.k})": f"{found.best.top1:.2%}"}
    outputs.write(Result("knn", "k-NN evaluation", size, settings, sections, provenance(options["n_threads"]), highlights))
