"""What the estimators are given, checked by scikit-learn and by our own rules."""

import re
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from deeprob_fast import _tables
from deeprob_fast._labels import of_one_kind, unpacked
from deeprob_fast._typing import ArrayLike

# What is none of these becomes the first: float64, or float32 where that is what is computed in.
DTYPES = (np.float64, np.float32, np.float16, np.uint8, np.int8)


def _as_numbers(name: str, values: ArrayLike) -> Any:
    """Refuse what scikit-learn would turn into numbers although it holds none, or others; lists come back as arrays."""
    _tables.check_unmasked(name, values)
    if _tables.is_table(values):
        array = _tables.plain(name, values)  # scikit-learn reads the table itself, and the names of its columns
    else:
        array = values = _tables.plain(name, values)
    if isinstance(array, np.ndarray):
        dtype = array.dtype
        if dtype.kind in "USMmV" or (dtype.kind == "f" and dtype.itemsize > 8):
            msg = f"{name} must hold real numbers; got dtype {dtype}"
            raise TypeError(msg)
        if dtype.kind == "O":
            _tables.check_objects(name, array)
        _tables.check_exact(name, array)
    return values


def _as_labels(name: str, values: ArrayLike) -> Any:
    """Return labels in a list as an array of one kind, before NumPy makes text of numbers beside it."""
    _tables.check_unmasked(name, values)
    labels = unpacked(values)
    return of_one_kind(name, labels) if labels is not values and labels.ndim == 1 else values


def checked(
    estimator: BaseEstimator,
    X: ArrayLike,
    *y: ArrayLike,
    names: tuple[str, str] = ("X", "y"),
    dtypes: Any = DTYPES,
    reset: bool = True,
    **options: Any,
) -> Any:
    """Return X, and y if it is given, as arrays; every refusal names one of them. Options are those of `validate_data`."""
    if not (options.get("accept_sparse") and hasattr(X, "tocsr")):
        X = _as_numbers(names[0], X)
    y = tuple(_as_labels(names[1], labels) for labels in y)
    try:
        return validate_data(estimator, X, *y, dtype=dtypes, reset=reset, **options)
    except (TypeError, ValueError) as error:
        if any(re.search(rf"\b{name}\b", str(error)) for name in names):
            raise
        msg = f"{' and '.join(names[: 1 + len(y)])} must be arrays that fit the estimator: {error}"
        raise (ValueError if isinstance(error, ValueError) else TypeError)(msg) from error
