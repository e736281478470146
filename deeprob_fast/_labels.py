"""Labels of any type: none of them missing, and the numbers of their classes."""

import numpy as np

from deeprob_fast._typing import AnyArray, Int64


def _is_missing(label: object) -> bool:
    if isinstance(label, (float, np.floating)):
        return bool(np.isnan(label))
    return label is None or type(label).__name__ in ("NAType", "NaTType")  # of pandas


def check_present(name: str, labels: AnyArray) -> None:
    """Refuse labels of which some are missing: they would make a class of their own."""
    kind = labels.dtype.kind
    if kind in "fc":
        missing = np.isnan(labels)
    elif kind in "Mm":
        missing = np.isnat(labels)
    elif kind == "O":
        missing = np.fromiter(map(_is_missing, labels), dtype=bool, count=len(labels))
    else:
        return
    if missing.any():
        row = int(missing.argmax())
        msg = f"{name} must not hold missing labels; got {labels[row]!r} for row {row}"
        raise ValueError(msg)


def numbered(*named: tuple[str, AnyArray]) -> tuple[AnyArray, list[Int64]]:
    """Return the labels that occur in any of the arrays, sorted, and the number of the class of each label of each array."""
    try:
        classes, numbers = np.unique(np.concatenate([array for _, array in named]), return_inverse=True)
    except TypeError as error:
        msg = f"{' and '.join(name for name, _ in named)} must hold labels of one type, which can be sorted: {error}"
        raise TypeError(msg) from None
    cuts = np.cumsum([len(array) for _, array in named])[:-1]
    return classes, [part.astype(np.int64) for part in np.split(numbers, cuts)]
