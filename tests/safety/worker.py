"""Numbered tasks in a process of its own, with threads and within bounds: what crashes or hangs takes that process with it."""

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import warnings
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent.parent
_MEMORY = 6 << 30
_START = f"import sys; sys.path.append({str(_ROOT)!r}); from tests.safety.worker import work; work(*sys.argv[1:])"


def run(task, seed, numbers, seconds):
    """Run a function of (seed, number), given as "module:name", for every number.

    Returns
    -------
    results : dict
        What it returned, by number.
    failures : dict
        How it ended otherwise: an exception, a signal, a hang.
    """
    results, failures = {}, {}
    left = list(numbers)
    while left:
        arguments = [task, str(seed), str(left[0]), str(left[-1] + 1), str(seconds)]
        environment = {**os.environ, "PYTHONFAULTHANDLER": ""}
        done = subprocess.run(
            [sys.executable, "-P", "-c", _START, *arguments], capture_output=True, text=True, env=environment, check=False
        )
        last = left[0]
        for line in done.stdout.splitlines():
            if not line.startswith("{"):
                continue
            entry = json.loads(line)
            last = entry["number"]
            if "result" in entry:
                results[last] = entry["result"]
            elif "failure" in entry:
                failures[last] = entry["failure"]
        if done.returncode != 0:
            told = "; ".join(line.strip() for line in done.stderr.splitlines() if "Sanitizer" in line or "rror" in line)
            failures[last] = f"{_ended(done.returncode)} {told[-400:]}".strip()
            results.pop(last, None)
        left = [number for number in left if number > last]
    return results, failures


def _ended(code):
    if code == -signal.SIGALRM:
        return "hangs"
    return signal.Signals(-code).name if code < 0 else f"exit {code}"


def work(task, seed, start, stop, seconds):
    """Do what `run` asks of a process, and print a line before and after each task."""
    module, name = task.split(":")
    function = getattr(importlib.import_module(module), name)
    size = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + _MEMORY, size + _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("error")
    for number in range(int(start), int(stop)):
        _say(number=number)
        signal.setitimer(signal.ITIMER_REAL, float(seconds))
        try:
            _say(number=number, result=function(int(seed), number))
        except Exception as error:  # noqa: BLE001  # it is reported
            _say(number=number, failure=f"{type(error).__name__}: {str(error)[:400]} {_place(error)}")
        signal.setitimer(signal.ITIMER_REAL, 0)


def _say(**entry):
    print(json.dumps(entry), flush=True)  # the parent reads it


def _place(error):
    """Return where in the library an exception came from."""
    place, traceback = "", error.__traceback__
    while traceback is not None:
        file = Path(traceback.tb_frame.f_code.co_filename)
        if "deeprob_fast" in file.parts or not place:
            place = f"({file.name}:{traceback.tb_lineno})"
        traceback = traceback.tb_next
    return place
