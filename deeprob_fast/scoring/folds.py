"""Folds of cross-validation: which rows are held out, and in which order the others train."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from deeprob_fast import _scalars, _tables
from deeprob_fast._labels import numbered
from deeprob_fast._typing import AnyArray, Int64

RULES = ("chunk", "array_split", "stratified")
_MOST_NAMED = 5


class SplitWarning(UserWarning):
    """Training rows and test rows are such that scores mislead."""


def folds_of(folds: object, num_folds: object, X: AnyArray, y: AnyArray, groups: object) -> list[tuple[Int64, Int64]]:
    """Return the training rows and the validation rows of each fold."""
    n = len(X)
    if isinstance(folds, str):
        _scalars.check_choice("folds", folds, RULES)
        number = _scalars.check_integer("num_folds", num_folds, 2, n, "from 2 to the number of rows")
        pairs = list(_dealt(y, number) if folds == "stratified" else _contiguous(_starts(n, number, folds), n))
    elif hasattr(folds, "split"):
        pairs = [_checked(pair, n) for pair in folds.split(X, y, groups)]
    elif isinstance(folds, Iterable):
        pairs = [_checked(pair, n) for pair in folds]
    else:
        msg = f"folds must be one of {', '.join(RULES)}, a splitter of scikit-learn or pairs of row numbers; got {folds!r}"
        raise TypeError(msg)
    if not pairs:
        msg = "folds must hold at least one fold; got none"
        raise ValueError(msg)
    return pairs


def _starts(n: int, num_folds: int, rule: str) -> list[int]:
    """Return where folds of consecutive rows start."""
    if rule == "chunk":
        # torch.chunk: folds of ceil(n / num_folds) rows, the last one smaller; that may make fewer folds.
        return list(range(0, n, -(-n // num_folds)))
    size, larger = divmod(n, num_folds)
    return [i * size + min(i, larger) for i in range(num_folds)]


def _contiguous(starts: list[int], n: int) -> Iterator[tuple[Int64, Int64]]:
    rows = np.arange(n)
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        yield np.concatenate([rows[:start], rows[stop:]]), rows[start:stop]


def _dealt(y: AnyArray, num_folds: int) -> Iterator[tuple[Int64, Int64]]:
    """Deal the rows out to the folds one by one, class by class."""
    _, (numbers,) = numbered(("y", y))
    fold = np.empty(len(y), dtype=np.int64)
    fold[np.argsort(numbers, kind="stable")] = np.arange(len(y)) % num_folds
    for i in range(num_folds):
        yield np.flatnonzero(fold != i), np.flatnonzero(fold == i)


def warn_of_unknown_classes(pairs: Sequence[tuple[Int64, Int64]], numbers: Int64, classes: AnyArray) -> None:
    """Warn if a fold holds all rows of a class, of which there are several: nothing can recognise it."""
    has_several = np.bincount(numbers) > 1
    for i, (train, validation) in enumerate(pairs):
        validated = np.unique(numbers[validation])
        unknown = np.setdiff1d(validated[has_several[validated]], numbers[train])
        if unknown.size:
            msg = (
                f"fold {i + 1} validates class {named(classes[unknown].tolist())}, of which no row trains, and which counts as "
                'wrong: folds "stratified" have rows of every class, as folds of shuffled rows are likely to'
            )
            warnings.warn(msg, SplitWarning, stacklevel=3)
            return


def warn_of_unknown_labels(what: str, train_numbers: Int64, numbers: Int64, classes: AnyArray, *, stacklevel: int = 3) -> None:
    """Warn if rows, called `what`, are of classes that no training row has."""
    unknown = np.setdiff1d(numbers, train_numbers)
    if unknown.size:
        n_rows = int(np.isin(numbers, unknown).sum())
        msg = f"{n_rows} {what} are of classes that no training row has, {named(classes[unknown].tolist())}: they count as wrong"
        warnings.warn(msg, SplitWarning, stacklevel=stacklevel)


def named(classes: Sequence[object]) -> str:
    """Name some classes in few words."""
    more = len(classes) - _MOST_NAMED
    return ", ".join(map(repr, classes[:_MOST_NAMED])) + (f" and {more} more" if more > 0 else "")


def _checked(pair: Any, n: int) -> tuple[Int64, Int64]:
    """Return two arrays of row numbers that nobody else can change; masks make them as well."""
    try:
        first, second = pair
    except (TypeError, ValueError):
        msg = f"folds must give pairs, training rows and validation rows; got {type(pair).__name__}"
        raise TypeError(msg) from None
    checked = []
    for values in (first, second):
        _tables.check_unmasked("folds", values)
        rows = np.array(values)
        if rows.dtype == bool and rows.shape == (n,):
            rows = np.flatnonzero(rows)
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or not rows.size or rows.min() < 0 or rows.max() >= n:
            msg = f"folds must give numbers of rows from 0 to {n - 1}, at least one; got {rows.dtype} of shape {rows.shape}"
            raise ValueError(msg)
        checked.append(rows.astype(np.int64, copy=False))
    return checked[0], checked[1]
