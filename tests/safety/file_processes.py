"""Attempts at files in processes with limits of memory and time, from the tests' side."""

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent.parent
# The tests are no installed package, and the root must not come first: the package there has no kernels.
START = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("tests", sys.argv[1] + "/__init__.py", submodule_search_locations=[sys.argv[1]])
sys.modules["tests"] = importlib.util.module_from_spec(spec)
from tests.safety.file_serving import serve
serve()
"""
LONGEST_SILENCE = 100  # seconds; a file may take a fifth of that
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"}


class Attempt(NamedTuple):
    """What became of a file."""

    outcome: str
    message: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0


def told(status):
    """Say how a process ended that should have said something."""
    if status == -signal.SIGALRM:
        return "hangs"
    return f"ends the process: {signal.Signals(-status).name if status < 0 else status}"


class Attempts:
    """A process that attempts files."""

    def __init__(self, process):
        self.process = process

    def answers(self, **request):
        """Yield the answers to a piece of work; the last says how its process ended."""
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        while True:
            answer = json.loads(self._line())
            yield answer
            if "ended" in answer:
                return

    def _line(self):
        watch = threading.Timer(LONGEST_SILENCE, self.end)
        watch.start()
        line = self.process.stdout.readline()
        watch.cancel()
        if not line:
            msg = f"the process that attempts files has ended, or said nothing for {LONGEST_SILENCE} s"
            raise RuntimeError(msg)
        return line

    def end(self):
        """End the process and its workers."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def one(self, loader, path, *, memory=4 << 30, seconds=20):
        answer, *rest = self.answers(work="attempt_one", loader=loader, path=str(path), memory=memory, seconds=seconds)
        return Attempt(**answer) if rest else Attempt(told(answer["ended"]))

    def mutated(self, kinds, folder, seed, numbers, *, memory=6 << 30, seconds=20):
        """Yield number, kind and attempt of mutated files; a file that ends its process is passed over."""
        start, stop = numbers
        while start < stop:
            request = {"kinds": str(kinds), "folder": str(folder), "seed": seed, "numbers": [start, stop]}
            begun: dict[str, Any] = {}
            for answer in self.answers(work="attempt_mutated", memory=memory, seconds=seconds, **request):
                if "number" in answer:
                    begun, start = answer, answer["number"] + 1
                elif "ended" not in answer:
                    yield begun["number"], begun["kind"], Attempt(**answer)
                    begun = {}
                elif begun:
                    yield begun["number"], begun["kind"], Attempt(told(answer["ended"]))
                elif answer["ended"]:
                    msg = f"the process that mutates ended with {answer['ended']} before file {start}"
                    raise RuntimeError(msg)


@contextmanager
def attempting():
    """Start a process that attempts files, and end it."""
    command = [sys.executable, "-P", "-c", START, str(ROOT / "tests")]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **ONE_THREAD},
        start_new_session=True,
    ) as process:
        attempts = Attempts(process)
        try:
            yield attempts
        finally:
            attempts.end()
