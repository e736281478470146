"""Training rows, validation rows and queries of a probe, with numbers for their labels."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._labels import numbered
from deeprob_fast._typing import AnyArray, ArrayLike, Float64, Int64
from deeprob_fast.linear import scaling
from deeprob_fast.scoring.folds import warn_of_unknown_labels

_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Part:
    """Rows, and the numbers of their classes."""

    rows: AnyArray
    numbers: Int64

    def moments(self) -> tuple[Float64, Float64]:
        """Return the mean and deviation of each feature; the deviation of constant ones is 1."""
        return scaling.moments("train", self.rows, np.ones(len(self.rows)))

    def without_constants(self, weights: AnyArray) -> AnyArray:
        """Return a copy of the weights of standardised features and a bias, those of constant features 0.

        Such a feature is 0, and what rounding or chance made its weight matters only when it is multiplied by its mean.
        """
        result = weights.copy()
        result[:-1][self.rows.min(axis=0) == self.rows.max(axis=0)] = 0
        return result

    def joined(self, other: "Part") -> "Part":
        """Return these rows and those behind them."""
        return Part(np.concatenate([self.rows, other.rows]), np.concatenate([self.numbers, other.numbers]))


@dataclass(frozen=True)
class ProbeData:
    """What a probe is trained, chosen and judged by."""

    train: Part
    validation: Part | None
    queries: Part
    classes: AnyArray

    @property
    def n_classes(self) -> int:
        """How many labels there are, those of the queries among them."""
        return len(self.classes)


def normalized(rows: AnyArray) -> AnyArray:
    """Return the rows divided by their Euclidean norms, as float32 or float64; rows of zeros stay."""
    result = np.empty(rows.shape, dtype=np.float64 if rows.dtype == np.float64 else np.float32)
    for start in range(0, len(rows), _BLOCK_ROWS):
        part = rows[start : start + _BLOCK_ROWS].astype(np.float64)
        if rows.dtype == np.float64:  # divided by a power of two near their largest value, all that float64 holds can be squared
            part = np.ldexp(part, -np.frexp(np.abs(part).max(axis=1))[1][:, np.newaxis])
        norms = np.sqrt(np.einsum("ij,ij->i", part, part))
        result[start : start + _BLOCK_ROWS] = part / np.where(norms > 0, norms, 1.0)[:, np.newaxis]
    return result


def _rows(name: str, values: ArrayLike, n_features: int | None = None) -> AnyArray:
    rows = _validation.check_rows(name, values, n_features)
    if len(rows) == 0:
        msg = f"{name} must have at least one row; got shape {rows.shape}"
        raise ValueError(msg)
    _validation.check_finite_rows(name, rows)
    return rows


def _split(part: Part, fraction: float, seed: int) -> tuple[Part, Part]:
    """Hold out the first rows of a permutation.

    NumPy promises that this generator's stream never changes; with seed 0 it is the split of ssl-transfer.
    """
    n_held_out = int(np.floor(fraction * len(part.rows)))
    if not 0 < n_held_out < len(part.rows):
        msg = f"validation must leave and hold out rows; got {fraction:g} of {len(part.rows)} rows, which is {n_held_out}"
        raise ValueError(msg)
    order = np.random.RandomState(seed % 2**32).permutation(len(part.rows))
    held_out, kept = np.sort(order[:n_held_out]), np.sort(order[n_held_out:])
    return Part(part.rows[kept], part.numbers[kept]), Part(part.rows[held_out], part.numbers[held_out])


def probe_data(
    train: ArrayLike,
    train_labels: ArrayLike,
    queries: ArrayLike,
    query_labels: ArrayLike,
    *,
    validation: Any,
    seed: int,
    normalize: bool,
) -> ProbeData:
    """Check everything; `validation` is None, a share of the training rows, or rows and labels."""
    rows = [_rows("train", train)]
    n_features = rows[0].shape[1]
    labels = [("train_labels", _validation.check_labels("train_labels", train_labels, len(rows[0]), "train"))]
    rows.append(_rows("queries", queries, n_features))
    labels.append(("query_labels", _validation.check_labels("query_labels", query_labels, len(rows[1]), "queries")))
    has_rows = isinstance(validation, (tuple, list))
    if has_rows:
        if len(validation) != 2:
            msg = f"validation must be a share of the training rows or (X_val, y_val); got {len(validation)} things"
            raise ValueError(msg)
        rows.append(_rows("validation[0]", validation[0], n_features))
        checked = _validation.check_labels("validation[1]", validation[1], len(rows[2]), "validation[0]")
        labels.append(("validation[1]", checked))
    classes, numbers = numbered(*labels)
    # Protocols may fit again to all rows that have labels.
    warn_of_unknown_labels("queries", np.concatenate([numbers[0], *numbers[2:]]), numbers[1], classes, stacklevel=4)
    if normalize:
        rows = [normalized(array) for array in rows]
    parts = [Part(*pair) for pair in zip(rows, numbers, strict=True)]
    data = ProbeData(parts[0], parts[2] if has_rows else None, parts[1], classes)
    if validation is None or has_rows:
        return data
    kept, held_out = _split(data.train, _scalars.check_real("validation", validation, 0, 1), seed)
    return replace(data, train=kept, validation=held_out)
