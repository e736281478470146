"""Data sets: features and labels, split into training rows and queries."""

from deeprob_fast.datasets._base import Dataset
from deeprob_fast.datasets._load import load, load_digits, load_fashion_mnist, load_npz

__all__ = ["Dataset", "load", "load_digits", "load_fashion_mnist", "load_npz"]
