"""Plots in scikit-learn's Display style. Needs matplotlib, which is imported when the first one is drawn.

Each display holds what it shows as plain attributes. Its `from_...` methods compute and draw it; `plot` draws it again, on axes
that are given or in a figure of its own, and sets `ax_`, `figure_` and the artists. Nothing calls ``show``.
"""

from deeprob_fast.plots.confusion_matrix import ConfusionMatrixDisplay
from deeprob_fast.plots.cross_validation import CrossValidationDisplay
from deeprob_fast.plots.decision_regions import DecisionRegionsDisplay
from deeprob_fast.plots.knn_accuracy import KNNAccuracyDisplay
from deeprob_fast.plots.loss_curve import LossCurveDisplay
from deeprob_fast.plots.neighbors import NeighborsDisplay
from deeprob_fast.plots.reliability import ReliabilityDisplay
from deeprob_fast.plots.sweep import SweepDisplay
from deeprob_fast.plots.templates import TemplatesDisplay

__all__ = [
    "ConfusionMatrixDisplay",
    "CrossValidationDisplay",
    "DecisionRegionsDisplay",
    "KNNAccuracyDisplay",
    "LossCurveDisplay",
    "NeighborsDisplay",
    "ReliabilityDisplay",
    "SweepDisplay",
    "TemplatesDisplay",
]
