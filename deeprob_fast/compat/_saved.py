"""Files of weights: the course's where weights are a tensor, `.npz` where they are an array."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._atomic import replacing
from deeprob_fast.compat._arrays import Arrays, is_tensor, torch_if_imported


def write(path: Path, weights: Arrays) -> None:
    """Write weights to exactly this path."""
    with replacing(path) as partial, partial.open("wb") as file:
        if is_tensor(weights):
            torch: Any = torch_if_imported()
            torch.save({"W": weights}, file)
        else:
            np.savez(file, W=weights)


def read_weights(path: Path) -> Arrays:
    """Read weights; nothing in the file is executed."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if "W.npy" in archive.namelist():
                with np.load(path, allow_pickle=False) as arrays:
                    return arrays["W"]
    torch: Any = torch_if_imported()
    if torch is None:
        msg = f"{path} must be an .npz file with W; if it holds a tensor, import torch first"
        raise ValueError(msg)
    return torch.load(path, map_location="cpu", weights_only=True)["W"]
