"""PROPS, the image classification data set of the DeepRob course: pickles of one object in one scene each."""

import hashlib
import random
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._files.refusal import one_line, refuse
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._archive import read_members
from deeprob_fast.datasets._base import Dataset
from deeprob_fast.datasets._labels import check_class_numbers
from deeprob_fast.datasets._layout import IMAGE_SHAPES, N_BYTES, check_layout, rows_in_layout
from deeprob_fast.datasets._names import natural
from deeprob_fast.datasets._pickle_rules import Allowance
from deeprob_fast.datasets._props_arrays import SIGN, Parts, read_parts
from deeprob_fast.datasets._sources import Source, locate
from deeprob_fast.datasets._unpickle import PickledArray, unpickle

PROPS_NAMES = (
    "master_chef_can",
    "cracker_box",
    "sugar_box",
    "tomato_soup_can",
    "mustard_bottle",
    "tuna_fish_can",
    "gelatin_box",
    "potted_meat_can",
    "mug",
    "large_marker",
)
_FOLDER = "Progress-Objects-Sample"
_META = "meta.pkl"
_LARGEST_FILE = 1 << 26  # bytes; a real one has a little over a million

PROPS = Source(
    name="props",
    what="PROPS files",
    signs=(_META, SIGN, f"{_FOLDER}/{_META}", f"{_FOLDER}.tar.gz"),
    places=("props", "."),
    by_hand=f"or get {_FOLDER}.tar.gz in a browser from https://drive.google.com/file/d/1C8_JFsnPVm392C-S1rH0y4HFfNkdMlXi/view, "
    "to which the dataset pages of deeprob.org link",
)


class _Instance(NamedTuple):
    """The photographs of one object in one scene: rows of pixels, red, green, blue of one after the other."""

    images: AnyArray
    labels: list[int]


def _known_sums() -> dict[str, str]:
    """Return the md5 sum of each file by its name."""
    lines = resources.files("deeprob_fast.datasets").joinpath("props.md5").read_text(encoding="ascii").splitlines()
    return {name: md5 for md5, name in (line.split() for line in lines)}


def _folder_members(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.glob("*.pkl"):
        if (size := regular_size(path)) > _LARGEST_FILE:
            raise refuse(path, f"must hold at most {_LARGEST_FILE} bytes; it holds {size}")
        with open_regular(path) as file:
            yield path.name, file.read(_LARGEST_FILE)


def _verified(place: Path, members: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Let exactly the known files through."""
    sums = _known_sums()
    for name, content in members:
        if name not in sums:
            raise refuse(place / one_line(name), "is not a file of PROPS; verify=False reads other collections")
        expected = sums.pop(name)
        # The sums that the course publishes are of this kind; whoever forges one still meets the unpickler.
        if (md5 := hashlib.md5(content, usedforsecurity=False).hexdigest()) != expected:
            msg = f"{place / name} must have the md5 sum {expected}; it has {md5}"
            raise ValueError(msg)
        yield name, content
    if sums:
        msg = f"{place} must hold all files of PROPS; it lacks {', '.join(sorted(sums, key=natural))}"
        raise ValueError(msg)


def _value(where: Path, content: Any, key: str) -> Any:
    if not isinstance(content, dict) or key not in content:
        msg = f"{where} must hold a dict with the key {key!r}; it holds {type(content).__name__}"
        raise ValueError(msg)
    return content[key]


def _instance(where: Path, content: Any) -> _Instance:
    images, labels = _value(where, content, "data"), _value(where, content, "labels")
    if isinstance(images, list) and images and all(isinstance(image, PickledArray) for image in images):
        arrays = [image.array for image in images]
        if (
            len({array.shape for array in arrays}) == 1 and sum(array.nbytes for array in arrays) <= _LARGEST_FILE
        ):  # one may recur
            images = np.stack(arrays)
    elif isinstance(images, PickledArray):
        images = images.array
    if not isinstance(images, np.ndarray):
        msg = f"{where} must hold an array or images of one shape in 'data'; it holds {type(images).__name__}"
        raise ValueError(msg)  # noqa: TRY004  # the file is wrong, not an argument
    layouts = {IMAGE_SHAPES["HWC"]: "HWC", (N_BYTES,): "CHW"}  # the second as in CIFAR-10's pickles
    if images.dtype != np.uint8 or images.shape[1:] not in layouts or len(images) == 0:
        msg = (
            f"{where} must hold bytes of shape (n, 32, 32, 3) or (n, {N_BYTES}); it holds {images.dtype} of shape {images.shape}"
        )
        raise ValueError(msg)
    if isinstance(labels, PickledArray):
        labels = labels.array.tolist()
    if (
        not isinstance(labels, list)
        or len(labels) != len(images)
        or not all(type(label) is int and 0 <= label < len(PROPS_NAMES) for label in labels)
    ):
        msg = f"{where} must hold {len(images)} class numbers from 0 to {len(PROPS_NAMES) - 1} in 'labels'"
        raise ValueError(msg)
    return _Instance(rows_in_layout(images, layouts[images.shape[1:]], "HWC"), labels)


def _test_split(where: Path, content: Any, instances: dict[str, _Instance]) -> set[str]:
    names = _value(where, content, "test_split")
    if isinstance(names, PickledArray):
        names = names.array.tolist()
    if not isinstance(names, (list, tuple, set)) or not all(isinstance(name, str) for name in names):
        msg = f"{where} must hold a list of names in 'test_split'"
        raise ValueError(msg)
    if unknown := sorted(set(names) - instances.keys(), key=natural):
        raise refuse(where, f"must name files of its folder in 'test_split'; it names {', '.join(unknown)}")
    if not 0 < len(set(names)) < len(instances):
        msg = f"{where} must name some of the {len(instances)} instances in 'test_split' and not all; it names {len(set(names))}"
        raise ValueError(msg)
    return set(names)


def _read_pickles(path: Path, *, verify: bool) -> Parts:
    """Read all instances in the natural order of their names."""
    archive = not path.is_dir()
    members: Iterable[tuple[str, bytes]] = (
        read_members(path, _FOLDER, lambda name: name.endswith(".pkl"), _LARGEST_FILE) if archive else _folder_members(path)
    )
    place = path / _FOLDER if archive else path
    meta, instances, allowance = None, {}, Allowance()
    for name, content in _verified(place, members) if verify else members:
        value = unpickle(content, place / one_line(name), allowance)
        if name == _META:
            meta = value
        else:
            instances[name.removesuffix(".pkl")] = _instance(place / name, value)
    if meta is None:
        msg = f"{place} must hold {_META}"
        raise ValueError(msg)
    held_out = _test_split(place / _META, meta, instances)
    parts: list[tuple[AnyArray, AnyArray, AnyArray]] = []
    for wanted in (False, True):
        names = sorted((name for name in instances if (name in held_out) == wanted), key=natural)
        parts.append(
            (
                np.concatenate([instances[name].images for name in names]),
                np.array([label for name in names for label in instances[name].labels], dtype=np.uint8),
                np.repeat(names, [len(instances[name].images) for name in names]),
            )
        )
    (train, train_labels, groups), (test, test_labels, _) = parts
    return Parts(train, train_labels, groups, test, test_labels)


def read_props(folder: str | Path | None, *, verify: bool) -> Parts:
    """Read PROPS in the natural order of the instances' names, from its pickles or from what `write_parts` wrote."""
    path = locate(PROPS, folder)
    if (path / SIGN).is_file():
        parts = read_parts(path)
        check_class_numbers(path / "y.npy", parts.y, len(PROPS_NAMES))
        check_class_numbers(path / "y_test.npy", parts.y_test, len(PROPS_NAMES))
        return parts
    return _read_pickles(path, verify=verify)


def load_props(folder: str | Path | None = None, *, layout: str = "HWC", shuffle: bool = True, verify: bool = True) -> Dataset:
    """Load PROPS: 50,000 + 10,000 colour images of 32 x 32, 10 household objects, from 157 scenes.

    Test images are of scenes that the training images do not show. `groups` names the scene of each training image: images of
    one scene are alike, so validate on other scenes (`group_split`).

    Parameters
    ----------
    folder : path, optional
        The folder Progress-Objects-Sample or one that holds it, the archive Progress-Objects-Sample.tar.gz, or a folder that
        `deeprob-fast data convert props` wrote. By default they are looked for in the folder that the environment variable
        DEEPROB_FAST_DATA names and in its folder `props`. Its address answers browsers only, so there is no download.
    layout : {"HWC", "CHW"}
        Order of the 3072 bytes of a row: "HWC" is that of the file, red, green, blue of one pixel after the other; "CHW" is
        1024 red, 1024 green, 1024 blue, as DeepRob flattens images.
    shuffle : bool
        Shuffle training rows and test rows by Python's generator with seed 0, as the course's class does. The rows are first put
        into the order of their files' names, mug_2 before mug_10, so the result is the same in every process; the course's
        differs between processes. Without it all images of an object follow one another.
    verify : bool
        Compare each pickle with the course's md5 sum, and insist on the whole set. False reads other collections of the format.
        Either way nothing in a pickle is executed.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If the files are not there.
    ValueError
        If a file is damaged, foreign, or holds anything but data.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.datasets.load_props("no/such/folder")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: no/such/folder must be the folder of the PROPS files ...
    """
    layout = check_layout(layout)
    parts = read_props(folder, verify=verify)
    train_order, test_order = (_order(len(labels), shuffle=shuffle) for labels in (parts.y, parts.y_test))
    return Dataset(
        "props",
        rows_in_layout(parts.X[train_order], "HWC", layout),
        parts.y[train_order],
        rows_in_layout(parts.X_test[test_order], "HWC", layout),
        parts.y_test[test_order],
        PROPS_NAMES,
        IMAGE_SHAPES[layout],
        parts.groups[train_order],
    )


def _order(n_rows: int, *, shuffle: bool) -> slice | list[int]:
    if not shuffle:
        return slice(None)
    order = list(range(n_rows))
    random.Random(0).shuffle(order)  # the course's generator
    return order
