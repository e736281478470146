"""What a user sees when something goes wrong: a message, never a traceback."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

_INTERRUPTED = 130  # what shells report for a process that Ctrl-C ended


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """End a user's mistake, and Ctrl-C, with a message and an exit code."""
    try:
        yield
    except BrokenPipeError:
        raise  # whoever read the output has gone: click ends the process quietly
    except (OSError, ValueError, TypeError, MemoryError, ModuleNotFoundError) as error:
        raise click.ClickException(_in_words(error)) from error
    except KeyboardInterrupt:
        click.echo("\ninterrupted", err=True)
        raise click.exceptions.Exit(_INTERRUPTED) from None


@contextmanager
def warnings_as_messages(*, quiet: bool) -> Iterator[None]:
    """Show warnings in one line on the standard error, or none."""
    told = set()

    def show(message: Warning | str, *_: object, **__: object) -> None:
        unknown = str(message).partition(" are of classes")[2]  # the loader says it, and each evaluation
        if (what := unknown or str(message)) not in told:
            told.add(what)
            click.echo(f"Warning: {message}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if quiet else "default")
        warnings.showwarning = show
        yield


def refuse_without_effect(option: str, why: str) -> NoReturn:
    """Refuse an option that would change nothing."""
    msg = f"{option} has no effect {why}"
    raise click.UsageError(msg)


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, MemoryError):
        return f"not enough memory: {error}" if str(error) else "not enough memory"
    return str(error) or type(error).__name__
