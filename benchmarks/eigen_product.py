"""Eigen's matrix product alone, compiled for this machine when it is first asked for."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
from native import compiled

from deeprob_fast.bench.numpy_search import TILE, Array

_SOURCE = Path(__file__).with_suffix(".cpp")


def _pointer(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def eigen_product_alone(train: Array, queries: Array) -> Callable[[], None] | str:
    """Return the products of all queries and rows and nothing else, tile by tile as NumPy's, or why there are none."""
    library = compiled(_SOURCE)
    if isinstance(library, str):
        return library
    height, width = TILE
    tile = np.zeros(height * width, dtype=np.float32)
    train, queries = (np.ascontiguousarray(rows, dtype=np.float32) for rows in (train, queries))
    size = ctypes.c_ssize_t

    def multiply(left: Array, right: Array) -> None:
        library.eigen_product(
            _pointer(left),
            size(len(left)),
            _pointer(right),
            size(len(right)),
            size(right.shape[1]),
            _pointer(tile),
            size(height),
            size(width),
        )

    few, some = queries[:3], train[:5]
    multiply(few, some)
    np.testing.assert_allclose(tile[: len(few) * len(some)].reshape(len(few), len(some)), few @ some.T, rtol=1e-3, atol=1e-3)
    return lambda: multiply(queries, train)
