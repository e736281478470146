"""Loaders. Files are read as data only: nothing in them is ever executed."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from deeprob_fast._typing import AnyArray  # annotates a local
from deeprob_fast.datasets._base import Dataset, split_last_fifth
from deeprob_fast.datasets._idx import read_idx

_NPZ_ARRAYS = ("X", "y", "X_test", "y_test")
FASHION_MNIST_FOLDER = Path("/usr/share/datasets/fashion-mnist")


def load_digits() -> Dataset:
    """Load the digits that scikit-learn ships: 1797 images of 8 x 8, the last fifth of them for testing.

    Returns
    -------
    Dataset
    """
    from sklearn.datasets import load_digits as load_from_sklearn  # slow to import

    features, labels = load_from_sklearn(return_X_y=True)
    return split_last_fifth("digits", features.astype(np.uint8), labels)


def _find_idx(folder: Path, stem: str) -> Path:
    for name in (stem, f"{stem}.gz", stem.replace("-idx", ".idx"), stem.replace("-idx", ".idx") + ".gz"):
        if (folder / name).is_file():
            return folder / name
    msg = f"{folder} must hold {stem} or {stem}.gz; it holds {', '.join(sorted(p.name for p in folder.iterdir())) or 'nothing'}"
    raise FileNotFoundError(msg)


def _load_idx_folder(name: str, folder: Path) -> Dataset:
    parts: list[AnyArray] = []
    for prefix in ("train", "t10k"):
        images = read_idx(_find_idx(folder, f"{prefix}-images-idx3-ubyte"), 3)
        labels = read_idx(_find_idx(folder, f"{prefix}-labels-idx1-ubyte"), 1)
        if len(images) != len(labels) or len(images) == 0:
            msg = f"{folder} must hold one label for each {prefix} image; it holds {len(images)} images, {len(labels)} labels"
            raise ValueError(msg)
        parts += [images.reshape(len(images), -1), labels]
    return Dataset(name, parts[0], parts[1], parts[2], parts[3])


def load_fashion_mnist(folder: str | Path | None = None) -> Dataset:
    """Load Fashion-MNIST: 60,000 + 10,000 images of 28 x 28 bytes, 10 classes.

    Parameters
    ----------
    folder : path, optional
        Holds the four idx files, plain or gzipped. By default where Debian's package dataset-fashion-mnist puts them.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If a file is damaged or of another format.
    """
    path = FASHION_MNIST_FOLDER if folder is None else Path(folder)
    if not path.is_dir():
        msg = f"{path} must be the folder of the Fashion-MNIST idx files (on Debian: apt install dataset-fashion-mnist)"
        raise FileNotFoundError(msg)
    return _load_idx_folder("fashion-mnist", path)


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
    if data == "digits":
        return load_digits()
    if data == "fashion-mnist":
        return load_fashion_mnist()
    path = Path(data)
    if path.is_dir():
        return _load_idx_folder(path.name, path)
    if path.is_file():
        return load_npz(path)
    msg = f"data must be digits, fashion-mnist, an .npz file or a folder of idx files; got {str(data)!r}"
    raise FileNotFoundError(msg)
