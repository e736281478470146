"""Data sets: features and labels, split into training rows and queries."""

from deeprob_fast.datasets._base import Dataset
from deeprob_fast.datasets._cifar10 import load_cifar10
from deeprob_fast.datasets._digits import load_digits
from deeprob_fast.datasets._embeddings import convert_embeddings, load_embeddings
from deeprob_fast.datasets._load import load, load_npz
from deeprob_fast.datasets._mnist import FASHION_MNIST_FOLDER, load_fashion_mnist, load_mnist
from deeprob_fast.datasets._preprocess import Preprocessed, group_split, preprocess, subsample
from deeprob_fast.datasets._props import load_props
from deeprob_fast.scoring.folds import SplitWarning

__all__ = [
    "FASHION_MNIST_FOLDER",
    "Dataset",
    "Preprocessed",
    "SplitWarning",
    "convert_embeddings",
    "group_split",
    "load",
    "load_cifar10",
    "load_digits",
    "load_embeddings",
    "load_fashion_mnist",
    "load_mnist",
    "load_npz",
    "load_props",
    "preprocess",
    "subsample",
]
