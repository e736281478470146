"""How the commands report a user's mistake."""

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """End a user's mistake with a message, not with a traceback."""
    try:
        yield
    except (OSError, ValueError, TypeError, MemoryError, ModuleNotFoundError) as error:
        raise click.ClickException(str(error) or type(error).__name__) from error
