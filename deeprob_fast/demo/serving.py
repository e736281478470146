"""The server's life: from a free port to Ctrl-C."""

import contextlib
import errno
import os
import socket
from collections.abc import Callable

import uvicorn

from deeprob_fast import _validation
from deeprob_fast.demo.server import create_app

HOST = "127.0.0.1"
_GRACE = 1  # seconds for requests that are under way when the server ends


class Server(uvicorn.Server):
    """A server that tells when it answers."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and tell."""
        await super().startup(sockets)
        self._on_ready()


def listen(port: int) -> socket.socket:
    """Take a port of the loopback interface; 0 for any free one."""
    _validation.check_integer("port", port, 0, 65535, "0 for any free one")
    # asyncio sends at once, without waiting for acknowledgements, only where the protocol is named: 40 ms an answer.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        # Two that bind a port at once find out here.
        listener.listen()
    except OSError as error:
        listener.close()
        why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({os.strerror(error.errno or 0)})"
        msg = f"port {port} of {HOST} {why}; choose another one, or 0 for any that is free"
        raise OSError(msg) from error
    return listener


def make_server(on_ready: Callable[[], object]) -> Server:
    """Return a server of the pages that is yet to run."""
    config = uvicorn.Config(
        create_app(),
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    return Server(config, on_ready)


def serve(port: int, on_ready: Callable[[str], object] | None) -> None:
    """Serve the pages until Ctrl-C."""
    with listen(port) as listener:
        address = f"http://{HOST}:{listener.getsockname()[1]}/"
        server = make_server(lambda: on_ready(address) if on_ready else None)
        # After an orderly end uvicorn raises Ctrl-C again.
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
