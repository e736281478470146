"""Calls in forked children: what crashes or hangs there is told, not suffered."""

import faulthandler
import json
import os
import resource
import select
import signal
import warnings
from collections.abc import Callable, Sequence
from typing import NoReturn

Call = Callable[[], str]

# Address sanitizers reserve terabytes.
_MOST_BYTES = None if "ASAN_OPTIONS" in os.environ else 8 << 30


def _work(calls: Sequence[Call], first: int, out: int) -> NoReturn:
    """Tell the outcome of one call after the other, a line each: what it returned, or the exception that it raised."""
    try:
        faulthandler.disable()
        if _MOST_BYTES:
            resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
        for call in calls[first:]:
            try:
                outcome = call()
            except Exception as error:  # noqa: BLE001  # any exception is an outcome
                outcome = f"raised {type(error).__name__}: {error}"
            os.write(out, (json.dumps(outcome) + "\n").encode())
    finally:
        os._exit(0)


def _fork(calls: Sequence[Call], first: int) -> tuple[int, int]:
    """Return a child's number and the end of the pipe that its lines come out of."""
    end, out = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads hold nothing that the child waits for
        pid = os.fork()
    if pid == 0:
        os.close(end)
        _work(calls, first, out)
    os.close(out)
    return pid, end


def _lines(end: int, seconds: float) -> tuple[list[str], bool]:
    """Return the whole lines until the pipe is closed, or none came for so long; say which."""
    data = b""
    while select.select([end], [], [], seconds)[0]:
        some = os.read(end, 1 << 16)
        if not some:
            return data.decode().splitlines(), False
        data += some
    return data[: data.rfind(b"\n") + 1].decode().splitlines(), True


def outcomes(calls: Sequence[Call], seconds: float) -> list[str]:
    """What became of each call: what it returned, the exception, the signal that ended it, or that it took longer."""
    found: list[str] = []
    while len(found) < len(calls):
        pid, end = _fork(calls, len(found))
        try:
            lines, late = _lines(end, seconds)
            if late:
                os.kill(pid, signal.SIGKILL)
        finally:
            os.close(end)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        found += map(json.loads, lines)
        if len(found) < len(calls):
            found.append(f"took longer than {seconds} s" if late else f"ended the process: {code}")
    return found
