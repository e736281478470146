"""How many threads a call may use."""

import math
import os
from contextlib import AbstractContextManager
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


def one_blas_thread() -> AbstractContextManager[object]:
    """Keep BLAS to one thread: no bit depends on their number, and none wakes for small matrices to wait for the kernels'."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits
