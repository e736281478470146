"""Memory that nobody has written holds something else at every call."""

import contextlib
import ctypes

import numpy as np
import pytest

# Of the C library: what malloc returns is filled with the complement of this byte.
_M_PERTURB = -6


def _fill(array, byte):
    if array.size and not array.dtype.hasobject:
        array.ravel(order="K").view(np.uint8)[...] = byte
    return array


@contextlib.contextmanager
def filled_with(byte):
    """Fill the memory of new arrays, and of whatever else is allocated, with a byte."""
    empty, empty_like = np.empty, np.empty_like

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "empty", lambda *args, **kwargs: _fill(empty(*args, **kwargs), byte))
        patch.setattr(np, "empty_like", lambda *args, **kwargs: _fill(empty_like(*args, **kwargs), byte))
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_PERTURB, byte ^ 0xFF)
        try:
            yield
        finally:
            if mallopt is not None:
                mallopt(_M_PERTURB, 0)
