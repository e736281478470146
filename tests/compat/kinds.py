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


# The nine points of the linear-classification page, its weights with the bias as last row, and data losses and gradients there.
POINTS = np.array([[.5, .4], [.8, .3], [.3, .8], [-.4, .3], [-.3, .7], [-.7, .2], [.7, -.4], [.5, -.6], [-.4, -.5]])  # fmt: skip
LABELS = np.repeat([0, 1, 2], 3)
WEIGHTS = np.array([[1.0, 2.0, 3.0], [2.0, -4.0, -1.0], [0.0, 0.5, -0.5]])
PAGE = {
    "svm": (2.7667, [[-0.4333, 0.4111, 0.0222], [-0.0333, -0.3778, 0.4111], [0.1111, -0.1111, 0.0]]),
    "softmax": (1.8366, [[-0.2087, 0.2336, -0.0249], [0.0622, -0.2544, 0.1922], [0.1515, 0.0362, -0.1877]]),
}


def with_ones(X):
    return np.hstack([X, np.ones((len(X), 1))])
