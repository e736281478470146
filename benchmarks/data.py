"""The rows and queries of the cases."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_sample_images

import deeprob_fast as df
from deeprob_fast.bench.numpy_search import Array


def load(source: str, n_train: int, n_queries: int, n_features: int, dtype: str) -> tuple[Array, Array]:
    """Return rows and queries; without queries, the rows twice."""
    rng = np.random.default_rng(0)
    if source == "Fashion-MNIST":
        data = df.datasets.load_fashion_mnist()
        train, queries = (rows.reshape(len(rows), -1).astype(dtype) for rows in (data.train, data.test))
        return train[:n_train], queries[:n_queries]
    if source != "Gaussian":
        rows = _rows(source, rng, n_train + n_queries, n_features).astype(dtype, copy=False)
        return rows[:n_train], rows[n_train:] if n_queries else rows
    train = rng.standard_normal((n_train, n_features), dtype=np.float32)
    return train, rng.standard_normal((n_queries, n_features), dtype=np.float32)


def _rows(source: str, rng: np.random.Generator, n_rows: int, n_features: int) -> Array:
    if source == "patches":
        return _patches(rng, n_rows, n_features)
    if source == "uniform":
        return rng.random((n_rows, n_features), dtype=np.float32)
    if source == "clusters":
        centers = rng.random((1000, n_features), dtype=np.float32)
        noise = np.float32(0.01) * rng.standard_normal((n_rows, n_features), dtype=np.float32)
        rows: Array = centers[rng.integers(0, len(centers), n_rows)] + noise
        return rows
    return embeddings(Path(source))[:n_rows]


def embeddings(path: Path) -> Array:
    """Return the rows `X` of an `.npz` file."""
    with np.load(path, allow_pickle=False) as archive:
        rows: Array = archive["X"].astype(np.float32)
    return rows


def _patches(rng: np.random.Generator, n_rows: int, n_features: int) -> Array:
    """Cut square colour patches from the two photographs that scikit-learn ships, at random places."""
    images = load_sample_images().images
    side = round((n_features / 3) ** 0.5)
    rows = np.empty((n_rows, 3 * side * side), dtype=np.float32)
    for row in rows:
        image = images[rng.integers(len(images))]
        top, left = (rng.integers(length - side) for length in image.shape[:2])
        row[:] = image[top : top + side, left : left + side].ravel()
    return rows
