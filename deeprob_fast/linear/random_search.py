"""Random search for the weights of a linear classifier: the lecture's first, bad idea, at full speed."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels, _scalars, _validation
from deeprob_fast._docstrings import sharing
from deeprob_fast._typing import AnyArray, ArrayLike, Float64, KernelLoss
from deeprob_fast.linear import settings
from deeprob_fast.linear.data import TrainingData
from deeprob_fast.linear.docstrings import SHARED

# Candidates that share a pass over the examples; their weights stay in memory meanwhile.
_GROUP = 64


class RandomSearch(NamedTuple):
    """What a random search found.

    Attributes
    ----------
    W : array, shape (n_features, n_classes)
        The best weights; one row more if there is a bias, which is the last.
    loss : float
        Their loss.
    losses : array of float64, shape (n_candidates,)
        Of all candidates, in the order tried.
    """

    W: AnyArray
    loss: float
    losses: Float64


@sharing(**SHARED)
def random_search(
    X: ArrayLike,
    y: ArrayLike,
    *,
    n_candidates: int = 1000,
    scale: float = 1e-4,
    loss: str = "weston_watkins",
    delta: float = 1.0,
    bias: bool = True,
    n_classes: int | None = None,
    mean: ArrayLike | None = None,
    std: ArrayLike | None = None,
    seed: int = 0,
    verbose: bool = False,
    n_threads: int | None = None,
) -> RandomSearch:
    """Try random weights and keep the best.

    Parameters
    ----------
    {examples}
    n_candidates : int
        How many weights to try.
    scale : float
        Their standard deviation; they are normal, the bias as well.
    loss : {"softmax", "weston_watkins", "one_vs_all", "runner_up"}
        As in `svm_loss` and `softmax_loss`, without penalty.
    delta : float
        Margin of the hinge losses.
    bias : bool
        Whether the weights have a row for a bias.
    {n_classes}
    {standardisation}
    seed : int
        Of the weights.
    verbose : bool
        Whether each attempt is printed with its loss and the best so far, as in the lecture.
    {threads}

    Returns
    -------
    RandomSearch

    {raises}

    Notes
    -----
    Several candidates share one pass over the examples. Costs 2 n_examples n_features n_classes operations a candidate. In 3073
    dimensions nearly every direction is as bad as the first: follow the slope instead (`train`).

    Examples
    --------
    >>> import deeprob_fast as df
    >>> found = df.random_search([[-1.0], [1.0]], [0, 1], n_candidates=50, scale=1.0)
    >>> found.loss == min(found.losses.tolist())
    True
    """
    formula = _scalars.check_choice("loss", loss, settings.LOSSES)
    margin = _scalars.check_real("delta", delta, 0)
    deviation = _scalars.check_real("scale", scale, 0)
    n_candidates = _scalars.check_integer("n_candidates", n_candidates, 1, 2**31, "attempts")
    threads = _validation.check_n_threads(n_threads)
    data = TrainingData(X, y, n_classes, bias, None, mean, std, None, None)
    examples = data.examples
    random = np.random.default_rng(_scalars.check_seed(seed))
    losses = np.empty(n_candidates)
    accuracies = np.empty(_GROUP)
    best, best_loss = np.empty(0), np.nan
    for start in range(0, n_candidates, _GROUP):
        part = losses[start : start + _GROUP]
        candidates = random.standard_normal((len(part), data.n_classes, examples.n_columns), dtype=examples.dtype)
        with np.errstate(over="ignore"):
            candidates *= examples.dtype.type(deviation)
        if not np.isfinite(candidates).all():
            msg = f"scale must be so small that {examples.dtype} can hold the weights; got {deviation:g}"
            raise ValueError(msg)
        formulas = [KernelLoss(formula, margin)] * len(part)
        packed = examples.packed(candidates).reshape(-1)
        _kernels.evaluate(examples, formulas, data.n_classes, packed, part, accuracies[: len(part)], threads)
        for i, value in enumerate(part):
            if not best.size or value < best_loss or np.isnan(best_loss):
                best, best_loss = candidates[i], float(value)
            if verbose:
                print(f"in attempt {start + i} the loss was {value:f}, best {best_loss:f}")  # noqa: T201  # what it is for
    if not np.isfinite(losses).all():
        data.check_finite()
    return RandomSearch(np.ascontiguousarray(best.T), best_loss, losses)
