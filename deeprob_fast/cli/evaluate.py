"""`deeprob-fast evaluate`: how good features are, and how fast that is found."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np

from deeprob_fast import _numpy_baseline
from deeprob_fast.cli._choice import VALIDATION, best_setting, choose_option
from deeprob_fast.cli._library import df, load, require_test
from deeprob_fast.cli._options import COUNTS, data_options, output_options, plain_metric_option, threads_option
from deeprob_fast.cli._output import Outputs
from deeprob_fast.cli._places import Command
from deeprob_fast.cli._progress import percentage, waiting
from deeprob_fast.cli._provenance import describe, provenance
from deeprob_fast.cli._sections import PERCENT, confusion_sections, knn_section, probe_section
from deeprob_fast.datasets import Dataset
from deeprob_fast.knn import Neighbors
from deeprob_fast.report.model import Column, Result, Section

_SHORT_SECONDS = 0.05  # work shorter than this is repeated, for a steadier figure
_REPEATS = 5
_NUMPY_PAIRS = 1 << 21  # of a query and a training row: NumPy shows its speed on the first queries of so many


@click.command(cls=Command)
@data_options()
@click.option(
    "--k", "k_values", type=COUNTS, metavar="K,K,...", default="1,3,5,10,20", show_default=True, help="Numbers of neighbours."
)
@plain_metric_option
@choose_option
@threads_option
@output_options(page=Path("report.html"))
def evaluate(
    source: dict[str, Any], k_values: tuple[int, ...], metric: str, choose: str, n_threads: int | None, outputs: Outputs
) -> None:
    """Evaluate features by k-NN and a linear probe.

    Accuracy for several k, that of a linear probe, and queries per second. All values of k are answered from one
    exact search; the same search is done by a good NumPy implementation for comparison.

    \b
    Examples:
      deeprob-fast evaluate
      deeprob-fast evaluate --data fashion-mnist --k 1,5,10
      deeprob-fast evaluate --data embeddings.npz --metric cosine --report cosine.html
      deeprob-fast evaluate --data embeddings.npz --json - --quiet
    """  # noqa: D301  # click wants the control character
    data = require_test(load(source, outputs, draws=choose == VALIDATION))
    parts = (data.train, data.train_labels, data.test, data.test_labels)
    settings: dict[str, Any] = {"metric": metric, "n_threads": n_threads}
    with percentage("k-NN", quiet=outputs.quiet) as tell:
        found, seconds = _timed(lambda: df.evaluate_knn(*parts, k=k_values, **settings, callback=tell))
    best, best_on = best_setting(
        found, data, choose, source.get("seed", 0), quiet=outputs.quiet, metric=metric, n_threads=n_threads
    )
    with waiting("the same search by NumPy", quiet=outputs.quiet):
        speed = _speed_section(data, found.neighbors, seconds, metric)
    with percentage("linear probe", quiet=outputs.quiet) as tell:
        probe = df.evaluate_probe(*parts, n_threads=n_threads, progress=tell)
    sections = [
        knn_section(found, best, best_on),
        probe_section(probe),
        speed,
        *confusion_sections(found, data, f"k-NN with k = {best.k}", best),
    ]
    size = describe(data, n_queries=len(data.test))
    highlights = {
        f"k-NN top-1 (k = {best.k}, best on {best_on})": f"{best.top1:.2%}",
        "linear probe top-1": f"{probe.top1:.2%}",
        "queries per second": f"{speed.rows[0][3]:,.0f}",
    }
    made = provenance(n_threads)
    outputs.write(Result("evaluate", "Evaluation of features", size, {"metric": metric}, sections, made, highlights))


def _speed_section(data: Dataset, neighbors: Neighbors, seconds: float, metric: str) -> Section:
    """Compare with the same search by NumPy, of as many queries as take a moment."""
    k = neighbors.indices.shape[1]
    n_queries = min(len(data.test), max(1, _NUMPY_PAIRS // len(data.train)))
    indices, numpy_seconds = _timed(lambda: _numpy_baseline.nearest(data.train, data.test[:n_queries], k, metric))
    equal = float(np.mean((indices == neighbors.indices[:n_queries]).all(axis=1)))
    rate, numpy_rate = len(data.test) / seconds, n_queries / numpy_seconds
    columns = [
        Column("implementation", "implementation", measured=False),
        Column("queries", "queries"),
        Column("seconds", "seconds", ".4f"),
        Column("queries_per_second", "queries/s", ",.0f"),
        Column("ratio", "ratio", ".1f"),
        Column("rows_equal", "same neighbours", PERCENT),
    ]
    rows = [
        ("deeprob_fast", len(data.test), seconds, rate, rate / numpy_rate, 1.0),
        ("NumPy", n_queries, numpy_seconds, numpy_rate, 1.0, equal),
    ]
    text = (
        f"The {k} nearest neighbours of every query, exactly, preparation and votes included; and of the first {n_queries} by "
        "float32 products of blocks in NumPy, without votes. Same neighbours: the share of those queries for which the exact "
        "ones were found, in their order; NumPy takes equal distances as they come."
    )
    return Section("speed", "Speed of the search", text, columns, rows)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Run `work`; return its result and its seconds, the median of several runs if it is short."""
    seconds = []
    while True:
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
        if seconds[0] > _SHORT_SECONDS or len(seconds) == _REPEATS:
            return result, statistics.median(seconds)
