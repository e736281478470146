"""Tasks in forked children: what crashes, hangs or reports something takes a child with it and nothing else."""

import faulthandler
import mmap
import os
import re
import resource
import signal
import tempfile
import warnings
from pathlib import Path

import numpy as np

ALLOWED = (TypeError, ValueError, RuntimeError, MemoryError, IndexError, OverflowError)

_UNKNOWN, RETURNED, REFUSED, FAILED = range(4)
_MEMORY = 4 << 30  # that a child may take more than its parent
_BATCH = 200
_REPORT = re.compile(
    r"ERROR: \w+Sanitizer|SUMMARY: |runtime error: |Assertion|libgomp: |terminate called|what\(\): |unexpected: "
)
# The sanitizer's word for memory that cannot be had, for which other builds raise MemoryError.
_NO_MEMORY = re.compile(r"allocation-size-too-big|out-of-memory|failed to allocate|rss-limit-exceeded|calloc-overflow")


class Outcomes:
    """What became of each task.

    Attributes
    ----------
    states : array of int, shape (n_tasks,)
        RETURNED, REFUSED or FAILED.
    reports : dict
        For each task that failed, why.
    """

    def __init__(self, n_tasks):
        self._shared = mmap.mmap(-1, n_tasks + 1)
        self.states = np.frombuffer(self._shared, dtype=np.uint8)[:n_tasks]
        self.reports = {}


def run(tasks, seconds):
    """Run tasks, functions without arguments, each for at most so many seconds."""
    outcomes = Outcomes(len(tasks))
    first = 0
    while first < len(tasks):
        some = range(first, min(first + _BATCH, len(tasks)))
        code, output = _in_child(tasks, some, outcomes.states, seconds)
        unknown = [i for i in some if outcomes.states[i] == _UNKNOWN]
        culprit = unknown[0] if unknown else None
        for i in some:
            if outcomes.states[i] == FAILED:
                outcomes.reports[i] = _reported(output, i)
        if culprit is None:
            first = some.stop
            continue
        if _NO_MEMORY.search(output):
            outcomes.states[culprit] = REFUSED
        else:
            outcomes.states[culprit] = FAILED
            outcomes.reports[culprit] = f"{_ended(code)} {_reported(output, culprit)}".strip()
        first = culprit + 1
    return outcomes


def _ended(code):
    if code == -signal.SIGALRM:
        return "hangs"
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


def _reported(output, i):
    """Return the lines of a task's output that say something."""
    own = output.rpartition(f"\ntask {i}\n")[2].partition("\ntask ")[0]
    return "; ".join(line.strip()[:200] for line in own.splitlines() if _REPORT.search(line))


def _in_child(tasks, some, states, seconds):
    """Fork, run tasks until one ends the child, and return its exit code and what it printed."""
    with tempfile.TemporaryFile() as output:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads, which the kernels allow
            pid = os.fork()
        if pid == 0:
            code = 99
            try:
                _work(tasks, some, states, seconds, output.fileno())
                code = 0
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        output.seek(0)
        return code, output.read().decode(errors="replace")


def _work(tasks, some, states, seconds, output):
    faulthandler.disable()
    os.dup2(output, 1)
    os.dup2(output, 2)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    size = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + _MEMORY, size + _MEMORY))
    for i in some:
        os.write(2, f"\ntask {i}\n".encode())
        before = os.fstat(2).st_size
        signal.setitimer(signal.ITIMER_REAL, seconds)
        state = RETURNED
        try:
            tasks[i]()
        except ALLOWED:
            state = REFUSED
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is reported
            state = FAILED
            os.write(2, f"unexpected: {type(error).__name__}: {error}\n".encode())
        signal.setitimer(signal.ITIMER_REAL, 0)
        if os.fstat(2).st_size > before and _REPORT.search(os.pread(2, 1 << 20, before).decode(errors="replace")):
            state = FAILED
        states[i] = state
