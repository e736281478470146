"""The engines of the demo: what the course's page shows, and what its state may be."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deeprob_fast as df
from deeprob_fast.linear.settings import LOSSES as ALL_LOSSES
from deeprob_fast.linear.settings import OPTIMIZERS as ALL_OPTIMIZERS
from tests import reference
from tests.demo.demo_cases import LOSSES, OPTIMIZERS, again, decode, lecture
from tests.nine_points import KNOWN, STEPS

pytest.importorskip("starlette", reason="needs the extra demo")

from deeprob_fast.demo import linear_model, options, presets, regions, rules, server  # where it can be imported
from deeprob_fast.demo.linear_state import LinearState  # where it can be imported


def view(state, n_cells=None):
    return server.linear_view({"state": state, "regions": n_cells})["view"]


def step(state, n_steps=1):
    return again(server.linear_step({"state": state, "n_steps": n_steps}))


@pytest.mark.parametrize("loss", LOSSES)
def test_the_default_state_is_that_of_the_course(loss):
    losses, data_loss, by_weights, by_bias, _ = KNOWN[loss]
    W = np.array(lecture()["W"])
    found = view(lecture(loss=loss))
    near = {"abs": 5e-5}
    assert found["losses"] == pytest.approx(losses, **near)
    assert found["data_loss"] == pytest.approx(data_loss, **near)
    assert found["reg_loss"] == pytest.approx(3.5, abs=1e-12)
    assert found["total_loss"] == pytest.approx(data_loss + 3.5, **near)
    assert found["correct"] == 2
    np.testing.assert_allclose(found["grad_W"], np.array(by_weights) + 2 * 0.1 * W, atol=5e-5)
    np.testing.assert_allclose(found["grad_b"], by_bias, atol=5e-5)
    original = view(lecture(loss=loss, original_gradient=True))
    np.testing.assert_allclose(original["grad_W"], np.array(by_weights) + 0.5 * 0.1 * W, atol=5e-5)
    assert {k: v for k, v in original.items() if k != "grad_W"} == {k: v for k, v in found.items() if k != "grad_W"}


def test_the_screenshot_of_the_lecture():
    state = server.linear_preset({"name": "screenshot"})["state"]
    assert (state["W"][0][0], state["optimizer"]["lr"]) == (2.3, 0.09976)
    found = view(state | {"original_gradient": True})
    assert np.round(found["losses"], 2).tolist() == [0.0, 0.16, 0.0, 2.68, 6.41, 1.49, 2.5, 3.3, 4.18]
    assert [round(found[name], 2) for name in ("data_loss", "reg_loss", "total_loss")] == [2.3, 3.93, 6.23]
    gradient = np.round(found["grad_W"], 2)
    assert (gradient[1, 1], gradient[2, 0], gradient[2, 1]) == (-0.61, 0.12, 0.32)


def test_presets_are_complete_states():
    assert again(server.linear_preset({"name": "lecture"})["state"]) == again(
        LinearState.from_json(lecture()).to_json()
    )  # the page's default
    for name in presets.LINEAR:
        for n_classes in (2, 3, 8):
            state = again(server.linear_preset({"name": name, "seed": 3, "n_classes": n_classes})["state"])
            assert again(server.linear_view({"state": state})["state"]) == state
            assert state["n_classes"] == {"lecture": 3, "screenshot": 3, "xor": 2}.get(name, n_classes)
            assert np.abs(np.array(state["points"])[:, :2]).max() < regions.EXTENT[1]
    for name in presets.KNN:
        state = again(server.knn_preset({"name": name, "n_classes": 4})["state"])
        assert again(server.knn_view({"state": state})["state"]) == state


@given(st.integers(0, 1000), st.integers(2, 8))
def test_separable_classes_can_be_separated(seed, n_classes):
    state = presets.linear("separable", seed, n_classes)
    centers = np.array([state.points[state.labels == c].mean(axis=0) for c in range(n_classes)])
    distances = df.pairwise_distances(state.points, centers)
    assert (distances.argmin(axis=1) == state.labels).mean() > 0.95  # the true centers would give 1
    angles = 2 * np.pi * (np.arange(n_classes) / n_classes + 1 / 12)
    scores = state.points @ np.array([np.cos(angles), np.sin(angles)])
    assert (scores.argmax(axis=1) == state.labels).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_descent_takes_the_way_that_it_should(loss):
    done = step(lecture(loss=loss), 200)
    history = done["state"]["history"]
    assert [entry[0] for entry in history] == list(range(200))
    assert [history[t][1] for t in STEPS] == pytest.approx(KNOWN[loss].totals, abs=5e-5)
    assert done["view"]["correct"] == 9
    assert done["state"]["step"] == 200
    if loss == "weston_watkins":
        W = [[0.8405, 0.8028], [-0.8049, 0.2973], [0.0699, -1.1529]]
        np.testing.assert_allclose(done["state"]["W"], W, atol=5e-5)
        np.testing.assert_allclose(done["state"]["b"], [-0.1667, 0.1444, 0.0222], atol=5e-5)


def test_gradient_descent_as_on_the_original_page():
    history = step(lecture(original_gradient=True), 200)["state"]["history"]
    assert [history[t][1] for t in STEPS[1:]] == pytest.approx([6.1259, 4.9693, 2.4172, 1.0190], abs=5e-5)


def random_state(seed, **changes):
    random = np.random.default_rng(seed)
    points = [[*random.normal(size=2), int(random.integers(4))] for _ in range(12)]
    # Away from 0, where the penalty l1 has no derivative.
    W = random.choice([-1, 1], (4, 2)) * random.uniform(0.1, 2, (4, 2))
    return lecture(points=points, n_classes=4, W=W.tolist(), b=random.normal(size=4).tolist(), **changes)


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_the_total_loss(loss, penalty):
    for seed in range(5):
        state = random_state(seed, loss=loss, penalty=penalty)
        found = view(state)
        n = state["n_classes"]

        def total(values, state=state, n=n):
            return view(state | {"W": values[: 2 * n].reshape(n, 2).tolist(), "b": values[2 * n :].tolist()})["total_loss"]

        at = np.concatenate([np.ravel(state["W"]), state["b"]])
        expected = df.numerical_gradient(total, at)
        np.testing.assert_allclose(np.concatenate([np.ravel(found["grad_W"]), found["grad_b"]]), expected, atol=1e-6)


@pytest.mark.parametrize("penalty", ["l2", "l1"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_view_agrees_with_itself(loss, penalty):
    state = random_state(1, loss=loss, penalty=penalty, reg=0.3)
    found = view(state)
    W, b, points = np.array(state["W"]), np.array(state["b"]), np.array(state["points"])
    np.testing.assert_allclose(found["scores"], points[:, :2] @ W.T + b, rtol=1e-12)
    assert found["predictions"] == np.argmax(found["scores"], axis=1).tolist()
    assert found["correct"] == int((np.array(found["predictions"]) == points[:, 2]).sum())
    assert found["data_loss"] == pytest.approx(np.mean(found["losses"]), rel=1e-12)
    assert found["reg_loss"] == pytest.approx(0.3 * ((W**2).sum() if penalty == "l2" else np.abs(W).sum()), rel=1e-12)
    assert found["total_loss"] == pytest.approx(found["data_loss"] + found["reg_loss"], rel=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("points", [[[0.5, 0.4, 0]], [[0, 0, 1], [0, 0, 1], [1000, -1000, 1]]])
def test_classes_without_points(loss, points):
    found = step(
        lecture(points=points, n_classes=8, W=[[1e12, -1e12]] * 8, b=[0.0] * 8, loss=loss, optimizer={"name": "sgd", "lr": 0})
    )
    assert len(found["view"]["grad_b"]) == 8
    assert len(found["view"]["losses"]) == len(points)
    found = view(lecture(points=points, loss=loss))
    assert found["data_loss"] == pytest.approx(np.mean(found["losses"]))


def test_the_switch_means_nothing_with_l1():
    state = server.linear_view({"state": lecture(penalty="l1", original_gradient=True)})["state"]
    assert state["original_gradient"] is False


@pytest.mark.parametrize("batch_size", [None, 4])
@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_many_updates_are_as_many_single_ones(name, plain, batch_size):
    optimizer = {"name": name, "lr": 0.05} | ({} if plain else OPTIMIZERS[name])
    start = lecture(optimizer=optimizer, batch_size=batch_size, seed=5)
    one_by_one = start
    for _ in range(200):
        one_by_one = again(linear_model.step(LinearState.from_json(one_by_one), 1).to_json())
    assert step(start, 200)["state"] == one_by_one
    assert (one_by_one["optimizer_state"] is None) == (plain and name == "sgd")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_updates_are_those_of_the_library(name):
    """The same rule on the same gradients, without any JSON between the steps."""
    chosen = {"name": name, "lr": 0.05, **OPTIMIZERS[name]}
    arguments = {k: v for k, v in chosen.items() if k not in ("name", "beta1")}
    if name == "adamw":
        arguments["betas"] = (0.8, 0.999)
    optimizer = ALL_OPTIMIZERS[name](**arguments)
    state = lecture()
    points = np.array(state["points"])
    weights = np.vstack([np.array(state["W"]).T, state["b"]])
    for _ in range(50):
        loss = df.svm_loss(weights, points[:, :2], points[:, 2].astype(int), reg=0.1, bias=True, penalize_bias=False)
        optimizer.step(weights, loss.grad)
    found = step(state | {"optimizer": chosen}, 50)["state"]
    np.testing.assert_array_equal(np.vstack([np.array(found["W"]).T, found["b"]]), weights)


def test_batches_are_drawn_by_seed_and_step():
    def gradient_of(state):
        return np.array(state["W"]) - np.array(step(state | {"reg": 0})["state"]["W"])

    drawn = [gradient_of(lecture(batch_size=3, seed=seed, step=number)) for seed in (0, 1) for number in (0, 1, 2)]
    assert len({array.tobytes() for array in drawn}) == 6
    again_drawn = gradient_of(lecture(batch_size=3, seed=1, step=2))
    np.testing.assert_array_equal(drawn[-1], again_drawn)
    everyone = gradient_of(lecture(batch_size=9))
    np.testing.assert_allclose(everyone, gradient_of(lecture()), rtol=1e-12)
    chosen = LinearState.from_json(lecture(batch_size=8, seed=3))
    points, labels = linear_model._batch(chosen, 7)
    rows = {(*point, label) for point, label in zip(points.tolist(), labels.tolist(), strict=True)}
    assert len(rows) == 8
    assert rows < {tuple(point) for point in chosen.to_json()["points"]}


def test_a_long_history_has_even_distances():
    state = lecture(optimizer={"name": "sgd", "lr": 1e-6})
    for n_steps in (500, 1, 1000, 1000, 999):
        state = step(state, n_steps)["state"]
        steps = [entry[0] for entry in state["history"]]
        (distance,) = set(np.diff(steps).tolist())
        assert steps[0] == 0
        assert steps[-1] == (state["step"] - 1) // distance * distance
        assert (len(steps) - 1) * distance >= state["step"] - distance
        assert len(steps) <= 500
    assert (distance, len(steps)) == (8, 438)
    assert again(server.linear_view({"state": state})["state"]) == state


def test_a_history_may_be_any_list_of_its_kind():
    history = [[7, 1.0], [7, 2.0], [3, 0.5]]
    assert [entry[0] for entry in step(lecture(history=history, step=20))["state"]["history"]] == [7, 7, 3, 20]


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": {"name": "sgd", "lr": 1e300}},
        {"optimizer": {"name": "sgd", "lr": 20.0}},
        {"optimizer": {"name": "sgd", "lr": 0.1, "momentum": 1e308}},
        {"optimizer": {"name": "sgd", "lr": 0.0, "momentum": 1e308, "weight_decay": 1e308}},
        {"optimizer": {"name": "rmsprop", "lr": 1e200, "eps": 0}},
        # W and b stay as they are: only the mean of the squares overflows.
        {"optimizer": {"name": "adam", "lr": 0.1, "weight_decay": 1e200}},
    ],
)
def test_divergence_is_told(changes):
    with pytest.raises(linear_model.DivergedError, match=r"diverged: .* step size"):
        server.linear_step({"state": lecture(**changes), "n_steps": 500})


def test_randomize():
    start = step(lecture(optimizer={"name": "adam", "lr": 0.1}, seed=2**32 - 1), 3)["state"]
    state = server.linear_randomize({"state": start})["state"]
    assert (state["seed"], state["step"], state["optimizer_state"], state["history"]) == (0, 0, None, [])
    assert state["points"] == start["points"]
    drawn = np.column_stack([state["W"], state["b"]])
    assert (np.abs(drawn) <= 2).all()
    np.testing.assert_array_equal(drawn, drawn.round(2))
    other = server.linear_randomize({"state": state})["state"]
    assert other["W"] != state["W"]
    assert server.linear_randomize({"state": state})["state"] == other


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(1, 700)), min_size=1, max_size=20))
def test_runs_are_the_cells(spans):
    classes = np.repeat([c for c, _ in spans], [n for _, n in spans]).astype(np.int64)
    np.testing.assert_array_equal(decode(regions.encode(classes)), classes)


@pytest.mark.parametrize("n", [1, 2, 7, 160])
def test_regions_of_a_linear_classifier(n):
    state = lecture()
    found = view(state, n)["regions"]
    assert (found["n"], found["extent"]) == (n, [-1.25, 1.25, -1.25, 1.25])
    steps = (np.arange(n) + 0.5) * 2.5 / n - 1.25
    x, y = np.meshgrid(steps, -steps)  # the top row is the first
    scores = np.column_stack([x.ravel(), y.ravel()]) @ np.array(state["W"]).T + state["b"]
    best = np.sort(scores, axis=1)
    clear = best[:, -1] - best[:, -2] > 1e-9
    np.testing.assert_array_equal(decode(found["runs"])[clear], scores.argmax(axis=1)[clear])


def test_regions_of_equal_scores_are_the_first_class():
    state = lecture(W=[[0, 0]] * 3, b=[0, 0, 0])
    assert not decode(view(state, 16)["regions"]["runs"]).any()
    assert view(state)["predictions"] == [0] * 9
    assert view(state)["regions"] is None


def test_options_are_those_of_the_library():
    found = options.options()
    assert json.dumps(found, allow_nan=False)
    assert sorted(entry["name"] for entry in found["losses"]) == sorted(ALL_LOSSES)
    assert [entry["name"] for entry in found["optimizers"]] == list(ALL_OPTIMIZERS)
    assert [entry["name"] for entry in found["metrics"]] == list(reference.METRICS)
    assert [entry["name"] for entry in found["weights"]] == ["uniform", "distance", "softmax"]
    assert found["weights_of_metric"]["inner_product"] == ["uniform", "softmax"]
    offered = {entry["name"]: {h["name"]: h for h in entry["hyperparameters"]} for entry in found["optimizers"]}
    assert set(offered["sgd"]) == {"momentum", "dampening", "weight_decay", "nesterov"}
    assert set(offered["adam"]) == {"beta1", "beta2", "eps", "weight_decay", "amsgrad"}
    assert offered["adamw"]["weight_decay"]["default"] == 0.01
    assert {k: offered["adam"]["beta2"][k] for k in ("min", "step")} == {"min": 0, "step": 0.001}
    assert (offered["rmsprop"]["alpha"]["max"], offered["sgd"]["momentum"]["max"]) == (1, None)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_limit_of_a_hyperparameter_is_one(name):
    known = {entry["name"]: entry for entry in rules.describe(name)}
    for field, entry in known.items():
        if entry["kind"] == "flag":
            continue
        for bound, beyond in ((entry["min"], -1e-9), (entry["max"], 1e-9)):
            if bound is not None:
                view(lecture(optimizer={"name": name, "lr": 0.1, field: bound}))
                with pytest.raises(ValueError, match=r"state\.optimizer"):
                    view(lecture(optimizer={"name": name, "lr": 0.1, field: bound + beyond}))
