"""Tasks in forked children: what crashes, hangs or reports something takes a child with it and nothing else."""

import faulthandler
import json
import os
import re
import resource
import signal
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ALLOWED = (TypeError, ValueError, RuntimeError, MemoryError, IndexError, OverflowError)
RETURNED, REFUSED, FAILED = "returned", "refused", "failed"

_MEMORY = 4 << 30  # that a child may take more than its parent
_BATCH = 200
_REPORT = re.compile(r"ERROR: \w+Sanitizer|SUMMARY: |runtime error: |Assertion|libgomp: |terminate called|what\(\): ")
# The sanitizer's word for memory that cannot be had, for which other builds raise MemoryError.
_NO_MEMORY = re.compile(r"allocation-size-too-big|out-of-memory|failed to allocate|rss-limit-exceeded|calloc-overflow")

Task = Callable[[], Any]


class Outcome(NamedTuple):
    """What became of a task: RETURNED and what, REFUSED and by which exception, or FAILED and why."""

    state: str
    text: str


def run(tasks: Sequence[Task], seconds: float) -> list[Outcome]:
    """Run tasks, functions without arguments, each for at most so many seconds."""
    outcomes: list[Outcome] = []
    while len(outcomes) < len(tasks):
        some = tasks[len(outcomes) : len(outcomes) + _BATCH]
        told, code, output = _in_child(some, seconds)
        outcomes += [
            Outcome(state, _reported(output, i) or text if state == FAILED else text) for i, (state, text) in enumerate(told)
        ]
        if len(told) < len(some):
            culprit = _reported(output, len(told))
            no_memory = _NO_MEMORY.search(output)
            outcomes.append(Outcome(REFUSED, no_memory[0]) if no_memory else Outcome(FAILED, f"{_ended(code)} {culprit}".strip()))
    return outcomes


def _ended(code: int) -> str:
    if code == -signal.SIGALRM:
        return "hangs"
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


def _reported(output: str, i: int) -> str:
    """Return the lines of a task's output that say something."""
    own = output.rpartition(f"\ntask {i}\n")[2].partition("\ntask ")[0]
    return "; ".join(line.strip()[:200] for line in own.splitlines() if _REPORT.search(line))


def _in_child(tasks: Sequence[Task], seconds: float) -> tuple[list[tuple[str, str]], int, str]:
    """Run tasks until one ends the child; return what it told of them, its exit code and what it printed."""
    with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as output:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads, which the kernels allow
            pid = os.fork()
        if pid == 0:
            code = 99
            try:
                _work(tasks, seconds, told.fileno(), output.fileno())
                code = 0
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        told.seek(0)
        output.seek(0)
        return [json.loads(line) for line in told], code, output.read().decode(errors="replace")


def _work(tasks: Sequence[Task], seconds: float, told: int, output: int) -> None:
    faulthandler.disable()
    os.dup2(output, 1)
    os.dup2(output, 2)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    size = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + _MEMORY, size + _MEMORY))
    for i, task in enumerate(tasks):
        os.write(2, f"\ntask {i}\n".encode())
        before = os.fstat(2).st_size
        signal.setitimer(signal.ITIMER_REAL, seconds)
        outcome = _attempt(task)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if os.fstat(2).st_size > before and _REPORT.search(os.pread(2, 1 << 20, before).decode(errors="replace")):
            outcome = Outcome(FAILED, "")
        os.write(told, (json.dumps(outcome) + "\n").encode())


def _attempt(task: Task) -> Outcome:
    try:
        return Outcome(RETURNED, str(task()))
    except ALLOWED as error:
        return Outcome(REFUSED, f"{type(error).__name__}: {error}")
    except BaseException as error:  # noqa: BLE001  # whatever it is, it is reported
        return Outcome(FAILED, f"{type(error).__name__}: {error}")
