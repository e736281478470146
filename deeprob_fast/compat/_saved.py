"""Files of weights: the course's where weights are a tensor, `.npz` where they are an array."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._atomic import replacing
from deeprob_fast._files.opening import open_regular
from deeprob_fast._files.refusal import damage_told, refuse
from deeprob_fast._files.zips import ZIP_ERRORS, open_zip
from deeprob_fast.compat._arrays import Arrays, is_tensor, torch_if_imported
from deeprob_fast.datasets._formats._npy import open_npz
from deeprob_fast.datasets._formats._torch import load_tensors


def write(path: Path, weights: Arrays) -> None:
    """Write weights to exactly this path."""
    with replacing(path) as file:
        if is_tensor(weights):
            torch: Any = torch_if_imported()
            torch.save({"W": weights}, file)
        else:
            np.savez(file, W=weights)


def read_weights(path: Path) -> Arrays:
    """Read weights; nothing in the file is executed."""
    with open_regular(path) as file, damage_told(path, *ZIP_ERRORS):
        is_ours = zipfile.is_zipfile(file) and "W.npy" in open_zip(path, file).namelist()
    if is_ours:
        return _read_array(path)
    if torch_if_imported() is None:
        msg = f"{path} must be an .npz file with W; if it holds a tensor, import torch first"
        raise ValueError(msg)
    saved = load_tensors(path)
    if not isinstance(saved, dict) or not is_tensor(saved.get("W")):
        msg = f"{path} must hold a dict with the tensor W; got {list(saved) if isinstance(saved, dict) else type(saved).__name__}"
        raise ValueError(msg)
    return saved["W"]


def _read_array(path: Path) -> Arrays:
    stored = open_npz(path)["W"].usable()
    if not stored.is_matrix or stored.dtype.kind not in "fiub":
        raise refuse(path, f"must hold W as a matrix of numbers; it is {len(stored.shape)}-D {stored.dtype}")
    return stored.array(mmap=False)
