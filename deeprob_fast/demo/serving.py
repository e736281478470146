"""The server's life: from a free port to Ctrl-C."""

import contextlib
import errno
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from deeprob_fast import _scalars
from deeprob_fast.demo import ending
from deeprob_fast.demo.connections import Connection
from deeprob_fast.demo.server import create_app

HOST = "127.0.0.1"
_GRACE = 1  # seconds for requests that are under way when the server ends


class EndingMiddleware:
    """Lets the work for each request know whether the server has ended."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.ended = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        ending.ended.set(self.ended)
        await self.app(scope, receive, send)


class Server(uvicorn.Server):
    """A server that tells when it answers, and ends without a word.

    Parameters
    ----------
    config : uvicorn.Config
    on_ready : callable
    ended : threading.Event
        Set in the end.
    """

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], object], ended: threading.Event) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._ended = ended

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and tell."""
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End; that requests under way are cut off then is nobody's mistake."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)
        self._ended.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let SIGHUP end the server as well: uvicorn raises again what ended it, when all is in order."""
        with super().capture_signals():
            before = signal.getsignal(signal.SIGHUP)
            if threading.current_thread() is not threading.main_thread() or before is signal.SIG_IGN:
                yield
                return
            signal.signal(signal.SIGHUP, self.handle_exit)
            try:
                yield
            finally:
                signal.signal(signal.SIGHUP, before)


def listen(port: int) -> socket.socket:
    """Take a port of the loopback interface; 0 for any free one."""
    _scalars.check_integer("port", port, 0, 65535, "0 for any free one")
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
    app = EndingMiddleware(create_app())
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    return Server(config, on_ready, app.ended)


def serve(port: int, on_ready: Callable[[str], object] | None) -> None:
    """Serve the pages until Ctrl-C."""
    with listen(port) as listener:
        address = f"http://{HOST}:{listener.getsockname()[1]}/"
        server = make_server(lambda: on_ready(address) if on_ready else None)
        # After an orderly end uvicorn raises Ctrl-C again.
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
