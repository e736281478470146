"""`deeprob-fast figures`: the lecture's figures as files."""

from pathlib import Path

import click

from deeprob_fast._scalars import did_you_mean
from deeprob_fast.cli._options import Choice
from deeprob_fast.cli._output import say
from deeprob_fast.cli._places import Command, Output, Values
from deeprob_fast.cli._progress import waiting
from deeprob_fast.figures import FORMATS, NAMES, save, title


def _check_names(_: click.Context, __: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        msg = f"NAME must be one of {', '.join(NAMES)}; got {', '.join(unknown)}{did_you_mean(unknown[0], NAMES)}"
        raise click.UsageError(msg)
    return names or NAMES


def _inside(folder: Path, values: Values) -> list[Path]:
    return [folder / f"{name}.{values['format_']}" for name in dict.fromkeys(values["names"])]


@click.command(cls=Command, epilog=f"Figures: {', '.join(NAMES)}.")
@click.argument("names", metavar="[NAME]...", nargs=-1, callback=_check_names)
@click.option("--out", type=Output(_inside, file_okay=False), required=True, help="Folder; made if need be.")
@click.option("--format", "format_", type=Choice(tuple(FORMATS)), default="png", show_default=True, help="Of the files.")
def figures(names: tuple[str, ...], out: Path, format_: str) -> None:
    """Draw the lecture's figures, all or those named, from what the library computes.

    \b
    Examples:
      deeprob-fast figures --out figures
      deeprob-fast figures --out figures --format svg learning_rate batch_size
    """  # noqa: D301  # click wants the control character
    for name in names:
        with waiting(name, quiet=False):
            (path,) = save(out, [name], format_)
        say(f"{path}: {title(name)}")
