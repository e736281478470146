"""Calls give back what they allocate: the bytes in use do not grow from call to call."""

import ctypes
import gc

import pytest

from tests.safety.calls import CALLS

N_CALLS = 16  # more than a thread keeps of freed blocks of a size, which count as in use
# Caches of allocators grow a little at first; one row number lost in each call would be more.
MOST_BYTES = 8 * N_CALLS - 1


class _Mallinfo(ctypes.Structure):
    """What glibc's mallinfo2 returns: of its ten sizes, the fifth is of mapped blocks and the eighth of the others in use."""

    _fields_ = (("sizes", ctypes.c_size_t * 10),)


def _counter():
    """Return what tells the bytes that malloc has given out, where the C library counts them."""
    process = ctypes.CDLL(None)
    if hasattr(process, "mallinfo2"):
        process.mallinfo2.restype = _Mallinfo
        return lambda: (sizes := process.mallinfo2().sizes)[4] + sizes[7]
    return None


COUNT = _counter()
pytestmark = [
    pytest.mark.unsanitized,  # there, Python's own objects come from malloc too
    pytest.mark.skipif(COUNT is None, reason="this C library does not tell how many bytes are in use"),
]


def growth(call):
    """Return by how much the bytes in use grow in the best of several series of calls."""
    found = []
    for _ in range(5):
        gc.collect()
        before = COUNT()
        for _ in range(N_CALLS):
            call()
        gc.collect()
        found.append(COUNT() - before)
        if found[-1] <= MOST_BYTES:
            break
    return min(found)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("name", CALLS)
def test_calls_give_back_what_they_allocate(name, n_threads):
    assert growth(lambda: CALLS[name](n_threads)) <= MOST_BYTES


def test_a_leak_is_seen():
    malloc = ctypes.CDLL(None).malloc
    malloc.argtypes, malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    assert growth(lambda: malloc(1)) > MOST_BYTES
