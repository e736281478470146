"""Loaders. Files are read as data only: nothing in them is ever executed."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from deeprob_fast._typing import AnyArray  # annotates a local
from deeprob_fast.datasets._base import Dataset, split_last_fifth
from deeprob_fast.datasets._named import NAMED, load_idx_folder

_NPZ_ARRAYS = ("X", "y", "X_test", "y_test")


def load_npz(path: str | Path) -> Dataset:
    """Load features X and labels y from an .npz file, with X_test and y_test or else the last fifth of the rows for testing.

    Parameters
    ----------
    path : path

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, lacks an array, or its arrays do not fit together.
    """
    path = Path(path)
    arrays: dict[str, AnyArray] = {}
    try:
        with path.open("rb") as raw:
            file = np.load(raw, allow_pickle=False)
            names = list(getattr(file, "files", []))
            for name in _NPZ_ARRAYS:
                if name in names:
                    arrays[name] = file[name]
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        msg = f"{path} is damaged: {error}"
        raise ValueError(msg) from error
    except ValueError as error:
        msg = f"{path} must hold plain arrays: {error}"
        raise ValueError(msg) from error
    _check_npz(path, arrays, names)
    if "X_test" in arrays:
        return Dataset(path.stem, arrays["X"], arrays["y"], arrays["X_test"], arrays["y_test"])
    return split_last_fifth(path.stem, arrays["X"], arrays["y"])


def _check_npz(path: Path, arrays: dict[str, AnyArray], names: list[str]) -> None:
    for required in ("X", "y", *(("X_test", "y_test") if {"X_test", "y_test"} & arrays.keys() else ())):
        if required not in arrays:
            msg = f"{path} must hold an array {required}; its arrays are {', '.join(names) or 'none'}"
            raise ValueError(msg)
    for features, labels in (("X", "y"), ("X_test", "y_test")):
        if features in arrays and (arrays[features].dtype.kind not in "fiub" or arrays[features].ndim != 2):
            kind = f"{arrays[features].ndim}-D {arrays[features].dtype}"
            msg = f"{path} must hold a matrix of real numbers in {features}; it is {kind}"
            raise ValueError(msg)
        if features in arrays and (arrays[labels].ndim != 1 or len(arrays[features]) != len(arrays[labels])):
            msg = f"{path} must hold one label in {labels} for each row of {features}"
            raise ValueError(msg)


def load(data: str | Path) -> Dataset:
    """Load a data set by name or from a file or folder.

    Parameters
    ----------
    data : str or path
        "digits", "fashion-mnist", an .npz file, or a folder of idx files.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If there is nothing of that name.
    ValueError
        If a file is damaged or of another format.
    """
    if data in NAMED:
        return NAMED[str(data)]()
    path = Path(data)
    if path.is_dir():
        return load_idx_folder(path.name, path)
    if path.is_file():
        return load_npz(path)
    msg = f"data must be {', '.join(NAMED)}, an .npz file or a folder of idx files; got {str(data)!r}"
    raise FileNotFoundError(msg)
