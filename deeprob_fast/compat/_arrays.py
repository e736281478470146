"""NumPy arrays and PyTorch's tensors on the CPU: both are read without a copy, and results have the kind of what was given.

PyTorch is never imported here: whoever passes a tensor has done so.
"""

import sys
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from deeprob_fast import _validation
from deeprob_fast._typing import AnyArray

# A NumPy array, what NumPy makes one of, or a tensor.
Arrays: TypeAlias = Any


def torch_if_imported() -> ModuleType | None:
    """Return the module torch if the program has imported it."""
    return sys.modules.get("torch")


def is_tensor(values: object) -> bool:
    """Tell whether values are a tensor of PyTorch."""
    torch = torch_if_imported()
    return torch is not None and isinstance(values, torch.Tensor)


def read(name: str, values: Arrays) -> AnyArray:
    """Return values as an array that shares their memory where it can; tensors are detached."""
    if not is_tensor(values):
        return _validation.as_numbers(name, values)
    if values.device.type != "cpu":
        msg = f"{name} must be on the CPU, where this library computes; got device {values.device}: pass {name}.cpu()"
        raise ValueError(msg)
    try:
        array: AnyArray = values.detach().numpy()
    except (RuntimeError, TypeError) as error:
        msg = f"{name} must be a dense tensor of a dtype that NumPy has; got {values.dtype}, {values.layout}: {error}"
        raise TypeError(msg) from error
    return array


def like(values: Arrays, result: AnyArray, dtype: DTypeLike | None = None) -> Arrays:
    """Return a result as the kind of `values`, in another dtype if one is given; what is too large for it is infinite."""
    with np.errstate(over="ignore"):
        array = np.asarray(result, dtype=dtype)
    if not is_tensor(values):
        return array
    torch: Any = torch_if_imported()
    return torch.from_numpy(array)


def number_like(values: Arrays, number: float, dtype: DTypeLike) -> Arrays:
    """Return a number: beside tensors a 0-d tensor of the dtype, else a NumPy float64, which is a float. Both have item()."""
    return like(values, np.asarray(number), dtype) if is_tensor(values) else np.float64(number)


def floating_dtype(array: AnyArray) -> np.dtype[Any]:
    """Return the dtype of results that take that of `array`; float64 beside integers, which would lose them."""
    return array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
