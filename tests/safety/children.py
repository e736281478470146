"""Python code in processes of its own, run to the end or ended by signals: what kills one must not kill the tests."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]

# Fatal signals say where they came from.
# The root is last on the path, for the tests alone: the package without kernels that lies there must not come before the
# installed one.
_BEGIN = f"""
import faulthandler, os, signal, sys
faulthandler.enable()
sys.path.append({str(_ROOT)!r})
"""
ENDINGS = {"INT": signal.SIGINT, "TERM": signal.SIGTERM, "HUP": signal.SIGHUP, "KILL": signal.SIGKILL}
PATIENCE = 60  # seconds; the machine may be busy


@contextlib.contextmanager
def started(code, *arguments, folder=None, errors=subprocess.PIPE, **environment):
    """Start Python code, in a folder if one is given; it is killed in the end if need be."""
    with subprocess.Popen(
        [sys.executable, "-P", "-c", _BEGIN + textwrap.dedent(code), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def started_module(module, *arguments, **environment):
    """Start a module of this package as a script; its output has the errors, too."""
    code = f"import runpy; runpy.run_module('tests.safety.{module}', run_name='__main__', alter_sys=True)"
    return started(code, *arguments, errors=subprocess.STDOUT, **environment)


def run(code, *arguments, folder=None, **environment):
    """Run code to its end, which must be good; return its output."""
    with started(code, *arguments, folder=folder, **environment) as process:
        return _finished(process, PATIENCE)


def run_module(module, *arguments, timeout, **environment):
    """Run a module of this package as a script to its end, which must be good; return its output and errors."""
    with started_module(module, *arguments, **environment) as process:
        return _finished(process, timeout)


def _finished(process, timeout):
    try:
        out, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as expired:
        process.kill()  # and no wait for the rest: children of its own may keep the pipe open
        pytest.fail(f"no end after {timeout} s; it said:\n{(expired.output or b'')[-3000:]!r}")
    assert process.returncode == 0, f"it ended with {process.returncode}; it said:\n{out[-3000:]}{errors or ''}"
    return out.strip()


def wait_for(process, word="ready"):
    """Wait until the process says a word."""
    line = process.stdout.readline()
    assert line.strip() == word, (line, (process.stderr or process.stdout).read())


def end(process, name):
    """Send a signal; return the exit code, the seconds until then and what is on the standard error."""
    begun = time.monotonic()
    process.send_signal(ENDINGS[name])
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, time.monotonic() - begun, errors


def names(folder):
    """Return the names of what a folder holds."""
    return sorted(path.name for path in Path(folder).iterdir())
