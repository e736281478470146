"""Preprocessing against the courses' own steps, written out in NumPy."""

from dataclasses import replace

import numpy as np
import pytest

from deeprob_fast import datasets

RNG = np.random.default_rng(0)


def images(shape=(3, 32, 32), n_train=50, n_test=7):
    size = int(np.prod(shape))
    rows = RNG.integers(0, 256, (n_train + n_test, size), dtype=np.uint8)
    labels = RNG.integers(0, 10, n_train + n_test, dtype=np.uint8)
    groups = np.repeat([f"mug_{i}" for i in range(10)], 5)[:n_train]
    return datasets.Dataset(
        "images", rows[:n_train], labels[:n_train], rows[n_train:], labels[n_train:], ("a",) * 10, shape, groups
    )


def test_as_deeprob():
    data = images()
    ours = datasets.preprocess(data, scale=255, center="channel", bias=True, validation=0.2)
    x, x_test = (rows.reshape(-1, 3, 32, 32) / 255 for rows in (data.train, data.test))
    mean = x.mean(axis=(0, 2, 3), keepdims=True)
    flat, flat_test = ((part - mean).reshape(len(part), -1) for part in (x, x_test))
    flat, flat_test = (np.hstack([part, np.ones((len(part), 1))]) for part in (flat, flat_test))
    n = int(50 * (1 - 0.2))
    for found, wanted in ((ours.X_train, flat[:n]), (ours.X_val, flat[n:]), (ours.X_test, flat_test)):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=3e-7)
        assert found.dtype == np.float32
    np.testing.assert_array_equal(ours.y_train, data.train_labels[:n])
    np.testing.assert_array_equal(ours.y_val, data.train_labels[n:])
    np.testing.assert_array_equal(ours.y_test, data.test_labels)
    assert ours.y_train.dtype == np.int64
    np.testing.assert_allclose(data.test / np.float32(255) - ours.mean, ours.X_test[:, :-1], rtol=0, atol=3e-7)


def test_as_cs231n():
    data = images((32, 32, 3))
    ours = datasets.preprocess(data, center="image", bias=True, dtype="float64", validation=0.1)
    x = data.train.astype(float)
    mean = x[:45].mean(axis=0)
    for found, wanted in ((ours.X_train, x[:45]), (ours.X_val, x[45:]), (ours.X_test, data.test)):
        np.testing.assert_allclose(found[:, :-1], wanted - mean, rtol=0, atol=1e-11)
        np.testing.assert_array_equal(found[:, -1], 1.0)
    np.testing.assert_allclose(ours.mean, mean, rtol=1e-14)


def test_nothing_to_do():
    data = images()
    ours = datasets.preprocess(data)
    np.testing.assert_array_equal(ours.X_train, data.train)
    assert ours.X_val.shape == (0, 3072)
    assert not ours.mean.any()


@pytest.mark.parametrize(("shape", "axes"), [((32, 32, 3), (0, 1, 2)), ((28, 28), (0, 1, 2)), ((1, 28, 28), (0, 2, 3))])
def test_channels(shape, axes):
    data = images(shape)
    ours = datasets.preprocess(data, center="channel", dtype="float64")
    mean = data.train.reshape(-1, *shape).mean(axis=axes, keepdims=True)
    np.testing.assert_allclose(ours.mean.reshape(shape), np.broadcast_to(mean[0], shape), rtol=1e-13)


@pytest.mark.parametrize("n", range(2, 40))
@pytest.mark.filterwarnings("ignore::deeprob_fast.datasets.SplitWarning")  # so few rows of ten classes
def test_number_of_validation_rows(n):
    for share in (0.1, 0.2, 0.25, 0.5):
        ours = datasets.preprocess(images((1, 2, 2), n), validation=share)
        assert len(ours.X_val) == len(ours.y_val) == n - int(n * (1 - share))
    assert len(datasets.preprocess(images((1, 2, 2), 10), validation=0.9).X_train) == 1


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"scale": 0}, ValueError, "scale must be a number above 0; got 0"),
        ({"scale": float("nan")}, ValueError, "scale must be a number above 0; got nan"),
        ({"scale": float("inf")}, ValueError, "scale must be a number above 0; got inf"),
        ({"scale": "255"}, TypeError, "scale must be a number above 0; got '255'"),
        ({"scale": True}, TypeError, "scale must be a number above 0; got True"),
        ({"center": "pixel"}, ValueError, 'center must be "image", "channel" or None; got \'pixel\''),
        ({"dtype": "float16"}, ValueError, "dtype must be one of float32, float64; got 'float16'"),
        ({"validation": 1}, ValueError, "validation must be a number of at least 0, less than 1; got 1"),
        ({"validation": -0.1}, ValueError, "validation must be a number of at least 0, less than 1; got -0.1"),
        ({"validation": 0.99}, ValueError, "validation must leave a training row; 0.99 of 50 leaves none"),
    ],
)
def test_bad_arguments(options, error, words):
    with pytest.raises(error, match=words):
        datasets.preprocess(images(), **options)


@pytest.mark.parametrize("shape", [(), (12,), (3, 32, 3), (8, 8, 48)])
def test_rows_without_channels(shape):
    data = replace(images((3072,)), image_shape=shape)
    with pytest.raises(ValueError, match=r'center="channel" needs images with one axis of colours; image_shape is \('):
        datasets.preprocess(data, center="channel")


def test_validation_rows_of_classes_that_are_not_trained():
    """The last rows, as the courses take them, of rows that are sorted by class."""
    data = replace(images(), train_labels=np.repeat(np.arange(5), 10))
    with pytest.warns(datasets.SplitWarning, match="10 validation rows of images are of classes that no training row has, 4:"):
        datasets.preprocess(data, validation=0.2)


def test_subsample():
    data = images()
    few = datasets.subsample(data, 12, 3)
    np.testing.assert_array_equal(few.train, data.train[:12])
    np.testing.assert_array_equal(few.test_labels, data.test_labels[:3])
    np.testing.assert_array_equal(few.groups, data.groups[:12])
    assert (few.class_names, few.image_shape, few.name) == (data.class_names, data.image_shape, data.name)
    assert len(datasets.subsample(data, n_test=2).train) == 50
    assert datasets.subsample(replace(data, groups=None), 4).groups is None
    for bad in (0, 51, -1):
        with pytest.raises(ValueError, match=rf"n_train must be between 1 and 50 \(images has so many rows\); got {bad}"):
            datasets.subsample(data, bad)
    with pytest.raises(TypeError, match=r"n_test must be an integer; got 2\.5"):
        datasets.subsample(data, n_test=2.5)


@pytest.mark.parametrize("seed", range(5))
def test_group_split(seed):
    data = images()
    train_rows, validation_rows = datasets.group_split(data, 0.3, seed)
    assert sorted([*train_rows, *validation_rows]) == list(range(50))
    assert len(set(data.groups[validation_rows])) == 3
    assert not set(data.groups[train_rows]) & set(data.groups[validation_rows])
    assert (np.diff(train_rows) > 0).all()
    assert [rows.tolist() for rows in datasets.group_split(data, 0.3, seed)] == [train_rows.tolist(), validation_rows.tolist()]


def test_group_split_depends_on_the_seed():
    assert len({tuple(datasets.group_split(images(), 0.3, seed)[1]) for seed in range(10)}) > 5


@pytest.mark.parametrize(
    ("changes", "options", "error", "words"),
    [
        ({"groups": None}, {}, ValueError, "dataset must have groups; images has none"),
        ({"groups": np.zeros(50)}, {}, ValueError, "dataset must have at least two groups; images has one"),
        ({}, {"fraction": 0.0}, ValueError, "fraction must be a number above 0 and below 1; got 0.0"),
        ({}, {"fraction": 1}, ValueError, "fraction must be a number above 0 and below 1; got 1"),
        ({}, {"seed": -1}, ValueError, "seed must be between 0 and"),
        ({}, {"seed": None}, TypeError, "seed must be an integer; got None"),
        ({}, {"fraction": 0.999}, ValueError, "fraction must leave a group on each side; 0.999 of 10 does not"),
    ],
)
def test_bad_group_splits(changes, options, error, words):
    with pytest.raises(error, match=words):
        datasets.group_split(replace(images(), **changes), **options)
