"""Which rows of a data set are for testing, where it does not say so itself."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeprob_fast._labels import numbered
from deeprob_fast._memory import is_mapped
from deeprob_fast._scalars import check_choice, check_real, check_seed
from deeprob_fast._typing import AnyArray, Int64
from deeprob_fast.datasets._base import Dataset
from deeprob_fast.scoring.folds import SplitWarning, named, warn_of_unknown_labels

SPLITS = ("stratified", "random", "last", "groups")
_NONE = "none"
_SHARE = 0.2
_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Split:
    """A way to set test rows apart, as it was asked for; what is None was not.

    Attributes
    ----------
    kind : str or None
        One of `SPLITS`, or "none" for no test rows; by default "stratified".
    share : float or None
        Of the rows ("groups": of the groups) that are for testing; by default a fifth.
    seed : int
    """

    kind: str | None = None
    share: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind is not None:
            check_choice("split", self.kind, (*SPLITS, _NONE))
        if self.share is not None:
            if self.kind == _NONE:
                msg = f'test_share must be None where split is "none"; got {self.share!r}'
                raise ValueError(msg)
            if check_real("test_share", self.share, 0, 1, below=True) == 0:
                msg = f"test_share must be above 0; got {self.share!r}"
                raise ValueError(msg)
        check_seed(self.seed)

    def given(self) -> dict[str, Any]:
        """Return the arguments as loaders take them."""
        return {"split": self.kind, "test_share": self.share, "seed": self.seed}

    def refuse(self, name: object) -> None:
        """Refuse what was asked for: the data set has test rows of its own."""
        for argument, value in (("split", None if self.kind == _NONE else self.kind), ("test_share", self.share)):
            if value is not None:
                msg = f"{argument} must be None: {name} has rows for testing of its own; got {value!r}"
                raise ValueError(msg)

    @property
    def keeps_order(self) -> bool:
        """Whether both parts are consecutive rows, which need not be copied."""
        return self.kind in ("last", _NONE)

    def dataset(self, name: str, rows: AnyArray, labels: AnyArray, groups: AnyArray | None = None) -> Dataset:
        """Make a data set of rows that nobody else has: they may be moved. Those of a mapped file are copied unless in order."""
        kind = self.kind or "stratified"
        if kind == _NONE:
            return Dataset(name, rows, labels, rows[:0], labels[:0], groups=groups, split="none, all rows are for training")
        if kind == "groups" and groups is None:
            msg = f"split must be one of {', '.join(SPLITS[:3])}: {name} has no groups, one for each row; got 'groups'"
            raise ValueError(msg)
        classes, (numbers,) = numbered(("y", labels))
        test, note = self._test_rows(name, kind, numbers, groups)
        is_test = np.zeros(len(labels), dtype=bool)
        is_test[test] = True
        _check_classes(name, kind, classes, numbers, is_test)
        if groups is not None and kind != "groups" and np.intersect1d(groups[is_test], groups[~is_test]).size:
            msg = f'rows of one group are among the training rows and the test rows of {name}: split "groups" keeps them together'
            warnings.warn(msg, SplitWarning, stacklevel=4)
        if self.keeps_order:
            n_train = len(rows) - len(test)
            kept, held_out = rows[:n_train], rows[n_train:]
        else:
            kept, held_out = _taken_apart(rows, is_test)
        own_groups = None if groups is None else groups[~is_test]
        return Dataset(name, kept, labels[~is_test], held_out, labels[is_test], groups=own_groups, split=note)

    def _test_rows(self, name: str, kind: str, numbers: Int64, groups: AnyArray | None) -> tuple[Int64, str]:
        """Return the numbers of the test rows, and the way they were found in words."""
        share = _SHARE if self.share is None else self.share
        note = f"{kind}, {100 * share:g} %"
        # Rounded down, as a fifth of the rows is; the product is itself rounded.
        n_test = int(share * len(numbers) + 1e-9)
        if kind == "last":
            return np.arange(len(numbers) - n_test, len(numbers)), note
        generator = _generator(self.seed)
        if kind == "groups":
            _, rows = split_groups(groups, share, generator)
            return rows, f"{note} of the groups, seed {self.seed}"
        if kind == "random":
            return generator.permutation(len(numbers))[:n_test], f"{note}, seed {self.seed}"
        counts = np.bincount(numbers)
        if len(counts) == len(numbers) > 1:
            msg = (
                f"{name} must have several rows of some class to be split; each of its {len(counts)} rows has a label of its own "
                '(split "none" leaves all for training)'
            )
            raise ValueError(msg)
        n_single = int((counts == 1).sum())
        single = f", {n_single} {'classes' if n_single > 1 else 'class'} of one row for training only" if n_single else ""
        return _stratified(numbers, counts, share, generator), f"{note}, seed {self.seed}{single}"


def _stratified(numbers: Int64, counts: Int64, share: float, generator: np.random.RandomState) -> Int64:
    """Draw the share of each class, rounded so that all classes together come close to it; of two rows and more at least one."""
    quotas = share * counts
    n_test = np.floor(quotas).astype(np.int64)
    spare = round(share * len(numbers)) - int(n_test.sum())
    n_test[np.argsort(n_test - quotas, kind="stable")[: max(spare, 0)]] += 1
    n_test = np.clip(n_test, np.minimum(counts - 1, 1), counts - 1)
    order = generator.permutation(len(numbers))
    order = order[np.argsort(numbers[order], kind="stable")]
    place_in_class = np.arange(len(numbers)) - np.repeat(np.cumsum(counts) - counts, counts)
    return order[place_in_class < np.repeat(n_test, counts)]


def stratified_rows(labels: AnyArray, share: float, seed: int) -> tuple[Int64, Int64]:
    """Return the numbers of rows to keep and to hold out, ascending, as the split "stratified" sets them apart."""
    _, (numbers,) = numbered(("y", labels))
    held_out = np.sort(_stratified(numbers, np.bincount(numbers), share, _generator(seed)))
    return np.setdiff1d(np.arange(len(numbers)), held_out, assume_unique=True), held_out


def _generator(seed: int) -> np.random.RandomState:
    """Return the generator whose stream never changes, as NumPy promises."""
    return np.random.RandomState(np.random.MT19937(seed))


def split_groups(groups: Any, share: float, random_state: Any) -> tuple[Int64, Int64]:
    """Return the numbers of the rows of the other groups and of a share of the groups, drawn by scikit-learn, ascending."""
    n_groups = len(np.unique(groups))
    n_drawn = int(np.ceil(share * n_groups))
    if not 0 < n_drawn < n_groups:
        msg = f"groups must be enough for one on each side; got {n_groups}, of which {share:g} is {n_drawn}"
        raise ValueError(msg)
    from sklearn.model_selection import GroupShuffleSplit  # slow to import

    splitter = GroupShuffleSplit(n_splits=1, test_size=share, random_state=random_state)
    kept, drawn = next(splitter.split(np.empty(len(groups)), groups=groups))
    return np.sort(kept), np.sort(drawn)


def _taken_apart(rows: AnyArray, is_test: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Return the training rows and the test rows, each in their order; in memory the former close the gaps of the latter."""
    held_out, kept = rows[is_test], np.flatnonzero(~is_test)
    if is_mapped(rows) or not rows.flags.writeable:
        return rows[kept], held_out
    for start in range(0, len(kept), _BLOCK_ROWS):
        part = kept[start : start + _BLOCK_ROWS]
        rows[start : start + len(part)] = rows[part]
    return rows[: len(kept)], held_out


def _check_classes(name: str, kind: str, classes: AnyArray, numbers: Int64, is_test: AnyArray) -> None:
    unknown = np.setdiff1d(numbers[is_test], numbers[~is_test])
    if unknown.size:
        msg = (
            f'split must leave training rows of every class of {name} ("stratified" does); {kind!r} makes all rows of class '
            f"{named(classes[unknown].tolist())} test rows, {int(np.isin(numbers, unknown).sum())} rows"
        )
        raise ValueError(msg)


def warn_of_unknown_classes(name: str, train_labels: AnyArray, test_labels: AnyArray, what: str = "test") -> None:
    """Warn if test rows that the user has set apart are of classes without training rows."""
    classes, (train_numbers, test_numbers) = numbered(("y", train_labels), ("y_test", test_labels))
    warn_of_unknown_labels(f"{what} rows of {name}", train_numbers, test_numbers, classes, stacklevel=5)
