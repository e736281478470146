"""Probes by softmax regression to the optimum, for one penalty or the best of a grid."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeprob_fast import _scalars
from deeprob_fast._typing import Float64
from deeprob_fast.linear.optimum.minimize import Optimum, PathSolver
from deeprob_fast.linear.optimum.softmax_problem import SoftmaxProblem
from deeprob_fast.linear.scaling import unfold
from deeprob_fast.linear.scores import all_classes, predict
from deeprob_fast.probes import grid
from deeprob_fast.probes.data import Part, ProbeData
from deeprob_fast.probes.progress import Descent, Fits
from deeprob_fast.probes.protocol import ProbeProtocol, Progress, Report, Selection, merit


def _warn_of_distance(C: float, max_iter: int, optimum: Optimum) -> None:  # noqa: N803  # scikit-learn's
    """Say that the weights are not those of the minimum."""
    from sklearn.exceptions import ConvergenceWarning

    msg = (
        f"softmax regression with C={C:g} ended before its minimum: after max_iter={max_iter} iterations the loss, "
        f"{optimum.loss:.3g}, is estimated to lie {optimum.gap_estimate:.2g} above it; try a larger max_iter or standardize=True"
    )
    warnings.warn(msg, ConvergenceWarning, stacklevel=4)


class _Fitter:
    """Fits softmax regression to one set of rows under any penalty."""

    def __init__(self, part: Part, n_classes: int, protocol: "SoftmaxProbe", tol: float, n_threads: int, fits: Fits) -> None:
        self._fits = fits
        self.present, numbers = np.unique(part.numbers, return_inverse=True)
        self._n_classes = n_classes
        self._part = part
        self._moments = part.moments() if protocol.standardize else (None, None)
        mean, std = self._moments
        problem = SoftmaxProblem(
            part.rows, numbers, n_classes=len(self.present), mean=mean, std=std, n_threads=n_threads, name="train"
        )
        self._solver = PathSolver(problem, tol=tol, max_iter=protocol.max_iter, certified=False, watch=Descent(fits, tol))

    def fit(self, C: float, start: Float64 | None) -> tuple[Optimum, Float64]:  # noqa: N803  # scikit-learn's
        """Return what the solver found, in its own terms, and the weights for all classes and raw features."""
        optimum = self._solver.solve(1 / (2 * C * len(self._part.rows)), start)
        self._fits.done()
        weights = optimum.W if self._moments[0] is None else self._part.without_constants(optimum.W)
        return optimum, all_classes(unfold(weights, *self._moments), self.present, self._n_classes)


@dataclass(frozen=True, kw_only=True)
class SoftmaxProbe(ProbeProtocol):
    """Logistic regression: sum of squared weights / 2 + C * sum of losses, the bias not penalised, at its minimum.

    Attributes
    ----------
    C : tuple of float
        Inverse strengths of the penalty to choose from, as scikit-learn's.
    stride : int
        1: all are tried; otherwise every stride-th, then both sides of the best, halving the stride.
    max_iter : int
        Iterations of one fit at most.
    tol : float
        A fit ends when its loss is estimated to be within this share of the minimum.
    search_tol : float
        The same for fits that serve the choice only.
    """

    C: tuple[float, ...]
    stride: int = 1
    max_iter: int = 1000
    tol: float = 1e-6
    search_tol: float = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_positive("C")
        self._check_flags("normalize", "standardize", "refit")
        self._check_integer("stride", 1)
        self._check_integer("max_iter", 1)
        _scalars.check_real("tol", self.tol, 0)
        _scalars.check_real("search_tol", self.search_tol, 0)

    @property
    def n_settings(self) -> int:
        """Number of settings that are tried."""
        return len(self.C)

    def choose(self, data: ProbeData, *, seed: int, n_threads: int, report: Report, progress: Progress = None) -> Selection:  # noqa: ARG002  # inherited; the minimum needs no seed
        """Train with each setting and choose one."""
        held_out = data.validation
        only_fit = len(self.C) == 1 and not (self.refit and held_out is not None)
        fits = Fits(grid.n_visits(len(self.C), self.stride) + (not only_fit), progress)
        solved: dict[int, Optimum] = {}
        fitted: dict[int, Float64] = {}

        def evaluate(numbers: Sequence[int]) -> list[float]:
            # What a solver has learned under weak penalties misleads it under the stronger ones of the next round.
            fitter = _Fitter(data.train, data.n_classes, self, self.tol if only_fit else self.search_tol, n_threads, fits)
            merits = dict.fromkeys(numbers, math.nan)
            for i in sorted(numbers, key=lambda number: self.C[number]):
                stronger = [j for j in solved if self.C[j] <= self.C[i]]
                nearest = solved[max(stronger, key=lambda j: self.C[j])].W if stronger else None
                solved[i], fitted[i] = fitter.fit(self.C[i], nearest)
                candidate: dict[str, Any] = {"C": self.C[i]}
                if held_out is not None:
                    predictions = predict(held_out.rows, fitted[i], n_threads)
                    merits[i] = merit(self.metric, held_out.numbers, predictions, data.n_classes)
                    candidate["val_accuracy"] = merits[i]
                candidates[i] = candidate
                report(candidate)
            return [merits[i] for i in numbers]

        candidates: dict[int, dict[str, Any]] = {}
        best = grid.best_of(grid.coarse_to_fine(len(self.C), self.stride, evaluate))
        optimum, weights = solved[best], fitted[best]
        if not only_fit:
            part = data.train.joined(held_out) if self.refit and held_out is not None else data.train
            final = _Fitter(part, data.n_classes, self, self.tol, n_threads, fits)
            same = np.array_equal(final.present, np.unique(data.train.numbers)) and not self.standardize
            optimum, weights = final.fit(self.C[best], solved[best].W if same else None)
        if not optimum.converged and optimum.n_iterations >= self.max_iter:
            _warn_of_distance(self.C[best], self.max_iter, optimum)
        ordered = tuple(candidates[i] for i in sorted(candidates))
        return Selection(weights, fitted[best], ordered, {"C": self.C[best]})
