"""Attacks in processes of their own: what kills one, or hangs it, must not do so to the tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# The root is last on the path, for the tests alone: the package without kernels that lies there must not be found before the
# installed one. Fatal signals say where they came from.
_BEGIN = """
import faulthandler, runpy, sys
faulthandler.enable()
sys.path.append(sys.argv.pop(1))
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


def start(module, *arguments, pipe_in=False, **environment):
    """Run a module of this package as a script."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _BEGIN, str(ROOT), f"tests.safety.{module}", *map(str, arguments)],
        stdin=subprocess.PIPE if pipe_in else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
    )


def finish(process, timeout):
    """Return the exit code and the output; a process that does not end within so many seconds is a failure."""
    try:
        out, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
        pytest.fail(f"no end after {timeout} s; it said:\n{out[-3000:]}")
    return process.returncode, out


def run(module, *arguments, timeout, **environment):
    """Run a module of this package as a script; return what it said. It must end well."""
    code, out = finish(start(module, *arguments, **environment), timeout)
    assert code == 0, f"{module} {' '.join(map(str, arguments))} ended with {code}; it said:\n{out[-3000:]}"
    return out
