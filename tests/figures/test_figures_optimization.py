"""The figures of optimisation say what their titles say: the numbers behind them."""

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import landscapes
from deeprob_fast.figures import batch_size, ill_conditioned, learning_rate, local_minimum, random_search, saddle_point
from deeprob_fast.figures._walks import RULES
from tests.figures.lecture_figures import numbers


def slope(steps, errors, low, high):
    """Of a straight line through logarithms."""
    part = (steps >= low) & (steps <= high)
    return np.polyfit(np.log(steps[part]), np.log(errors[part]), 1)[0]


def test_random_search_beats_guessing_and_loses_to_the_slope():
    found = numbers("random_search")
    assert len(found.losses) == random_search.N_CANDIDATES == 1000
    np.testing.assert_allclose(found.losses, 9, atol=0.1)  # each class but one costs 1, the margin
    guessing, best, slope_ = found.accuracies.values()
    assert guessing == 0.1
    assert 1.3 * guessing < best < 0.4
    assert slope_ > 0.85
    assert found.trained_loss < 1
    again = df.random_search(df.datasets.load_digits().train, df.datasets.load_digits().train_labels, n_candidates=3)
    np.testing.assert_array_equal(again.losses, found.losses[:3])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("method", ["forward", "central"])
def test_the_best_step_is_near_the_balanced_one(method, dtype):
    found = numbers("numeric_gradient_error")
    assert 0.2 < found.best_step(method, dtype) / found.balanced_step(method, dtype) < 5
    power = {"forward": 1 / 2, "central": 1 / 3}[method]
    assert 0.1 < found.best_step(method, dtype) / np.finfo(dtype).eps ** power < 30


def test_numeric_gradients_follow_the_laws():
    found = numbers("numeric_gradient_error")
    for method, order in (("forward", 1), ("central", 2)):
        errors = found.errors[method, "float64"]
        long = 100 * found.best_step(method, "float64")
        assert slope(found.steps, errors, long, 0.1) == pytest.approx(order, abs=0.05)
        assert slope(found.steps, errors, 1e-12, found.best_step(method, "float64") / 100) == pytest.approx(-1, abs=0.15)
        part = (found.steps > long) & (found.steps < 0.1)
        np.testing.assert_allclose(errors[part], found.truncation[method][part], rtol=0.1)
    best = {key: errors.min() for key, errors in found.errors.items()}
    assert best["central", "float64"] < best["forward", "float64"] < best["central", "float32"] < best["forward", "float32"]
    assert (found.errors["central", "float32"][found.steps < 1e-9] == 1).all()


def test_learning_rates_are_what_they_are_called():
    found = numbers("learning_rate")
    low, good, high, far = found.trainings.values()
    assert found.start == pytest.approx(low.loss_history[0], rel=1e-6)
    assert 0.9 * found.start < low.final_loss < found.start
    assert good.final_loss < 0.5 * found.start
    assert good.final_loss < 1.05 * found.losses.min()
    assert 2 * found.start < high.final_loss < 100
    assert far.loss_history[-1] > 1e50
    assert (np.diff(np.log(far.loss_history[20:])) > 0).all()
    rates = found.learning_rates
    assert (found.losses[rates > 200] > 1e6).all()
    best = found.losses.argmin()
    assert (np.diff(found.losses[: best + 1]) < 0).all()
    assert (np.diff(found.losses[best + 1 :]) > 0).all()
    shown = list(learning_rate.SHOWN.values())
    assert shown == sorted(shown)


def test_noise_of_batches_falls_with_the_root_of_their_size():
    found = numbers("batch_size")
    np.testing.assert_allclose(found.measured, found.law, rtol=0.1)
    sizes = np.array(batch_size.SIZES)
    assert slope(sizes, found.measured, 1, 64) == pytest.approx(-0.5, abs=0.03)
    assert found.measured[sizes == 1024] < found.measured[sizes == 64] / 4  # falls below the root near all examples
    assert found.law[sizes == 1] / found.law[sizes == 4] == pytest.approx(2, rel=2e-3)


def test_small_batches_are_farther_after_as_many_epochs():
    histories = numbers("batch_size").histories
    ends = {size: losses[-max(1, len(losses) // 10) :].mean() for size, losses in histories.items()}
    assert ends[8] < ends[32] < ends[128] < ends[None]
    rough = {size: np.std(np.diff(losses[-10:])) for size, losses in histories.items() if size}
    assert rough[8] > rough[32] > rough[128]
    assert (np.diff(histories[None]) < 0).all()
    assert len(histories[None]) == batch_size.N_EPOCHS


def test_the_valley_is_as_ill_conditioned_as_it_says():
    found = numbers("ill_conditioned")
    assert found.condition_number == ill_conditioned.CONDITION_NUMBER
    assert landscapes.condition_number(found.valley.hessian([1.0, 2.0])) == found.condition_number


def test_momentum_needs_fewer_steps_in_the_valley():
    for found in numbers("ill_conditioned").tuned.values():
        steps = {rule: tuned.mean_steps for rule, tuned in found.items()}
        assert steps["Nesterov"] < steps["momentum"] < steps["GD"] < np.inf
        assert steps["Nesterov"] < 0.6 * steps["GD"]
        assert steps["GD"] <= steps["SGD"]


def test_gradient_descent_jitters_along_the_steep_axis_only():
    tuned = numbers("ill_conditioned").tuned["along the parameters"]["GD"]
    shallow, steep = tuned.trajectory.points[: int(tuned.mean_steps)].T
    assert (np.sign(steep[1:]) == -np.sign(steep[:-1])).all()
    assert (np.diff(np.abs(shallow)) < 0).all()
    assert (shallow < 0).all()
    limit = 2 / ill_conditioned.CONDITION_NUMBER
    assert 0.5 * limit < tuned.learning_rate < limit


def test_only_rules_that_scale_parameters_notice_how_the_valley_lies():
    along, oblique = numbers("ill_conditioned").tuned.values()
    for name, rule in RULES.items():
        if rule.scales:
            assert along[name].mean_steps < oblique[name].mean_steps
        elif rule.batch_size is None:
            assert along[name].mean_steps == pytest.approx(oblique[name].mean_steps, abs=1)  # rounding
            distances = [np.linalg.norm(found[name].trajectory.points, axis=1) for found in (along, oblique)]
            np.testing.assert_allclose(distances[0], distances[1], atol=1e-12)
    assert oblique["Adagrad"].mean_steps > 3 * along["Adagrad"].mean_steps


def test_gradient_descent_is_stuck_in_the_local_minimum():
    found = numbers("local_minimum")
    deep, shallow = found.wells.minima
    np.testing.assert_allclose(found.trajectories["GD"].points[-1], shallow, atol=1e-6)
    for name in ("momentum 0.9", "SGD, batches of 1"):
        assert np.linalg.norm(found.trajectories[name].points[-1] - deep) < 1
    assert found.escaped["GD"] == found.escaped["Adagrad"] == found.escaped["SGD, batches of 20"] == 0
    assert found.escaped["SGD, batches of 1"] > 0.9
    assert found.escaped["SGD, batches of 1"] > found.escaped["SGD, batches of 5"] > 0.1
    assert found.escaped["momentum 0.9"] > 0.2
    assert np.linalg.eigvalsh(found.wells.hessian(shallow)).max() < 2 / local_minimum.LEARNING_RATE  # or it could not rest there


def test_gradient_descent_stays_at_the_saddle_point():
    found = numbers("saddle_point")
    assert "SGD" not in found.on_ridge
    for name, trajectory in found.on_ridge.items():
        assert len(trajectory.points) == saddle_point.N_STEPS_ON_RIDGE + 1
        assert not trajectory.points[:, 1].any(), name
    stopped = found.on_ridge["GD"].points[-1]
    assert np.abs(stopped[0]) < 1e-30
    assert not found.pass_.gradient([0.0, 0.0]).any()
    assert found.on_ridge["GD"].losses[-1] == 0.25


def test_noise_and_chance_leave_the_saddle_point():
    found = numbers("saddle_point")
    ends = [trajectory.points[-1, 1] for trajectory in found.noisy]
    np.testing.assert_allclose(np.abs(ends), 1, atol=0.3)
    assert min(ends) < 0 < max(ends)
    left = {name: int(np.argmax(distances > 0.5)) for name, distances in found.distances.items()}
    assert all(found.distances[name][step] > 0.5 for name, step in left.items())
    assert max(left, key=left.__getitem__) == "GD"
    assert left["GD"] > 3 * left["momentum"]
    assert left["momentum"] > 3 * left["Adam"]
    growth = found.distances["GD"][1:100] / found.distances["GD"][:99]
    np.testing.assert_allclose(growth, 1 + saddle_point.LEARNING_RATE, rtol=1e-6)
