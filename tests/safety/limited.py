"""Calls that want more threads than the process may have. Arguments: what is limited, and the number of threads.

Limits are "memory" (of the address space, to a little more than is used), "processes" (of an unused user, to this one) and
"nothing". Each call must return what it returns without a limit, or raise; the first one makes the pool of threads, a later one
finds some there.
"""

import os
import resource
import sys
from pathlib import Path

import numpy as np

import deeprob_fast as df
from tests.safety.workloads import as_bytes

ROOM = 20 << 20  # bytes: the stacks of two threads and a little, not those of eight
UNUSED_USER = 61_743


class Limit:
    """Sets the limit, and takes it back."""

    def __init__(self, what):
        self.what = what
        self.kind = {"memory": resource.RLIMIT_AS, "processes": resource.RLIMIT_NPROC, "nothing": None}[what]
        if what == "processes":
            os.setuid(UNUSED_USER)  # root has no such limit

    def __enter__(self):
        if self.what == "memory":
            n_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
            self._set(n_pages * resource.getpagesize() + ROOM)
        elif self.what == "processes":
            self._set(1)

    def __exit__(self, *error):
        if self.kind is not None:
            self._set(resource.getrlimit(self.kind)[1])

    def _set(self, soft):
        resource.setrlimit(self.kind, (soft, resource.getrlimit(self.kind)[1]))


def calls():
    """Return calls that take a number of threads, each of which has work for many."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((20_000, 16), dtype=np.float32)
    few = rng.standard_normal((20_000, 3))
    labels = np.arange(len(rows)) % 9
    index, boxes = df.KNNIndex(rows, n_threads=1), df.KNNIndex(few, n_threads=1, strategy="boxes")
    return {
        "search": lambda n: index.search(rows[:3000], 3, n_threads=n),
        "boxes": lambda n: boxes.search(few[:3000], 3, n_threads=n),
        "build boxes": lambda n: df.KNNIndex(few, n_threads=n, strategy="boxes").search(few[:9], 3, n_threads=1),
        "pairwise": lambda n: df.pairwise_distances(rows[:900], rows[:900], n_threads=n),
        "train": lambda n: df.train(rows, labels, n_epochs=1, batch_size=4096, n_threads=n).W,
        "loss": lambda n: df.softmax_loss(np.ones((16, 9)), rows, labels, n_threads=n),
    }


def main(what, n_threads):
    """Make the calls under the limit and after it, twice."""
    attempts = calls()
    expected = {name: as_bytes(call(1)) for name, call in attempts.items()}
    limit = Limit(what)
    # The first one of all meets the limit before there are threads; the others follow in turn.
    for state in ("new", "warm"):
        for name, call in attempts.items():
            try:
                with limit:
                    came = as_bytes(call(int(n_threads)))
            except (RuntimeError, MemoryError) as error:
                print(f"{state} {name}: {type(error).__name__}: {error}", flush=True)
            else:
                assert came == expected[name], f"{state} {name}: another result"
                print(f"{state} {name}: right", flush=True)
            if state == "new":
                assert as_bytes(call(1)) == expected[name], f"{name}: another result afterwards"
        for name, call in attempts.items():
            assert as_bytes(call(2)) == expected[name], f"{state} {name}: another result afterwards, on two threads"
    print("usable")


if __name__ == "__main__":
    main(*sys.argv[1:])
