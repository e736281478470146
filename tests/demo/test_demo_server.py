"""The demo's server: a real one, asked by plain HTTP. Whatever it is sent, it answers, and keeps nothing."""

import json
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.demo.demo_cases import client as client  # noqa: PLC0414  # a fixture
from tests.demo.demo_cases import lecture, neighbors, trained

pytest.importorskip("starlette", reason="needs the extra demo")
pytest.importorskip("uvicorn", reason="needs the extra demo")

import deeprob_fast.demo  # where it can be imported
from deeprob_fast.demo import guards, serving  # where it can be imported

VIEW, STEP = "/api/linear/view", "/api/linear/step"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("path", ["/", "/knn"])
def test_pages(client, path):
    status, headers, body = client.request("GET", path)
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"<!doctype html>" in body.lower()
    assert client.request("HEAD", path)[0] == 200


def test_pages_load_nothing_from_elsewhere(client):
    for file in (Path(deeprob_fast.demo.__file__).parent / "static").iterdir():
        status, headers, body = client.request("GET", f"/static/{file.name}")
        assert (status, body) == (200, file.read_bytes())
        kind = {".html": "text/html", ".js": "javascript", ".css": "text/css", ".svg": "image/svg"}[file.suffix]
        assert kind in headers["Content-Type"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *(("GET", path, 200) for path in ("/knn", "/api/options")),
        *(("GET", path, 404) for path in ("/nothing", "/static/nothing.js", "/static/", "/api/linear/nothing")),
        *(("GET", path, 405) for path in (VIEW, "/api/knn/preset")),
        *(("POST", path, 405) for path in ("/", "/api/options")),
        ("POST", VIEW, 415),
    ],
)
def test_every_answer_has_the_headers(client, method, path, status):
    found, headers, body = client.request(method, path)
    assert found == status
    for name, value in guards.HEADERS.items():
        assert headers[name] == value
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "script-src" not in headers["Content-Security-Policy"]
    assert headers["Server"] is None
    if status != 200:
        assert set(json.loads(body)) == {"error"}


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/server.py",
        "/static/..%5cserver.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/../../../../etc/passwd",
        "/static/knn.html%00",
        "/static/" + "../" * 20 + "etc/passwd",
        "/static/" + "a" * 5000,
    ],
)
def test_nothing_but_the_static_files_is_served(client, path):
    status, _, body = client.request("GET", path)
    assert 400 <= status < 500
    assert b"import" not in body
    assert b"root:" not in body


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "", "[", "::"]
)
def test_foreign_hosts_are_refused(client, host):
    for method, path in (("GET", "/"), ("GET", "/api/options"), ("POST", VIEW)):
        status, headers, body = client.request(method, path, b"{}", JSON | {"Host": host})
        assert status == 400
        assert b"classes" not in body
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1"])
def test_own_hosts_are_served(client, host):
    assert client.request("GET", "/knn", headers={"Host": host})[0] == 200


def test_requests_of_other_pages_are_refused(client):
    own = f"http://127.0.0.1:{client.port}"
    assert client.post(VIEW, {"state": lecture()}, Origin=own)[0] == 200
    for origin in (
        "https://evil.example",
        "null",
        "http://127.0.0.1:1",
        f"https://127.0.0.1:{client.port}",
        own + ".evil.example",
    ):
        status, answer = client.post(VIEW, {"state": lecture()}, Origin=origin)
        assert status == 403
        assert "Origin" in answer["error"]
    assert client.request("OPTIONS", VIEW, headers={"Origin": "https://evil.example"})[0] == 405


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/jsonx"]
)
def test_other_types_are_refused(client, kind):
    body = json.dumps({"state": lecture()}).encode()
    status, _, answer = client.request("POST", VIEW, body, {} if kind is None else {"Content-Type": kind})
    assert (status, json.loads(answer)) == (415, {"error": "the Content-Type header must be application/json"})
    assert client.request("POST", VIEW, body, {"Content-Type": "Application/JSON; charset=utf-8"})[0] == 200


@pytest.mark.parametrize("chunked", [True, False])
def test_large_bodies_are_refused(client, chunked):
    limit = guards.LARGEST_BODY
    body = json.dumps({"state": lecture()}).encode()

    def send(size):
        padded = body + b" " * (size - len(body))
        if not chunked:
            return client.request("POST", VIEW, padded, JSON)
        parts = (padded[start : start + 10_000] for start in range(0, size, 10_000))
        return client.request("POST", VIEW, parts, JSON, encode_chunked=True)

    assert send(limit)[0] == 200
    for size in (limit + 1, 2 * limit, 8 * limit):
        status, headers, answer = send(size)
        assert status == 413
        assert json.loads(answer) == {"error": f"the body must be at most {limit} bytes; got more"}
        assert headers["Connection"] == "close"


def test_bodies_without_end_are_cut_off(client):
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as connection:
        head = f"POST {VIEW} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        sent = 0
        with pytest.raises((BrokenPipeError, ConnectionResetError)):  # noqa: PT012  # which chunk is refused is open
            while sent < 1000:
                connection.sendall(chunk)
                sent += 1
    assert sent * 0x10000 < 64 * guards.LARGEST_BODY


def test_requests_at_once_are_answered_as_one_by_one(client):
    jobs = [(STEP, {"state": state, "regions": 64, "n_steps": n}) for state in trained() for n in (1, 7, 100)]
    jobs += [("/api/knn/view", {"state": neighbors(k=k), "regions": 64}) for k in (1, 2, 3)]
    jobs += [("/api/linear/preset", {"name": "overlapping", "seed": seed, "regions": 32}) for seed in range(4)]

    def ask(job):
        return client.request("POST", job[0], json.dumps(job[1]).encode(), JSON)[2]

    serial = [ask(job) for job in jobs]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, jobs * 3)) == serial * 3


def test_a_slow_request_holds_no_other_one_up(client, monkeypatch):
    from deeprob_fast.demo import linear_model

    begun, release = threading.Event(), threading.Event()
    original = linear_model.step

    def wait(state, n_steps):
        begun.set()
        assert release.wait(20)
        return original(state, n_steps)

    monkeypatch.setattr(linear_model, "step", wait)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(client.post, STEP, {"state": lecture()})
        assert begun.wait(20)
        assert client.post(VIEW, {"state": lecture()})[0] == 200
        assert not slow.done()
        release.set()
        assert slow.result(20)[0] == 200


def test_ports(client):
    with serving.listen(0) as listener:
        host, port = listener.getsockname()
        assert host == "127.0.0.1"
        # Only then does asyncio switch off the delay of small packets.
        assert listener.proto == socket.IPPROTO_TCP
        with pytest.raises(
            OSError, match=rf"^port {port} of 127\.0\.0\.1 is taken; choose another one, or 0 for any that is free$"
        ):
            deeprob_fast.demo.serve(port)
    for wrong in (-1, 65536, True, "8000"):
        with pytest.raises((ValueError, TypeError), match="port must be"):
            deeprob_fast.demo.serve(wrong)


@pytest.mark.parametrize(("module", "ask"), [("starlette", "create_app"), ("starlette", "serve"), ("uvicorn", "serve")])
def test_what_is_missing_is_named(monkeypatch, module, ask):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=rf"^this needs {module}: pip install 'deeprob-fast\[demo\]'$"):
        getattr(deeprob_fast.demo, ask)()


def test_the_demo_needs_no_scikit_learn():
    code = "import sys, deeprob_fast.demo.serving; print([m for m in ('sklearn', 'scipy', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
