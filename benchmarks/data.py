"""The rows and queries of the cases."""

import numpy as np
from numpy_search import Array
from sklearn.datasets import load_sample_images

import deeprob_fast as df


def load(source: str, n_train: int, n_queries: int, n_features: int) -> tuple[Array, Array]:
    """Return float32 rows and queries."""
    rng = np.random.default_rng(0)
    if source == "Fashion-MNIST":
        data = df.datasets.load_fashion_mnist()
        train, queries = (rows.reshape(len(rows), -1).astype(np.float32) for rows in (data.train, data.test))
        return train[:n_train], queries[:n_queries]
    if source == "patches":
        rows = _patches(rng, n_train + n_queries, n_features)
        return rows[:n_train], rows[n_train:]
    train = rng.standard_normal((n_train, n_features), dtype=np.float32)
    return train, rng.standard_normal((n_queries, n_features), dtype=np.float32)


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
