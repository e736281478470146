"""What training rows, k and a metric may be."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from deeprob_fast import _kernels, _scalars, _validation
from deeprob_fast._memory import is_mapped
from deeprob_fast._typing import AnyArray
from deeprob_fast.knn import limits
from deeprob_fast.knn.rows import ConvertedRows


def check_train(values: object) -> AnyArray:
    """Return training rows, at least one."""
    train = _validation.check_rows("train", values)
    _check_not_empty(train)
    return train


def check_train_source(values: object) -> AnyArray | ConvertedRows:
    """Return training rows; those of a large mapped file are converted piece by piece where they must be."""
    array, dtype = _validation.check_matrix("train", values)
    _check_not_empty(array)
    in_place = array.dtype == dtype and array.flags.aligned and _validation.has_contiguous_rows(array)
    if in_place or array.nbytes <= limits.LIMITS.converted_bytes or not is_mapped(array):
        return _validation.converted("train", dtype, array)
    return ConvertedRows(array, dtype, partial(_validation.converted, "train", dtype))


def _check_not_empty(train: AnyArray) -> None:
    if len(train) == 0:
        msg = f"train must have at least one row; got shape {train.shape}"
        raise ValueError(msg)


def check_k(k: Any, available: int, what: str = "the number of training rows", name: str = "k") -> int:
    """Return a number of neighbours."""
    return _scalars.check_integer(name, k, 1, available, what)


def check_k_values(
    k: int | Sequence[int], n_train: int, name: str = "k", what: str = "the number of training rows"
) -> tuple[int, ...]:
    """Return several numbers of neighbours, in the order given, each once."""
    checked = tuple(dict.fromkeys(check_k(value, n_train, what, name) for value in _scalars.one_or_several(k)))
    if not checked:
        msg = f"{name} must hold at least one number of neighbours; got {k!r}"
        raise ValueError(msg)
    return checked


def check_metric(metric: object) -> str:
    """Return the name of a metric."""
    return _scalars.check_choice("metric", metric, _kernels.METRICS)
