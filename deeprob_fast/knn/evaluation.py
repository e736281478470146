"""k-NN classification evaluated: all k and all temperatures from one search, few-shot subsets, leave-one-out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._labels import numbered
from deeprob_fast._typing import AnyArray, ArrayLike, Int64
from deeprob_fast.knn.checks import check_k_values, check_metric, check_train
from deeprob_fast.knn.few_shot import few_per_class
from deeprob_fast.knn.nearest import nearest_neighbors
from deeprob_fast.knn.neighbors import Neighbors, without_self
from deeprob_fast.knn.protocols import KNN_PROTOCOLS, KNNProtocol
from deeprob_fast.knn.scores import FewShotScore, KNNEvaluation, KNNScore
from deeprob_fast.knn.search import Callback
from deeprob_fast.knn.votes import Weights, check_voting, rank_classes
from deeprob_fast.scoring import accuracy
from deeprob_fast.scoring.folds import warn_of_unknown_labels

_DEFAULT = KNNProtocol("custom", "the arguments", (10, 20, 100, 200), metric="euclidean", weights="uniform")


class _Voting(NamedTuple):
    """How neighbours become predictions."""

    weights: Weights
    metric: str
    temperatures: tuple[float | None, ...]
    n_classes: int
    n_threads: int

    def rank(self, neighbors: Neighbors, labels: Int64, k_values: Sequence[int]) -> Int64:
        """Return the classes with the most votes, -1 behind the last one: (n_temperatures, n_k, n_queries, up to 5)."""
        ranked = [
            rank_classes(
                neighbors,
                labels,
                self.n_classes,
                k_values,
                min(5, self.n_classes),
                weights=self.weights,
                metric=self.metric,
                temperature=temperature or 1.0,
                n_threads=self.n_threads,
            )
            for temperature in self.temperatures
        ]
        return np.stack(ranked)


def evaluate_knn(
    train: ArrayLike,
    train_labels: ArrayLike,
    queries: ArrayLike | None = None,
    query_labels: ArrayLike | None = None,
    *,
    protocol: str | None = None,
    k: int | Sequence[int] | None = None,
    temperature: float | Sequence[float] | None = None,
    weights: Weights | None = None,
    metric: str | None = None,
    n_per_class: int | Sequence[int] = (),
    n_tries: int = 1,
    n_threads: int | None = None,
    callback: Callback | None = None,
) -> KNNEvaluation:
    """Evaluate k-NN classification for several k and temperatures from one search.

    Parameters
    ----------
    train : array-like, shape (n_train, n_features)
    train_labels : array-like, shape (n_train,)
        Numbers or strings.
    queries : array-like, shape (n_queries, n_features), optional
        At least one. Without queries and their labels each training row is classified by the others (leave-one-out).
    query_labels : array-like, shape (n_queries,), optional
    protocol : {"dino", "dinov2", "moco", "lightly", "solo", "solo-euclidean", "vissl"}, optional
        Where k, temperature, weights and metric come from if they are not given (`deeprob_fast.KNN_PROTOCOLS`). By default k is
        (10, 20, 100, 200), the temperature 0.07, weights "uniform", the metric "euclidean".
    k : int or sequence of int, optional
        Each 1 <= k <= n_train. Of a protocol's or the default's, what exceeds n_train is left out (n_train, if all do).
    temperature : float or sequence of float, optional
        Of "softmax", in units of the distance.
    weights : {"uniform", "distance", "softmax"} or callable, optional
        Weight of a vote: 1, 1 / distance, exp(-distance / temperature), or what a function of the distances, (n_queries, k),
        returns: finite, not negative, and not all 0 for a query. With the metric "cosine" the softmax is that of similarities, as
        in DINO and MoCo.
    metric : {"euclidean", "sqeuclidean", "manhattan", "chebyshev", "cosine", "inner_product"}, optional
    n_per_class : int or sequence of int
        Evaluate as well on subsets with so many training rows of each class (all, if a class has fewer). There k is each of the
        values above that does not exceed n_per_class, and n_per_class.
    n_tries : int
        Subsets for each of them. They are those that DINOv2's evaluation draws with PyTorch.
    n_threads : int, optional
        By default all that the environment grants. Does not change the result.
    callback : callable, optional
        Called during the search with the fraction done, a float in (0, 1]. An exception raised in it ends the evaluation.

    Returns
    -------
    KNNEvaluation

    Raises
    ------
    ValueError
        If a shape, a value or a name is not as stated above.
    TypeError
        If an array does not hold real numbers or k is not an integer.

    Warns
    -----
    datasets.SplitWarning
        If queries are of classes that no training row has.

    Notes
    -----
    Equal votes go to the smaller label, also for the fifth place, equal distances to the smaller training row. Voting takes O(k)
    for a query and temperature, however many classes there are. A few-shot subset is searched by itself, which costs its share of
    the rows.

    References
    ----------
    Wu et al., "Unsupervised feature learning via non-parametric instance discrimination", CVPR 2018, section 3.4.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.evaluate_knn([[0.0], [1.0]], ["a", "b"], [[0.2], [0.9]], ["a", "b"], k=1).accuracies
    {1: 1.0}
    """
    preset = _DEFAULT
    if protocol is not None:
        preset = KNN_PROTOCOLS[_scalars.check_choice("protocol", protocol, tuple(KNN_PROTOCOLS))]
    metric = check_metric(preset.metric if metric is None else metric)
    weights = preset.weights if weights is None else weights
    temperatures = _temperatures(preset.temperature if temperature is None else temperature)
    for value in temperatures:
        check_voting(weights, value, metric)
    rows = check_train(train)
    labels = _validation.check_labels("train_labels", train_labels, len(rows), "train")
    leave_one_out = queries is None and query_labels is None
    query_rows, truth = (rows, labels) if leave_one_out else _check_queries(queries, query_labels, rows)
    k_values = _k_values(k, preset, len(rows) - leave_one_out)
    shots = _shots(n_per_class, leave_one_out)
    n_tries = _scalars.check_integer("n_tries", n_tries, 1, 2**31, "subsets")
    threads = _validation.check_n_threads(n_threads)

    classes, (train_numbers, query_numbers) = numbered(("train_labels", labels), ("query_labels", truth))
    warn_of_unknown_labels("queries", train_numbers, query_numbers, classes)
    voted = temperatures if weights == "softmax" else (None,)
    voting = _Voting(weights, metric, voted, len(classes), threads)
    largest = max(k_values) + leave_one_out
    neighbors = nearest_neighbors(rows, query_rows, largest, metric=metric, n_threads=threads, callback=callback)
    if leave_one_out:
        neighbors = without_self(neighbors)
    ranked = voting.rank(neighbors, train_numbers, k_values)
    scores = tuple(
        KNNScore(
            k,
            temperature,
            accuracy.accuracy(query_numbers, top[:, 0]),
            accuracy.accuracy(query_numbers, top),
            accuracy.mean_per_class_accuracy(query_numbers, top[:, 0], len(classes)),
        )
        for temperature, by_k in zip(voted, ranked, strict=True)
        for k, top in zip(k_values, by_k, strict=True)
    )
    few_shot = tuple(
        score
        for n in shots
        for score in _few_shot_scores(rows, train_numbers, query_rows, query_numbers, voting, n, k_values, n_tries)
    )
    settings = {
        "protocol": preset.name,
        "source": preset.source,
        "k": list(k_values),
        "weights": weights if isinstance(weights, str) else getattr(weights, "__name__", repr(weights)),
        "temperature": list(temperatures) if weights == "softmax" else None,
        "metric": metric,
        "n_train": len(rows),
        "n_queries": len(query_rows),
        "leave_one_out": leave_one_out,
    }
    predictions = np.ascontiguousarray(ranked[..., 0].reshape(len(scores), len(query_rows)))
    return KNNEvaluation(settings, classes, scores, few_shot, neighbors, predictions, query_numbers)


def _few_shot_scores(
    rows: AnyArray,
    labels: Int64,
    queries: AnyArray,
    truth: Int64,
    voting: _Voting,
    n_per_class: int,
    k_values: Sequence[int],
    n_tries: int,
) -> list[FewShotScore]:
    """Evaluate subsets with so many rows of each class."""
    reported = [k for k in sorted({*k_values, n_per_class}) if k <= n_per_class]
    top1, top5 = [], []
    for attempt in range(n_tries):
        subset = few_per_class(labels, n_per_class, seed=attempt)
        allowed = [min(k, len(subset)) for k in reported]
        neighbors = nearest_neighbors(rows[subset], queries, max(allowed), metric=voting.metric, n_threads=voting.n_threads)
        ranked = voting.rank(neighbors, labels[subset], allowed)
        top1.append([[accuracy.accuracy(truth, top[:, 0]) for top in by_k] for by_k in ranked])
        top5.append([[accuracy.accuracy(truth, top) for top in by_k] for by_k in ranked])
    means, fives = np.mean(top1, axis=0), np.mean(top5, axis=0)
    deviations = np.std(top1, axis=0, ddof=1) if n_tries > 1 else np.full(means.shape, np.nan)
    return [
        FewShotScore(n_per_class, k, temperature, float(means[t, i]), float(deviations[t, i]), float(fives[t, i]), n_tries)
        for t, temperature in enumerate(voting.temperatures)
        for i, k in enumerate(reported)
    ]


def _temperatures(values: float | Sequence[float]) -> tuple[float, ...]:
    several = _scalars.one_or_several(values)
    checked = tuple(dict.fromkeys(_scalars.check_positive("temperature", value) for value in several))
    if not checked:
        msg = f"temperature must hold at least one number; got {values!r}"
        raise ValueError(msg)
    return checked


def _k_values(k: int | Sequence[int] | None, preset: KNNProtocol, available: int) -> tuple[int, ...]:
    if k is not None:
        return check_k_values(k, available)
    if available < 1:
        msg = "train must have at least two rows to classify each by the others; got 1"
        raise ValueError(msg)
    return tuple(value for value in preset.k if value <= available) or (available,)


def _shots(n_per_class: int | Sequence[int], leave_one_out: bool) -> tuple[int, ...]:
    several = _scalars.one_or_several(n_per_class)
    if leave_one_out and several:
        msg = "n_per_class needs queries; got none"
        raise ValueError(msg)
    return tuple(_scalars.check_integer("n_per_class", n, 1, 2**53, "training rows of each class") for n in several)


def _check_queries(queries: object, query_labels: object, rows: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Return the queries and their labels."""
    if queries is None or query_labels is None:
        missing, present = ("queries", "query_labels") if queries is None else ("query_labels", "queries")
        msg = f"{missing} must be given with {present}, or neither for leave-one-out; got None"
        raise ValueError(msg)
    query_rows = _validation.check_rows("queries", queries, n_features=rows.shape[1])
    if len(query_rows) == 0:
        msg = f"queries must have at least one row; got shape {query_rows.shape}"
        raise ValueError(msg)
    return query_rows, _validation.check_labels("query_labels", query_labels, len(query_rows), "queries")
