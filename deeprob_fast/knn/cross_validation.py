"""Cross-validation of k: each distance is computed once, and answers every fold and every k."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from deeprob_fast import _validation
from deeprob_fast._labels import numbered
from deeprob_fast._typing import AnyArray, ArrayLike, Int64
from deeprob_fast.knn.checks import check_k_values, check_metric
from deeprob_fast.knn.nearest import nearest_neighbors
from deeprob_fast.knn.neighbors import Neighbors
from deeprob_fast.knn.plan import plan_selections
from deeprob_fast.knn.rows import SelectedRows
from deeprob_fast.knn.search import search_pieces
from deeprob_fast.knn.votes import Weights, check_voting, rank_classes
from deeprob_fast.scoring.folds import folds_of, warn_of_unknown_classes

_K_CHOICES = (1, 3, 5, 8, 10, 12, 15, 20, 50, 100)  # the courses'


@dataclass(frozen=True)
class CrossValidation:
    """What `knn_cross_validate` found.

    Attributes
    ----------
    accuracies : dict
        For each k the share of right predictions in each fold.
    mean, std : dict
        Over the folds, for each k. The deviation is that of a sample (with n - 1); NaN for one fold.
    best_k : int
        The largest mean; of equal ones the smallest k. Means are compared as fractions, without rounding.
    fold_sizes : tuple of int
        Validation rows of each fold.
    """

    accuracies: dict[int, tuple[float, ...]]
    mean: dict[int, float]
    std: dict[int, float]
    best_k: int
    fold_sizes: tuple[int, ...]

    def __str__(self) -> str:
        head = "     k  " + "".join(f"{f'fold {i + 1}':>9}" for i in range(len(self.fold_sizes))) + "     mean      std"
        lines = [head]
        for k, shares in self.accuracies.items():
            values = "".join(f"{share:9.2%}" for share in (*shares, self.mean[k], self.std[k]))
            lines.append(f"{k:>6}  {values}{'  best' if k == self.best_k else ''}")
        return "\n".join(lines)


class _Folds:
    """Searches of some rows among others of one data set: what is found out about it, is found out once."""

    def __init__(self, rows: AnyArray, n_queries: int, k: int, metric: str, n_threads: int) -> None:
        self._rows, self._k, self._metric, self._n_threads = rows, k, metric, n_threads
        self._plan = plan_selections(rows, metric, n_queries, k, n_threads)

    def nearest(self, train: Int64, queries: Int64) -> Neighbors:
        """Search the k nearest of the training rows, numbered in their order."""
        near = self._rows[queries]
        if self._plan is None:
            return nearest_neighbors(self._rows[train], near, self._k, metric=self._metric, n_threads=self._n_threads)
        selected = SelectedRows(self._rows, train)
        return search_pieces(self._plan, selected, self._metric, near, self._k, self._n_threads)[0]


def knn_cross_validate(
    X: ArrayLike,
    y: ArrayLike,
    num_folds: int = 5,
    k_choices: int | Sequence[int] | None = None,
    folds: Any = "chunk",
    *,
    groups: ArrayLike | None = None,
    weights: Weights = "uniform",
    temperature: float = 0.07,
    metric: str = "euclidean",
    n_threads: int | None = None,
    callback: Callable[[float], object] | None = None,
) -> CrossValidation:
    """Cross-validate the number of neighbours of k-NN classification.

    Parameters
    ----------
    X : array-like, shape (n_rows, n_features)
    y : array-like, shape (n_rows,)
        Numbers or strings.
    num_folds : int
        For the rules of `folds`.
    k_choices : int or sequence of int, optional
        Each at least 1 and at most the number of training rows of every fold. By default those of 1, 3, 5, 8, 10, 12, 15, 20, 50
        and 100 that are.
    folds : {"chunk", "array_split", "stratified"}, splitter or iterable
        "chunk": consecutive folds of ceil(n_rows / num_folds) rows, the last one smaller, as `torch.chunk` makes them; these may
        be fewer than num_folds. "array_split": always num_folds, the first ones one row larger, as `numpy.array_split` makes
        them. "stratified": always num_folds, to which the rows of each class are dealt out one by one. Or a splitter of
        scikit-learn (shuffled, by groups, ...), or pairs (training rows, validation rows).
    groups : array-like, optional
        For the splitter.
    weights : {"uniform", "distance", "softmax"} or callable
        Weight of a vote, as in `evaluate_knn`.
    temperature : float
        Of "softmax".
    metric : {"euclidean", "sqeuclidean", "manhattan", "chebyshev", "cosine", "inner_product"}
    n_threads : int, optional
        By default all that the environment grants. Does not change the result.
    callback : callable, optional
        Called after each fold with the share of the folds that are done.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ValueError
        If a shape, a value or a name is not as stated above.
    TypeError
        If an array does not hold real numbers, or k or the folds are of another type.

    Warns
    -----
    SplitWarning
        If all rows of a class, two or more, are validated in one fold, as in "chunk" if rows are sorted by class.

    Notes
    -----
    Exactly what a loop over folds and k gives that trains on the other rows in their order. Each fold's rows are searched once
    among the others, for the largest k: together as much work as one search of all rows among all.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> found = df.knn_cross_validate([[0.0], [5.0], [0.1], [5.1]], ["a", "b", "a", "b"], num_folds=2, k_choices=(1, 2))
    >>> found.accuracies, found.best_k
    ({1: (1.0, 1.0), 2: (0.5, 0.5)}, 1)
    """
    metric = check_metric(metric)
    check_voting(weights, temperature, metric)
    rows = _validation.check_rows("X", X)
    labels = _validation.check_labels("y", y, len(rows), "X")
    if len(rows) < 2:  # one to learn from, one to ask
        msg = f"X must have at least two rows; got {len(rows)}"
        raise ValueError(msg)
    pairs = folds_of(folds, num_folds, rows, labels, groups)
    smallest = min(len(train) for train, _ in pairs)
    if k_choices is None:
        k_choices = [k for k in _K_CHOICES if k <= smallest]
    k_values = check_k_values(k_choices, smallest, "k_choices", "the number of training rows of a fold")
    threads = _validation.check_n_threads(n_threads)
    classes, (numbers,) = numbered(("y", labels))
    warn_of_unknown_classes(pairs, numbers, classes)
    with _validation.told_as("train", "X"):  # a bad row by its number among all, not among those of a fold
        nearest_neighbors(rows, rows[:1], 1, metric=metric, n_threads=threads)
    right = np.empty((len(k_values), len(pairs)), dtype=np.int64)
    search = _Folds(rows, max(len(validation) for _, validation in pairs), max(k_values), metric, threads)
    for fold, (train, validation) in enumerate(pairs):
        neighbors = search.nearest(train, validation)
        ranked = rank_classes(
            neighbors,
            numbers[train],
            len(classes),
            k_values,
            1,
            weights=weights,
            metric=metric,
            temperature=temperature,
            n_threads=threads,
        )
        right[:, fold] = (ranked[..., 0] == numbers[validation]).sum(axis=1)
        if callback is not None:
            callback((fold + 1) / len(pairs))
    return _summary(k_values, right, [len(validation) for _, validation in pairs])


def _summary(k_values: Sequence[int], right: Any, sizes: Sequence[int]) -> CrossValidation:
    """Compute means and deviations of the shares of right predictions, given their numbers, (n_k, n_folds)."""
    shares = right / np.asarray(sizes)
    exact = {}
    for k, counts in zip(k_values, right, strict=True):
        exact[k] = sum(Fraction(int(n), size) for n, size in zip(counts, sizes, strict=True))
    deviations = shares.std(axis=1, ddof=1) if len(sizes) > 1 else np.full(len(shares), np.nan)
    return CrossValidation(
        {k: tuple(values.tolist()) for k, values in zip(k_values, shares, strict=True)},
        {k: float(total / len(sizes)) for k, total in exact.items()},
        dict(zip(k_values, deviations.tolist(), strict=True)),
        min(exact, key=lambda k: (-exact[k], k)),
        tuple(sizes),
    )
