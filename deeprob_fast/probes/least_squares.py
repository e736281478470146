"""Probes by least squares with a penalty, in closed form: one eigendecomposition serves every penalty."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeprob_fast import _scalars
from deeprob_fast._threads import one_blas_thread
from deeprob_fast._typing import AnyArray, Float64
from deeprob_fast.linear.scaling import unfold
from deeprob_fast.linear.scores import all_classes, predict
from deeprob_fast.probes.data import Part, ProbeData
from deeprob_fast.probes.progress import Fits
from deeprob_fast.probes.protocol import ProbeProtocol, Progress, Report, Selection, merit
from deeprob_fast.scoring.accuracy import accuracy

_BLOCK_ROWS = 4096
_EPSILON = 1e-5  # added to the deviations


class Ridge:
    """Least squares of +-1 targets on standardised features and a constant, under any penalty.

    w = (X'X + l2)^-1 X'y = X' (XX' + l2)^-1 y, by the eigenvectors of the smaller matrix. Everything is summed in float64, over
    blocks of rows unless the rows are fewer than the features.
    """

    def __init__(self, part: Part, n_classes: int, constant: float) -> None:
        self._part = part
        self._present = np.unique(part.numbers)
        self._n_classes = n_classes
        self._constant = constant
        self._mean, deviations = part.moments()
        self._std = deviations + _EPSILON
        n_rows, n_columns = len(part.rows), part.rows.shape[1] + 1
        with one_blas_thread():
            if n_rows >= n_columns:
                gram, sums = np.zeros((n_columns, n_columns)), np.zeros((n_columns, len(self._present)))
                for columns, targets in self._blocks():
                    gram += columns.T @ columns
                    sums += columns.T @ targets
                values, self._left = np.linalg.eigh(gram)
                self._right = self._left.T @ sums
            else:
                columns, targets = (np.concatenate(arrays) for arrays in zip(*self._blocks(), strict=True))
                values, vectors = np.linalg.eigh(columns @ columns.T)
                self._left, self._right = columns.T @ vectors, vectors.T @ targets
        self._values = np.maximum(values, 0.0)

    def _blocks(self) -> Iterator[tuple[Float64, Float64]]:
        """Yield standardised rows with the constant behind them, and their targets."""
        rows, numbers = self._part.rows, self._part.numbers
        for start in range(0, len(rows), _BLOCK_ROWS):
            part = slice(start, start + _BLOCK_ROWS)
            features = (rows[part].astype(np.float64) - self._mean) / self._std
            targets = np.where(numbers[part, np.newaxis] == self._present, 1.0, -1.0)
            yield np.column_stack([features, np.full(len(features), self._constant)]), targets

    def weights(self, l2: float) -> Float64:
        """Return the weights (n_features + 1, n_classes) of the features as they are."""
        with one_blas_thread():
            weights = (self._left / (self._values + l2)) @ self._right
        weights[-1] *= self._constant
        weights = self._part.without_constants(weights)
        return all_classes(unfold(weights, self._mean, self._std), self._present, self._n_classes)


def few_shot(numbers: AnyArray, n_classes: int, shots: int | None, seed: int) -> AnyArray:
    """Draw the numbers of `shots` rows of each class, class after class; of all rows if that is None."""
    if shots is None:
        return np.arange(len(numbers))
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.flatnonzero(numbers == label))[:shots] for label in range(n_classes)])


@dataclass(frozen=True, kw_only=True)
class LeastSquaresProbe(ProbeProtocol):
    """Ridge regression on +-1 targets, from all rows or from a few of each class.

    Attributes
    ----------
    l2 : tuple of float
        Strengths of the penalty to choose from: the sum of squared errors + l2 * the sum of squared weights.
    shots : tuple of int, or None
        Rows of each class to learn from, for each number in turn; None: all rows.
    n_seeds : int
        How many draws of the shots are averaged.
    constant : float
        The feature of the bias: the larger, the less the bias is penalised.
    """

    l2: tuple[float, ...]
    shots: tuple[int, ...] | None
    n_seeds: int = 3
    constant: float = 100.0

    probabilistic = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_positive("l2")
        self._check_flags("normalize", "standardize", "refit")
        self._check_integer("n_seeds", 1)
        _scalars.check_positive("constant", self.constant)
        if not self.standardize:
            msg = "standardize must be True for least squares, whose penalty is meant for standardised features; got False"
            raise ValueError(msg)
        if self.shots is not None:
            checked = tuple(_scalars.check_integer("shots", n, 1, 2**53, "rows of a class") for n in self._values("shots"))
            object.__setattr__(self, "shots", checked)

    @property
    def n_settings(self) -> int:
        """Number of settings that are tried."""
        return len(self.l2)

    def choose(self, data: ProbeData, *, seed: int, n_threads: int, report: Report, progress: Progress = None) -> Selection:
        """Train with each setting and choose one."""
        done = Fits(1 if self.shots is None else len(self.shots) * self.n_seeds, progress)
        candidates: list[dict[str, Any]] = []
        for shots in (None,) if self.shots is None else self.shots:
            seeds = range(seed, seed + (1 if shots is None else self.n_seeds))
            fits = []
            for number in seeds:
                fits.append(self._ridge(data, shots, number))
                done.done()
            merits = [self._val_accuracy(data, fits, l2, n_threads) for l2 in self.l2]
            best = 0 if data.validation is None else int(np.argmax(merits))
            for i, l2 in enumerate(self.l2):
                candidate: dict[str, Any] = {"shots": shots, "l2": l2}
                if data.validation is not None:
                    candidate["val_accuracy"] = merits[i]
                if i == best and shots is not None:
                    by_fit = [predict(data.queries.rows, fit.weights(l2), n_threads) for fit in fits]
                    candidate["accuracies"] = tuple(accuracy(data.queries.numbers, predictions) for predictions in by_fit)
                    candidate["accuracy"] = float(np.mean(candidate["accuracies"]))
                candidates.append(candidate)
                report(candidate)
        l2 = self.l2[best]
        before = weights = fits[0].weights(l2)
        if self.refit and self.shots is None and data.validation is not None:
            weights = Ridge(data.train.joined(data.validation), data.n_classes, self.constant).weights(l2)
        selected = {"shots": shots, "l2": l2, **({} if shots is None else {"seed": seed})}
        return Selection(weights, before, tuple(candidates), selected)

    def _ridge(self, data: ProbeData, shots: int | None, seed: int) -> Ridge:
        if shots is None:
            return Ridge(data.train, data.n_classes, self.constant)
        drawn = few_shot(data.train.numbers, data.n_classes, shots, seed)
        return Ridge(Part(data.train.rows[drawn], data.train.numbers[drawn]), data.n_classes, self.constant)

    def _val_accuracy(self, data: ProbeData, fits: list[Ridge], l2: float, n_threads: int) -> float:
        held_out = data.validation
        if held_out is None:
            return np.nan
        predictions = [predict(held_out.rows, fit.weights(l2), n_threads) for fit in fits]
        return float(np.mean([merit(self.metric, held_out.numbers, predicted, data.n_classes) for predicted in predictions]))
