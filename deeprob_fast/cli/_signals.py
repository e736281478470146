"""SIGTERM and SIGHUP end a command as Ctrl-C does: in order, so that what it had begun to write is removed."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import click

_WORDS = {signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}


class _EndedError(SystemExit):
    """The process was told to end; its exit code is the one that shells report for that."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.word = _WORDS[signal.Signals(number)]


def _end(number: int, _: FrameType | None) -> None:
    # A terminal that closes may hang up twice; who terminates twice does not want to wait for anything.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    raise _EndedError(number)


@contextmanager
def ending_in_order() -> Iterator[None]:
    """Handle the signals meanwhile, if nobody else does and they are not ignored (as by nohup)."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers are for the main thread
        return
    handled = [number for number in _WORDS if signal.getsignal(number) is signal.SIG_DFL]
    for number in handled:
        signal.signal(number, _end)
    try:
        yield
    except _EndedError as end:
        with suppress(OSError):  # the terminal may be gone
            click.echo(f"\n{end.word}", err=True)
        raise
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)
