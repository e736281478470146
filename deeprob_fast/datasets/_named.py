"""Data sets that have a name."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._base import Dataset, split_last_fifth
from deeprob_fast.datasets._idx import read_idx

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


def _read_part(folder: Path, prefix: str) -> tuple[AnyArray, AnyArray]:
    images = read_idx(_find_idx(folder, f"{prefix}-images-idx3-ubyte"), 3)
    labels = read_idx(_find_idx(folder, f"{prefix}-labels-idx1-ubyte"), 1)
    if len(images) != len(labels) or len(images) == 0:
        msg = f"{folder} must hold one label for each {prefix} image; it holds {len(images)} images, {len(labels)} labels"
        raise ValueError(msg)
    return images.reshape(len(images), -1), labels


def load_idx_folder(name: str, folder: Path) -> Dataset:
    """Load the four idx files of a folder."""
    return Dataset(name, *_read_part(folder, "train"), *_read_part(folder, "t10k"))


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
    return load_idx_folder("fashion-mnist", path)


NAMED: dict[str, Callable[[], Dataset]] = {"digits": load_digits, "fashion-mnist": load_fashion_mnist}
