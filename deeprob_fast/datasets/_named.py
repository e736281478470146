"""Data sets that have a name."""

from collections.abc import Callable

from deeprob_fast.datasets._base import Dataset
from deeprob_fast.datasets._cifar10 import CIFAR10, load_cifar10
from deeprob_fast.datasets._digits import load_digits
from deeprob_fast.datasets._mnist import FASHION_MNIST, MNIST, load_fashion_mnist, load_idx_folder, load_mnist
from deeprob_fast.datasets._props import PROPS, load_props
from deeprob_fast.datasets._sources import Source

__all__ = ["NAMED", "SOURCES", "load_idx_folder"]

NAMED: dict[str, Callable[..., Dataset]] = {
    "digits": load_digits,
    "fashion-mnist": load_fashion_mnist,
    "mnist": load_mnist,
    "cifar10": load_cifar10,
    "props": load_props,
}
# Those that do not come with scikit-learn.
SOURCES: dict[str, Source] = {source.name: source for source in (FASHION_MNIST, MNIST, CIFAR10, PROPS)}
