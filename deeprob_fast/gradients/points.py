"""Points at which functions are differentiated."""

import numpy as np

from deeprob_fast import _validation
from deeprob_fast._typing import Float64


def check_point(name: str, values: object) -> Float64:
    """Return a C-ordered float64 copy of a finite point at which a function is differentiated."""
    array = _validation.as_numbers(name, values)
    if array.dtype.kind in "iub":
        msg = f"{name} must hold floating-point numbers, or a small step would round away; got dtype {array.dtype}"
        raise TypeError(msg)
    if array.dtype.kind != "f":
        msg = f"{name} must hold real floating-point numbers; got dtype {array.dtype}"
        raise TypeError(msg)
    with np.errstate(over="ignore"):
        point = np.array(array, dtype=np.float64, order="C")
    if not np.isfinite(point).all():
        index = tuple(np.argwhere(~np.isfinite(point))[0].tolist())
        msg = f"{name} must be finite; got {array[index]} at index {index}"
        raise ValueError(msg)
    return point
