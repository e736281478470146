"""What no browser sends: every answer is a refusal or what a browser would get, has all headers, and leaves the server well."""

import contextlib
import json
import os
import random
import socket
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.demo.demo_cases import client as client  # noqa: PLC0414  # a fixture
from tests.demo.demo_cases import lecture, neighbors, running

pytest.importorskip("starlette", reason="needs the extra demo")
pytest.importorskip("uvicorn", reason="needs the extra demo")

from deeprob_fast.demo import guards, knn_model  # where it can be imported

VIEW = "/api/knn/view"
JSON = "Content-Type: application/json"
STATE = json.dumps({"state": neighbors()})
HTML, REFUSED = "<!doctype html>", '{"error'


def raw(port, data, timeout=10.0):
    """Send bytes; return what comes until the other side closes, or until an answer of stated length is whole."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=timeout)) as connection:
        with contextlib.suppress(ConnectionError):  # it may be refused before all is sent
            connection.sendall(data)
        found = b""
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(1 << 16):
                found += part
                head, end, body = found.partition(b"\r\n\r\n")
                lengths = [
                    int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
                ]
                if end and lengths and len(body) >= lengths[0]:
                    break
        return found


def answer(port, data):
    """Return the status, the headers and the body of an answer."""
    head, _, body = raw(port, data).partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body.decode()


def request(line, *headers, body=""):
    length = [f"Content-Length: {len(body.encode())}"] if body else []
    return "\r\n".join([f"{line} HTTP/1.1", *headers, *length, "", body]).encode()


def host(name):
    return request("GET /", f"Host: {name}")


def post(*headers, body=STATE):
    return request(f"POST {VIEW}", "Host: localhost", *headers, body=body)


ROWS: dict[str, tuple[bytes, int, str]] = {
    # Names that are not this machine's, although they may lead here.
    **{f"host {name!r}": (host(name), 400, "") for name in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example")},
    **{f"host {name!r}": (host(name), 400, "") for name in ("0.0.0.0", "127.1", "2130706433", "localhost.", "[::]", "")},
    **{
        f"host {name!r}": (host(name), 400, "") for name in ("user@localhost", "localhost@evil.example", "evil.example:127.0.0.1")
    },
    **{f"host {name!r}": (host(name), 200, HTML) for name in ("localhost", "LOCALHOST", "127.0.0.1:99", "localhost:1")},
    "no host, HTTP 1.0": (b"GET / HTTP/1.0\r\n\r\n", 400, ""),
    "no host": (request("GET /"), 400, REFUSED),
    "two hosts": (request("GET /", "Host: localhost", "Host: evil.example"), 400, REFUSED),
    "address of a proxy's request": (request("GET http://evil.example/", "Host: localhost"), 404, REFUSED),
    # Pages of others.
    **{
        f"origin {name!r}": (post(JSON, f"Origin: {name}"), 403, REFUSED)
        for name in (
            "null",
            "http://evil.example",
            "",
            "http://localhost:80",
            "https://localhost",
            "http://localhost.evil.example",
        )
    },
    "own origin": (post(JSON, "Origin: http://localhost"), 200, '{"state"'),
    "no origin": (post(JSON), 200, '{"state"'),
    "what a page of others asks first": (
        request(f"OPTIONS {VIEW}", "Host: localhost", "Origin: http://evil.example"),
        405,
        REFUSED,
    ),
    # Types that a form can send, and some that look like the right one.
    **{
        f"type {kind!r}": (post(f"Content-Type: {kind}"), 415, REFUSED)
        for kind in (
            "text/plain",
            "multipart/form-data",
            "text/plain; application/json",
            "application/jsonp",
            "application/json, x",
        )
    },
    "no type": (post(), 415, REFUSED),
    "type in capitals": (post("Content-Type: APPLICATION/JSON;charset=utf-8"), 200, '{"state"'),
    # Lengths that are none.
    "negative length": (post(JSON, "Content-Length: -1", body=""), 400, REFUSED),
    "two lengths": (post(JSON, "Content-Length: 1", "Content-Length: 2", body=""), 400, REFUSED),
    "length in words": (post(JSON, "Content-Length: five", body=""), 400, REFUSED),
    "length and chunks": (post(JSON, "Content-Length: 5", "Transfer-Encoding: chunked", body="") + b"0\r\n\r\n", 422, REFUSED),
    "unknown encoding": (post(JSON, "Transfer-Encoding: gzip", body=""), 400, REFUSED),
    "chunk of no length": (post(JSON, "Transfer-Encoding: chunked", body="") + b"zz\r\nxx\r\n", 400, REFUSED),
    # No HTTP, and too much of it.
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100 + b"\r\n\r\n", 400, REFUSED),
    "HTTP 2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, ""),
    "bytes": (b"\0\xff\n\n", 400, REFUSED),
    "a long header": (request("GET /", "Host: localhost", "X: " + "a" * (1 << 20)), 400, REFUSED),
    "many headers": (request("GET /", "Host: localhost", *["X: a"] * 100_000), 400, REFUSED),
    "a long path": (request("GET /" + "a" * (1 << 20), "Host: localhost"), 400, REFUSED),
    "a line in a header": (request("GET /", "Host: localhost", "X: a\0b"), 400, REFUSED),
    # A web socket is none here: the page comes.
    "web socket": (request("GET /", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade"), 200, HTML),
    **{
        f"method {method}": (request(f"{method} {VIEW}", "Host: localhost", JSON, body=STATE), 405, REFUSED)
        for method in ("GET", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "FOO")
    },
    **{
        f"path {path}": (request(f"GET {path}", "Host: localhost"), 404, REFUSED)
        for path in (
            "/docs",
            "/openapi.json",
            "/redoc",
            "//etc/passwd",
            "/static/%2e%2e/server.py",
            "/static/....//server.py",
            "*",
        )
    },
    "a large body": (post(JSON, body=" " * (guards.LARGEST_BODY + 1)), 413, REFUSED),
    "no JSON": (post(JSON, body="{"), 422, REFUSED),
}


def check_headers(headers):
    for name, value in guards.HEADERS.items():
        assert headers[name.lower()] == value.lower(), name
    assert "server" not in headers


def test_the_headers_of_a_page_that_nobody_else_may_use():
    for name, value in {
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }.items():
        assert guards.HEADERS[name] == value


@pytest.mark.parametrize("name", ROWS)
def test_one_request(client, name):
    data, status, begin = ROWS[name]
    found, headers, body = answer(client.port, data)
    assert found == status, body
    assert body.lower().startswith(begin)
    check_headers(headers)
    assert client.request("GET", "/knn")[0] == 200


def test_a_defect_is_told_with_all_headers(client, monkeypatch):
    def fail(*_):
        msg = "missing"
        raise LookupError(msg)

    monkeypatch.setattr(knn_model, "view", fail)
    found, headers, body = answer(client.port, post(JSON))
    assert (found, set(json.loads(body))) == (500, {"error"})
    assert "missing" not in body
    check_headers(headers)


@pytest.mark.parametrize("rest", [b"zz\r\nxx\r\n", b"5\r\nab", b"-1\r\n\r\n", b"\0" * 100])
def test_rubbish_after_a_refusal(rest):
    """The answer has been given when the rest of the request turns out to be no HTTP."""
    with running("--no-browser") as (process, port):
        with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
            connection.sendall(post("Transfer-Encoding: chunked", body=""))
            assert connection.recv(12) == b"HTTP/1.1 415"
            connection.sendall(rest)
            connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while connection.recv(1 << 16):
                    pass
        assert answer(port, host("localhost"))[0] == 200
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert "Traceback" not in errors
    assert "Fatal" not in errors


def test_what_the_terminal_shows():
    """Nothing that was sent, and no traceback."""
    with running("--no-browser") as (process, port):
        for data, _, _ in ROWS.values():
            raw(port, data)
        process.terminate()
        out, errors = process.communicate(timeout=20)
    assert out == ""
    assert errors.endswith("terminated\n")
    assert all(line.startswith("WARNING: ") for line in errors.splitlines()[:-2])
    assert not any(word in errors for word in ("Traceback", "evil", "\0", "aaaa"))


N_REQUESTS = int(os.environ.get("DEEPROB_FAST_REQUESTS", "1000"))


@pytest.mark.unsanitized
def test_many_requests_at_once():
    """All are answered, and the server holds no more memory afterwards than some of them take."""
    with running("--no-browser") as (process, port):

        def resident():
            lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
            return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmRSS"))

        answer(port, post(JSON))
        before = resident()
        statuses: Counter[int] = Counter()
        lock = threading.Lock()

        def ask():
            status = answer(port, post(JSON, "Connection: close"))[0]
            with lock:
                statuses[status] += 1

        threads = [threading.Thread(target=ask) for _ in range(N_REQUESTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == {200: N_REQUESTS}
        assert resident() - before < 100


EVIL: list[object] = [None, True, -1, 0, 1e308, 5e-324, "x", "", [], {}, [[]], 10**30, 0.5, 2**53, ["a"] * 10, [1e308] * 10]


def changed(value, drawn, share):
    """Return a state of which a share of the values are others."""
    if drawn.random() < share:
        return drawn.choice(EVIL)
    if isinstance(value, dict):
        return {name: changed(inner, drawn, share) for name, inner in value.items()}
    if isinstance(value, list):
        return [changed(inner, drawn, share) for inner in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and drawn.random() < 5 * share:
        return drawn.choice([value * 1e6, -value, value + 1, value * 1e-300, 0, 1e150, -1e150])
    return value


@pytest.mark.parametrize("seed", range(3))
def test_states_with_a_few_other_values(client, seed):
    """Some are still states: no request of either kind fails."""
    drawn = random.Random(seed)
    statuses: Counter[int] = Counter()
    for _ in range(150):
        path, state = drawn.choice([("knn/view", neighbors()), ("linear/view", lecture()), ("linear/step", lecture())])
        body = {"state": changed(state, drawn, 0.004), "regions": drawn.choice([1, 2, 50])}
        status, content = client.post(f"/api/{path}", body)
        statuses[status] += 1
        assert status in (200, 422), (seed, path, body, content)
    assert min(statuses[200], statuses[422]) > 15, (seed, statuses)
