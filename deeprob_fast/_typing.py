"""Array aliases, and what the kernels report."""

from typing import Any, TypeAlias, TypedDict

import numpy as np
from numpy.typing import ArrayLike as ArrayLike  # noqa: PLC0414  # re-exported
from numpy.typing import NDArray

AnyArray: TypeAlias = NDArray[Any]
Float32: TypeAlias = NDArray[np.float32]
Float64: TypeAlias = NDArray[np.float64]
Int8: TypeAlias = NDArray[np.int8]
Int32: TypeAlias = NDArray[np.int32]
Int64: TypeAlias = NDArray[np.int64]
UInt8: TypeAlias = NDArray[np.uint8]
UInt64: TypeAlias = NDArray[np.uint64]


class PackReport(TypedDict):
    """What packing found."""

    unusable_row: int  # -1 if there is none
    largest_norm: float
    integral: bool
