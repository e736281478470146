"""Options that several commands have."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from deeprob_fast import _kernels
from deeprob_fast._scalars import did_you_mean
from deeprob_fast.cli._errors import refuse_without_effect
from deeprob_fast.cli._output import Outputs
from deeprob_fast.cli._places import Input, Output, Values
from deeprob_fast.datasets._named import NAMED, SOURCES
from deeprob_fast.datasets._sources import find
from deeprob_fast.datasets._splitting import SPLITS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Listed(click.ParamType[tuple[Any, ...]]):
    """Values with commas between them, each of one type.

    Parameters
    ----------
    item : click.ParamType
        Type of each.
    """

    name = "list"

    def __init__(self, item: click.ParamType[Any]) -> None:
        self.item = item

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        """Convert each value."""
        if isinstance(value, tuple):
            return value
        return tuple(self.item.convert(part.strip(), param, ctx) for part in str(value).split(","))


class Choice(click.Choice[str]):
    """One of several words; one that was mistyped is guessed."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Say what was expected."""
        return super().get_invalid_choice_message(value, ctx) + did_you_mean(value, self.choices)


COUNTS = Listed(click.IntRange(min=1))
NUMBERS = Listed(click.FloatRange(min=0))


def without_none(**options: Any) -> dict[str, Any]:
    """Return the options that were given: for the others the library has defaults."""
    return {name: value for name, value in options.items() if value is not None}


def refuse_temperature(temperature: object, weights: object) -> None:
    """Refuse a temperature where votes do not depend on it."""
    if temperature is not None and weights != "softmax":
        name = weights if isinstance(weights, str) else getattr(weights, "__name__", repr(weights))
        refuse_without_effect("--temperature", f"on {name} weights; --weights softmax has one")


def _combined(*decorators: Decorator) -> Decorator:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def data_options(*, test: bool = True, draws: bool = False) -> Decorator:
    """Add --data, --labels, --key, --label-key and, where queries are needed, --test and --test-labels, or how to set them apart.

    The function gets them as `source`, and the seed besides if it `draws` anything itself.
    """

    def collect(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(**options: Any) -> Any:
            source = without_none(**{name: options.pop(name) for name in names})
            return function(source=source, **options, **({"seed": source.get("seed", 0)} if draws else {}))

        return wrapper

    text = "A data set by name, a file or a folder; see the guide."
    options = [
        click.option("--data", type=Input(_find_data), default="digits", show_default=True, help=text),
        click.option("--labels", type=Input(), help="File of the labels, where that of the data has none."),
        click.option("--key", metavar="NAME", help="The array or column of the features, where there are several."),
        click.option("--label-key", metavar="NAME", help="The array or column of the labels, where there are several."),
    ]
    if test:
        options += [
            click.option("--test", type=Input(), help="The test rows, where that of the data has none."),
            click.option("--test-labels", type=Input(), help="File of their labels."),
            click.option(
                "--split",
                type=Choice(SPLITS),
                help="How rows are set apart for testing, where there are none.  [default: stratified]",
            ),
            click.option(
                "--test-share",
                type=click.FloatRange(0, 1, min_open=True, max_open=True),
                metavar="SHARE",
                help="Of the rows, or groups.  [default: 0.2]",
            ),
            click.option("--seed", type=click.IntRange(min=0), help="Of all that is drawn.  [default: 0]"),
        ]
    names = ["data", "labels", "key", "label_key", *["test", "test_labels", "split", "test_share", "seed"] * test]
    return _combined(*options, collect)


def _find_data(value: str, _: Values) -> Path | None:
    """Return where the data lies that a name or a path stands for."""
    if value not in NAMED:
        return Path(value)
    return find(SOURCES[value]) if value in SOURCES else None


def output_options(page: Path | None = None) -> Decorator:
    """Add --json, --csv, --report and --quiet; the function gets them as `outputs`.

    `page` is where the report goes if no output is asked for.
    """
    default = f"  [default: {page}, if neither --json nor --csv is given]" if page else ""

    def collect(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*, json: Path | None, csv: Path | None, report: Path | None, quiet: bool, **rest: Any) -> Any:
            return function(outputs=Outputs(json, csv, report, quiet), **rest)

        return wrapper

    def or_default(ctx: click.Context, _: click.Parameter, value: Path | None) -> Path | None:
        # Options that were given have been read before those that were not.
        return value or (None if ctx.params.get("json") or ctx.params.get("csv") else page)

    path = Output(dir_okay=False, allow_dash=True)
    return _combined(
        click.option("--json", type=path, help="Write all numbers as JSON; - is the standard output."),
        click.option("--csv", type=path, help="Write one line per score; - is the standard output."),
        click.option("--report", type=path, callback=or_default, help=f"Write a page of HTML with figures.{default}"),
        click.option("--quiet", is_flag=True, help="No table, no progress, no warnings; only errors."),
        collect,
    )


metric_option = click.option(
    "--metric", type=Choice(_kernels.METRICS), help="Distance between rows.  [default: euclidean, or the protocol's]"
)
plain_metric_option = click.option(
    "--metric", type=Choice(_kernels.METRICS), default="euclidean", show_default=True, help="Distance between rows."
)
threads_option = click.option(
    "--threads", "n_threads", type=click.IntRange(min=1), metavar="N", help="Threads to use.  [default: all that are granted]"
)
