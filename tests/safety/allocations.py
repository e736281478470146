"""Lets allocations of the kernels fail, one after the other. Run with the library of failing_allocations.c preloaded.

Arguments: that library, the number of threads, how many numbers of allocations to try for each ("all" or a number), and the names
of workloads, all without any.
"""

import ctypes
import itertools
import sys
import warnings

import numpy as np

from deeprob_fast import _kernels
from tests.safety import workloads

warnings.filterwarnings("ignore", "training ended far from the minimum")  # after two epochs


class FailingAllocations:
    """The preloaded library."""

    def __init__(self, path: str) -> None:
        library = ctypes.CDLL(path)
        library.fa_arm.argtypes = [ctypes.c_long, ctypes.c_int]
        for name in ("fa_select", "fa_disarm", "fa_failed"):
            getattr(library, name).restype = ctypes.c_long
        self._library = library
        if not library.fa_select(b"deeprob_fast/_kernels_"):
            msg = f"no module of {_kernels.ISA} is loaded"
            raise RuntimeError(msg)

    def during(self, call, number, onwards):
        """Return what a call returned or raised, how many allocations there were, and how many failed."""
        self._library.fa_arm(number, onwards)
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001  # whatever comes is told
            result = error
        return result, self._library.fa_disarm(), self._library.fa_failed()


def numbers_to_try(n_allocations, wanted):
    """Return the numbers of the allocations that fail: all, or the first ones and others evenly among the rest."""
    if wanted == "all" or n_allocations <= int(wanted):
        return range(1, n_allocations + 1)
    first = int(wanted) // 2
    rest = np.linspace(first + 1, n_allocations, int(wanted) - first).astype(int)
    return [*range(1, first + 1), *dict.fromkeys(rest.tolist())]


def attack(failing, name, call, wanted):
    """Let each allocation fail, once and from there on; return how often one did."""
    expected = call()
    _, n_allocations, _ = failing.during(call, 0, 0)
    n_failed = 0
    for onwards in (0, 1):
        # There may be more when one fails, or fewer in another order of the threads: on until none fails.
        beyond = itertools.count(n_allocations + 1) if wanted == "all" else ()
        for number in itertools.chain(numbers_to_try(n_allocations, wanted), beyond):
            found, _, failed = failing.during(call, number, onwards)
            if not failed:
                assert found == expected, f"{name}: another result without a failure: {found!r:.300}"
                break
            n_failed += 1
            where = f"{name}: allocation {number} of {n_allocations}{' and all later ones' * onwards}"
            assert isinstance(found, MemoryError) or found == expected, f"{where}: {found!r:.300}"
            assert call() == expected, f"{where}: another result afterwards"
    return n_allocations, n_failed


def main(library, n_threads, wanted, *names):
    """Attack some workloads."""
    failing = FailingAllocations(library)
    calls = workloads.everything(int(n_threads))
    for name in names or calls:
        print(name, end="", flush=True)  # to know where it died
        n_allocations, n_failed = attack(failing, name, calls[name], wanted)
        print(f": {n_allocations} allocations, {n_failed} failures")
        assert n_allocations == 0 or n_failed >= 2, f"{name}: nothing failed"


if __name__ == "__main__":
    main(*sys.argv[1:])
