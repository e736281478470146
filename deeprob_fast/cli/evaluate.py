"""`deeprob-fast evaluate`: k-NN accuracy of a data set, and how fast."""

import importlib.metadata
import json
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from tqdm import tqdm

from deeprob_fast import _kernels, _numpy_baseline, _threads, datasets
from deeprob_fast.evaluation import knn_accuracies, search_in_blocks
from deeprob_fast.knn import KNNIndex

_BLOCK = 2048
_SHORT_SECONDS = 0.5  # work shorter than this is repeated, for a steadier figure
_REPEATS = 5


class KValues(click.ParamType[tuple[int, ...]]):
    """Comma-separated numbers of neighbours."""

    name = "K,K,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Parse the numbers."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers such as 1,3,5", param, ctx)
        if min(numbers) < 1:
            self.fail(f"{value!r} holds a number below 1", param, ctx)
        return numbers


@contextmanager
def _errors_as_messages() -> Iterator[None]:
    """End a user's mistake with a message, not with a traceback."""
    try:
        yield
    except (OSError, ValueError, MemoryError) as error:
        raise click.ClickException(str(error) or type(error).__name__) from error


def _timed(label: str, n_queries: int, work: Callable[[Callable[[int], object]], Any]) -> tuple[Any, float]:
    """Run `work` under a progress bar; return its result and its seconds, the median of several runs if it is short."""
    seconds = []
    while True:
        with tqdm(total=n_queries, desc=label, unit="query", disable=None, leave=False, delay=1) as bar:
            start = time.perf_counter()
            result = work(bar.update)
            seconds.append(time.perf_counter() - start)
        if seconds[0] > _SHORT_SECONDS or len(seconds) == _REPEATS:
            return result, statistics.median(seconds)


def _report(data: datasets.Dataset, k_values: tuple[int, ...], metric: str) -> dict[str, Any]:
    """Do the work once by the library and once by NumPy."""
    k = max(k_values)
    n_queries = len(data.test)

    def search(done: Callable[[int], object]) -> Any:
        return search_in_blocks(KNNIndex(data.train, metric=metric), data.test, k, block=_BLOCK, done=done)

    def numpy_search(done: Callable[[int], object]) -> Any:
        return _numpy_baseline.nearest(data.train, data.test, k, metric, done)

    neighbors, seconds = _timed("deeprob_fast", n_queries, search)
    numpy_indices, numpy_seconds = _timed("NumPy", n_queries, numpy_search)
    accuracies = knn_accuracies(neighbors, data.train_labels, data.test_labels, k_values, metric=metric)
    return {
        "schema": 1,
        "version": importlib.metadata.version("deeprob-fast"),
        "data": {
            "name": data.name,
            "n_train": len(data.train),
            "n_queries": n_queries,
            "n_features": int(data.train.shape[1]),
            "n_classes": data.n_classes,
            "dtype": str(data.train.dtype),
        },
        "metric": metric,
        "accuracies": {str(k): accuracy for k, accuracy in accuracies.items()},
        "search": {"seconds": seconds, "queries_per_second": n_queries / seconds},
        "numpy": {
            "seconds": numpy_seconds,
            "queries_per_second": n_queries / numpy_seconds,
            "rows_equal": float(np.mean((numpy_indices == neighbors.indices).all(axis=1))),
        },
        "speedup": numpy_seconds / seconds,
        "machine": {
            "isa": _kernels.ISA,
            "n_threads": _threads.available_threads(),
            "processor": platform.processor() or platform.machine(),
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
    }


def _table(report: dict[str, Any]) -> str:
    data, machine = report["data"], report["machine"]
    remarks = {
        "deeprob_fast": f"exact; index and all k from one search, {machine['isa']}, {machine['n_threads']} threads",
        "NumPy": f"float32, blocks; the same rows in the same order for {report['numpy']['rows_equal']:.2%} of the queries",
    }
    rows = {"deeprob_fast": report["search"], "NumPy": report["numpy"]}
    size = f"{data['n_train']} training rows, {data['n_queries']} queries, {data['n_features']} features ({data['dtype']})"
    lines = [f"{data['name']}: {size}, {data['n_classes']} classes, {report['metric']}", "", "     k  accuracy"]
    lines += [f"{k:>6}  {accuracy:8.2%}" for k, accuracy in report["accuracies"].items()]
    lines += ["", f"{'':14}{'seconds':>10}{'queries/s':>12}"]
    for name, row in rows.items():
        lines.append(f"{name:14}{row['seconds']:>10.4f}{row['queries_per_second']:>12.0f}   {remarks[name]}")
    lines.append(f"{'ratio':14}{report['speedup']:>9.1f}x")
    return "\n".join(lines)


@click.command()
@click.option(
    "--data",
    default="digits",
    show_default=True,
    help="digits, fashion-mnist, an .npz file with X, y (and X_test, y_test), or a folder of idx files.",
)
@click.option("--k", "k_values", type=KValues(), default="1,3,5,10,20", show_default=True, help="Numbers of neighbours.")
@click.option("--metric", type=click.Choice(_kernels.METRICS), default="euclidean", show_default=True)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default="report.json",
    show_default=True,
    help="Where the report goes.",
)
def evaluate(data: str, k_values: tuple[int, ...], metric: str, out: Path) -> None:
    """Evaluate features by k-nearest-neighbour classification.

    All values of k are answered from one exact search. The same work is done by a good NumPy implementation for comparison.

    \b
    Examples:
      deeprob-fast evaluate
      deeprob-fast evaluate --data fashion-mnist --k 1,5,10
      deeprob-fast evaluate --data embeddings.npz --metric cosine --out cosine.json
    """  # noqa: D301  # click wants the control character
    with _errors_as_messages():
        report = _report(datasets.load(data), k_values, metric)
        click.echo(_table(report))
        out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    click.echo(f"\nreport written to {out}")
