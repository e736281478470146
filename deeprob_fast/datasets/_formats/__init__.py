"""Files of arrays: one reader a format, by the end of the file's name."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from deeprob_fast._files.opening import regular_size
from deeprob_fast._files.refusal import refuse
from deeprob_fast.datasets._formats._hdf5 import open_hdf5
from deeprob_fast.datasets._formats._npy import open_npy, open_npz
from deeprob_fast.datasets._formats._parquet import open_parquet
from deeprob_fast.datasets._formats._safetensors import open_safetensors
from deeprob_fast.datasets._formats._stored import Stored
from deeprob_fast.datasets._formats._torch import open_torch
from deeprob_fast.datasets._formats._vectors import open_bin, open_vecs

READERS: dict[str, Callable[[Path], dict[str, Stored]]] = {
    ".npy": open_npy,
    ".npz": open_npz,
    ".safetensors": open_safetensors,
    ".fbin": partial(open_bin, "<f4"),
    ".u8bin": partial(open_bin, "u1"),
    ".i8bin": partial(open_bin, "i1"),
    ".fvecs": partial(open_vecs, "<f4"),
    ".bvecs": partial(open_vecs, "u1"),
    ".hdf5": open_hdf5,
    ".h5": open_hdf5,
    ".parquet": open_parquet,
    ".pt": open_torch,
    ".pth": open_torch,
}


def open_arrays(path: Path) -> dict[str, Stored]:
    """Open the arrays of a file; where it holds one without a name, its name is empty."""
    if not path.exists():
        msg = f"{path} must be a file; there is none of that name"
        raise FileNotFoundError(msg)
    regular_size(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise refuse(path, f"must end in one of {', '.join(READERS)}; it ends in {path.suffix or 'nothing'}")
    return reader(path)
