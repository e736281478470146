"""Displays of training: losses and sweeps."""

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast.plots import LossCurveDisplay, SweepDisplay
from deeprob_fast.plots.loss_curve import smoothed
from tests.examples import blobs

pytestmark = pytest.mark.usefixtures("figures")


def trained(**options):
    x, y = blobs(n=200)
    return df.train(x, y, X_val=x[:50], y_val=y[:50], batch_size=20, **{"n_epochs": 5, "learning_rate": 0.1} | options)


def test_losses_of_steps_smooth_ones_and_validation():
    training = trained()
    display = LossCurveDisplay.from_training(training, window=5)
    (line,), (raw,), (validation,) = display.lines_, display.raw_lines_, display.val_lines_
    steps = np.arange(1, 51)
    np.testing.assert_array_equal(raw.get_xydata(), np.column_stack([steps, training.loss_history]))
    np.testing.assert_array_equal(line.get_xdata(), steps)
    np.testing.assert_allclose(np.asarray(line.get_ydata())[10], training.loss_history[8:13].mean())
    np.testing.assert_array_equal(validation.get_xydata(), np.column_stack([[10, 20, 30, 40, 50], training.val_losses]))
    ax = display.ax_
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("step", "loss", "linear")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]
    assert line.get_linewidth() > raw.get_linewidth()


@pytest.mark.parametrize("window", [1, 2, 3, 10, 11, 1000])
def test_smoothing_averages_what_is_around(window):
    values = np.random.default_rng(0).random(12)
    expected = [values[max(i - (window - 1) // 2, 0) : i + window // 2 + 1].mean() for i in range(12)]
    np.testing.assert_allclose(smoothed(values, window), expected)


def test_losses_of_estimators_are_by_the_epoch():
    x, y = blobs(n=200)
    model = df.SoftmaxClassifier(random_state=0, max_epochs=4).fit(x, y, X_val=x[:50], y_val=y[:50])
    display = LossCurveDisplay.from_training(model)
    assert display.raw_lines_ == []
    np.testing.assert_array_equal(display.lines_[0].get_xydata(), np.column_stack([[1, 2, 3, 4], model.loss_curve_]))
    np.testing.assert_array_equal(display.val_lines_[0].get_xydata(), np.column_stack([[1, 2, 3, 4], model.validation_losses_]))
    assert display.ax_.get_xlabel() == "epoch"
    plain = LossCurveDisplay.from_training(df.LinearSVM(random_state=0, max_epochs=4).fit(x, y))
    assert plain.val_lines_ == []
    assert plain.ax_.get_legend() is None


def test_several_trainings_are_told_apart():
    trainings = [trained(learning_rate=rate) for rate in (0.01, 0.1)]
    display = LossCurveDisplay.from_training(trainings, names=["slow", "fast"], log=True)
    first, second = display.lines_
    assert first.get_linestyle() != second.get_linestyle()
    assert first.get_color() != second.get_color()
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert names == ["slow", "slow validation", "fast", "fast validation"]
    assert display.ax_.get_yscale() == "log"
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert any(label in labels for label in ("0.5", "1", "2"))
    numbered = LossCurveDisplay.from_training(trainings)
    assert [text.get_text() for text in numbered.ax_.get_legend().get_texts()][::2] == ["1", "2"]


def test_divergence_is_marked():
    x, y = blobs()
    training = df.train(x * 1e30, y, loss="weston_watkins", learning_rate=1e9, batch_size=20, n_epochs=3, dtype="float32")
    assert training.diverged_at is not None
    display = LossCurveDisplay.from_training([training, trained()], names=["wild", "tame"], log=True)
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert names == ["wild (diverged)", "tame", "tame validation"]
    kept = training.loss_history[np.isfinite(training.loss_history)]
    alone = LossCurveDisplay.from_training(training).ax_
    assert [text.get_text() for text in alone.get_legend().get_texts()] == ["training (diverged)"]
    crosses = [line for line in display.ax_.lines if line.get_marker() == "x"]
    np.testing.assert_array_equal([np.asarray(line.get_xydata())[0] for line in crosses], [(len(kept), kept[-1])])


def test_what_is_no_training_is_refused():
    with pytest.raises(TypeError, match="training must be a Training or a fitted classifier with a loss_curve_; got dict"):
        LossCurveDisplay.from_training({})
    with pytest.raises(ValueError, match="curves must hold at least one curve"):
        LossCurveDisplay.from_training([])
    with pytest.raises(ValueError, match="names must hold one name for each of the 1 curves; got 2"):
        LossCurveDisplay.from_training(trained(), names=["a", "b"])
    with pytest.raises(ValueError, match="window must be between 1"):
        LossCurveDisplay.from_training(trained(), window=0)


def swept(validate=True):
    x, y = blobs(n=200)
    options = {"X_val": x[:50], "y_val": y[:50]} if validate else {}
    grid = [{"learning_rate": rate, "reg": reg, "momentum": m} for rate in (1.0, 0.01) for reg in (0.1, 0.0) for m in (0, 0.9)]
    grid += [{"learning_rate": 1e38, "reg": 0.1, "momentum": 0.9}]
    return df.sweep(x, y, grid, n_epochs=2, batch_size=20, **options)


def test_sweep_shows_the_best_of_each_cell():
    found = swept()
    assert found.trainings[-1].diverged_at is not None
    display = SweepDisplay.from_sweep(found)
    assert (display.x_values, display.y_values) == ([0.01, 1.0, 1e38], [0.0, 0.1])
    expected = np.full((2, 3), np.nan)
    for setting, training in zip(found.settings[:-1], found.trainings[:-1], strict=True):
        cell = [0.0, 0.1].index(setting["reg"]), [0.01, 1.0].index(setting["learning_rate"])
        expected[cell] = np.fmax(expected[cell], 100 * training.val_accuracies[training.best_epoch])
    np.testing.assert_allclose(np.ma.filled(display.image_.get_array(), np.nan), expected)
    written = {text.get_position(): text.get_text() for text in display.texts_}
    assert written == {
        **{(column, row): f"{value:.1f}" for (row, column), value in np.ndenumerate(expected) if np.isfinite(value)},
        (2, 1): "diverged",
    }
    (hatched,) = display.hatches_
    assert (hatched.get_hatch(), hatched.get_xy()) == ("///", (1.5, 0.5))
    row, column = np.unravel_index(np.nanargmax(expected), expected.shape)
    np.testing.assert_allclose(display.best_.get_xy(), (column - 0.46, row - 0.46))


def test_sweep_labels():
    display = SweepDisplay.from_sweep(swept())
    ax = display.ax_
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning rate", "reg")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["$10^{-2}$", "1", "$10^{38}$"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0.0", "$10^{-1}$"]
    assert ax.get_title().startswith("best: learning rate ")
    assert display.colorbar_.ax.get_ylabel() == "validation accuracy (%)"
    assert display.image_.origin == "lower"


def test_sweep_of_losses_prefers_small_ones():
    found = swept(validate=False)
    display = SweepDisplay.from_sweep(found, x="momentum", y="learning_rate")
    losses = np.full((3, 2), np.nan)
    for setting, training in zip(found.settings[:-1], found.trainings[:-1], strict=True):
        cell = [0.01, 1.0, 1e38].index(setting["learning_rate"]), [0, 0.9].index(setting["momentum"])
        losses[cell] = np.fmin(losses[cell], training.loss_history[-2:].mean())
    np.testing.assert_allclose(display.values, losses)
    row, column = np.unravel_index(np.nanargmin(losses), losses.shape)
    np.testing.assert_allclose(display.best_.get_xy(), (column - 0.46, row - 0.46))
    best, worst = (
        display.image_.to_rgba(display.image_.get_array())[np.where(losses == f(losses))][0][:3] for f in (np.nanmin, np.nanmax)
    )
    assert best.sum() > worst.sum()  # brighter
    assert display.colorbar_.ax.get_ylabel() == "training loss"
    both = SweepDisplay.from_sweep(swept(), value="loss")
    assert both.value == "loss"


def test_sweep_over_names_keeps_their_order_and_all_may_diverge():
    x, y = blobs(n=200)
    found = df.sweep(x, y, {"optimizer": ["sgd", "adam"], "reg": [0.0], "learning_rate": [0.01]}, n_epochs=1)
    display = SweepDisplay.from_sweep(found, x="optimizer")
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["sgd", "adam"]
    nothing = SweepDisplay([[np.nan]], [[True]], [1.0], [0.0], "learning_rate", "reg", "loss").plot()
    assert nothing.best_ is None
    assert nothing.ax_.get_title() == ""
    nothing.figure_.canvas.draw()


def test_sweep_refuses_what_it_does_not_have():
    with pytest.raises(ValueError, match=r"x and y must be hyperparameters of every setting, \['learning_rate', .*; got 'loss'"):
        SweepDisplay.from_sweep(swept(), x="loss")
    with pytest.raises(ValueError, match="value must be 'loss' for a sweep without validation data; got 'accuracy'"):
        SweepDisplay.from_sweep(swept(validate=False), value="accuracy")
    with pytest.raises(ValueError, match="value must be one of accuracy, loss; got 'time'"):
        SweepDisplay.from_sweep(swept(), value="time")
    with pytest.raises(ValueError, match=r"values and diverged must have shape \(1, 2\); got \(1, 1\)"):
        SweepDisplay([[1.0]], [[False]], [1, 2], [1], "x", "y", "loss")
