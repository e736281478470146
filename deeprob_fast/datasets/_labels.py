"""Class numbers as files hold them."""

import numpy as np

from deeprob_fast._typing import AnyArray


def check_class_numbers(where: object, labels: AnyArray, n_classes: int) -> None:
    """Refuse labels that are not below the number of classes."""
    if labels.max() >= n_classes:
        first = int(np.argmax(labels >= n_classes))
        msg = f"{where} must hold class numbers from 0 to {n_classes - 1}; number {first} of them is {labels[first]}"
        raise ValueError(msg)
