"""Training against plain NumPy loops; sweeps against single runs, bit for bit; stopping, divergence, schedules."""

import warnings

import numpy as np
import pytest

import deeprob_fast as df
from tests import reference

RNG = np.random.default_rng(0)
X = RNG.standard_normal((230, 45))
TRUTH = RNG.standard_normal((45, 4))
Y = (X @ TRUTH + RNG.standard_normal((230, 4))).argmax(axis=1)


def numpy_training(batches, start, loss, optimizer, reg=0.0, rows=X, labels=Y):
    """Return final weights and the objective before each step."""
    W, history = start.copy(), []
    for batch in batches:
        value, gradient = reference.linear_loss(W, rows[batch], labels[batch], loss, reg=reg)
        history.append(value)
        optimizer.step(W, gradient)
    return W, np.array(history)


OPTIMIZERS = {
    "sgd": lambda: df.optim.SGD(lr=0.1),
    "momentum": lambda: df.optim.SGD(lr=0.05, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "nesterov": lambda: df.optim.SGD(lr=0.05, momentum=0.9, nesterov=True),
    "adagrad": lambda: df.optim.Adagrad(lr=0.1, lr_decay=0.01, initial_accumulator_value=0.1),
    "rmsprop": lambda: df.optim.RMSprop(lr=0.01, momentum=0.5, centered=True),
    "adam": lambda: df.optim.Adam(lr=0.01, amsgrad=True),
    "adamw": lambda: df.optim.AdamW(lr=0.01, weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("loss", reference.LOSSES)
def test_equals_a_numpy_loop(isa, loss, name):
    batches = [RNG.integers(0, 230, 32) for _ in range(25)]
    start = 0.01 * RNG.standard_normal((45, 4))
    found = df.train(X, Y, loss=loss, reg=0.02, optimizer=OPTIMIZERS[name](), batches=batches, initial_weights=start)
    W, history = numpy_training(batches, start, loss, OPTIMIZERS[name](), reg=0.02)
    np.testing.assert_allclose(found.W, W, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.loss_history, history, rtol=1e-10)
    narrow = df.train(
        X, Y, loss=loss, reg=0.02, optimizer=OPTIMIZERS[name](), batches=batches, initial_weights=start, dtype="float32"
    )
    assert narrow.W.dtype == np.float32
    np.testing.assert_allclose(narrow.W, W, rtol=1e-3, atol=1e-3 if name in ("adam", "adamw", "rmsprop") else 1e-4)


def test_batches_larger_than_a_block():
    rng = np.random.default_rng(1)
    rows, labels = rng.standard_normal((3000, 700)).astype(np.float32), rng.integers(0, 6, 3000)
    batches = [rng.permutation(3000)[:2500] for _ in range(3)]
    found = df.train(rows, labels, learning_rate=0.1, batches=batches, dtype="float64")
    W, history = numpy_training(batches, np.zeros((700, 6)), "softmax", df.optim.SGD(lr=0.1), rows=rows, labels=labels)
    np.testing.assert_allclose(found.W, W, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.loss_history, history, rtol=1e-10)


GRID = [
    {"learning_rate": 0.1, "momentum": 0.9},
    {"learning_rate": 0.01, "reg": 0.1, "loss": "weston_watkins"},
    {"loss": "one_vs_all", "optimizer": "adam", "penalty": "l1", "reg": 0.01},
    {"loss": "runner_up", "optimizer": "adagrad", "seed": 3},
    {"optimizer": "rmsprop", "schedule": lambda o: df.optim.CosineAnnealingLR(o, 20)},
    {"learning_rate": 1e35, "loss": "weston_watkins", "reg": 1e10},
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("patience", [None, 2])
def test_a_sweep_gives_the_bits_of_single_runs(isa, dtype, patience):
    options = {
        "X_val": X[:50], "y_val": Y[:50], "batch_size": 24, "n_epochs": 6, "patience": patience, "initial_scale": 0.01,
        "bias": True, "penalize_bias": False, "dtype": dtype,
    }  # fmt: skip
    found = df.sweep(X, Y, GRID, **options)
    assert found.settings == tuple(GRID)
    assert [t.diverged_at is not None for t in found.trainings] == [False] * 5 + [True]
    for setting, together in zip(GRID, found.trainings, strict=True):
        alone = df.train(X, Y, **setting, **options)
        assert alone.W.tobytes() == together.W.tobytes()
        assert alone.loss_history.tobytes() == together.loss_history.tobytes()
        assert alone.val_losses.tobytes() == together.val_losses.tobytes()
        assert (alone.best_epoch, alone.diverged_at, alone.stopped_early) == (
            together.best_epoch, together.diverged_at, together.stopped_early,
        )  # fmt: skip


def test_threads_change_no_bit(isa):
    rng = np.random.default_rng(2)
    rows, labels = rng.standard_normal((600, 1700)).astype(np.float32), rng.integers(0, 20, 600)
    grid = {"learning_rate": [0.01, 0.1], "reg": [0.0, 0.1]}
    runs = [df.sweep(rows, labels, grid, batch_size=150, n_epochs=2, n_threads=n) for n in (1, 2, 3, 8)]
    assert len({b"".join(t.W.tobytes() + t.loss_history.tobytes() for t in run.trainings) for run in runs}) == 1


def test_a_grid_is_a_product_or_a_list():
    found = df.sweep(X, Y, {"reg": [0.0, 1.0], "learning_rate": np.array([0.1, 0.2]), "loss": "softmax"}, n_steps=1)
    assert [(s["reg"], s["learning_rate"], s["loss"]) for s in found.settings] == [
        (0.0, 0.1, "softmax"), (0.0, 0.2, "softmax"), (1.0, 0.1, "softmax"), (1.0, 0.2, "softmax"),
    ]  # fmt: skip


def test_the_best_of_a_sweep():
    data = {"X_val": X[:80], "y_val": Y[:80], "n_epochs": 3}
    found = df.sweep(X[80:], Y[80:], {"learning_rate": [1e-9, 0.1, 1e-8]}, **data)
    assert found.best == 1
    assert df.sweep(X[80:], Y[80:], {"learning_rate": [1e-9, 0.1]}, n_epochs=3).best == 1
    lost = df.sweep(X[80:], Y[80:], {"learning_rate": [1e38, 1e-7], "reg": 1e5}, dtype="float32", **data)
    assert lost.trainings[0].diverged_at is not None
    assert lost.best == 1


def test_validation_is_that_of_the_weights():
    found = df.train(X, Y, X_val=X[:50], y_val=Y[:50], n_epochs=4, bias=True, learning_rate=0.1)
    columns = np.hstack([X[:50], np.ones((50, 1))])
    losses, _ = reference.scores_loss(columns @ found.W, Y[:50], "softmax")
    assert found.val_losses[-1] == pytest.approx(losses.mean())
    assert found.val_accuracies[-1] == np.mean((columns @ found.W).argmax(axis=1) == Y[:50])
    assert len(found.val_losses) == 4


def test_early_stopping_restores_the_best_weights():
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((60, 200))
    labels = rng.integers(0, 2, 60)
    options = {"X_val": noise[:20], "y_val": labels[:20], "learning_rate": 0.1, "batch_size": 10}
    found = df.train(noise[20:], labels[20:], patience=3, n_epochs=50, **options)
    assert found.stopped_early
    assert len(found.val_losses) == found.best_epoch + 4
    assert found.best_epoch == found.val_losses.argmin()
    shorter = df.train(noise[20:], labels[20:], n_epochs=found.best_epoch + 1, **options)
    assert shorter.W.tobytes() == found.W.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divergence_is_reported(isa, dtype):
    found = df.train(X, Y, loss="weston_watkins", learning_rate=1e20, reg=1e20, n_epochs=3, dtype=dtype)
    assert found.diverged_at is not None
    assert len(found.loss_history) == found.diverged_at + 1
    assert not np.isfinite(found.loss_history[-1])
    assert np.isfinite(found.loss_history[:-1]).all()


@pytest.mark.parametrize("n_epochs", [1, 2])
def test_weights_that_overflow_at_the_last_step_are_divergence(isa, n_epochs):
    options = {"bias": False, "dtype": "float32", "batch_size": None, "learning_rate": 1e38}
    found = df.train([[1000.0], [-1000.0]], [0, 1], n_epochs=n_epochs, **options)
    assert not np.isfinite(found.W).all()
    assert found.diverged_at == 1
    assert np.isfinite(found.loss_history[0])
    assert len(found.loss_history) == n_epochs


def test_batches_without_weight_beside_divergence_are_no_warning():
    weights = np.zeros(len(X))
    weights[:10] = 1
    batches = [np.arange(10), np.arange(10, 20)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        training = df.train(X, Y, learning_rate=1e300, reg=1.0, sample_weight=weights, batches=batches, dtype="float64")
    assert training.diverged_at == 1


def test_gradient_descent_takes_all_examples():
    found = df.train(X, Y, batch_size=None, n_steps=5, learning_rate=0.1, reg=0.1)
    W, history = numpy_training([np.arange(230)] * 5, np.zeros((45, 4)), "softmax", df.optim.SGD(lr=0.1), reg=0.1)
    np.testing.assert_allclose(found.W, W, rtol=1e-10)
    np.testing.assert_allclose(found.loss_history, history, rtol=1e-12)


def test_epochs_are_permutations_and_draws_repeat():
    from deeprob_fast.linear.batches import Sampler

    sampler = Sampler(10, 4, replacement=False, seed=0)
    first, second = sampler.epoch(), sampler.epoch()
    assert sorted(first.order) == sorted(second.order) == list(range(10))
    assert first.order.tolist() != second.order.tolist()
    assert first.starts.tolist() == [0, 4, 8, 10]
    drawn = Sampler(10, 4, replacement=True, seed=0).epoch()
    assert drawn.starts.tolist() == [0, 4, 8, 12]
    assert len(set(drawn.order.tolist())) < 10


def test_replacement_is_a_choice():
    runs = [df.train(X, Y, batch_size=16, n_steps=9, replacement=r, learning_rate=0.1) for r in (False, True)]
    assert runs[0].W.tobytes() != runs[1].W.tobytes()
    assert all(len(run.loss_history) == 9 for run in runs)


def test_schedules_advance_by_step_or_by_epoch():
    def halving(optimizer):
        return df.optim.StepLR(optimizer, 1, gamma=0.5)

    batches = [np.arange(20), np.arange(20, 40), np.arange(40, 60)]
    found = df.train(X, Y, learning_rate=0.4, schedule=halving, batches=batches)
    W = np.zeros((45, 4))
    for i, batch in enumerate(batches):
        W -= 0.4 * 0.5**i * reference.linear_loss(W, X[batch], Y[batch], "softmax")[1]
    np.testing.assert_allclose(found.W, W, rtol=1e-10)
    by_epoch = df.train(X, Y, learning_rate=0.4, schedule=halving, schedule_every="epoch", batch_size=None, n_epochs=3)
    W = np.zeros((45, 4))
    for i in range(3):
        W -= 0.4 * 0.5**i * reference.linear_loss(W, X, Y, "softmax")[1]
    np.testing.assert_allclose(by_epoch.W, W, rtol=1e-10)


@pytest.mark.parametrize("schedule_every", ["step", "epoch"])
def test_a_plateau_lowers_the_rate(schedule_every):
    seen = []

    class Watching(df.optim.ReduceLROnPlateau):
        def step(self, metrics):
            super().step(metrics)
            seen.append(self.optimizer.lr)

    df.train(
        X, Y, learning_rate=1e-12, schedule=lambda o: Watching(o, patience=0, threshold=0.5, eps=0),
        schedule_every=schedule_every, X_val=X, y_val=Y, n_epochs=4,
    )  # fmt: skip
    np.testing.assert_allclose(seen, [1e-12, 1e-13, 1e-14, 1e-15])


def test_one_cycle_moves_the_momentum():
    found = df.train(
        X, Y, learning_rate=0.1, momentum=0.9, batches=[np.arange(230)] * 10,
        schedule=lambda o: df.optim.OneCycleLR(o, max_lr=0.2, total_steps=11),
    )  # fmt: skip
    optimizer = df.optim.SGD(lr=0.1, momentum=0.9)
    schedule = df.optim.OneCycleLR(optimizer, max_lr=0.2, total_steps=11)
    W = np.zeros((45, 4))
    for _ in range(10):
        optimizer.step(W, reference.linear_loss(W, X, Y, "softmax")[1])
        schedule.step()
    np.testing.assert_allclose(found.W, W, rtol=1e-9)


def test_uint8_rows_equal_float32_rows():
    rng = np.random.default_rng(6)
    images, labels = rng.integers(0, 256, (400, 784), dtype=np.uint8), rng.integers(0, 10, 400)
    options = {"mean": images.mean(axis=0), "std": np.full(784, 64.0), "bias": True, "learning_rate": 0.01, "n_epochs": 2}
    as_bytes = df.train(images, labels, **options)
    as_floats = df.train(images.astype(np.float32), labels, **options)
    assert as_bytes.W.tobytes() == as_floats.W.tobytes()


def test_weights_of_examples():
    weights = np.arange(230) % 3
    found = df.train(X, Y, batch_size=None, n_steps=3, learning_rate=0.1, sample_weight=weights)
    W = np.zeros((45, 4))
    for _ in range(3):
        W -= 0.1 * reference.linear_loss(W, X, Y, "softmax", weights=weights)[1]
    np.testing.assert_allclose(found.W, W, rtol=1e-10)


def test_a_batch_without_weight_changes_nothing():
    weights = np.ones(230)
    weights[:10] = 0
    found = df.train(X, Y, batches=[np.arange(10)], learning_rate=0.1, sample_weight=weights)
    assert not found.W.any()
    assert found.loss_history.tolist() == [0.0]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"grid": {"lr": [1]}}, ValueError, "grid must hold settings among loss.*got lr"),
        ({"grid": []}, ValueError, "grid must hold at least one setting"),
        ({"grid": {"loss": ["hinge"]}}, ValueError, "loss must be one of softmax"),
        ({"grid": {"optimizer": ["newton"]}}, ValueError, "optimizer must be one of sgd"),
        ({"grid": {"optimizer": ["adam"], "momentum": [0.9]}}, ValueError, "momentum is no hyperparameter of Adam"),
        ({"grid": {"schedule": ["cosine"]}}, TypeError, "schedule must be a function"),
        ({"grid": {"seed": [-1]}}, ValueError, "seed must be between 0"),
        ({"n_epochs": 1, "n_steps": 1}, ValueError, "only one of n_epochs, n_steps and batches"),
        ({"batch_size": 0}, ValueError, "batch_size must be between 1"),
        ({"n_epochs": 0}, ValueError, "n_epochs must be between 1"),
        ({"batches": [[0, 230]]}, ValueError, r"batches\[0\] must hold row numbers from 0 to 229; got 230"),
        ({"batches": [[0.5]]}, ValueError, r"batches\[0\] must be a 1-D array"),
        ({"patience": 2}, ValueError, "patience needs X_val and y_val"),
        ({"X_val": X}, ValueError, "X_val and y_val must be given together; got only X_val"),
        ({"X_val": X[:, :3], "y_val": Y}, ValueError, "X_val must have 45 features"),
        ({"X_val": X[:1], "y_val": [9]}, ValueError, "y_val must hold numbers of classes from 0 to 3; got 9"),
        ({"n_classes": 2}, ValueError, "y must hold numbers of classes from 0 to 1"),
        ({"initial_weights": np.zeros((44, 4))}, ValueError, r"W must have shape \(45, n_classes\)"),
        ({"initial_weights": np.zeros((45, 4)), "n_classes": 5}, ValueError, "initial_weights must have n_classes = 5 columns"),
        ({"dtype": "float16"}, ValueError, "dtype must be one of float32, float64"),
        ({"schedule_every": "day"}, ValueError, "schedule_every must be one of step, epoch"),
    ],
)  # fmt: skip
def test_messages(options, error, words):
    with pytest.raises(error, match=words):
        df.sweep(X, Y, **{"grid": {}, **options})
