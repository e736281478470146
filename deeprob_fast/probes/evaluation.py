"""Linear probes: how well a linear classifier does on frozen features, by named protocols."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._typing import AnyArray, ArrayLike, Float64, Int64
from deeprob_fast.knn.distances import top_k
from deeprob_fast.linear.scores import score_blocks
from deeprob_fast.probes.data import Part, ProbeData, probe_data
from deeprob_fast.probes.protocol import ProbeProtocol, Selection
from deeprob_fast.probes.protocols import PROBE_PROTOCOLS
from deeprob_fast.scoring.accuracy import accuracy, confusion_matrix, mean_per_class_accuracy
from deeprob_fast.scoring.calibration import best_temperature, binned_calibration_error

_N_BINS = 15


@dataclass(frozen=True, eq=False)
class ProbeEvaluation:
    """What `evaluate_probe` found.

    Attributes
    ----------
    protocol, source : str
        Its name, and where it comes from.
    settings : dict
        Everything that was used: the parameters of the protocol, the seed, the numbers of rows.
    classes : array, shape (n_classes,)
        All labels, those of the queries among them, sorted.
    W : array of float64, shape (n_features + 1, n_classes)
        Weights of the features as they are, standardisation folded in; the last row is the bias, which is -inf for classes
        without training rows. With ``normalize=True`` they are the weights of normalised rows.
    top1, top5 : float
        Share of the queries whose class has the largest score, or one of the five largest (of fewer classes: any of them).
    mean_per_class : float
        Mean over the classes of the queries of the share that is right.
    candidates : tuple of dict
        The settings that were tried, with what they were judged by.
    selected : dict
        The setting that was chosen.
    ece, scaled_ece : float or None
        Expected calibration error on the queries, in 15 bins, before and after division of the scores by `temperature`; None for
        least squares, the second also without validation rows.
    temperature : float or None
        Fitted to validation rows that the weights had not seen.
    predictions, truth : array, shape (n_queries,)
        Labels.
    losses : array of float64 or None
        The loss of each step of SGD.
    """

    protocol: str
    source: str
    settings: dict[str, Any]
    classes: AnyArray
    W: Float64
    top1: float
    top5: float
    mean_per_class: float
    candidates: tuple[dict[str, Any], ...]
    selected: dict[str, Any]
    ece: float | None
    scaled_ece: float | None
    temperature: float | None
    predictions: AnyArray
    truth: AnyArray
    losses: Float64 | None

    def confusion_matrix(self) -> Int64:
        """Count the queries of each class that were taken for each class.

        Returns
        -------
        array of int64, shape (n_classes, n_classes)
            Rows are the truth, columns the predictions, both in the order of `classes`.
        """
        truth, predictions = (np.searchsorted(self.classes, labels) for labels in (self.truth, self.predictions))
        return confusion_matrix(truth, predictions, len(self.classes))


def _protocol(protocol: object, overrides: dict[str, Any]) -> ProbeProtocol:
    if isinstance(protocol, ProbeProtocol):
        return protocol.changed(overrides)
    if not isinstance(protocol, str) or protocol not in PROBE_PROTOCOLS:
        msg = f"protocol must be one of {', '.join(PROBE_PROTOCOLS)}, or one of PROBE_PROTOCOLS changed; got {protocol!r}"
        msg += _scalars.did_you_mean(protocol, PROBE_PROTOCOLS)
        raise ValueError(msg)
    return PROBE_PROTOCOLS[protocol].changed(overrides)


def _temperature(data: ProbeData, weights: Float64, n_threads: int) -> float | None:
    """Fit the temperature to the validation rows of classes that have scores."""
    if data.validation is None:
        return None
    has_scores = np.isfinite(weights[-1, data.validation.numbers])
    if not has_scores.any():
        return None
    rows = data.validation.rows if has_scores.all() else data.validation.rows[has_scores]
    class_scores = np.concatenate([block for _, block in score_blocks(rows, weights, n_threads)])
    return best_temperature(class_scores, data.validation.numbers[has_scores])


class _Predictions:
    """Predictions for the queries, whether the truth is among the best five, and how sure the probe is."""

    def __init__(self, queries: Part, weights: Float64, temperature: float | None, n_threads: int) -> None:
        n_queries = len(queries.rows)
        n_best = min(5, int(np.isfinite(weights[-1]).sum()))
        self.best = np.empty((n_queries, n_best), dtype=np.int64)
        self.confidences = np.empty(n_queries)
        self.scaled = np.empty(n_queries)
        for part, class_scores in score_blocks(queries.rows, weights, n_threads):
            self.best[part] = top_k(class_scores, n_best, largest=True, n_threads=n_threads).indices
            excess = class_scores - class_scores.max(axis=1, keepdims=True)
            self.confidences[part] = 1 / np.exp(excess).sum(axis=1)
            self.scaled[part] = 1 / np.exp(excess / (temperature or 1.0)).sum(axis=1)


def evaluate_probe(
    train: ArrayLike,
    train_labels: ArrayLike,
    queries: ArrayLike,
    query_labels: ArrayLike,
    *,
    protocol: str | ProbeProtocol = "logistic",
    validation: float | tuple[ArrayLike, ArrayLike] | None = None,
    seed: int = 0,
    n_threads: int | None = None,
    callback: Callable[[dict[str, Any]], object] | None = None,
    progress: Callable[[float], object] | None = None,
    **overrides: Any,
) -> ProbeEvaluation:
    """Evaluate a linear classifier on frozen features, by a named protocol.

    Parameters
    ----------
    train : array-like, shape (n_train, n_features)
        float32, float64, float16, uint8 or int8, read in place.
    train_labels : array-like, shape (n_train,)
        Numbers or strings.
    queries : array-like, shape (n_queries, n_features)
        At least one. They decide nothing but the result.
    query_labels : array-like, shape (n_queries,)
        Labels that no training row has count as wrong.
    protocol : {"logistic", "dino-linear", "dinov2-linear", "moco-linear", "clip", "ssl-transfer", "lsr"}
        One of ``PROBE_PROTOCOLS``, by name or by value; ``print(df.PROBE_PROTOCOLS["clip"])`` shows its parameters.
    validation : float or (X_val, y_val), optional
        Share of the training rows that is held out, or rows of your own: by them a setting is chosen. By default the protocol's
        share if it has several settings, else none.
    seed : int
        Of what is held out, of batches and initial weights, of the draws of shots.
    n_threads : int, optional
        By default all that the environment grants. Does not change the result.
    callback : callable, optional
        Called with the dict of every candidate as soon as it is known.
    progress : callable, optional
        Called during the training with the fraction done, a float in (0, 1], an estimate where a solver decides when to stop. An
        exception raised in it ends the evaluation.
    overrides : optional
        Parameters of the protocol to change: ``n_epochs=10``, ``C=0.316``, ``normalize=True``, ...

    Returns
    -------
    ProbeEvaluation

    Raises
    ------
    ValueError
        If a shape, a value or a name is not as stated above, or training diverges.
    TypeError
        If an array does not hold real numbers, labels are of different kinds, or an override is unknown.

    Warns
    -----
    ConvergenceWarning
        If softmax regression with the chosen setting reaches ``max_iter`` before its minimum.
    datasets.SplitWarning
        If queries are of classes that no training row has.

    See Also
    --------
    evaluate_knn : The other probe.

    Notes
    -----
    What is copied: rows that are held out and the others, in their own type; all rows, as float32 or float64, for
    ``normalize=True``; nothing else. Scores are computed in blocks, in float64. A search keeps the weights of its candidates, and
    the temperature needs the scores of the validation rows at once.
    The temperature is fitted to the validation rows, by the weights before the refit.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> found = df.evaluate_probe([[-1.0], [1.0], [2.0]], ["a", "b", "b"], [[-2.0], [3.0]], ["a", "b"])
    >>> found.top1, found.predictions.tolist(), found.settings["C"]
    (1.0, ['a', 'b'], (1.0,))
    """
    probe = _protocol(protocol, overrides)
    number = _scalars.check_seed(seed)
    threads = _validation.check_n_threads(n_threads)
    if callback is not None:
        _scalars.check_callable("callback", callback)
    if progress is not None:
        _scalars.check_callable("progress", progress)
    if validation is None and probe.n_settings > 1:
        validation = probe.validation_fraction
    data = probe_data(train, train_labels, queries, query_labels, validation=validation, seed=number, normalize=probe.normalize)
    report = callback or (lambda _: None)
    selection = probe.choose(data, seed=number, n_threads=threads, report=report, progress=progress)
    settings = {
        **{name: value for name, value in probe.parameters().items() if name != "validation_fraction"},
        "validation": "given" if isinstance(validation, (tuple, list)) else validation,
        "seed": number,
        "n_train": len(data.train.rows),
        "n_validation": 0 if data.validation is None else len(data.validation.rows),
        "n_queries": len(data.queries.rows),
    }
    evaluation = _evaluation(probe, settings, data, selection, threads)
    if progress is not None:
        progress(1.0)
    return evaluation


def _evaluation(
    protocol: ProbeProtocol, settings: dict[str, Any], data: ProbeData, selection: Selection, n_threads: int
) -> ProbeEvaluation:
    """Judge the selected weights by the queries."""
    truth = data.queries.numbers
    temperature = _temperature(data, selection.before_refit, n_threads) if protocol.probabilistic else None
    predicted = _Predictions(data.queries, selection.weights, temperature, n_threads)
    predictions = predicted.best[:, 0]
    right = predictions == truth
    ece = binned_calibration_error(predicted.confidences, right, _N_BINS)
    scaled_ece = binned_calibration_error(predicted.scaled, right, _N_BINS)
    return ProbeEvaluation(
        protocol=protocol.name,
        source=protocol.source,
        settings=settings,
        classes=data.classes,
        W=selection.weights,
        top1=accuracy(truth, predictions),
        top5=accuracy(truth, predicted.best),
        mean_per_class=mean_per_class_accuracy(truth, predictions, data.n_classes),
        candidates=selection.candidates,
        selected=selection.selected,
        ece=ece if protocol.probabilistic else None,
        scaled_ece=None if temperature is None else scaled_ece,
        temperature=temperature,
        predictions=data.classes[predictions],
        truth=data.classes[truth],
        losses=selection.losses,
    )
