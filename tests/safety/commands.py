"""The commands and their places, as click's own tree has them: a new command is attacked without being named."""

from pathlib import Path

import click

from deeprob_fast.cli import main
from deeprob_fast.cli._places import Input, Output


def leaves(group=main, words=()):
    """Return all commands with the words that call them."""
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name, command in group.commands.items():
        found += leaves(command, (*words, name)) if isinstance(command, click.Group) else [((*words, name), command)]
    return found


def label(parameter):
    return parameter.human_readable_name if isinstance(parameter, click.Argument) else max(parameter.opts, key=len)


def places(command, kind):
    return [parameter for parameter in command.params if isinstance(parameter.type, kind)]


def call(words, command, folder, /, **values):
    """Return a call that would succeed as far as its options go, with the given values, by the names of parameters."""
    arguments = list(words)
    for parameter in command.params:
        value = values.get(parameter.name)
        if value is None and parameter.required:
            if isinstance(parameter.type, click.Choice):
                value = parameter.type.choices[0]
            else:
                value = folder / f"required-{parameter.name}"
        if value is not None:
            arguments += [str(value)] if isinstance(parameter, click.Argument) else [label(parameter), str(value)]
    return arguments


def spellings(path: Path, folder: Path) -> dict[str, Path]:
    """Return names of a file by all the ways that lead to it; `folder` is where the command runs."""
    (folder / "link").symlink_to(path)
    (folder / "link-to-link").symlink_to("link")
    (folder / "hard").hardlink_to(path)
    (folder / "linked-folder").symlink_to(path.parent, target_is_directory=True)
    return {
        "the same": path,
        "relative": path.relative_to(folder),
        "dots": folder / "linked-folder" / ".." / path.parent.name / path.name,
        "link": folder / "link",
        "link to link": Path("link-to-link"),
        "hard link": Path("hard"),
        "linked folder": folder / "linked-folder" / path.name,
    }


__all__ = ["Input", "Output", "call", "label", "leaves", "places", "spellings"]
