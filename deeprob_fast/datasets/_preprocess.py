"""What the courses do to images before they classify them, and splits that keep groups whole."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deeprob_fast._scalars import check_integer
from deeprob_fast._typing import AnyArray, Int64
from deeprob_fast.datasets._base import Dataset
from deeprob_fast.datasets._splitting import split_groups, warn_of_unknown_classes

_DTYPES = ("float32", "float64")
_N_CHANNELS = (1, 3, 4)


@dataclass(frozen=True)
class Preprocessed:
    """Rows as a classifier takes them.

    Attributes
    ----------
    X_train, X_val, X_test : array, shape (n_rows, n_features), with bias (n_rows, n_features + 1)
    y_train, y_val, y_test : array, shape (n_rows,)
    mean : array, shape (n_features,)
        What was subtracted, after scaling: a new row x becomes x / scale - mean. Zeros if nothing was.
    """

    X_train: AnyArray
    y_train: AnyArray
    X_val: AnyArray
    y_val: AnyArray
    X_test: AnyArray
    y_test: AnyArray
    mean: AnyArray


def subsample(dataset: Dataset, n_train: int | None = None, n_test: int | None = None) -> Dataset:
    """Keep the first rows only, as the courses do.

    Parameters
    ----------
    dataset : Dataset
    n_train, n_test : int, optional
        Numbers of rows; by default all.

    Returns
    -------
    Dataset
        Its arrays are views.

    Raises
    ------
    TypeError, ValueError
        If a number is not an integer between 1 and the number of rows.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.datasets.subsample(df.datasets.load_digits(), 500, 100).train.shape
    (500, 64)
    """
    available = f"{dataset.name} has so many rows"
    n_train = len(dataset.train) if n_train is None else check_integer("n_train", n_train, 1, len(dataset.train), available)
    n_test = len(dataset.test) if n_test is None else check_integer("n_test", n_test, 1, len(dataset.test), available)
    return replace(
        dataset,
        train=dataset.train[:n_train],
        train_labels=dataset.train_labels[:n_train],
        test=dataset.test[:n_test],
        test_labels=dataset.test_labels[:n_test],
        groups=None if dataset.groups is None else dataset.groups[:n_train],
    )


def _check_number(name: str, value: Any, *, low: float, high: float, allowed: str) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        msg = f"{name} must be {allowed}; got {value!r}"
        raise TypeError(msg)
    if not low < value < high:
        msg = f"{name} must be {allowed}; got {value!r}"
        raise ValueError(msg)
    return float(value)


def _channel_axis(image_shape: tuple[int, ...]) -> int | None:
    """Return which axis of an image counts its colours; None for an image of one colour."""
    if len(image_shape) == 2:
        return None
    if len(image_shape) == 3 and (image_shape[0] in _N_CHANNELS) != (image_shape[2] in _N_CHANNELS):
        return 0 if image_shape[0] in _N_CHANNELS else 2
    msg = f'center="channel" needs images with one axis of colours; image_shape is {image_shape}'
    raise ValueError(msg)


def _mean(rows: AnyArray, center: str, image_shape: tuple[int, ...]) -> AnyArray:
    """Return the mean of each feature, or of its whole channel, in float64."""
    per_pixel: AnyArray = rows.mean(axis=0, dtype=np.float64)
    if center == "image":
        return per_pixel
    axis = _channel_axis(image_shape)
    image = per_pixel.reshape(image_shape)
    others = tuple(i for i in range(image.ndim) if i != axis)
    return np.broadcast_to(image.mean(axis=others, keepdims=True), image.shape).reshape(-1)


def preprocess(
    dataset: Dataset,
    *,
    scale: float | None = None,
    center: str | None = None,
    bias: bool = False,
    dtype: str = "float32",
    validation: float = 0.0,
) -> Preprocessed:
    """Scale, center, append ones and split off validation rows, as the courses do.

    DeepRob: ``preprocess(data, scale=255, center="channel", bias=True, validation=0.2)`` on CHW rows. CS231n:
    ``preprocess(data, center="image", bias=True, dtype="float64", validation=0.02)`` on HWC rows.

    Parameters
    ----------
    dataset : Dataset
    scale : float, optional
        Divides the features, such as 255 for bytes.
    center : {"image", "channel"}, optional
        What to subtract: the mean of each feature over the training rows without the validation rows (CS231n's mean image), or
        the mean of each colour over all of them (DeepRob's).
    bias : bool
        Append a column of ones, the last one.
    dtype : {"float32", "float64"}
        Of the result.
    validation : float
        Share of the training rows, the last ones, that become validation rows: at least 0, less than 1. Rows of one group may
        then be on both sides; `group_split` keeps them together. Those of classes without training rows, as where rows are
        sorted by class, are a `SplitWarning`.

    Returns
    -------
    Preprocessed

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described, or no training row remains.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> rows = df.datasets.preprocess(df.datasets.load_digits(), scale=16, center="image", bias=True, validation=0.2)
    >>> rows.X_train.shape, rows.X_val.shape, rows.X_test.shape
    ((1150, 65), (288, 65), (359, 65))
    """
    divisor = 1.0 if scale is None else _check_number("scale", scale, low=0.0, high=math.inf, allowed="a number above 0")
    share = _check_number("validation", validation, low=-math.ulp(0.0), high=1.0, allowed="a number of at least 0, less than 1")
    if center not in (None, "image", "channel"):
        msg = f'center must be "image", "channel" or None; got {center!r}'
        raise ValueError(msg)
    if str(dtype) not in _DTYPES:
        msg = f"dtype must be one of {', '.join(_DTYPES)}; got {dtype!r}"
        raise ValueError(msg)
    n_rows, n_features = dataset.train.shape
    n_train = math.floor(n_rows * (1.0 - share) + 1e-9)  # 1 - share is rounded: ten rows at 0.9 leave one, not none
    if n_train == 0:
        msg = f"validation must leave a training row; {share} of {n_rows} leaves none"
        raise ValueError(msg)
    warn_of_unknown_classes(dataset.name, dataset.train_labels[:n_train], dataset.train_labels[n_train:], "validation")
    mean = np.zeros(n_features)
    if center is not None:
        mean = _mean(dataset.train if center == "channel" else dataset.train[:n_train], center, dataset.image_shape) / divisor
    mean = mean.astype(dtype)
    train, test = (_rows(rows, divisor, mean, bias=bias) for rows in (dataset.train, dataset.test))
    y_train, y_test = (_labels(labels) for labels in (dataset.train_labels, dataset.test_labels))
    return Preprocessed(train[:n_train], y_train[:n_train], train[n_train:], y_train[n_train:], test, y_test, mean)


def _rows(rows: AnyArray, divisor: float, mean: AnyArray, *, bias: bool) -> AnyArray:
    result = np.ones((len(rows), rows.shape[1] + bias), dtype=mean.dtype)
    features = result[:, : rows.shape[1]]
    features[:] = rows
    features /= mean.dtype.type(divisor)
    features -= mean
    return result


def _labels(labels: AnyArray) -> AnyArray:
    return labels.astype(np.int64) if labels.dtype.kind in "iu" else labels


def group_split(dataset: Dataset, fraction: float = 0.2, seed: int = 0) -> tuple[Int64, Int64]:
    """Split the training rows so that no group is on both sides.

    Parameters
    ----------
    dataset : Dataset
        With groups.
    fraction : float
        Share of the groups, above 0 and below 1, whose rows are for validation.
    seed : int
        Chooses the groups.

    Returns
    -------
    train_rows, validation_rows : arrays of int64
        Row numbers, ascending.

    Raises
    ------
    TypeError, ValueError
        If the data set has no groups, or an argument is not as described.

    Examples
    --------
    >>> from dataclasses import replace
    >>> import deeprob_fast as df
    >>> data = df.datasets.load_digits()
    >>> writers = replace(data, groups=data.train[:, 20])
    >>> train_rows, validation_rows = df.datasets.group_split(writers)
    >>> set(writers.groups[train_rows]) & set(writers.groups[validation_rows])
    set()
    """
    if dataset.groups is None:
        msg = f"dataset must have groups; {dataset.name} has none"
        raise ValueError(msg)
    share = _check_number("fraction", fraction, low=0.0, high=1.0, allowed="a number above 0 and below 1")
    seed = check_integer("seed", seed, 0, 2**32 - 1, "a seed of NumPy's generators")
    n_groups = len(np.unique(dataset.groups))
    if n_groups < 2:
        msg = f"dataset must have at least two groups; {dataset.name} has one"
        raise ValueError(msg)
    if math.ceil(share * n_groups) == n_groups:
        msg = f"fraction must leave a group on each side; {share} of {n_groups} does not"
        raise ValueError(msg)
    return split_groups(dataset.groups, share, seed)
