"""What the pages offer: names of the library, each with a label for people."""

from functools import cache
from importlib.metadata import version
from typing import Any

from deeprob_fast import _kernels
from deeprob_fast.demo import _points, presets, regions, rules
from deeprob_fast.demo.knn_model import TEMPERATURES
from deeprob_fast.demo.linear_model import MOST_STEPS
from deeprob_fast.demo.linear_state import LARGEST_REG, LARGEST_WEIGHT, PENALTIES
from deeprob_fast.knn.votes import WEIGHTS, check_voting
from deeprob_fast.linear.settings import OPTIMIZERS

# In the order of the page that this one follows, with the names that it has for them.
LOSSES = {
    "weston_watkins": ("Weston Watkins 1999", "sum over j ≠ y of max(0, s[j] - s[y] + 1)"),
    "one_vs_all": ("One vs. all", "sum over j of max(0, 1 - t[j] s[j]), t[y] = 1, all others -1"),
    "runner_up": ("Structured SVM", "max(0, max over j ≠ y of s[j] - s[y] + 1)"),
    "softmax": ("Softmax", "-log(exp(s[y]) / sum over j of exp(s[j]))"),
}
# The last word is what the table of neighbours calls the number.
METRICS = {
    "euclidean": ("Euclidean", "√ of the sum of (a - b)²", "distance"),
    "sqeuclidean": ("Squared Euclidean", "sum of (a - b)²", "distance"),
    "manhattan": ("Manhattan", "sum of |a - b|", "distance"),
    "chebyshev": ("Chebyshev", "largest |a - b|", "distance"),
    "cosine": ("Cosine", "1 - cos of the angle between a and b", "distance"),
    "inner_product": ("Inner product", "sum of a · b, the largest is the nearest", "product"),
}
VOTES = {
    "uniform": ("Uniform", "1 for each neighbour"),
    "distance": ("By distance", "1 / distance"),
    "softmax": ("Softmax", "exp(-distance / temperature)"),
}


@cache
def options() -> dict[str, Any]:
    """Return what `/api/options` answers."""
    return {
        "losses": [_named(name, *texts) for name, texts in LOSSES.items()],
        "optimizers": [
            {"name": name, "label": kind.__name__, "hyperparameters": rules.describe(name)} for name, kind in OPTIMIZERS.items()
        ],
        "penalties": list(PENALTIES),
        "linear_presets": [{"name": name, "label": presets.LABELS[name]} for name in presets.LINEAR],
        "knn_presets": [{"name": name, "label": presets.LABELS[name]} for name in presets.KNN],
        "metrics": [_named(name, *METRICS[name]) for name in _kernels.METRICS],
        "weights": [_named(name, *VOTES[name]) for name in WEIGHTS],
        "weights_of_metric": {metric: [name for name in WEIGHTS if _votes(name, metric)] for metric in _kernels.METRICS},
        "limits": {
            "n_points": _points.MOST_POINTS,
            "n_classes": list(_points.N_CLASSES),
            "regions": regions.MOST_CELLS,
            "coordinate": _points.FARTHEST,
            "weight": LARGEST_WEIGHT,
            "reg": LARGEST_REG,
            "n_steps": MOST_STEPS,
            "temperature": list(TEMPERATURES),
        },
        "version": version("deeprob-fast"),
        "kernels": _kernels.ISA,
    }


def _named(name: str, label: str, formula: str, measure: str | None = None) -> dict[str, str]:
    named = {"name": name, "label": label, "formula": formula}
    return named if measure is None else named | {"measure": measure}


def _votes(weights: str, metric: str) -> bool:
    try:
        check_voting(weights, 1.0, metric)
    except ValueError:
        return False
    return True
