"""Processes that are killed while they work: they say "ready" and what they then do is cut off."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

# Whoever runs the tests may ignore these signals, which children would inherit.
_DEFAULTS = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""
ENDINGS = {"INT": signal.SIGINT, "TERM": signal.SIGTERM, "HUP": signal.SIGHUP, "KILL": signal.SIGKILL}
PATIENCE = 60  # seconds; the machine may be busy


@contextlib.contextmanager
def started(code, *arguments, folder, **environment):
    """Start Python code in a folder; it is killed in the end if need be."""
    command = [sys.executable, "-P", "-c", _DEFAULTS + textwrap.dedent(code), *map(str, arguments)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ | environment,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process, word="ready"):
    """Wait until the process says a word."""
    line = process.stdout.readline()
    assert line.strip() == word, (line, process.stderr.read())


def end(process, name):
    """Send a signal; return the exit code, the seconds until then and what is on the standard error."""
    begun = time.monotonic()
    process.send_signal(ENDINGS[name])
    _, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, time.monotonic() - begun, errors


def run(code, *arguments, folder, **environment):
    """Run code to its end, which must be good; return its output."""
    with started(code, *arguments, folder=folder, **environment) as process:
        out, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, (process.returncode, errors)
    return out.strip()


def names(folder):
    """Return the names of what a folder holds."""
    return sorted(path.name for path in Path(folder).iterdir())


__all__ = ["ENDINGS", "PATIENCE", "end", "names", "run", "started", "wait_for"]
