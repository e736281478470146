"""`deeprob-fast evaluate`: how good features are, and how fast that is found."""

from pathlib import Path
from typing import Any

import click

from deeprob_fast._threads import available_threads
from deeprob_fast.cli._choice import VALIDATION, best_setting, choose_option
from deeprob_fast.cli._library import df, load, require_test
from deeprob_fast.cli._options import COUNTS, data_options, output_options, plain_metric_option, threads_option
from deeprob_fast.cli._output import Outputs
from deeprob_fast.cli._places import Command
from deeprob_fast.cli._progress import percentage, progress
from deeprob_fast.cli._provenance import describe, provenance
from deeprob_fast.cli._sections import PERCENT, confusion_sections, knn_section, probe_section
from deeprob_fast.cli.report.model import Column, Result, Section
from deeprob_fast.datasets import Dataset

_K_VALUES = (1, 3, 5, 10, 20)  # those of them that are numbers of training rows


@click.command(cls=Command)
@data_options()
@click.option(
    "--k",
    "k_values",
    type=COUNTS,
    metavar="K,K,...",
    help=f"Numbers of neighbours.  [default: {','.join(map(str, _K_VALUES))}]",
)
@plain_metric_option
@choose_option
@threads_option
@output_options(page=Path("report.html"))
def evaluate(
    source: dict[str, Any], k_values: tuple[int, ...] | None, metric: str, choose: str, n_threads: int | None, outputs: Outputs
) -> None:
    """Evaluate features by k-NN and a linear probe.

    Accuracy for several k, that of a linear probe, and queries per second. All values of k are answered from one
    exact search, which is timed beside the same search by a good NumPy implementation.

    \b
    Examples:
      deeprob-fast evaluate
      deeprob-fast evaluate --data fashion-mnist --k 1,5,10
      deeprob-fast evaluate --data embeddings.npz --metric cosine --report cosine.html
      deeprob-fast evaluate --data embeddings.npz --json - --quiet
    """  # noqa: D301  # click wants the control character
    data = require_test(load(source, outputs, draws=choose == VALIDATION))
    parts = (data.train, data.train_labels, data.test, data.test_labels)
    k_values = k_values or tuple(k for k in _K_VALUES if k <= len(data.train)) or (1,)
    settings: dict[str, Any] = {"metric": metric, "n_threads": n_threads}
    with percentage("k-NN", quiet=outputs.quiet) as tell:
        evaluation = df.evaluate_knn(*parts, k=k_values, **settings, callback=tell)
    best, best_on = best_setting(
        evaluation, data, choose, source.get("seed", 0), quiet=outputs.quiet, metric=metric, n_threads=n_threads
    )
    speed = _speed_section(data, max(k_values), metric, n_threads or available_threads(), quiet=outputs.quiet)
    with percentage("linear probe", quiet=outputs.quiet) as tell:
        probe = df.evaluate_probe(*parts, n_threads=n_threads, progress=tell)
    sections = [
        knn_section(evaluation, best, best_on),
        probe_section(probe),
        speed,
        *confusion_sections(evaluation, data, f"k-NN with k = {best.k}", best),
    ]
    size = describe(data, n_queries=len(data.test))
    highlights = {
        f"k-NN top-1 (k = {best.k}, best on {best_on})": f"{best.top1:.2%}",
        "linear probe top-1": f"{probe.top1:.2%}",
        "queries per second": f"{speed.rows[0][4]:,.0f}",
    }
    made = provenance(n_threads)
    outputs.write(Result("evaluate", "Evaluation of features", size, {"metric": metric}, sections, made, highlights))


def _speed_section(data: Dataset, k: int, metric: str, n_threads: int, *, quiet: bool) -> Section:
    """Compare with the same search by NumPy."""
    from deeprob_fast.bench.against_numpy import compare_with_numpy
    from deeprob_fast.bench.sizes import SHORTEST

    with progress("the same search by NumPy", None, quiet=quiet) as done:
        comparison = compare_with_numpy(data.train, data.test, k, metric=metric, n_threads=n_threads, done=done)
    columns = [
        Column("implementation", "implementation", measured=False),
        Column("n_train", "rows", ",", measured=False),
        Column("n_queries", "queries", ",", measured=False),
        Column("seconds", "seconds", ".4f"),
        Column("queries_per_second", "queries/s", ",.0f"),
        Column("ratio", "ratio", ".1f"),
        Column("rows_equal", "same neighbours", PERCENT),
        Column("rows_equal_up_to_ties", "up to ties", PERCENT),
    ]
    size = comparison.n_train, comparison.n_queries
    rows = [
        ("deeprob_fast", *size, comparison.seconds, comparison.n_queries / comparison.seconds, comparison.ratio, 1.0, 1.0),
        (
            "NumPy",
            *size,
            comparison.numpy_seconds,
            comparison.n_queries / comparison.numpy_seconds,
            comparison.ratio and 1.0,
            *comparison.agreement,
        ),
    ]
    text = (
        f"The {k} nearest of the rows for every query, preparation included, median of {len(comparison.ratios)} rounds; by NumPy "
        f"in float32, by blocks on {n_threads} threads. "
    )
    if comparison.copies:
        text += "The rows and queries are those of the data, again and again with noise: alone they are too few to be timed. "
    elif (comparison.n_train, comparison.n_queries) != (len(data.train), len(data.test)):
        text += f"NumPy would take too long for the {len(data.test)} queries with {len(data.train)} rows. "
    lowest, highest = comparison.ratios[0], comparison.ratios[-1]
    if comparison.ratio is not None:
        text += f"The ratios of the rounds are {lowest:.1f} to {highest:.1f}. "
    elif min(comparison.seconds, comparison.numpy_seconds) < SHORTEST:
        text += f"Work of less than {1000 * SHORTEST:.0f} ms is not compared. "
    else:
        text += f"The machine was too busy to compare: the ratios of the rounds were {lowest:.1f} to {highest:.1f}. "
    text += "Up to ties: rows at equal distances, which NumPy takes as they come, are as good as each other; the rest are errors."
    title = "Speed of the search" + (", on copies of the rows with noise" if comparison.copies else "")
    return Section("speed", title, text, columns, rows)
