"""PROPS, on pickles made in its format: folders, archives, converted; whole, damaged, malicious."""

import gzip
import hashlib
import os
import pickle
import pickletools
import random

import numpy as np
import pytest

from deeprob_fast import datasets
from deeprob_fast.datasets import _props, _props_arrays
from tests.datasets.image_files import CLASSES, HELD_OUT, props_files, scenes, tar_bytes, write_files

FOLDER = "Progress-Objects-Sample"
TRAIN_ORDER = ["cracker_box_2", "cracker_box_10", "mug_1"]  # 2 before 10
TEST_ORDER = ["master_chef_can_1", "mug_12"]


def load(path, **options):
    return datasets.load_props(path, verify=False, **options)


def save(path, content):
    path.write_bytes(content)
    return path


def expected(names, made=None):
    made = made or scenes()
    return (
        np.concatenate([made[name]["data"].reshape(-1, 3072) for name in names]),
        np.concatenate([made[name]["labels"] for name in names]),
        [name for name in names for _ in made[name]["labels"]],
    )


@pytest.mark.parametrize("place", ["folder", "parent", "archive", "folder of archive"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_places(tmp_path, place, protocol):
    files = props_files(protocol)
    given = {
        "folder": lambda: write_files(tmp_path / FOLDER, files),
        "parent": lambda: write_files(tmp_path / FOLDER, files).parent,
        "archive": lambda: save(tmp_path / "a.tar.gz", gzip.compress(tar_bytes(FOLDER, files))),
        "folder of archive": lambda: save(tmp_path / f"{FOLDER}.tar.gz", tar_bytes(FOLDER, dict(reversed(files.items())))).parent,
    }[place]()
    data = load(given, shuffle=False)
    images, labels, groups = expected(TRAIN_ORDER)
    np.testing.assert_array_equal(data.train, images)
    np.testing.assert_array_equal(data.train_labels, labels)
    assert data.groups.tolist() == groups
    images, labels, _ = expected(TEST_ORDER)
    np.testing.assert_array_equal(data.test, images)
    np.testing.assert_array_equal(data.test_labels, labels)
    assert (data.name, data.class_names[8], data.image_shape, data.train.dtype) == ("props", "mug", (32, 32, 3), np.uint8)


def test_shuffle_is_the_courses_on_sorted_names(tmp_path):
    folder = write_files(tmp_path, props_files())
    plain, shuffled = load(folder, shuffle=False), load(folder)
    for name in ("train", "train_labels", "groups", "test", "test_labels"):
        order = list(range(len(getattr(plain, name))))
        random.Random(0).shuffle(order)
        np.testing.assert_array_equal(getattr(shuffled, name), getattr(plain, name)[order])
    assert shuffled.groups.tolist() != plain.groups.tolist()


def test_layout_and_rows_of_planes(tmp_path):
    made = scenes()
    folder = write_files(tmp_path / "a", props_files())
    planes = load(folder, layout="CHW", shuffle=False)
    assert planes.image_shape == (3, 32, 32)
    assert planes.train.flags.c_contiguous
    pixels = expected(TRAIN_ORDER)[0].reshape(-1, 32, 32, 3)
    np.testing.assert_array_equal(planes.train.reshape(-1, 3, 32, 32), pixels.transpose(0, 3, 1, 2))
    for scene in made.values():
        scene["data"] = scene["data"].transpose(0, 3, 1, 2).reshape(-1, 3072)
        scene["labels"] = np.array(scene["labels"])
    flat = load(write_files(tmp_path / "b", props_files(made=made)), shuffle=False)
    np.testing.assert_array_equal(flat.train, expected(TRAIN_ORDER)[0])
    made = scenes()
    for scene in made.values():
        scene["data"] = list(scene["data"])
    listed = load(write_files(tmp_path / "c", props_files(made=made)), shuffle=False)
    np.testing.assert_array_equal(listed.train, expected(TRAIN_ORDER)[0])
    with pytest.raises(ValueError, match="layout must be one of CHW, HWC; got None"):
        load(folder, layout=None)


@pytest.mark.parametrize("form", [list, tuple, set, np.array])
@pytest.mark.parametrize("protocol", [2, 4])
def test_forms_of_the_split(tmp_path, form, protocol):
    """The course reads whatever Python can make a set of."""
    files = props_files() | {"meta.pkl": pickle.dumps({"test_split": form(HELD_OUT)}, protocol)}
    assert len(load(write_files(tmp_path, files)).test) == 3


def test_the_list_of_sums():
    sums = _props._known_sums()
    assert len(sums) == 158
    instances = [name.removesuffix(".pkl").rpartition("_") for name in sums if name != "meta.pkl"]
    assert {cls for cls, _, _ in instances} == set(datasets.load_props.__globals__["PROPS_NAMES"])
    absent = {f"{cls}_{i}" for cls in _props.PROPS_NAMES for i in range(1, 17)} - {f"{cls}_{i}" for cls, _, i in instances}
    assert absent == {"cracker_box_14", "large_marker_10", "master_chef_can_6"}
    assert sums["mug_10.pkl"] == "b9615d06449d83ef2a7ea7a25b2e8ec5"
    assert all(len(known) == 32 for known in sums.values())
    assert list(CLASSES.values()) == [_props.PROPS_NAMES.index(cls) for cls in CLASSES]


@pytest.fixture
def known(monkeypatch):
    """Let the test's own files be the ones that are known."""
    files = props_files()
    sums = {name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(_props, "_known_sums", lambda: dict(sums))
    return files


def test_verified(tmp_path, known):
    folder = write_files(tmp_path / "a", known)
    assert len(datasets.load_props(folder).train) == 9
    archive = save(tmp_path / "a.tar.gz", gzip.compress(tar_bytes(FOLDER, known)))
    assert len(datasets.load_props(archive).train) == 9


def test_the_sum_is_looked_at_before_the_pickle(tmp_path, known, monkeypatch):
    read = []
    monkeypatch.setattr(_props, "unpickle", lambda *arguments: read.append(arguments))
    files = {"meta.pkl": pickle.dumps({"test_split": []})}
    with pytest.raises(ValueError, match=r"meta.pkl must have the md5 sum [0-9a-f]{32}; it has [0-9a-f]{32}$"):
        datasets.load_props(write_files(tmp_path, files))
    assert read == []


def test_files_that_are_not_known(tmp_path, known):
    folder = write_files(tmp_path / "a", known | {"mug_99.pkl": known["mug_1.pkl"]})
    with pytest.raises(ValueError, match=r"mug_99.pkl is not a file of PROPS; verify=False reads"):
        datasets.load_props(folder)
    (folder / "mug_99.pkl").unlink()
    (folder / "cracker_box_10.pkl").unlink()
    (folder / "cracker_box_2.pkl").unlink()
    with pytest.raises(ValueError, match=r"a must hold all files of PROPS; it lacks cracker_box_2.pkl, cracker_box_10.pkl$"):
        datasets.load_props(folder)


class Evil:
    def __reduce__(self):
        return os.system, ("touch canary",)


DATA = scenes()["mug_1"]
META = {"test_split": HELD_OUT}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("mug_1", Evil(), "it names posix.system"),
        ("meta", Evil(), "it names posix.system"),
        ("mug_1", {"data": DATA["data"], "labels": [Evil()]}, "it names posix.system"),
        ("mug_1", {"data": np.array([Evil()], object), "labels": [8]}, "dtype 'O8'"),
        ("mug_1", {"labels": [8]}, "must hold a dict with the key 'data'; it holds dict"),
        ("mug_1", {"data": DATA["data"]}, "must hold a dict with the key 'labels'"),
        ("mug_1", [1, 2], "must hold a dict with the key 'data'; it holds list"),
        ("mug_1", {"data": [1], "labels": [8]}, "must hold an array or images of one shape in 'data'; it holds list"),
        ("mug_1", {"data": [DATA["data"][0], DATA["data"]], "labels": [8, 8]}, "images of one shape in 'data'; it holds list"),
        ("mug_1", {"data": [], "labels": []}, "images of one shape in 'data'; it holds list"),
        ("mug_1", {**DATA, "data": DATA["data"].astype(float)}, r"must hold bytes of shape .* it holds float64 of shape \(4, 32"),
        (
            "mug_1",
            {**DATA, "data": DATA["data"][:, :31]},
            r"must hold bytes of shape .* it holds uint8 of shape \(4, 31, 32, 3\)",
        ),
        (
            "mug_1",
            {**DATA, "data": DATA["data"][0, 0, 0, 0]},
            "must hold an array or images of one shape in 'data'; it holds int",
        ),
        ("mug_1", {"data": DATA["data"][:0], "labels": []}, r"uint8 of shape \(0, 32, 32, 3\)"),
        ("mug_1", {**DATA, "labels": [8]}, "must hold 4 class numbers from 0 to 9 in 'labels'"),
        ("mug_1", {**DATA, "labels": [8, 8, 8, 10]}, "must hold 4 class numbers"),
        ("mug_1", {**DATA, "labels": [8, 8, 8, -1]}, "must hold 4 class numbers"),
        ("mug_1", {**DATA, "labels": [8, 8, 8, 8.0]}, "must hold 4 class numbers"),
        ("mug_1", {**DATA, "labels": np.full((4, 1), 8)}, "must hold 4 class numbers"),
        ("mug_1", {**DATA, "labels": "8888"}, "must hold 4 class numbers"),
        ("meta", {"train_split": []}, "must hold a dict with the key 'test_split'"),
        ("meta", {"test_split": "mug_12"}, "must hold a list of names in 'test_split'"),
        ("meta", {"test_split": [1]}, "must hold a list of names in 'test_split'"),
        ("meta", {"test_split": ["mug_12", "mug_3", "bowl_1"]}, "it names bowl_1, mug_3$"),
        ("meta", {"test_split": []}, "must name some of the 5 instances in 'test_split' and not all; it names 0"),
        ("meta", {"test_split": [*TRAIN_ORDER, *TEST_ORDER]}, "not all; it names 5"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_foreign_and_malicious_content(tmp_path, monkeypatch, name, content, words, protocol):
    monkeypatch.chdir(tmp_path)
    files = props_files() | {f"{name}.pkl": pickle.dumps(content, protocol)}
    with pytest.raises(ValueError, match=rf"{name}.pkl .*{words}"):
        load(write_files(tmp_path / "a", files))
    with pytest.raises(ValueError, match=rf"a.tar/{FOLDER}/{name}.pkl .*{words}"):
        load(save(tmp_path / "a.tar", tar_bytes(FOLDER, files)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.tar"]


@pytest.mark.parametrize("name", ["meta.pkl", "mug_12.pkl"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_cut_at_every_instruction(tmp_path, name, protocol):
    files = props_files(protocol)
    folder = write_files(tmp_path, files)
    whole = files[name]
    edges = [position or 0 for _, _, position in pickletools.genops(whole)]
    for edge in edges:
        for content in (whole[:edge] + b".", whole[:edge] + whole[edge + 1 :]):
            (folder / name).write_bytes(content)
            try:
                data = load(folder)
            except ValueError as error:
                assert str(folder) in str(error)  # noqa: PT017  # both ends are allowed
            else:  # one instruction less can mean the same, as one that only numbers a value
                assert (len(data.train), len(data.test)) == (9, 3)
    for edge in edges:
        (folder / name).write_bytes(whole[:edge])
        with pytest.raises(ValueError, match=name):
            load(folder)


def test_archive_cut_at_every_block(tmp_path):
    """Where a file is missing nothing else would tell: the archive's own end mark must."""
    files = {
        name: props_files()[name]
        for name in ("meta.pkl", "mug_12.pkl", "master_chef_can_1.pkl", "mug_1.pkl", "cracker_box_2.pkl")
    }
    whole = tar_bytes(FOLDER, files)
    path = tmp_path / "a.tar"
    end = len(whole.rstrip(b"\0")) // 512 * 512 + 512
    for edge in range(0, end + 1, 512):
        path.write_bytes(whole[:edge])
        with pytest.raises(ValueError, match=r"a\.tar"):
            load(path)
    path.write_bytes(whole[: end + 512])
    assert len(load(path).train) == 7


def test_oversized(tmp_path, monkeypatch):
    folder = write_files(tmp_path / "a", props_files())
    monkeypatch.setattr(_props, "_LARGEST_FILE", len(props_files()["mug_1.pkl"]) - 1)
    size = len(props_files()["mug_1.pkl"])
    with pytest.raises(ValueError, match=rf"mug_1.pkl must hold at most {size - 1} bytes; it holds {size}"):
        load(folder)
    with pytest.raises(ValueError, match=rf"mug_1.pkl must hold at most {size - 1} bytes; its header says {size}"):
        load(save(tmp_path / "a.tar", tar_bytes(FOLDER, props_files())))


def test_one_image_many_times(tmp_path):
    """A few bytes each name it again; together they would fill the memory."""
    made = scenes() | {"mug_1": {"data": [np.zeros((32, 32, 3), np.uint8)] * (1 << 16), "labels": []}}
    with pytest.raises(ValueError, match=r"mug_1.pkl must hold an array or images"):
        load(write_files(tmp_path, props_files(made=made)))


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none must be the folder of the PROPS files \(get .*tar.gz in a browser"):
        load(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"must hold meta.pkl or X.npy or .*; it holds nothing"):
        load(tmp_path)
    files = {name: content for name, content in props_files().items() if name != "meta.pkl"}
    with pytest.raises(ValueError, match=rf"a.tar/{FOLDER} must hold meta.pkl"):
        load(save(tmp_path / "a.tar", tar_bytes(FOLDER, files)))


@pytest.fixture
def converted(tmp_path):
    parts = _props.read_props(write_files(tmp_path / "pickles", props_files()), verify=False)
    _props_arrays.write_parts(parts, tmp_path / "npy")
    return tmp_path / "npy"


def test_converted(tmp_path, converted):
    for options in ({}, {"layout": "CHW"}, {"shuffle": False}):
        here, there = datasets.load_props(converted, **options), load(tmp_path / "pickles", **options)
        for name in ("train", "train_labels", "groups", "test", "test_labels"):
            np.testing.assert_array_equal(getattr(here, name), getattr(there, name))
        assert (here.image_shape, here.class_names) == (there.image_shape, there.class_names)


@pytest.mark.parametrize("name", ["X.npy", "y.npy", "groups.npy", "X_test.npy", "y_test.npy"])
def test_damaged_converted_files(converted, name):
    whole = (converted / name).read_bytes()
    sizes = [*range(0, 128, 3), *range(128, len(whole), 3072 if name.startswith("X") else 5)]
    for content in [*(whole[:size] for size in sizes), whole + b"\0"]:
        (converted / name).write_bytes(content)
        with pytest.raises(ValueError, match=name):
            datasets.load_props(converted)
    for position in range(128):
        for flip in (0xFF, 0x01):
            damaged = bytearray(whole)
            damaged[position] ^= flip
            (converted / name).write_bytes(damaged)
            try:
                data = datasets.load_props(converted)
            except ValueError as error:
                assert name in str(error)  # noqa: PT017  # both ends are allowed
            else:  # the header is Python text: a space may become another one, C order of one dimension Fortran's
                assert (data.train.shape, len(data.test)) == ((9, 3072), 3)
    (converted / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"must hold meta.pkl" if name == "X.npy" else name):
        datasets.load_props(converted)


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        (
            "X",
            np.zeros((9, 3071), np.uint8),
            r"must hold an array of type u1 and shape \(n, 3072\); it holds \|u1 of shape \(9, 3071\)",
        ),
        ("X", np.zeros((9, 3072), np.int8), "it holds |i1"),
        ("X", np.zeros((0, 3072), np.uint8), "must hold an array"),
        ("y", np.zeros(8, np.uint8), r"must hold an array of type u1 and shape \(9,\)"),
        ("y", np.full(9, 10, np.uint8), "from 0 to 9; number 0 of them is 10"),
        ("groups", np.zeros(9, np.uint8), "must hold an array of type U"),
        ("groups", np.array([None] * 9), "must hold plain arrays; it holds Python objects"),
    ],
)
def test_foreign_converted_files(converted, name, array, words):
    np.save(converted / f"{name}.npy", array)
    with pytest.raises(ValueError, match=rf"{name}.npy .*{words}"):
        datasets.load_props(converted)
    np.savez(converted / f"{name}.npz", array)
    (converted / f"{name}.npz").rename(converted / f"{name}.npy")
    with pytest.raises(ValueError, match=rf"{name}.npy is damaged: it must start as NumPy's format does; it starts with 504b"):
        datasets.load_props(converted)
