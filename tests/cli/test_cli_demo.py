"""`deeprob-fast demo`: a process that starts, answers and ends."""

import contextlib
import http.client
import os
import signal
import socket
import sys
import time

import pytest

from deeprob_fast.cli import main
from tests.cli.cli_cases import invoke as invoke  # noqa: PLC0414  # a fixture
from tests.demo.demo_cases import START, running

pytest.importorskip("starlette", reason="needs the extra demo")
pytest.importorskip("uvicorn", reason="needs the extra demo")

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@posix
@pytest.mark.parametrize("idle", [0, 3])
def test_it_answers_until_ctrl_c(idle):
    with running("--no-browser") as (process, port), contextlib.ExitStack() as connections:
        for _ in range(1 + idle):
            # As browsers do, they stay open.
            connection = connections.enter_context(contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)))
            connection.request("GET", "/knn")
            answer = connection.getresponse()
            assert (answer.status, answer.read()[:15].lower()) == (200, b"<!doctype html>")
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert time.monotonic() - begun < 2
        assert process.communicate() == ("", "")


@posix
def test_the_browser_opens_when_the_server_listens():
    code = f"""
import http.client, urllib.request, webbrowser
webbrowser.open = lambda address: print(address, urllib.request.urlopen(address + "api/options").status, flush=True)
{START}
"""
    with running(code=code) as (process, port):
        assert process.stdout.readline() == f"http://127.0.0.1:{port}/ 200\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_a_taken_port_is_named(invoke):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = invoke("demo", "--port", port, "--no-browser")
    assert result.exit_code == 1
    assert result.output == f"Error: port {port} of 127.0.0.1 is taken; choose another one, or 0 for any that is free\n"


def test_there_is_no_such_port(invoke):
    result = invoke("demo", "--port", "65536")
    assert result.exit_code == 2
    assert "65536 is not in the range" in result.output


def test_what_is_missing_is_named(invoke, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = invoke("demo", "--no-browser")
    assert (result.exit_code, result.output) == (1, "Error: this needs uvicorn: pip install 'deeprob-fast[demo]'\n")


def test_examples_are_understood():
    lines = [line.split() for line in main.commands["demo"].help.splitlines() if line.strip().startswith("deeprob-fast")]
    assert len(lines) == 2
    for _, command, *arguments in lines:
        assert command == "demo"
        main.commands["demo"].make_context(command, arguments)
