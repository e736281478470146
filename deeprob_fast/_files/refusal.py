"""Errors that name the file, and show what stands in it in one short line whatever that is."""

import reprlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST = 500  # characters of a message that come from a file
_LONGEST_INTEGER = 256  # bits; Python itself refuses to write out those of thousands of digits


class FormatError(ValueError):
    """A file is not what it should be; the message names it."""


class _Short(reprlib.Repr):
    """Shows a value of any size, nested however deep, in few characters."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = 80

    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002  # the base class calls it so
        return repr(x) if x.bit_length() <= _LONGEST_INTEGER else f"<an integer of {x.bit_length()} bits>"

    def repr_bytes(self, x: bytes, level: int) -> str:
        return self.repr_str(x.hex(), level) if len(x) > self.maxstring else repr(x)


_SHORT = _Short()


def shown(value: object) -> str:
    """Return a value that comes from a file as it may stand in a message."""
    return _SHORT.repr(value)


def one_line(text: object) -> str:
    """Return text that comes from a file, cut short, with what would steer a terminal written out."""
    words = str(text)
    words = words if len(words) <= _LONGEST else f"{words[:_LONGEST]}..."
    return words if words.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in words)


def refuse(path: Path | str, what: str) -> FormatError:
    """Make the error that says what is wrong with a file, which is "it" where the caller names it."""
    return FormatError(f"{path} {one_line(what)}")


def reason(error: Exception) -> str:
    """Return what an error says, or at least its name."""
    return one_line(str(error) or type(error).__name__)


@contextmanager
def damage_told(path: Path, *errors: type[Exception]) -> Iterator[None]:
    """Say which file is damaged when a library stumbles over it."""
    try:
        yield
    except FormatError:
        raise
    except errors as error:
        raise refuse(path, f"is damaged: {reason(error)}") from error
