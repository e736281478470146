"""CIFAR-10, its binary version: six files of 10,000 records, a class number and 3072 bytes each."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._archive import read_members
from deeprob_fast.datasets._base import Dataset
from deeprob_fast.datasets._labels import check_class_numbers
from deeprob_fast.datasets._layout import IMAGE_SHAPES, N_BYTES, check_layout, rows_in_layout
from deeprob_fast.datasets._sources import Remote, Source, locate

CIFAR10_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FOLDER = "cifar-10-batches-bin"
_ARCHIVE = "cifar-10-binary.tar.gz"
_TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
_TEST_FILE = "test_batch.bin"
_N_RECORDS = 10_000  # of each file
_RECORD = 1 + N_BYTES

CIFAR10 = Source(
    name="cifar10",
    what="CIFAR-10 files, binary version",
    signs=(_TRAIN_FILES[0], f"{_FOLDER}/{_TRAIN_FILES[0]}", _ARCHIVE),
    places=("cifar10", "."),
    by_hand=f"or take {_ARCHIVE} from https://www.cs.toronto.edu/~kriz/cifar.html",
    files=(
        Remote(
            _ARCHIVE,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            (f"https://www.cs.toronto.edu/~kriz/{_ARCHIVE}", f"https://cave.cs.toronto.edu/kriz/{_ARCHIVE}"),
        ),
    ),
)


def _check_size(where: Path, size: int) -> None:
    expected = _N_RECORDS * _RECORD
    if size != expected:
        msg = f"{where} must hold {_N_RECORDS} records of {_RECORD} bytes, {expected} bytes; it holds {size}"
        raise ValueError(msg)


def _records(where: Path, content: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Split the bytes of a file into images and labels."""
    _check_size(where, len(content))
    records = content.reshape(_N_RECORDS, _RECORD)
    check_class_numbers(where, records[:, 0], len(CIFAR10_NAMES))
    return records[:, 1:], records[:, 0]


def _batches(found: Path) -> Iterator[tuple[str, tuple[AnyArray, AnyArray]]]:
    """Yield the name, images and labels of each file of a folder or an archive."""
    names = (*_TRAIN_FILES, _TEST_FILE)
    if found.is_dir():
        for name in names:
            path = found / name
            if path.is_file():
                _check_size(path, path.stat().st_size)
                yield name, _records(path, np.fromfile(path, dtype=np.uint8))
    else:
        for name, content in read_members(found, _FOLDER, names.__contains__, _N_RECORDS * _RECORD):
            yield name, _records(found / _FOLDER / name, np.frombuffer(content, dtype=np.uint8))


def load_cifar10(folder: str | Path | None = None, *, layout: str = "CHW", download: bool = False) -> Dataset:
    """Load CIFAR-10: 50,000 + 10,000 colour images of 32 x 32, 10 classes, from its binary version.

    Parameters
    ----------
    folder : path, optional
        The folder cifar-10-batches-bin or one that holds it, or the archive cifar-10-binary.tar.gz. By default they are looked
        for in the folder that the environment variable DEEPROB_FAST_DATA names and in its folder `cifar10`, then among earlier
        downloads.
    layout : {"CHW", "HWC"}
        Order of the 3072 bytes of a row: "CHW" is that of the file, 1024 red, 1024 green, 1024 blue, as DeepRob flattens images;
        "HWC" is red, green, blue of one pixel after the other, as CS231n does.
    download : bool
        Download it (170 MB) where it is not found; needs `deeprob-fast[datasets]`.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    OSError
        If the download failed.
    ValueError
        If a file is damaged or of another format.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.datasets.load_cifar10("no/such/folder")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: no/such/folder must be the folder of the CIFAR-10 files, binary version ...
    """
    layout = check_layout(layout)
    found = locate(CIFAR10, folder, download=download)
    train = np.empty((len(_TRAIN_FILES) * _N_RECORDS, N_BYTES), dtype=np.uint8)
    train_labels = np.empty(len(train), dtype=np.uint8)
    test = np.empty((_N_RECORDS, N_BYTES), dtype=np.uint8)
    test_labels = np.empty(len(test), dtype=np.uint8)
    missing = {*_TRAIN_FILES, _TEST_FILE}
    for name, (images, labels) in _batches(found):
        missing.remove(name)
        into, into_labels = test, test_labels
        if name != _TEST_FILE:
            part = _TRAIN_FILES.index(name)
            rows = slice(part * _N_RECORDS, (part + 1) * _N_RECORDS)
            into, into_labels = train[rows], train_labels[rows]
        into[:] = rows_in_layout(images, "CHW", layout)
        into_labels[:] = labels
    if missing:
        msg = f"{found} must hold {_FOLDER}'s six .bin files; it lacks {', '.join(sorted(missing))}"
        raise FileNotFoundError(msg) if found.is_dir() else ValueError(msg)
    return Dataset("cifar10", train, train_labels, test, test_labels, CIFAR10_NAMES, IMAGE_SHAPES[layout])
