"""Displays of accuracies: cross-validation, k-NN over k, confusions, reliability."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from deeprob_fast.plots import ConfusionMatrixDisplay, CrossValidationDisplay, KNNAccuracyDisplay, ReliabilityDisplay

pytestmark = pytest.mark.usefixtures("figures")


class Score(NamedTuple):
    k: int
    temperature: float | None
    top1: float
    top5: float | None
    mean_per_class: float | None


def labels(ax):
    return ax.get_xlabel(), ax.get_ylabel()


def tick_labels(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


# The cross-validation on 5000 images of CIFAR-10, in percent, as published solutions of the courses have it.
CIFAR = {
    1: [26.3, 25.7, 26.4, 27.8, 26.6],
    3: [23.9, 24.9, 24.0, 26.6, 25.4],
    10: [26.5, 29.6, 27.6, 28.4, 28.0],
    12: [26.0, 29.5, 27.9, 28.3, 28.0],
    100: [25.6, 27.0, 26.3, 25.6, 26.3],
}


def cross_validation():
    accuracies = {k: np.array(folds) / 100 for k, folds in CIFAR.items()}
    mean = {k: float(folds.mean()) for k, folds in accuracies.items()}
    std = {k: float(folds.std(ddof=1)) for k, folds in accuracies.items()}
    return SimpleNamespace(accuracies=accuracies, mean=mean, std=std, best_k=10)


def test_cross_validation_has_a_dot_for_each_fold_and_bars():
    result = cross_validation()
    display = CrossValidationDisplay.from_results(result)
    dots = display.points_.get_offsets()
    expected = [(k, accuracy) for k, folds in CIFAR.items() for accuracy in folds]
    np.testing.assert_allclose(dots, expected)
    line, caps, (bars,) = display.errorbar_
    np.testing.assert_allclose(line.get_xydata(), [(k, 100 * result.mean[k]) for k in CIFAR])
    for k, (low, high) in zip(CIFAR, bars.get_segments(), strict=True):
        np.testing.assert_allclose([low, high], [(k, 100 * (result.mean[k] + s * result.std[k])) for s in (-1, 1)])
    assert len(caps) == 2
    np.testing.assert_allclose(display.best_.get_xydata(), [(10, 28.02)])
    assert display.ax_.get_title() == "best: k = 10, 28.0 %"
    assert labels(display.ax_) == ("number of neighbours k", "accuracy on the held-out fold (%)")
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["one fold", "mean ± standard deviation"]


def test_the_axis_of_k_is_logarithmic_where_k_spans_decades():
    ax = CrossValidationDisplay.from_results(cross_validation()).ax_
    assert ax.get_xscale() == "log"
    assert tick_labels(ax.xaxis) == ["1", "3", "10", "100"]  # no room for 12 beside 10
    assert len(ax.get_xticks(minor=True)) == 0
    few = KNNAccuracyDisplay([Score(k, None, 0.5, None, None) for k in (9, 3, 1)]).plot()
    assert few.ax_.get_xscale() == "linear"
    assert tick_labels(few.ax_.xaxis) == ["1", "3", "9"]


def test_cross_validation_passes_options_on_and_refuses_other_k():
    display = CrossValidationDisplay.from_results(cross_validation(), color="red", capsize=7)
    assert display.errorbar_[0].get_color() == "red"
    with pytest.raises(ValueError, match=r"mean, std and best_k must be of the k of accuracies, \[1\]; got those of \[2\]"):
        CrossValidationDisplay({1: [0.5]}, {2: 0.5}, {1: 0.0}, 1)
    with pytest.raises(ValueError, match="best_k"):
        CrossValidationDisplay({1: [0.5]}, {1: 0.5}, {1: 0.0}, 3)


def scores():
    return [
        Score(5, 0.07, 0.8, 0.9, 0.7),
        Score(1, 0.07, 0.6, 0.95, 0.65),
        Score(1, 0.2, 0.6, 0.95, 0.65),
        Score(5, 0.2, 0.7, 0.99, 0.75),
    ]


@pytest.mark.parametrize(
    ("metric", "best", "label"),
    [
        ("top1", (5, 80.0), "top-1 accuracy (%)"),
        ("top5", (5, 99.0), "top-5 accuracy (%)"),
        ("mean_per_class", (5, 75.0), "mean accuracy of the classes (%)"),
    ],
)
def test_knn_accuracy_has_a_line_for_each_temperature(metric, best, label):
    display = KNNAccuracyDisplay.from_evaluation(SimpleNamespace(scores=scores()), metric=metric)
    assert len(display.lines_) == 2
    for line, temperature in zip(display.lines_, (0.07, 0.2), strict=True):
        expected = sorted((s.k, 100 * getattr(s, metric)) for s in scores() if s.temperature == temperature)
        np.testing.assert_allclose(line.get_xydata(), expected)
    first, second = display.lines_
    assert first.get_marker() != second.get_marker()
    assert first.get_linestyle() != second.get_linestyle()
    np.testing.assert_allclose(display.best_.get_xydata(), [best])
    assert labels(display.ax_)[1] == label
    legend = display.ax_.get_legend()
    assert (legend.get_title().get_text(), [t.get_text() for t in legend.get_texts()]) == ("temperature", ["0.07", "0.2"])


def test_knn_accuracy_without_temperature_and_without_values():
    display = KNNAccuracyDisplay([Score(1, None, 0.5, None, None), Score(3, None, 0.6, None, None)]).plot(linewidth=4)
    assert display.ax_.get_legend() is None
    assert display.lines_[0].get_linewidth() == 4
    with pytest.raises(ValueError, match="scores must hold top5 to be drawn; got Score"):
        display.plot(metric="top5")
    with pytest.raises(ValueError, match="metric must be one of top1, top5, mean_per_class; got 'k'"):
        display.plot(metric="k")
    with pytest.raises(ValueError, match="scores must hold at least one score"):
        KNNAccuracyDisplay([])


def test_confusion_matrix_counts_and_shares():
    display = ConfusionMatrixDisplay.from_matrix([[8, 2], [0, 5]], ["cat", "dog"])
    np.testing.assert_allclose(display.image_.get_array(), [[80, 20], [0, 100]])
    assert display.image_.get_clim() == (0, 100)
    assert [(text.get_text(), text.get_position()) for text in display.texts_] == [("8", (0, 0)), ("2", (1, 0)), ("5", (1, 1))]
    assert [text.get_color() for text in display.texts_] == ["white", "black", "white"]
    ax = display.ax_
    assert labels(ax) == ("predicted class", "true class")
    assert (tick_labels(ax.xaxis), tick_labels(ax.yaxis)) == (["cat", "dog"], ["cat", "dog"])
    assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 1.5), (1.5, -0.5))  # the first class at the top
    assert display.colorbar_.ax.get_ylabel() == "share of the true class (%)"


def test_confusion_matrix_of_more_classes():
    matrix = np.diag(np.arange(24) + 1)
    display = ConfusionMatrixDisplay.from_evaluation(
        SimpleNamespace(confusion_matrix=lambda: matrix, classes=np.array([f"class {i}" for i in range(24)]))
    )
    assert display.texts_ == []
    assert len(tick_labels(display.ax_.yaxis)) == 24
    assert tick_labels(display.ax_.xaxis)[3] == "class 3"
    assert display.ax_.get_xticklabels()[3].get_rotation() == 90
    np.testing.assert_allclose(display.image_.get_array(), 100 * np.eye(24))


def test_confusion_matrix_of_very_many_classes_loses_no_cell():
    matrix = np.diag(np.full(1001, 3))
    matrix[0, 999] = 1
    display = ConfusionMatrixDisplay.from_matrix(matrix)
    shown = np.asarray(display.image_.get_array())
    assert shown.shape == (201, 201)
    assert (np.diag(shown) > 70).all()
    assert shown[0, 199] == 25
    assert np.count_nonzero(shown) == 202
    assert tuple(display.image_.get_extent()) == (-0.5, 1004.5, 1004.5, -0.5)
    assert display.ax_.get_xlim() == (-0.5, 1000.5)
    assert len(tick_labels(display.ax_.xaxis)) == 10


def test_confusion_matrix_of_empty_classes_and_bad_ones():
    display = ConfusionMatrixDisplay.from_matrix([[0, 0], [1, 1]])
    np.testing.assert_array_equal(np.asarray(display.image_.get_array())[0], 0)
    for matrix in ([[1, 2]], [[1, -1], [0, 1]]):
        with pytest.raises(ValueError, match="matrix must be square and hold counts"):
            ConfusionMatrixDisplay(matrix)
    with pytest.raises(ValueError, match="class_names must hold one name for each of the 2 classes; got 1"):
        ConfusionMatrixDisplay([[1, 0], [0, 1]], ["a"])


def test_a_confidence_on_an_edge_counts_for_the_bin_below():
    display = ReliabilityDisplay.from_probabilities([1, 0], [[0.25, 0.75], [1.0, 0.0]], n_bins=4)
    np.testing.assert_array_equal(display.counts, [0, 0, 1, 1])


def test_reliability():
    # Confidences 0.9, 0.9, 0.7, 0.6, right: yes, no, yes, yes.
    probabilities = [[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.6, 0.4]]
    display = ReliabilityDisplay.from_probabilities([0, 1, 1, 0], probabilities, n_bins=5)
    np.testing.assert_array_equal(display.counts, [0, 0, 1, 1, 2])
    np.testing.assert_allclose(display.accuracies[2:], [1, 1, 0.5])
    np.testing.assert_allclose(display.confidences[2:], [0.6, 0.7, 0.9])
    np.testing.assert_allclose(display.calibration_error, (0.4 + 0.3 + 2 * 0.4) / 4)
    bars = [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in display.bars_]
    np.testing.assert_allclose(bars, [(40, 20, 100), (60, 20, 100), (80, 20, 50)])
    assert display.ax_.get_title() == "expected calibration error 37.5 %"
    assert labels(display.ax_) == ("confidence (%)", "accuracy (%)")
    with pytest.raises(ValueError, match="probabilities must be from 0 to 1"):
        ReliabilityDisplay.from_probabilities([0], [[2.0, -1.0]])
    with pytest.raises(ValueError, match="y must hold numbers of classes from 0 to 1; got 2"):
        ReliabilityDisplay.from_probabilities([2], [[0.5, 0.5]])
