"""CIFAR-10: six files of 10,000 images, in its binary version records of a class number and 3072 bytes, or pickles of both."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deeprob_fast._docstrings import sharing
from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._archive import read_members
from deeprob_fast.datasets._base import LOADS, Dataset
from deeprob_fast.datasets._labels import check_class_numbers
from deeprob_fast.datasets._layout import IMAGE_SHAPES, N_BYTES, check_layout, rows_in_layout
from deeprob_fast.datasets._sources import Remote, Source, locate
from deeprob_fast.datasets._unpickle import PickledArray, unpickle

CIFAR10_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_N_RECORDS = 10_000  # of each file
_RECORD = 1 + N_BYTES
_PICKLED = 256  # bytes that a pickle may take for an image beside its pixels: label, file name


def _records(where: Path, content: bytes) -> tuple[AnyArray, AnyArray]:
    """Split the bytes of a file into images and labels."""
    expected = _N_RECORDS * _RECORD
    if len(content) != expected:
        msg = f"{where} must hold {_N_RECORDS} records of {_RECORD} bytes, {expected} bytes; it holds {len(content)}"
        raise ValueError(msg)
    records = np.frombuffer(content, dtype=np.uint8).reshape(_N_RECORDS, _RECORD)
    check_class_numbers(where, records[:, 0], len(CIFAR10_NAMES))
    return records[:, 1:], records[:, 0]


def _unpickled(where: Path, content: bytes) -> tuple[AnyArray, AnyArray]:
    """Return the images and labels of a pickle."""
    record = unpickle(content, where)
    record = record if isinstance(record, dict) else {}
    images: Any = record.get("data", record.get(b"data"))
    labels: Any = record.get("labels", record.get(b"labels"))
    pixels = images.array if isinstance(images, PickledArray) else np.empty(0)
    if pixels.dtype != np.uint8 or pixels.shape != (_N_RECORDS, N_BYTES):
        msg = f"{where} must hold {_N_RECORDS} x {N_BYTES} bytes in 'data'; it holds {pixels.dtype} of shape {pixels.shape}"
        raise ValueError(msg)
    are_numbers = isinstance(labels, list) and all(type(label) is int and label >= 0 for label in labels)
    if not are_numbers or len(labels) != _N_RECORDS:
        msg = f"{where} must hold {_N_RECORDS} class numbers in 'labels'"
        raise ValueError(msg)
    numbers = np.array(labels, dtype=object)
    check_class_numbers(where, numbers, len(CIFAR10_NAMES))
    return pixels, numbers.astype(np.uint8)


class _Version(NamedTuple):
    """How the files are called, and how one is read."""

    folder: str
    archive: str
    ending: str
    read: Callable[[Path, bytes], tuple[AnyArray, AnyArray]]

    @property
    def train_files(self) -> tuple[str, ...]:
        return tuple(f"data_batch_{number}{self.ending}" for number in range(1, 6))

    @property
    def test_file(self) -> str:
        return f"test_batch{self.ending}"

    @property
    def signs(self) -> tuple[str, ...]:
        return self.train_files[0], f"{self.folder}/{self.train_files[0]}", self.archive


_BINARY = _Version("cifar-10-batches-bin", "cifar-10-binary.tar.gz", ".bin", _records)
# What torchvision and the courses bring.
_PYTHON = _Version("cifar-10-batches-py", "cifar-10-python.tar.gz", "", _unpickled)

CIFAR10 = Source(
    name="cifar10",
    what="CIFAR-10 files, binary or Python version",
    signs=(*_BINARY.signs, *_PYTHON.signs),
    places=("cifar10", "."),
    by_hand=f"or take {_BINARY.archive} from https://www.cs.toronto.edu/~kriz/cifar.html",
    files=(
        Remote(
            _BINARY.archive,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            (f"https://www.cs.toronto.edu/~kriz/{_BINARY.archive}", f"https://cave.cs.toronto.edu/kriz/{_BINARY.archive}"),
        ),
    ),
)


def _version(place: Path) -> _Version:
    """Tell the version of a folder by its files, of an archive by its name."""
    is_python = (place / _PYTHON.train_files[0]).is_file() if place.is_dir() else "python" in place.name
    return _PYTHON if is_python and not (place / _BINARY.train_files[0]).is_file() else _BINARY


def _batches(place: Path, version: _Version) -> Iterator[tuple[str, tuple[AnyArray, AnyArray]]]:
    """Yield the name, images and labels of each file of a folder or an archive."""
    names = (*version.train_files, version.test_file)
    largest = _N_RECORDS * (_RECORD + _PICKLED) + (1 << 16)
    if place.is_dir():
        for name in names:
            path = place / name
            if path.is_file():
                if (size := regular_size(path)) > largest:
                    msg = f"{path} must hold at most {largest} bytes; it holds {size}"
                    raise ValueError(msg)
                with open_regular(path) as file:
                    yield name, version.read(path, file.read(largest))
    else:
        for name, content in read_members(place, version.folder, names.__contains__, largest):
            yield name, version.read(place / version.folder / name, content)


@sharing(loads=LOADS)
def load_cifar10(folder: str | Path | None = None, *, layout: str = "CHW", download: bool = False) -> Dataset:
    """Load CIFAR-10: 50,000 + 10,000 colour images of 32 x 32, 10 classes, from its binary version or its Python version.

    Parameters
    ----------
    folder : path, optional
        The folder cifar-10-batches-bin or cifar-10-batches-py, or one that holds it, or the archive cifar-10-binary.tar.gz or
        cifar-10-python.tar.gz. By default they are looked for in the folder that the environment variable DEEPROB_FAST_DATA names
        and in its folder `cifar10`, then among earlier downloads. Of pickles nothing is executed.
    layout : {"CHW", "HWC"}
        Order of the 3072 bytes of a row: "CHW" is that of the file, 1024 red, 1024 green, 1024 blue, as DeepRob flattens images;
        "HWC" is red, green, blue of one pixel after the other, as CS231n does.
    download : bool
        Download it (170 MB) where it is not found; needs `deeprob-fast[datasets]`.

    {loads}

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.datasets.load_cifar10("no/such/folder")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: no/such/folder must be the folder of the CIFAR-10 files, binary ...
    """
    layout = check_layout(layout)
    place = locate(CIFAR10, folder, download=download)
    version = _version(place)
    train = np.empty((len(version.train_files) * _N_RECORDS, N_BYTES), dtype=np.uint8)
    train_labels = np.empty(len(train), dtype=np.uint8)
    test = np.empty((_N_RECORDS, N_BYTES), dtype=np.uint8)
    test_labels = np.empty(len(test), dtype=np.uint8)
    missing = {*version.train_files, version.test_file}
    for name, (images, labels) in _batches(place, version):
        missing.remove(name)
        into, into_labels = test, test_labels
        if name != version.test_file:
            part = version.train_files.index(name)
            rows = slice(part * _N_RECORDS, (part + 1) * _N_RECORDS)
            into, into_labels = train[rows], train_labels[rows]
        into[:] = rows_in_layout(images, "CHW", layout)
        into_labels[:] = labels
    if missing:
        msg = f"{place} must hold the six files of {version.folder}; it lacks {', '.join(sorted(missing))}"
        raise FileNotFoundError(msg) if place.is_dir() else ValueError(msg)
    return Dataset("cifar10", train, train_labels, test, test_labels, CIFAR10_NAMES, IMAGE_SHAPES[layout])
