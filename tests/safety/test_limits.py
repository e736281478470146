"""Threads that cannot be made: an exception, or the right answer on fewer threads; the process lives and computes on."""

import os
import sys

import pytest

from tests.safety import children

pytestmark = [
    pytest.mark.unsanitized,  # its shadow memory is many terabytes of address space, and its own threads count
    pytest.mark.skipif(sys.platform != "linux", reason="sets Linux's limits, and reads /proc/self/statm"),
]


CASES = [*((what, n) for what in ("memory", "processes") for n in (2, 8, 64, 4096)), ("nothing", 4096)]


@pytest.mark.parametrize(("what", "n_threads"), CASES)
def test_threads_that_cannot_be_made(what, n_threads):
    if what == "processes" and os.getuid() != 0:
        pytest.skip("only root may become another user, who has a limit of his own")
    said = children.run_module("limited", what, n_threads, timeout=120)
    assert said.endswith("usable")


def test_the_limits_are_limits():
    """A thread of Python's own cannot be made either, or more of them than there is room for."""
    for what in ("memory", "processes"):
        if what == "processes" and os.getuid() != 0:
            continue
        code = (
            "import threading, time\n"
            "from tests.safety.limited import Limit\n"
            f"limit = Limit({what!r})\n"
            "try:\n"
            "    with limit:\n"
            "        for _ in range(8):\n"
            "            threading.Thread(target=time.sleep, args=(0.2,)).start()\n"
            "except RuntimeError as error:\n"
            "    print(error)\n"
        )
        assert children.run(code) == "can't start new thread"
