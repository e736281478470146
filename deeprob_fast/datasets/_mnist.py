"""MNIST and Fashion-MNIST: four idx files in a folder."""

from dataclasses import replace
from pathlib import Path

from deeprob_fast._docstrings import sharing
from deeprob_fast._files.refusal import one_line
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._base import LOADS, Dataset
from deeprob_fast.datasets._digits import DIGIT_NAMES
from deeprob_fast.datasets._idx import read_idx
from deeprob_fast.datasets._labels import check_class_numbers
from deeprob_fast.datasets._sources import Remote, Source, locate

FASHION_MNIST_FOLDER = Path("/usr/share/datasets/fashion-mnist")
FASHION_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_IMAGES = "{}-images-idx3-ubyte"
_LABELS = "{}-labels-idx1-ubyte"


def _spellings(stem: str) -> tuple[str, ...]:
    dotted = stem.replace("-idx", ".idx")
    return stem, f"{stem}.gz", dotted, f"{dotted}.gz"


def _remotes(sha256: tuple[str, str, str, str], servers: tuple[str, ...]) -> tuple[Remote, ...]:
    names = [f"{kind.format(part)}.gz" for part in ("train", "t10k") for kind in (_IMAGES, _LABELS)]
    return tuple(
        Remote(name, digest, tuple(f"{server}/{name}" for server in servers)) for name, digest in zip(names, sha256, strict=True)
    )


MNIST = Source(
    name="mnist",
    what="MNIST idx files",
    signs=_spellings(_IMAGES.format("train")),
    places=("mnist", "MNIST/raw"),
    by_hand="or let torchvision bring them, whose folder MNIST/raw is read as it is",
    files=_remotes(
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
        ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"),
    ),
)
FASHION_MNIST = Source(
    name="fashion-mnist",
    what="Fashion-MNIST idx files",
    signs=_spellings(_IMAGES.format("train")),
    places=("fashion-mnist", "FashionMNIST/raw"),
    by_hand="or on Debian: apt install dataset-fashion-mnist",
    system=FASHION_MNIST_FOLDER,
    files=_remotes(
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",),  # no TLS there; the sum decides
    ),
)


def _find_idx(folder: Path, stem: str) -> Path:
    for name in _spellings(stem):
        if (folder / name).is_file():
            return folder / name
    held = one_line(", ".join(sorted(path.name for path in folder.iterdir())) or "nothing")
    msg = f"{folder} must hold {stem} or {stem}.gz; it holds {held}"
    raise FileNotFoundError(msg)


def _read_part(folder: Path, part: str, n_classes: int | None) -> tuple[AnyArray, AnyArray]:
    images_path, labels_path = (_find_idx(folder, kind.format(part)) for kind in (_IMAGES, _LABELS))
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels) or images.size == 0:
        msg = f"{folder} must hold one label for each {part} image; it holds {len(images)} images, {len(labels)} labels"
        if len(images) == len(labels):
            msg = f"{images_path} must hold images; its header says {images.shape}"
        raise ValueError(msg)
    if n_classes is not None:
        check_class_numbers(labels_path, labels, n_classes)
    return images, labels


def load_idx_folder(name: str, folder: Path, class_names: tuple[str, ...] = ()) -> Dataset:
    """Load the four idx files of a folder; if its classes have names, no label may be without one."""
    n_classes = len(class_names) or None
    train, train_labels = _read_part(folder, "train", n_classes)
    test, test_labels = _read_part(folder, "t10k", n_classes)
    shape = train.shape[1:]
    if test.shape[1:] != shape:
        msg = f"{folder} must hold test images of the size of its training images, {shape}; theirs is {test.shape[1:]}"
        raise ValueError(msg)
    data = Dataset(name, train.reshape(len(train), -1), train_labels, test.reshape(len(test), -1), test_labels)
    return replace(data, class_names=class_names, image_shape=shape)


@sharing(loads=LOADS)
def load_mnist(folder: str | Path | None = None, *, download: bool = False) -> Dataset:
    """Load MNIST: 60,000 + 10,000 images of handwritten digits, 28 x 28 bytes.

    Parameters
    ----------
    folder : path, optional
        Holds the four idx files, plain or gzipped. By default they are looked for in the folders `mnist` and `MNIST/raw` of
        the folder that the environment variable DEEPROB_FAST_DATA names, then among earlier downloads.
    download : bool
        Download them (11 MB) where they are not found; needs `deeprob-fast[datasets]`.

    {loads}

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.datasets.load_mnist("no/such/folder")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: no/such/folder must be the folder of the MNIST idx files ...
    """
    return load_idx_folder(MNIST.name, locate(MNIST, folder, download=download), DIGIT_NAMES)


@sharing(loads=LOADS)
def load_fashion_mnist(folder: str | Path | None = None, *, download: bool = False) -> Dataset:
    """Load Fashion-MNIST: 60,000 + 10,000 images of clothes, 28 x 28 bytes, 10 classes.

    Parameters
    ----------
    folder : path, optional
        Holds the four idx files, plain or gzipped. By default they are looked for in the folders `fashion-mnist` and
        `FashionMNIST/raw` of the folder that the environment variable DEEPROB_FAST_DATA names, then where Debian's package
        dataset-fashion-mnist puts them, then among earlier downloads.
    download : bool
        Download them (30 MB) where they are not found; needs `deeprob-fast[datasets]`.

    {loads}

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.datasets.load_fashion_mnist("no/such/folder")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: no/such/folder must be the folder of the Fashion-MNIST idx files ...
    """
    return load_idx_folder(FASHION_MNIST.name, locate(FASHION_MNIST, folder, download=download), FASHION_NAMES)
