"""Which rows are for testing, where a data set does not say so itself."""

import re

import numpy as np
import pytest

from deeprob_fast import datasets
from deeprob_fast._memory import is_mapped
from deeprob_fast.datasets import SplitWarning

N_ROWS = 200
KINDS = ("stratified", "random", "last", "groups", "none")


def save(path, labels, **arrays):
    """Save rows of which each is its own number."""
    labels = np.asarray(labels)
    np.savez(path, X=np.arange(2 * len(labels), dtype=np.float64).reshape(-1, 2), y=labels, **arrays)
    return path


def rows_of(part):
    return part[:, 0].astype(int) // 2


@pytest.fixture
def mixed(tmp_path):
    """A file of 200 rows in four classes of 100, 60, 39 and 1 rows, in groups of ten."""
    labels = np.repeat([7, 8, 9, 10], [100, 60, 39, 1])
    labels = np.random.default_rng(0).permutation(labels)
    labels[[0, np.flatnonzero(labels == 10)[0]]] = labels[[np.flatnonzero(labels == 10)[0], 0]]
    return save(tmp_path / "mixed.npz", labels, groups=np.arange(N_ROWS) // 10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("load", [datasets.load, datasets.load_npz])
@pytest.mark.filterwarnings("ignore::deeprob_fast.datasets.SplitWarning")
def test_rows_are_parted(mixed, kind, load):
    """Every row is on one side, with its label and its group, and rows keep their order."""
    data = load(mixed, split=kind, seed=3) if kind in ("last", "none") else _with_all_classes(load, mixed, kind)
    labels = np.load(mixed)["y"]
    train, test = rows_of(data.train), rows_of(data.test)
    assert sorted([*train, *test]) == list(range(N_ROWS))
    assert (np.diff(train) > 0).all()
    assert (np.diff(test) > 0).all()
    np.testing.assert_array_equal(data.train_labels, labels[train])
    np.testing.assert_array_equal(data.test_labels, labels[test])
    np.testing.assert_array_equal(data.groups, train // 10)
    assert len(test) == (0 if kind == "none" else 40)
    assert data.split.startswith(kind)


def _with_all_classes(load, path, kind):
    """Load with the first seed that leaves the class of one row in training."""
    for seed in range(20):
        try:
            return load(path, split=kind, seed=seed)
        except ValueError as error:
            assert "makes all rows of class 10 test rows, 1 rows" in str(error)  # noqa: PT017  # the others must not fail
    pytest.fail("no seed will do")


def test_the_default_is_stratified_and_repeatable(tmp_path):
    path = save(tmp_path / "sorted.npz", np.repeat(["ant", "bee", "cat"], [50, 30, 20]))
    data, again, other = datasets.load(path), datasets.load(path), datasets.load(path, seed=1)
    assert data.split == "stratified, 20 %, seed 0"
    assert dict(zip(*np.unique(data.test_labels, return_counts=True), strict=True)) == {"ant": 10, "bee": 6, "cat": 4}
    np.testing.assert_array_equal(data.test, again.test)
    assert (rows_of(data.test) != rows_of(other.test)).any()
    # The same on every machine and with every version of NumPy.
    assert rows_of(data.test)[:8].tolist() == RECORDED


RECORDED = [6, 13, 15, 17, 32, 33, 37, 42]


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.99])
@pytest.mark.parametrize("seed", range(3))
def test_stratified_with_rare_classes(tmp_path, share, seed):
    """Two rows and more are on both sides, one row is for training, and the other classes have their share."""
    counts = np.array([1, 2, 1, 3, 2, 5, 50, 101, 300])
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(9), counts))
    data = datasets.load(save(tmp_path / "rare.npz", labels), test_share=share, seed=seed)
    n_test = np.bincount(data.test_labels, minlength=9)
    assert (n_test[counts == 1] == 0).all()
    assert (n_test[counts > 1] >= 1).all()
    assert (n_test < counts).all()
    assert (abs(n_test - share * counts) <= 1)[counts > 2].all()
    assert data.split == f"stratified, {100 * share:g} %, seed {seed}, 2 classes of one row for training only"


def test_all_rows_of_their_own_class(tmp_path):
    path = save(tmp_path / "ids.npz", np.arange(10))
    with pytest.raises(
        ValueError, match="ids must have several rows of some class to be split; each of its 10 rows has a label of"
    ):
        datasets.load(path)
    data = datasets.load(path, split="none")
    assert (len(data.train), len(data.test)) == (10, 0)


def test_groups_stay_together(tmp_path):
    groups = np.repeat(np.arange(20), 5)
    for name in ("groups", "group"):
        path = save(tmp_path / "grouped.npz", np.tile([0, 1], 50), **{name: groups})
        data = datasets.load(path, split="groups", test_share=0.3, seed=2)
        assert len(np.intersect1d(groups[rows_of(data.test)], data.groups)) == 0
        assert (len(data.test), data.split) == (30, "groups, 30 % of the groups, seed 2")
        with pytest.warns(SplitWarning, match='rows of one group are .* of grouped: split "groups" keeps them together'):
            datasets.load(path)
    # What is not one value a row is no group of rows.
    assert datasets.load(save(tmp_path / "named.npz", np.tile([0, 1], 50), groups=np.array(["a", "b"]))).groups is None


@pytest.mark.parametrize("kind", ["last", "random", "groups"])
def test_a_class_without_training_rows_is_an_error(tmp_path, kind):
    labels = np.repeat([*"abcdefghij"], 20)
    path = save(tmp_path / "sorted.npz", labels, groups=labels)
    words = r"split must leave training rows of every class of sorted \(\"stratified\" does\); '{}' makes all rows of class"
    if kind == "random":
        path = save(tmp_path / "sorted.npz", np.arange(200))
    with pytest.raises(ValueError, match=words.format(kind)) as caught:
        datasets.load(path, split=kind)
    if kind == "last":
        assert str(caught.value).endswith("class 'i', 'j' test rows, 40 rows")
    if kind == "random":
        assert re.search(r"class \d+, \d+, \d+, \d+, \d+ and 35 more test rows, 40 rows$", str(caught.value))


@pytest.mark.parametrize("labels", [["a", "b", "c", "c"], [5, 6, 7, 7]])
def test_a_class_without_training_rows_that_was_given_is_a_warning(tmp_path, labels):
    x = np.eye(4)
    np.savez(tmp_path / "given.npz", X=x[:2], y=labels[:2], X_test=x, y_test=labels)
    np.savez(tmp_path / "train.npz", X=x[:2], y=labels[:2])
    np.savez(tmp_path / "test.npz", X=x, y=labels)
    for path, options in (("given.npz", {}), ("train.npz", {"test": tmp_path / "test.npz"})):
        with pytest.warns(SplitWarning, match=f"2 test rows of .* are of classes that no training row has, {labels[-1]!r}:"):
            data = datasets.load(tmp_path / path, **options)
        assert (len(data.test), data.split) == (4, "its own")


def test_a_split_is_for_those_without_one(tmp_path):
    path = tmp_path / "own.npz"
    np.savez(path, X=np.eye(4), y=[0, 1, 0, 1], X_test=np.eye(4), y_test=[0, 1, 0, 1])
    for options, words in (({"split": "last"}, "split"), ({"test_share": 0.5}, "test_share")):
        with pytest.raises(ValueError, match=f"{words} must be None: .*own.npz has rows for testing of its own; got"):
            datasets.load(path, **options)
        with pytest.raises(ValueError, match=f"{words} must be None: mnist has rows for testing of its own"):
            datasets.load("mnist", **options)
    assert len(datasets.load(path, split="none").test) == 4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": "shuffled"}, "split must be one of stratified, random, last, groups, none; got 'shuffled'"),
        ({"split": "groups"}, "split must be one of stratified, random, last: all has no groups, one for each row"),
        ({"split": "none", "test_share": 0.5}, 'test_share must be None where split is "none"'),
        ({"test_share": 1.0}, "test_share must be finite and at least 0 and below 1"),
        ({"test_share": 0}, "test_share must be above 0"),
        ({"seed": -1}, "seed must be between 0 and"),
    ],
)
def test_what_is_no_split(tmp_path, options, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        datasets.load(save(tmp_path / "all.npz", [0, 1] * 5), **options)


def test_too_few_groups(tmp_path):
    path = save(tmp_path / "one.npz", [0, 1] * 5, groups=np.zeros(10))
    with pytest.raises(ValueError, match=r"groups must be enough for one on each side; got 1, of which 0\.2 is 1"):
        datasets.load(path, split="groups")


def test_mapped_files(tmp_path, monkeypatch):
    """Rows in their order stay in the file; others are read, if there is room."""
    np.save(tmp_path / "rows.npy", np.arange(40.0).reshape(20, 2))
    np.save(tmp_path / "y.npy", [0, 1] * 10)
    load = {"data": tmp_path / "rows.npy", "labels": tmp_path / "y.npy"}
    for kind in ("last", "none"):
        data = datasets.load(**load, split=kind)
        assert isinstance(data.train, np.memmap)
        assert len(data.test) == 0 or isinstance(data.test, np.memmap)
    assert not is_mapped(datasets.load(**load).train)
    monkeypatch.setattr("os.sysconf", lambda _: 15)  # pages of so many bytes
    with pytest.raises(MemoryError, match=r"takes 320 bytes .* has 225; split 'last' leaves the rows in the file"):
        datasets.load(**load)
    assert len(datasets.load(**load, split="none", seed=0).train) == 20


def test_digits():
    """scikit-learn names no test rows; the last fifth is the default here, and any other may be had."""
    assert datasets.load("digits").split == "last, 20 %"
    data = datasets.load("digits", split="stratified", test_share=0.1, seed=5)
    assert (len(data.test), data.split) == (180, "stratified, 10 %, seed 5")
    assert (datasets.load("digits", split="none").train.shape, data.image_shape) == ((1797, 64), (8, 8))
