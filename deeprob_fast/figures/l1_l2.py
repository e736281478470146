"""What L1 and L2 prefer.

Two weight vectors give the same example the same score. L2, the sum of squares, prefers the one that spreads over all features;
to L1, the sum of absolute values, both cost the same. Right and below, softmax classifiers trained on digits under either
penalty, of the same strength: about equally good on new digits, but L1 brings most weights to zero and leaves the others large,
L2 keeps most of them, and small. What is less than a hundredth of the largest weight counts as zero.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deeprob_fast import datasets
from deeprob_fast._typing import Float64
from deeprob_fast.figures._style import COLORS, LINES, legend, light_grid, new_figure
from deeprob_fast.linear.losses import svm_loss
from deeprob_fast.linear.training import train
from deeprob_fast.optim import SGD, CosineAnnealingLR
from deeprob_fast.plots.templates import TemplatesDisplay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXAMPLE = np.ones(4)
VECTORS = {"one": np.array([1.0, 0.0, 0.0, 0.0]), "even": np.full(4, 0.25)}
PENALTIES = ("l2", "l1")
_REG, _N_STEPS = 1e-3, 1500
_SHOWN = (0, 3, 8)  # the classes whose weights are drawn
_ZERO = 0.01  # of the largest weight


class Trained(NamedTuple):
    """A classifier of digits.

    Attributes
    ----------
    W : array of float64, shape (n_pixels, n_classes)
        Without the bias.
    accuracy : float
        On the test digits.
    zeros : float
        Share of the weights that are less than a hundredth of the largest, among pixels that are not the same in all images.
    sizes : array of float64
        Absolute values of these pixels' weights, descending.
    """

    W: Float64
    accuracy: float
    zeros: float
    sizes: Float64


class Preferences(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    scores : dict
        By vector: that of the example.
    penalties : dict
        By vector and penalty: R(w).
    trained : dict
        By penalty.
    """

    scores: dict[str, float]
    penalties: dict[str, dict[str, float]]
    trained: dict[str, Trained]


def _penalty(w: Float64, penalty: str) -> float:
    """Return R(w): what the penalty adds to the loss. Of a single class, the hinge is 0."""
    column = w[:, np.newaxis]
    return svm_loss(column, EXAMPLE[np.newaxis], [0], reg=1.0, penalty=penalty, n_threads=1).loss


def _train(penalty: str) -> Trained:
    digits = datasets.load_digits()
    rows = datasets.preprocess(digits, scale=16, center="image", bias=True, dtype="float64")
    training = train(
        rows.X_train,
        rows.y_train,
        reg=_REG,
        penalty=penalty,
        optimizer=SGD(lr=0.5, momentum=0.9),
        schedule=lambda optimizer: CosineAnnealingLR(optimizer, _N_STEPS),
        batch_size=None,
        n_steps=_N_STEPS,
        n_threads=1,
    )
    accuracy = float(((rows.X_test @ training.W).argmax(axis=1) == rows.y_test).mean())
    W = np.asarray(training.W[:-1], dtype=np.float64)
    sizes = np.sort(np.abs(W[digits.train.std(axis=0) > 0]), axis=None)[::-1]
    return Trained(W, accuracy, float((sizes < _ZERO * sizes[0]).mean()), sizes)


def compute() -> Preferences:
    """Compute the numbers of the figure."""
    scores = {name: float(w @ EXAMPLE) for name, w in VECTORS.items()}
    penalties = {name: {penalty: _penalty(w, penalty) for penalty in PENALTIES} for name, w in VECTORS.items()}
    return Preferences(scores, penalties, {penalty: _train(penalty) for penalty in PENALTIES})


def draw(numbers: Preferences) -> "Figure":
    """Draw the figure."""
    figure, axes = new_figure("L2 prefers even weights, L1 few weights", 5.6, 2, 2, grid=False, height_ratios=(1.6, 1))
    left, right, *below = axes
    places = np.arange(len(EXAMPLE))
    for number, (name, w) in enumerate(VECTORS.items()):
        values = numbers.penalties[name]
        label = f"{name}: R = {values['l2']:g} by L2, {values['l1']:g} by L1"
        left.bar(places + 0.4 * (number - 0.5), w, 0.4, color=COLORS[number], label=label)
    same = " and ".join(f"{score:g}" for score in numbers.scores.values())
    left.set(xticks=places, xlabel="feature of x = (1, 1, 1, 1)", ylabel="weight", ylim=(0, 1.4))
    left.set_title(f"scores {same}", fontsize=10)
    legend(left)
    for number, (penalty, trained) in enumerate(numbers.trained.items()):
        label = f"{penalty.upper()}: {trained.zeros:.0%} are as good as zero"
        ranks = np.arange(1, len(trained.sizes) + 1)
        right.plot(ranks, trained.sizes, color=COLORS[2 + number], linestyle=LINES[number], label=label)
        names = [f"weights for {digit}" for digit in _SHOWN]
        templates = trained.W.T[list(_SHOWN)].reshape(-1, 8, 8)
        TemplatesDisplay(templates, names).plot(below[number])
        below[number].set_title(f"trained with {penalty.upper()}: {trained.accuracy:.1%} of new digits right", fontsize=10)
    right.set(xlabel="rank of the weight", ylabel="absolute value")
    right.set_title(f"weights trained on digits, reg = {_REG:g}", fontsize=10)
    for ax in (left, right):
        light_grid(ax)
    legend(right)
    return figure
