"""The choice of k by cross-validation.

The training rows are cut into five folds; each in turn is held out and classified by the others, for every k that the course
tries. A point is one fold; the line goes through the means, and the bars are standard deviations. The data are the digits that
scikit-learn ships, and the test rows, a fifth of them, have no part in the choice.
"""

from typing import TYPE_CHECKING, NamedTuple

from deeprob_fast import datasets
from deeprob_fast.figures._style import new_figure
from deeprob_fast.knn.cross_validation import CrossValidation, knn_cross_validate
from deeprob_fast.knn.evaluation import evaluate_knn
from deeprob_fast.plots.cross_validation import CrossValidationDisplay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_N_FOLDS = 5


class Choice(NamedTuple):
    """What is drawn.

    Attributes
    ----------
    cross_validation : CrossValidation
    n_train, n_test : int
    test_accuracy : float
        Of the chosen k, on the test rows.
    """

    cross_validation: CrossValidation
    n_train: int
    n_test: int
    test_accuracy: float


def compute() -> Choice:
    """Compute the numbers of the figure."""
    digits = datasets.load_digits()
    result = knn_cross_validate(digits.train, digits.train_labels, _N_FOLDS, n_threads=1)
    test = evaluate_knn(digits.train, digits.train_labels, digits.test, digits.test_labels, k=result.best_k, n_threads=1)
    return Choice(result, len(digits.train), len(digits.test), test.accuracies[result.best_k])


def draw(numbers: Choice) -> "Figure":
    """Draw the figure."""
    result = numbers.cross_validation
    title = f"Cross-validation of k on {numbers.n_train} digits: {len(result.fold_sizes)} folds, each held out once"
    figure, (ax,) = new_figure(title, 4.6)
    CrossValidationDisplay.from_results(result, ax=ax)
    mean, test = result.mean[result.best_k], numbers.test_accuracy
    ax.set_title(f"best: k = {result.best_k} with {mean:.1%}; on {numbers.n_test} test digits it gets {test:.1%} right")
    return figure
