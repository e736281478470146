"""The end of a server, for long computations: they look here between their parts, as the process cannot end before they do."""

import threading
from contextvars import ContextVar

# Set for the work of each request, by the server that asked for it.
ended: ContextVar[threading.Event | None] = ContextVar("ended", default=None)


class EndedError(Exception):
    """Nobody waits for the answer any more."""


def check() -> None:
    """Give up if this works for a server that has ended."""
    event = ended.get()
    if event is not None and event.is_set():
        msg = "the server has ended"
        raise EndedError(msg)
