"""Clients that send half a request, or do not read: they are closed in time, others are served, and the server ends quietly."""

import contextlib
import http.client
import json
import os
import selectors
import signal
import socket
import time

import pytest

from tests.demo.demo_cases import START, lecture, neighbors, running

pytest.importorskip("starlette", reason="needs the extra demo")
pytest.importorskip("uvicorn", reason="needs the extra demo")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

PATIENCE = 2.0  # seconds, in place of 10
SLACK = 2.0  # the machine may be busy
N_CLIENTS = 200
HEAD = b"POST /api/linear/step HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
WHOLE = b"GET /api/options HTTP/1.1\r\nHost: localhost\r\n\r\n"

# What a client sends at first, what it goes on to send byte by byte, and how many times the patience it may last.
HALVES = {
    "nothing": (b"", b"", 1),
    "half a header": (b"GET / HTTP/1.1\r\nHost: loc", b"", 1),
    "headers without end": (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X-a: b\r\n", 1),
    "a body that does not come": (HEAD + b"Content-Length: 500\r\n\r\n", b"", 1),
    "a body in drops": (HEAD + b"Content-Length: 500\r\n\r\n{", b" ", 1),
    "chunks without end": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 1),
    "a second request in drops": (WHOLE + WHOLE[:20], WHOLE[20:-2], 2),
    "the body of what was refused": (HEAD.replace(b"json", b"xml") + b"Content-Length: 500\r\n\r\n", b" ", 2),
}


def impatient(most=10_000):
    """Return code that starts the server with less patience."""
    return (
        f"from deeprob_fast.demo import connections; connections.PATIENCE = {PATIENCE}\n"
        f"connections.MOST_CONNECTIONS = {most}\n{START}"
    )


def connect(port, stack):
    return stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=20)))


class Clients:
    """Clients of all kinds, and when each of them was closed."""

    def __init__(self, port, stack, n_clients):
        self.begun = time.monotonic()
        self.open, self.seconds = {}, {}
        self.selector = stack.enter_context(selectors.DefaultSelector())
        for number in range(n_clients):
            kind = list(HALVES)[number % len(HALVES)]
            client = connect(port, stack)
            client.sendall(HALVES[kind][0])
            client.setblocking(False)
            self.selector.register(client, selectors.EVENT_READ)
            self.open[client] = kind

    def drop(self, number):
        """Let each that still may send its next byte."""
        for client, kind in self.open.items():
            drops = HALVES[kind][1]
            if drops:
                with contextlib.suppress(OSError):  # it is just being closed
                    client.send(drops[number % len(drops) :][:1])

    def listen(self, seconds):
        """Read what comes; note who was closed."""
        for key, _ in self.selector.select(seconds):
            client = key.fileobj
            try:
                closed = client.recv(65536) == b""
            except ConnectionError:
                closed = True
            if closed:
                self.selector.unregister(client)
                self.seconds.setdefault(self.open.pop(client), []).append(time.monotonic() - self.begun)


def ask(port):
    """Return the seconds that a request by somebody else takes."""
    begun = time.monotonic()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("POST", "/api/linear/view", json.dumps({"state": lecture()}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
    return time.monotonic() - begun


def test_half_requests_end_and_others_are_served():
    with running("--no-browser", code=impatient()) as (process, port), contextlib.ExitStack() as stack:
        ask(port)
        clients = Clients(port, stack, N_CLIENTS)
        waits, number = [], 0
        while clients.open and time.monotonic() - clients.begun < 2 * PATIENCE + SLACK:
            clients.drop(number)
            number += 1
            clients.listen(0.05)
            waits.append(ask(port))
        assert not clients.open, f"{len(clients.open)} are still open: {set(clients.open.values())}"
        for kind, seconds in clients.seconds.items():
            assert len(seconds) == N_CLIENTS // len(HALVES)
            assert min(seconds) > 0.9 * PATIENCE, (kind, min(seconds))
            assert max(seconds) < HALVES[kind][2] * PATIENCE + SLACK, (kind, max(seconds))
        assert len(waits) > 10
        assert max(waits) < 0.5
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == ("", "")
        assert process.returncode == 0


def test_who_does_not_read_is_closed():
    """Requests one after the other, of whose answers nobody reads any."""
    with running("--no-browser", code=impatient()) as (_, port), contextlib.ExitStack() as stack:
        client = connect(port, stack)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        begun, closed = time.monotonic(), False
        while not closed and time.monotonic() - begun < 3 * PATIENCE + SLACK:
            try:
                client.send(WHOLE * 100)
            except BlockingIOError:
                time.sleep(0.05)
            except ConnectionError:
                closed = True
        assert closed
        ask(port)
        assert time.monotonic() - begun > 0.9 * PATIENCE


def test_a_long_computation_is_waited_for(tmp_path):
    """The patience is with clients: the server itself may take longer."""
    code = f"""
from deeprob_fast.demo import linear_model
import time
step = linear_model.step
linear_model.step = lambda *values: (time.sleep({2.5 * PATIENCE}), step(*values))[1]
{impatient()}"""
    with running("--no-browser", code=code) as (_, port), contextlib.ExitStack() as stack:
        client = connect(port, stack)
        body = json.dumps({"state": lecture()}).encode()
        client.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert client.recv(12) == b"HTTP/1.1 200"


def is_closed(client):
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_too_many_connections():
    """Those that have kept the server waiting longest give way; whoever comes is served, also many at once."""
    most = 60
    with running("--no-browser", code=impatient(most)) as (_, port), contextlib.ExitStack() as stack:
        old = [connect(port, stack) for _ in range(most + 5)]
        ask(port)
        assert not any(map(is_closed, old)), "in less than a second nobody is late"
        time.sleep(1.2)
        new = [connect(port, stack) for _ in range(10)]
        assert ask(port) < 0.5
        time.sleep(0.2)
        # One for each that came, the last of which was served.
        assert sum(map(is_closed, old)) == 11
        assert not any(map(is_closed, new))
        for client in old[:5]:
            assert is_closed(client)


@pytest.mark.parametrize(("ending", "expected"), [("SIGINT", 0), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_the_end_is_quiet(ending, expected):
    """With half requests of all kinds, a client that does not read, an idle one, and a computation that takes a while."""
    code = f"""
from deeprob_fast.demo import linear_model
import time
step = linear_model.step
linear_model.step = lambda *values: (time.sleep(0.5), step(*values))[1]
{START}"""
    with running("--no-browser", code=code) as (process, port), contextlib.ExitStack() as stack:
        clients = Clients(port, stack, 3 * len(HALVES))
        idle, deaf, working = (connect(port, stack) for _ in range(3))
        idle.sendall(WHOLE)
        assert idle.recv(12) == b"HTTP/1.1 200"
        deaf.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                deaf.send(WHOLE * 100)
        body = json.dumps({"state": lecture()}).encode()
        working.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        time.sleep(0.2)
        begun = time.monotonic()
        process.send_signal(getattr(signal, ending))
        out, errors = process.communicate(timeout=20)
        seconds = time.monotonic() - begun
        assert (process.returncode, out) == (expected, "")
        assert errors.strip() == {"SIGINT": "", "SIGTERM": "terminated", "SIGHUP": "hung up"}[ending]
        assert seconds < 2
        assert working.recv(12) == b"HTTP/1.1 200"
        assert len(clients.open) == 3 * len(HALVES)


def test_nobody_who_sends_half_a_request_is_waited_for():
    """Not for the second that requests under way are given. One of three attempts is not held up by other work of the machine."""
    seconds = []
    for _ in range(3):
        with running("--no-browser") as (process, port), contextlib.ExitStack() as stack:
            Clients(port, stack, 3 * len(HALVES))
            time.sleep(0.2)
            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=20) == ("", "")
            seconds.append(time.monotonic() - begun)
    assert min(seconds) < 0.9, seconds


def test_the_end_does_not_wait_for_a_long_computation():
    """What takes longer than a second, here the regions for many neighbours, is cut off without a word."""
    code = f"""
from deeprob_fast.demo import knn_model
import time
votes = knn_model.KNNState.votes
knn_model.KNNState.votes = lambda *values: (time.sleep(0.3), votes(*values))[1]
{START}"""
    points = [[x / 10, y / 10, (x + y) % 3] for x in range(-10, 10) for y in range(10)]
    body = json.dumps({"state": neighbors(points=points, k=199), "regions": 320}).encode()
    with running("--no-browser", code=code) as (process, port), contextlib.ExitStack() as stack:
        working = connect(port, stack)
        working.sendall(HEAD.replace(b"linear/step", b"knn/view") + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        time.sleep(0.3)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == ("", "")
        assert time.monotonic() - begun < 3  # the whole answer takes more than 6
        assert process.returncode == 0
