"""`deeprob-fast bench`: the library against NumPy and the peers that are installed, on one's own data."""

from typing import Any

import click
import numpy as np

from deeprob_fast._labels import numbered
from deeprob_fast._threads import available_threads
from deeprob_fast.bench.comparison import METRICS, PEERS, compare_gradient, compare_search, installed
from deeprob_fast.cli._library import load, require_test
from deeprob_fast.cli._options import Choice, data_options, output_options, threads_option
from deeprob_fast.cli._output import Outputs
from deeprob_fast.cli._places import Command
from deeprob_fast.cli._progress import waiting
from deeprob_fast.cli._provenance import describe, provenance
from deeprob_fast.cli.report.model import Column, Result, Section
from deeprob_fast.datasets import Dataset


@click.command(cls=Command)
@data_options()
@click.option("--k", type=click.IntRange(min=1), default=10, show_default=True, help="Number of neighbours.")
@click.option("--metric", type=Choice(METRICS), default="euclidean", show_default=True, help="Distance between rows.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Timed rounds after the warm-up.")
@click.option(
    "--peers",
    type=Choice(PEERS),
    multiple=True,
    help="Compare with this library only; may be repeated.  [default: all that are installed]",
)
@threads_option
@output_options()
def bench(
    source: dict[str, Any],
    k: int,
    metric: str,
    rounds: int,
    peers: tuple[str, ...],
    n_threads: int | None,
    outputs: Outputs,
) -> None:
    """Time a search and a gradient against other libraries.

    Everybody starts from raw rows and gets the same threads; the rounds are interleaved, so that what disturbs the machine
    disturbs all alike. Results are compared before anything is timed.

    \b
    Examples:
      deeprob-fast bench
      deeprob-fast bench --data embeddings.npz --metric cosine --k 20
      deeprob-fast bench --data fashion-mnist --peers faiss --peers sklearn --rounds 3
    """  # noqa: D301  # click wants the control character
    from threadpoolctl import threadpool_limits

    available = installed()
    missing = sorted(set(peers) - set(available))
    if missing:
        msg = f"--peers asks for {', '.join(missing)}, which is not installed"
        raise click.UsageError(msg)
    data = require_test(load(source, outputs))
    threads = n_threads or available_threads()
    options: dict[str, Any] = {"libraries": peers or available, "rounds": rounds, "n_threads": threads}
    classes, (labels,) = numbered(("training labels", data.train_labels))
    with threadpool_limits(threads):
        with waiting("searches", quiet=outputs.quiet):
            search = compare_search(np.asarray(data.train), np.asarray(data.test), k, metric=metric, **options)
        with waiting("gradients", quiet=outputs.quiet):
            gradient = compare_gradient(np.asarray(data.train), labels, len(classes), **options)
    sections = [
        _section("search", *_what_was_searched(k, search, data), search),
        _section("gradient", "Loss and gradient", _what_was_done(gradient), gradient),
    ]
    settings = {"metric": metric, "k": k, "rounds": rounds, "threads": threads}
    highlights = {"fastest peer / deeprob_fast": _ratio(search), "of the gradient": _ratio(gradient)}
    size = describe(data, n_queries=len(data.test))
    outputs.write(Result("bench", "Timed against other libraries", size, settings, sections, provenance(threads), highlights))


def _section(name: str, title: str, text: str, compared: dict[str, Any]) -> Section:
    columns = [
        Column("contestant", "library", measured=False),
        Column("median", "median s", ".4f"),
        Column("min", "min", ".4f"),
        Column("max", "max", ".4f"),
        Column("ratio", "/ deeprob_fast", ".2f"),
        Column("note", "result", measured=False),
    ]
    rows = [[row.get(column.name, "") for column in columns] for row in compared["rows"]]
    return Section(name, title, text, columns, rows)


def _what_was_searched(k: int, search: dict[str, Any], data: Dataset) -> tuple[str, str]:
    """Return the title and the text."""
    size = search["n_train"], search["n_queries"]
    text = f"The {k} nearest training rows of every query, preparation included."
    if size == (len(data.train), len(data.test)):
        return "Search", text
    text += f" They are too few to be timed: of {size[0]} rows and {size[1]} queries like these, again and again with noise."
    return f"Search, on {size[0]} copies of the rows with noise, {size[1]} queries", text


def _what_was_done(gradient: dict[str, Any]) -> str:
    times = f", {gradient['repeats']} times" if gradient["repeats"] > 1 else ""
    return f"The softmax loss of all training rows, and its gradient{times}."


def _ratio(compared: dict[str, Any]) -> str:
    ratios = {row["contestant"]: row["ratio"] for row in compared["rows"]}
    fastest = compared["fastest_peer"]
    if fastest is None:
        return "no peer"
    return "not comparable" if ratios[fastest] is None else f"{ratios[fastest]:.1f} ({fastest})"
