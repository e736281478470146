"""The process that attempts files: it imports once, and forks for each piece of work, so that one end is not that of all."""

import json
import os
import pickle
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from tests.safety import file_loaders, file_mutations

for package in ("h5py", "pyarrow.parquet", "safetensors.numpy", "skops.io"):
    try:
        __import__(package)
    except ModuleNotFoundError:
        continue


def attempt_one(say, *, loader, path, memory, seconds):
    file_loaders.limit_memory(memory)
    say(file_loaders.attempt(loader, path, seconds))


def attempt_mutated(say, *, kinds, folder, seed, numbers, memory, seconds):
    """Attempt the files of a range of numbers, and say what became of each."""
    file_loaders.limit_memory(memory)
    made = pickle.loads(Path(kinds).read_bytes())
    for number in range(*numbers):
        signal.alarm(seconds)
        name, files = file_mutations.mutated(made, seed, number)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            path = made[name].write(Path(place), files)
            say({"number": number, "kind": name})
            say(file_loaders.attempt(made[name].loader, path, seconds))


WORK: dict[str, Any] = {"attempt_one": attempt_one, "attempt_mutated": attempt_mutated}


def serve():
    """Take work from the standard input, a line each, and answer in lines; the last of each says how it ended."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer

    def say(answer):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    for line in sys.stdin:
        request = json.loads(line)
        if (worker := os.fork()) == 0:
            status = 1
            try:
                WORK[request.pop("work")](say, **request)
                status = 0
            except BaseException:  # noqa: BLE001  # the worker must not serve
                traceback.print_exc()
            finally:
                os._exit(status)
        say({"ended": os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])})
