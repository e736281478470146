"""The lecture's interactive pages, served on this machine: linear classifiers and k-nearest neighbours."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from deeprob_fast._optional import require

if TYPE_CHECKING:
    from starlette.applications import Starlette

__all__ = ["create_app", "serve"]


def create_app() -> "Starlette":
    """Make the application that serves the pages, for an ASGI server.

    Returns
    -------
    Starlette

    Raises
    ------
    ModuleNotFoundError
        Without starlette.

    Examples
    --------
    >>> import deeprob_fast.demo
    >>> app = deeprob_fast.demo.create_app()
    """
    require("starlette", "demo")
    from deeprob_fast.demo.server import create_app as create

    return create()


def serve(port: int = 8000, *, on_ready: Callable[[str], object] | None = None) -> None:
    """Serve the pages on the loopback interface until Ctrl-C.

    SIGTERM and SIGHUP end the server in order, too, and are raised again then.

    Parameters
    ----------
    port : int
        0 for any free one.
    on_ready : callable, optional
        Called with the address, once the server answers there.

    Raises
    ------
    ModuleNotFoundError
        Without starlette or uvicorn.
    OSError
        If the port is taken, or not to be had.
    ValueError
        If there is no such port.
    """
    require("starlette", "demo")
    require("uvicorn", "demo")
    from deeprob_fast.demo.serving import serve as run

    run(port, on_ready)
