"""Where a command reads and writes: no output is an input or another output, and all can be written; both before the work begins.

A command only says which of its parameters are places. `Command` checks them.
"""

import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from deeprob_fast._atomic import check_writable
from deeprob_fast.cli._errors import warnings_as_messages

STDOUT = Path("-")
_PAGES = {".html", ".json", ".csv"}  # written by commands, read by none

Values = Mapping[str, Any]


class _Place(click.Path):
    """A file or folder that has a name: none would stand for the working folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse the empty name."""
        if value == "":
            self.fail("must name a file or a folder; got ''", param, ctx)
        return super().convert(value, param, ctx)


class Input(_Place):
    """Something that a command reads.

    Parameters
    ----------
    find : callable, optional
        Given the value and all values of the command, returns the file or folder, or None if there is none. By default the value
        is its path.
    """

    def __init__(self, find: Callable[[str, Values], Path | None] | None = None) -> None:
        super().__init__(readable=False)  # those who read it say what is wrong with it
        self._find = find

    def files(self, value: str, values: Values) -> Iterator[Path]:
        """Yield the file, or the folder and all in it that may be data."""
        place = Path(value) if self._find is None else self._find(value, values)
        if place is None:
            return
        yield place
        if place.is_dir():
            yield from (path for path in place.iterdir() if path.suffix.lower() not in _PAGES)


class Output(_Place):
    """A file that a command writes, or a folder.

    Parameters
    ----------
    inside : callable, optional
        Given the value and all values of the command, returns the files that are written into the folder of that name; none if
        the value is a file.
    **options
        Of click.Path.
    """

    def __init__(self, inside: Callable[[Path, Values], list[Path]] | None = None, **options: Any) -> None:
        super().__init__(path_type=Path, readable=False, **options)
        self.inside = (lambda _value, _given: []) if inside is None else inside

    def is_stdout(self, value: Path) -> bool:
        """Tell whether it is the standard output."""
        return self.allow_dash and value == STDOUT


class Command(click.Command):
    """A command whose places are in order when it begins, and whose warnings are messages."""

    def invoke(self, ctx: click.Context) -> Any:
        """Check the places, then run."""
        with warnings_as_messages(quiet=bool(ctx.params.get("quiet"))):
            _check(ctx)
            return super().invoke(ctx)


def _check(ctx: click.Context) -> None:
    outputs = list(_values(ctx, Output))
    stdout = _stdout()
    # What goes to the terminal may have been led into a file.
    is_file = stdout is not None and stat.S_ISREG(stdout.st_mode)
    if not outputs and not is_file:
        return
    taken: dict[object, str] = {}
    for label, kind, value in _values(ctx, Input):
        taken |= {_identity(path): label for path in kind.files(value, ctx.params)}

    def take(label: str, path: Path) -> None:
        identity = _identity(path)
        if identity in taken:
            msg = f"{label} must be another file or folder than that of {taken[identity]}; got {path}"
            raise click.UsageError(msg, ctx)
        taken[identity] = label

    if is_file and not any(kind.is_stdout(value) for _, kind, value in outputs):
        take("the standard output", STDOUT)
    for label, kind, value in outputs:
        inside = kind.inside(value, ctx.params)
        for path in (value, *inside):
            take(label, path)
        if not kind.is_stdout(value):
            _check_writable(label, value, inside)


def _values(ctx: click.Context, kind: type[Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield the name, the type and each value of the parameters of a type that were given."""
    for parameter in ctx.command.params:
        value = ctx.params.get(parameter.name or "")
        if isinstance(parameter.type, kind) and value is not None:
            label = parameter.human_readable_name if isinstance(parameter, click.Argument) else max(parameter.opts, key=len)
            for one in value if isinstance(value, tuple) else (value,):
                yield label, parameter.type, one


def _stdout() -> os.stat_result | None:
    try:
        return os.fstat(1)
    except OSError:  # it is closed
        return None


def _identity(path: Path) -> object:
    """Return what is the same for all names of a file, also of one that is yet to be made."""
    if path == STDOUT:
        status = _stdout()
        return STDOUT if status is None else (status.st_dev, status.st_ino, "")
    real = Path(os.path.realpath(path))
    for place, name in ((real, ""), (real.parent, real.name)):
        try:
            status = place.stat()
        except OSError:
            continue
        return status.st_dev, status.st_ino, name
    return real


def _check_writable(label: str, path: Path, inside: list[Path]) -> None:
    """Refuse what cannot be written; a folder may be missing, and is made by the command."""
    what = "folder" if inside else "file"
    try:
        if not inside:
            check_writable(path)
        elif path.is_dir():
            for path in inside:  # noqa: PLR1704  # the one that the message names
                check_writable(path)
        else:
            with tempfile.TemporaryFile(dir=next(folder for folder in path.absolute().parents if folder.exists())):
                pass
    except OSError as error:
        msg = f"{label} must be a {what} that can be written; got {path}: {error.strerror or error}"
        raise click.ClickException(msg) from error
