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


def start(module, *arguments, **environment):
    """Run a module of this package as a script."""
    return start_code(_BEGIN, f"tests.safety.{module}", *arguments, **environment)


def start_code(code, *arguments, **environment):
    """Run some lines, whose first argument is the root."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code, str(ROOT), *map(str, arguments)],
        stdin=subprocess.PIPE,
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


def run_code(code, *arguments, timeout, **environment):
    """Run some lines, whose first argument is the root; return what they said. They must end well."""
    exit_code, out = finish(start_code(code, *arguments, **environment), timeout)
    assert exit_code == 0, f"it ended with {exit_code}; it said:\n{out[-3000:]}"
    return out
