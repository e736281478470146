"""The digits that scikit-learn ships."""

from dataclasses import replace

import numpy as np

from deeprob_fast.datasets._base import Dataset
from deeprob_fast.datasets._splitting import Split

DIGIT_NAMES = tuple(str(digit) for digit in range(10))


def load_digits(*, split: str = "last", test_share: float | None = None, seed: int = 0) -> Dataset:
    """Load the digits that scikit-learn ships: 1797 images of 8 x 8, the last fifth of them for testing.

    Parameters
    ----------
    split : {"last", "stratified", "random", "none"}
        Which rows are for testing, as in `load`. scikit-learn names none.
    test_share : float, optional
        By default a fifth.
    seed : int

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If an argument is not as stated above.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.datasets.load_digits().train.shape
    (1438, 64)
    """
    from sklearn.datasets import load_digits as load_from_sklearn  # slow to import

    features, labels = load_from_sklearn(return_X_y=True)
    data = Split(split, test_share, seed).dataset("digits", features.astype(np.uint8), labels)
    return replace(data, class_names=DIGIT_NAMES, image_shape=(8, 8))
