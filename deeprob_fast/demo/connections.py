"""Connections that end: who sends half a request, or does not read the answer, holds nothing for long."""

import asyncio
import json
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from deeprob_fast.demo import guards

# From the first byte of a request until all of it is here; and once more until its answer has been read. Both ends are on this
# machine: these are milliseconds. Drops that come one by one win no time.
PATIENCE = 10.0
# With more connections than this, those that have kept the server waiting give way at once.
MOST_CONNECTIONS = 256
_WAITING = 1.0


class Connection(H11Protocol):
    """A connection with a time limit, which uvicorn has only for what comes between two requests."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Start the clock."""
        super().connection_made(transport)
        self._idle = True
        self._start_clock()
        self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take what came; the first of a request starts the clock anew."""
        if self._idle:
            self._idle = False
            self._restart_clock()
        super().data_received(data)

    def on_response_complete(self) -> None:
        """Go on with the next request, part of which may be here already."""
        self._idle = True
        self._restart_clock()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._clock.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close the connection: at once if a request would have to come first, or to be read; else when it is answered."""
        cycle: Any = self.cycle
        if self.is_kept_waiting and not (cycle and cycle.response_complete):
            self.transport.abort()
        else:
            super().shutdown()

    @property
    def is_kept_waiting(self) -> bool:
        """Whether it is for the client to go on: to send the rest of a request, or to read."""
        cycle: Any = self.cycle  # None before the first request
        return cycle is None or cycle.response_complete or cycle.more_body or self.flow.write_paused

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, with the headers of all answers."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):  # it follows a request that is being answered
            self.transport.abort()
            return
        body = json.dumps({"error": msg}).encode()
        headers = [*guards.HEADERS.items(), ("Content-Type", guards.JSON), ("Content-Length", str(len(body)))]
        answer = h11.Response(status_code=400, headers=[*headers, ("Connection", "close")], reason=b"Bad Request")
        for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _start_clock(self) -> None:
        self._begun = self.loop.time()
        self._clock = self.loop.call_later(PATIENCE, self._give_up)

    def _restart_clock(self) -> None:
        self._clock.cancel()
        self._start_clock()

    def _give_up(self) -> None:
        if self.is_kept_waiting:
            self.transport.abort()
        else:  # a long computation is ours
            self._start_clock()

    def _make_room(self) -> None:
        there = [other for other in self.connections if isinstance(other, Connection) and not other.transport.is_closing()]
        if len(there) > MOST_CONNECTIONS:
            waiting = [other for other in there if other.is_kept_waiting]  # this one is, too
            longest = min(waiting, key=lambda other: other._begun)
            if longest._begun < self.loop.time() - _WAITING:
                longest.transport.abort()
