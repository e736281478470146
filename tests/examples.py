"""Examples to learn from."""

import numpy as np


def blobs(n=240, d=6, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    centers = np.random.default_rng(99).standard_normal((classes, d)) * 1.5
    return rng.standard_normal((n, d)) + centers[labels], labels


def pixels(n=400, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, n)
    patterns = np.random.default_rng(7).integers(0, 200, (10, 784))
    return (patterns[labels] + rng.integers(0, 56, (n, 784))).astype(np.uint8), labels
