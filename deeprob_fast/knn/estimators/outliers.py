"""Labels of queries that have no neighbours."""

from typing import Any

import numpy as np

from deeprob_fast._typing import AnyArray, Int64


def labels_of_outliers(label: Any, outputs: list[tuple[AnyArray, Int64]]) -> list[Any] | None:
    """Return a label for each output, given its classes and the numbers of the training rows'; None if there is none.

    Raises
    ------
    ValueError
        If there are more or fewer labels than outputs.
    TypeError
        If a label is of another kind than the classes.
    """
    if label is None:
        return None
    if isinstance(label, str) and label == "most_frequent":
        return [classes[np.bincount(numbers).argmax()] for classes, numbers in outputs]
    several = np.ndim(label) > 0
    labels = list(label) if several else [label] * len(outputs)
    if len(labels) != len(outputs):
        msg = f"The length of outlier_label: {label} is inconsistent with the output length: {len(outputs)}"
        raise ValueError(msg)
    for one, (classes, _) in zip(labels, outputs, strict=True):
        if np.ndim(one) > 0:
            msg = f"The outlier_label of classes {classes} is supposed to be a scalar, got {one}."
            raise TypeError(msg)
        if np.append(classes, one).dtype.kind != classes.dtype.kind:
            msg = f"The dtype of outlier_label {one} is inconsistent with classes {classes} in y."
            raise TypeError(msg)
    return labels
