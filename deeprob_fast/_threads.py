"""How many threads a call may use."""

import math
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
    limit = _cgroup_limit()
    allowed = _kernels.max_threads()
    return allowed if limit is None else min(allowed, limit)


def one_blas_thread() -> AbstractContextManager[object]:
    """Keep BLAS to one thread: no bit depends on their number, and none wakes for small matrices to wait for the kernels'."""
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits
