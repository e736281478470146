"""Progress on the terminal."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

DELAY = 1.0
_BEAT = 1.0
_SIZE = {"ncols": 80, "nrows": 24}  # of terminals that do not say


@contextmanager
def progress(label: str, total: int | None, *, quiet: bool, unit: str = "query") -> Iterator[Callable[[int], object]]:
    """Show a bar, or the time where there is no total, for work that takes longer than `DELAY` seconds.

    The time goes on while nothing is done. Yields what is to be called with each number of things that are done.
    """
    from tqdm import tqdm

    shape = None if total else "{desc}: {elapsed}"
    options: dict[str, Any] = {"total": total, "desc": label, "unit": unit, "bar_format": shape, "leave": False, "delay": DELAY}
    # None: only on a terminal.
    with tqdm(**options, **_size(), disable=True if quiet else None) as bar, _beating(bar):
        yield bar.update


def _size() -> dict[str, int]:
    """Return the size of a terminal that says 0, where tqdm would draw nothing; nothing for one that knows it."""
    try:
        return {} if os.get_terminal_size(sys.stderr.fileno()).columns else _SIZE
    except (OSError, ValueError):
        return _SIZE


@contextmanager
def _beating(bar: Any) -> Iterator[None]:
    """Draw a bar again and again, from a thread: what is computed has no time for it."""
    if bar.disable:
        yield
        return
    ended = threading.Event()

    def beat() -> None:
        wait = DELAY
        while not ended.wait(wait):
            bar.refresh()
            bar.last_print_t = bar._time()  # by which tqdm knows that there is something to clear
            wait = _BEAT

    drawing = threading.Thread(target=beat, daemon=True)
    drawing.start()
    try:
        yield
    finally:
        ended.set()
        drawing.join()


@contextmanager
def waiting(label: str, *, quiet: bool) -> Iterator[None]:
    """Show the time that work takes which cannot tell how far it is."""
    with progress(label, None, quiet=quiet):
        yield


@contextmanager
def percentage(label: str, *, quiet: bool) -> Iterator[Callable[[float], object]]:
    """Show how far work is that tells the fraction done.

    Yields what is to be called with the fraction.
    """
    with progress(label, 100, quiet=quiet, unit="%") as done:
        shown = 0

        def tell(fraction: float) -> None:
            nonlocal shown
            done(int(100 * fraction) - shown)
            shown = int(100 * fraction)

        yield tell
