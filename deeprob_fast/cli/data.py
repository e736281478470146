"""`deeprob-fast data`: what data sets there are, where they lie, and how to get them."""

from pathlib import Path

import click
import numpy as np

from deeprob_fast.cli._errors import refuse_without_effect
from deeprob_fast.cli._options import Choice
from deeprob_fast.cli._output import say
from deeprob_fast.cli._places import Command, Input, Output, Values
from deeprob_fast.cli._progress import waiting
from deeprob_fast.datasets import convert_embeddings
from deeprob_fast.datasets._named import NAMED, SOURCES
from deeprob_fast.datasets._props import PROPS, read_props
from deeprob_fast.datasets._props_arrays import part_files, write_parts
from deeprob_fast.datasets._sources import ENVIRONMENT, fetch, find, how_to_get

_DOWNLOADABLE = [name for name, source in SOURCES.items() if source.files]


def _find_source(value: str, values: Values) -> Path | None:
    if value != "props":
        return Path(value)
    return find(PROPS) if values["folder"] is None else None


def _inside(folder: Path, values: Values) -> list[Path]:
    return part_files(folder) if values["source"] == "props" else []


@click.group()
def data() -> None:
    """List, download and convert data sets."""


@data.command("list", cls=Command)
def list_() -> None:
    """Say where each data set is, or how to get it."""
    for name in NAMED:
        if name not in SOURCES:
            say(f"{name:14}comes with scikit-learn")
        elif (path := find(SOURCES[name])) is not None:
            say(f"{name:14}{path}")
        else:
            say(f"{name:14}not found: {how_to_get(SOURCES[name])}")


@data.command(cls=Command)
@click.argument("name", type=Choice(_DOWNLOADABLE))
def download(name: str) -> None:
    """Download a data set into the cache, where it is not there already, and compare it with its known sum.

    \b
    Example:
      deeprob-fast data download mnist
    """  # noqa: D301  # click wants the control character
    with waiting(f"downloading {name}", quiet=False):
        folder = fetch(SOURCES[name])
    say(f"{name} is in {folder}")


@data.command(cls=Command)
@click.argument("name", type=Choice(list(NAMED)))
def show(name: str) -> None:
    """Load a data set and say its sizes and classes."""
    loaded = NAMED[name]()
    say(f"{name}: {len(loaded.train)} training rows, {len(loaded.test)} test rows of {loaded.image_shape}")
    counts = (np.bincount(labels, minlength=len(loaded.class_names)) for labels in (loaded.train_labels, loaded.test_labels))
    for label, (class_name, *counted) in enumerate(zip(loaded.class_names, *counts, strict=True)):
        say(f"{label:>4}  {class_name:16}{counted[0]:>8}{counted[1]:>8}")


@data.command(cls=Command)
@click.argument("source", metavar="props|FILE", type=Input(_find_source))
@click.option("--out", type=Output(_inside), required=True, help="The .npy file; for props the folder of several.")
@click.option("--key", metavar="NAME", help="Which array of the file.")
@click.option(
    "--folder",
    type=Input(),
    help=f"Of props, or its archive; by default it is looked for in {ENVIRONMENT}.",
)
@click.option("--verify/--no-verify", default=True, show_default=True, help="Compare each file of props with its known sum.")
def convert(source: str, out: Path, key: str | None, folder: str | None, verify: bool) -> None:
    """Convert to plain .npy, once: the pickles of props, or a file of embeddings, which may be larger than memory.

    \b
    Examples:
      deeprob-fast data convert props --folder Progress-Objects-Sample.tar.gz --out props
      deeprob-fast data convert embeddings.parquet --out embeddings.npy --key embedding
    """  # noqa: D301  # click wants the control character
    if source == "props" and key is not None:
        refuse_without_effect("--key", "on props")
    if source != "props":
        for name, is_given in (("--folder", folder is not None), ("--no-verify", not verify)):
            if is_given:
                refuse_without_effect(name, "on files other than props")
        with waiting("converting", quiet=False):
            convert_embeddings(source, out, key=key)
        say(f"{source} written to {out}")
        return
    with waiting("converting", quiet=False):
        parts = read_props(folder, verify=verify)
        write_parts(parts, out)
    say(f"props: {len(parts.X)} training rows and {len(parts.X_test)} test rows written to {out}")
