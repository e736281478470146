"""How many threads a call may use."""

import math
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path

from deeprob_fast import _kernels


@cache
def _cgroup_limit() -> int | None:
    """Return the processors that the control group grants, rounded up, or None where there is no quota."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()[:2]
        return max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        return None


def available_threads() -> int:
    """Return the threads of a call that names no number.

    The smallest of what OpenMP allows the calling thread (``OMP_NUM_THREADS``, threadpoolctl), the processors of the affinity
    mask and the quota of the control group.
    """
    limits = [_kernels.max_threads(), _cgroup_limit()]
    # Asked for at each call: some OpenMP run times only know the mask that the process began with.
    if hasattr(os, "sched_getaffinity"):
        limits.append(len(os.sched_getaffinity(0)))
    return min(limit for limit in limits if limit is not None)


class _BlasThreads:
    """The number of BLAS's threads, which is the process's: it stays at one until the last of several callers is done."""

    def __init__(self) -> None:
        self._make_lock()
        self._n_callers = 0
        self._limits: AbstractContextManager[object] | None = None
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._make_lock)

    def _make_lock(self) -> None:
        # In a forked child no other thread is left that could open it. The child computes on one thread anyway.
        self._lock = threading.Lock()

    def _enter(self) -> None:
        from threadpoolctl import threadpool_limits

        with self._lock:
            if self._n_callers == 0:
                self._limits = threadpool_limits(limits=1, user_api="blas")
            self._n_callers += 1

    def _leave(self) -> None:
        with self._lock:
            self._n_callers -= 1
            if self._n_callers == 0 and self._limits is not None:
                self._limits.__exit__(None, None, None)

    @contextmanager
    def one(self) -> Iterator[None]:
        self._enter()
        try:
            yield
        finally:
            self._leave()


_BLAS = _BlasThreads()


def one_blas_thread() -> AbstractContextManager[None]:
    """Keep BLAS to one thread: no bit depends on their number, and none wakes for small matrices to wait for the kernels'."""
    return _BLAS.one()
