"""Array aliases, and the records that cross the border to the kernels."""

from typing import Any, NamedTuple, TypeAlias, TypedDict

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


class Hyperparameters(NamedTuple):
    """What an update rule reads, in the order of the C++ struct of that name; each rule reads those that it knows."""

    learning_rate: float
    momentum: float = 0.0
    dampening: float = 0.0
    weight_decay: float = 0.0
    lr_decay: float = 0.0
    eps: float = 0.0
    alpha: float = 0.0
    beta1: float = 0.0
    beta2: float = 0.0
    nesterov: bool = False
    centered: bool = False
    amsgrad: bool = False
    decoupled: bool = False
    maximize: bool = False


class KernelLoss(NamedTuple):
    """A loss, by its name, and its margin."""

    name: str
    delta: float


class KernelPenalty(NamedTuple):
    """The factors of the sums of squares and of absolute values, and how many columns of the weights these are of."""

    l2: float
    l1: float
    n_penalized: int


class KernelClassifier(NamedTuple):
    """One classifier of a training, as the kernels read it."""

    loss: KernelLoss
    penalty: KernelPenalty
    rule: str
    hyperparameters: Hyperparameters
