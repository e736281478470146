"""Progress on the terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

DELAY = 1.0


@contextmanager
def progress(label: str, total: int | None, *, quiet: bool, unit: str = "query") -> Iterator[Callable[[int], object]]:
    """Show a bar, or a count, for work that takes longer than `DELAY` seconds.

    Yields what is to be called with each number of things that are done.
    """
    from tqdm import tqdm

    # None: only on a terminal.
    with tqdm(total=total, desc=label, unit=unit, disable=True if quiet else None, leave=False, delay=DELAY) as bar:
        yield bar.update


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
