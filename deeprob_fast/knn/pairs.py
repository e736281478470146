"""Distances of all pairs of a few rows, by our own kernel: the threads of NumPy's BLAS would stay awake and disturb ours."""

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._typing import AnyArray


def between(left: AnyArray, right: AnyArray, metric: str, n_threads: int, *, scale: float = 1.0) -> AnyArray:
    """Return the distances of rows of one dtype, float32 or float64; NaN everywhere if a row is not finite."""
    left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
    out = np.empty((len(left), len(right)), dtype=left.dtype)
    bad = _kernels.pairwise_distances(left, right, metric, np.zeros(left.shape[1]), scale, out, n_threads)
    if max(bad) >= 0:
        # The kernel has stopped there, and left the rest as it was.
        out.fill(np.nan)
    return out


def product(left: AnyArray, right: AnyArray, n_threads: int) -> AnyArray:
    """Return left @ right.T."""
    return between(left, right, "inner_product", n_threads)
