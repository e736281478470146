"""Training and validation data, checked and in one computing dtype."""

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._typing import AnyArray, ArrayLike, Int64
from deeprob_fast.linear.checks import check_weights
from deeprob_fast.linear.examples import Examples, check_finite_loss, computing_dtype, examples_of


def _labels(name: str, labels: ArrayLike, n_rows: int, n_classes: int | None) -> tuple[Int64, int]:
    array = _validation.check_class_numbers(name, labels, n_rows, 2**31 if n_classes is None else n_classes)
    return array, int(array.max()) + 1 if n_classes is None else n_classes


def _as_float32(name: str, rows: AnyArray) -> AnyArray:
    with np.errstate(over="ignore"):
        narrow = rows.astype(np.float32)
    if np.isinf(narrow.min()) or np.isinf(narrow.max()):
        _validation.check_finite_rows(name, rows)
        msg = f"{name} must fit float32, in which is computed; got {rows[np.isinf(narrow)][0]:g} (dtype='float64' holds more)"
        raise ValueError(msg)
    return narrow


class TrainingData:
    """The examples to train on, and what validation data must agree with."""

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        n_classes: int | None,
        bias: bool,
        sample_weight: ArrayLike | None,
        mean: ArrayLike | None,
        std: ArrayLike | None,
        dtype: str | None,
        initial_weights: ArrayLike | None,
    ) -> None:
        rows = _validation.check_rows("X", X)
        self.start = None if initial_weights is None else check_weights(initial_weights, rows.shape[1] + bool(bias))
        if n_classes is not None:
            n_classes = _scalars.check_integer("n_classes", n_classes, 1, 2**31, "classes")
        elif self.start is not None:
            n_classes = self.start.shape[1]
        labels, self.n_classes = _labels("y", y, len(rows), n_classes)
        if self.start is not None and self.start.shape[1] != self.n_classes:
            msg = f"initial_weights must have n_classes = {self.n_classes} columns; got shape {self.start.shape}"
            raise ValueError(msg)
        if dtype is None:
            computing = computing_dtype(rows.dtype, *([] if self.start is None else [self.start.dtype]))
        else:
            computing = np.dtype(_scalars.check_choice("dtype", dtype, ("float32", "float64")))
        if computing == np.float32 and rows.dtype == np.float64:
            rows = _as_float32("X", rows)
        self.examples = examples_of(rows, labels, computing, sample_weight=sample_weight, mean=mean, std=std, bias=bool(bias))

    def validation(self, X: ArrayLike | None, y: ArrayLike | None) -> Examples | None:
        """Return validation data with the same features and classes, or None if there are none."""
        if X is None and y is None:
            return None
        if X is None or y is None:
            msg = f"X_val and y_val must be given together; got only {'X_val' if y is None else 'y_val'}"
            raise ValueError(msg)
        rows = _validation.check_rows("X_val", X, n_features=self.examples.rows.shape[1])
        labels, _ = _labels("y_val", y, len(rows), self.n_classes)
        if rows.dtype == np.float64 and self.examples.dtype == np.float32:
            rows = _as_float32("X_val", rows)
        return self.examples.with_rows(rows, labels)

    def check_finite(self) -> None:
        """Name the input that is not finite, where a loss was not."""
        check_finite_loss(np.nan, self.examples.rows, self.start, "initial_weights")

    def starting_weights(self, scale: float, seed: int) -> AnyArray:
        """Return weights to start from, (n_classes, n_columns)."""
        if self.start is not None:
            return self.start.T
        shape = (self.n_classes, self.examples.n_columns)
        weights = np.random.default_rng([seed, 1]).standard_normal(shape) * scale if scale else np.zeros(shape)
        if self.examples.bias:
            weights[:, -1] = 0
        return weights
