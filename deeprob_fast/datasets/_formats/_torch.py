"""Tensors as PyTorch saves them, read by PyTorch, which is told to execute nothing; mapped, but for bfloat16."""

import pickle
import struct
import sys
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._files.opening import open_regular
from deeprob_fast._files.refusal import FormatError, damage_told, reason, refuse
from deeprob_fast._files.zips import ZIP_ERRORS, open_zip
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._formats._stored import Stored, check_plausible, rows_at_once, unusable

# Of older ones a file can execute what it likes all the same (CVE-2025-32434).
_FIRST_SAFE = (2, 6)
_LONGEST_PICKLE = 1 << 20  # bytes; a tensor takes two hundred
_ERRORS = (
    *(*ZIP_ERRORS, pickle.UnpicklingError, LookupError, AttributeError),
    *(TypeError, AssertionError, MemoryError, struct.error, ImportError),
)


def load_tensors(path: Path) -> Any:
    """Return what a file holds, if it is of plain tensors."""
    try:
        import torch
    except ModuleNotFoundError as error:
        msg = f"{path} holds tensors, which needs torch: pip install torch"
        raise ModuleNotFoundError(msg) from error
    if tuple(map(int, torch.__version__.split(".")[:2])) < _FIRST_SAFE:
        msg = f"{path} holds tensors, which needs torch 2.6 or newer: older ones may execute what a file says"
        raise ModuleNotFoundError(msg)
    with open_regular(path) as file, damage_told(path, *_ERRORS):
        if not zipfile.is_zipfile(file):
            raise refuse(path, "must be a whole file of torch.save, in its format since torch 1.6")
        for member in open_zip(path, file).infolist():
            if member.filename.endswith(".pkl") and member.file_size > _LONGEST_PICKLE:
                raise refuse(path, f"must describe its tensors in {_LONGEST_PICKLE} bytes; it takes {member.file_size}")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except _ERRORS as error:
        raise refuse(path, f"must be a file that torch.save wrote, of plain tensors: {reason(error)}") from error


def open_torch(path: Path) -> dict[str, Stored]:
    """Open a tensor, or those of a dict by their names, or those of a list by their places."""
    tensors = load_tensors(path)
    if isinstance(tensors, (list, tuple)):
        tensors = {f"arr_{place}": tensor for place, tensor in enumerate(tensors)}
    if not isinstance(tensors, dict):
        tensors = {"": tensors}
    return {str(name): _stored(path, str(name), tensor) for name, tensor in tensors.items()}


def _stored(path: Path, name: str, tensor: Any) -> Stored:
    torch: Any = sys.modules["torch"]
    try:
        if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided or tensor.is_quantized:
            kind = type(tensor).__name__
            raise refuse(path, f"must hold dense tensors{f' in {name}' if name else ''}; it holds {kind}")
        shape = tuple(tensor.shape)
        # Rows that are one and the same in memory can be any number.
        check_plausible(path, shape, np.dtype(np.uint8))
        if tensor.dtype == torch.bfloat16:
            dtype = np.dtype(np.float32)
            check_plausible(path, shape, dtype)
            return Stored(path, name, shape, dtype, read=partial(_widened, tensor.detach(), shape, dtype))
        array = tensor.detach().numpy()
        check_plausible(path, shape, array.dtype)
    except FormatError as error:
        return unusable(path, name, error)
    except (TypeError, RuntimeError) as error:
        return unusable(path, name, refuse(path, f"must hold numbers that NumPy knows in {name}: {reason(error)}"))
    array.flags.writeable = False
    return Stored(path, name, shape, array.dtype, view=lambda: array)


def _widened(tensor: Any, shape: tuple[int, ...], dtype: Any) -> Iterator[AnyArray]:
    step = rows_at_once(shape, dtype)
    for start in range(0, shape[0] if shape else 0, step):
        yield tensor[start : start + step].float().numpy()
