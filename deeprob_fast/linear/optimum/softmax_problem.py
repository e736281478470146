"""The checked arguments of softmax regression: what is minimised, and from where."""

import numpy as np

from deeprob_fast import _validation
from deeprob_fast._typing import ArrayLike
from deeprob_fast.linear.data import TrainingData
from deeprob_fast.linear.examples import LARGEST_FEATURE, check_features
from deeprob_fast.linear.optimum.objective import SoftmaxObjective

_ROUGH_FEATURES = (1e-18, 1e18)  # whose squares, and weights, fit float32


class SoftmaxProblem:
    """The softmax loss of examples; see `deeprob_fast.minimize_softmax` for the arguments.

    Attributes
    ----------
    objective : SoftmaxObjective
        In float64.
    rough : SoftmaxObjective or None
        The same in float32, where that holds the features.
    start : array of float64, shape (n_classes, n_columns)
    free_bias : bool
        Whether there is a bias that no penalty counts.
    """

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        n_classes: int | None = None,
        initial_weights: ArrayLike | None = None,
        bias: bool = True,
        penalize_bias: bool = False,
        sample_weight: ArrayLike | None = None,
        mean: ArrayLike | None = None,
        std: ArrayLike | None = None,
        n_threads: int | None = None,
        name: str = "X",  # in messages
    ) -> None:
        threads = _validation.check_n_threads(n_threads)
        data = TrainingData(X, y, n_classes, bias, sample_weight, mean, std, "float64", initial_weights)
        examples = data.examples
        if examples.sample_weights.size:
            examples = examples._replace(sample_weights=examples.sample_weights / examples.sample_weights.mean())
        self.start = np.asarray(data.starting_weights(0.0, 0), dtype=np.float64)
        if not (np.abs(self.start) <= LARGEST_FEATURE).all():
            msg = f"initial_weights must be finite, up to {LARGEST_FEATURE:g} in magnitude; got {np.abs(self.start).max():g}"
            raise ValueError(msg)
        self.free_bias = bool(bias) and not penalize_bias
        sizes = check_features(name, examples)
        self.objective = SoftmaxObjective(examples, data.n_classes, threads)
        self.rough = None
        with np.errstate(over="ignore", under="ignore"):
            rough = examples._replace(shift=examples.shift.astype(np.float32), scale=examples.scale.astype(np.float32))
        fits = np.isfinite(rough.shift).all() and np.isfinite(rough.scale).all() and rough.scale.all()
        smallest, largest = _ROUGH_FEATURES
        fits = fits and sizes.max() <= largest and sizes.min(initial=1, where=sizes > 0) >= smallest
        if examples.rows.dtype != np.float64 and fits:
            self.rough = SoftmaxObjective(rough, data.n_classes, threads)
