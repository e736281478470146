"""`deeprob-fast figures`: the lecture's figures as files."""

from pathlib import Path

import click

from deeprob_fast.figures import FORMATS, NAMES, save, title


@click.command(epilog=f"Figures: {', '.join(NAMES)}.")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder; made if need be.")
@click.option("--format", "format_", type=click.Choice(tuple(FORMATS)), default="png", show_default=True, help="Of the files.")
def figures(names: tuple[str, ...], out: Path, format_: str) -> None:
    """Draw the lecture's figures, all or those named, from what the library computes.

    \b
    Examples:
      deeprob-fast figures --out figures
      deeprob-fast figures --out figures --format svg learning_rate batch_size
    """  # noqa: D301  # click wants the control character
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        msg = f"NAME must be one of {', '.join(NAMES)}; got {', '.join(unknown)}"
        raise click.UsageError(msg)
    for name in names or NAMES:
        (path,) = save(out, [name], format_)
        click.echo(f"{path}: {title(name)}")
