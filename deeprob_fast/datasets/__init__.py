"""Data sets: features and labels, split into training rows and queries."""

from deeprob_fast.datasets._base import Dataset
from deeprob_fast.datasets._load import load, load_npz
from deeprob_fast.datasets._named import FASHION_MNIST_FOLDER, load_digits, load_fashion_mnist

__all__ = ["FASHION_MNIST_FOLDER", "Dataset", "load", "load_digits", "load_fashion_mnist", "load_npz"]
