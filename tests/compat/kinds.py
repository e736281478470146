"""The two kinds of arrays that the courses use: the same test runs on both."""

from typing import Any, NamedTuple

import numpy as np
import pytest


class Kind(NamedTuple):
    """How to make an array of a kind, which arrays are of it, and how to call its dtypes."""

    make: Any
    type: Any
    dtypes: Any

    def is_own(self, *values):
        return all(type(value) is self.type for value in values)

    def dtype(self, name):
        return getattr(self.dtypes, name)


@pytest.fixture(params=["numpy", "torch"])
def kind(request):
    if request.param == "numpy":
        return Kind(np.array, np.ndarray, _NumPyDtypes)
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    return Kind(torch.tensor, torch.Tensor, torch)


class _NumPyDtypes:
    float16, float32, float64, int64 = (np.dtype(name) for name in ("float16", "float32", "float64", "int64"))


def digits(n=300):
    """Real images, 8 x 8, from 0 to 1, with a column of ones behind them."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return np.hstack([X[:n] / 16, np.ones((n, 1))]), y[:n]


def with_ones(X):
    return np.hstack([X, np.ones((len(X), 1))])
