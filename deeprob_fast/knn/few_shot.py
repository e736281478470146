"""Subsets of the training rows with a few of each class, those that DINOv2's evaluation draws."""

import numpy as np

from deeprob_fast._typing import Int64


def _permutation_start(generator: np.random.RandomState, n: int, size: int) -> Int64:
    """Return the first `size` numbers of `torch.randperm(n)`, which takes n - 1 words of the Mersenne twister."""
    words = generator.randint(0, 2**32, size=max(n - 1, 0), dtype=np.uint32)
    # Fisher-Yates; only what was swapped is written down.
    moved: dict[int, int] = {}
    start = []
    for i in range(min(size, n)):
        other = i + int(words[i]) % (n - i) if i < n - 1 else i
        start.append(moved.get(other, other))
        moved[other] = moved.get(i, i)
    return np.array(start, dtype=np.int64)


def few_per_class(numbers: Int64, n_per_class: int, seed: int) -> Int64:
    """Draw up to `n_per_class` rows of each class, class by class.

    Parameters
    ----------
    numbers : array of int64, shape (n_train,)
        Class of each row.
    n_per_class : int
    seed : int
        DINOv2 takes the number of the try. The rows are those that PyTorch draws there after ``torch.manual_seed(seed)``.

    Returns
    -------
    array of int64
        Numbers of rows.
    """
    generator = np.random.RandomState(seed)  # the generator of the reference
    members = [np.flatnonzero(numbers == number) for number in np.unique(numbers)]
    return np.concatenate([rows[_permutation_start(generator, len(rows), n_per_class)] for rows in members]).astype(np.int64)
