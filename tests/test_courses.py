"""What the courses' notebooks do, on stand-in images of their shape: the same settings reach the same accuracies."""

import numpy as np
import pytest

import deeprob_fast as df


def images(n):
    """Draw images of 32 x 32 x 3 bytes: ten classes that a linear classifier tells apart only partly, like those of CIFAR-10."""
    rng = np.random.default_rng(0)
    smooth = rng.standard_normal((40, 4, 4, 3)).repeat(8, axis=1).repeat(8, axis=2).reshape(40, -1)
    labels = rng.integers(0, 10, n)
    mixture = 1.5 * rng.standard_normal((n, 40))
    mixture[np.arange(n), labels] += 2.2
    pixels = 128 + 14 * (mixture @ smooth) + 20 * rng.standard_normal((n, 3072))
    return np.clip(pixels, 0, 255).astype(np.uint8), labels


@pytest.fixture(scope="module")
def data():
    X, y = images(6000)
    return X[:4800], y[:4800], X[4800:], y[4800:]


@pytest.mark.parametrize(("loss", "rates", "course"), [("weston_watkins", (1e-3, 3e-3), 0.39), ("softmax", (1e-2, 1e-1), 0.398)])
def test_the_grid_of_the_notebook(data, loss, rates, course):
    """Pixels in [0, 1] less the mean of each channel, a bias, 2000 steps on batches of 200 drawn with replacement."""
    X, y, X_val, y_val = data
    channel = np.tile(X.reshape(-1, 3).mean(axis=0), 1024)
    found = df.sweep(
        X, y, {"loss": loss, "learning_rate": list(rates), "reg": [1e-5, 1e-3]}, X_val=X_val, y_val=y_val, n_steps=2000,
        batch_size=200, replacement=True, mean=channel, std=np.full(3072, 255.0), bias=True, initial_scale=1e-6,
    )  # fmt: skip
    best = found.trainings[found.best]
    assert best.val_accuracies[-1] > course
    assert best.loss_history[0] == pytest.approx(9.0 if loss == "weston_watkins" else np.log(10), rel=1e-3)
    assert best.loss_history[-50:].mean() < 0.9 * best.loss_history[0]


def test_the_bad_settings_of_the_notebook_stay_at_chance(data):
    """SVM with lr 3e-11 and reg 2.5e4: the loss stays near 9."""
    X, y, X_val, y_val = data
    found = df.train(
        X, y, loss="weston_watkins", learning_rate=3e-11, reg=2.5e4, n_steps=1500, batch_size=200, replacement=True,
        std=np.full(3072, 255.0), bias=True, initial_scale=1e-6, X_val=X_val, y_val=y_val,
    )  # fmt: skip
    assert found.loss_history[-1] == pytest.approx(9.0, abs=0.1)
    assert found.val_accuracies[-1] < 0.2


def test_random_search_is_a_bad_idea(data):
    X, y, X_val, y_val = data
    channel, scale = np.full(3072, 128.0), np.full(3072, 255.0)
    lucky = df.random_search(X, y, n_candidates=100, scale=1e-4, mean=channel, std=scale)
    trained = df.train(X, y, loss="weston_watkins", learning_rate=3e-3, n_epochs=5, mean=channel, std=scale, bias=True)
    columns = np.hstack([(X_val - 128.0) / 255, np.ones((len(X_val), 1))])
    accuracies = [np.mean((columns @ W).argmax(axis=1) == y_val) for W in (lucky.W, trained.W)]
    assert accuracies[0] < 0.2 < accuracies[1]
