"""Landscapes: their calculus against differences, their examples, and optimizers on them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import deeprob_fast as df
from deeprob_fast import landscapes
from deeprob_fast.optim import SGD, Adam, textbook

LANDSCAPES = {
    "quadratic": landscapes.quadratic(30, angle=0.4),
    "saddle": landscapes.saddle(),
    "double well": landscapes.double_well(-0.3),
}
SADDLE = LANDSCAPES["saddle"]
named = pytest.mark.parametrize("name", LANDSCAPES)
coordinates = st.floats(-3, 3)
points = st.tuples(coordinates, coordinates).map(np.array)


@named
@given(point=points)
def test_gradient_and_hessian_agree_with_differences(name, point):
    landscape = LANDSCAPES[name]
    numerical = df.numerical_gradient(landscape.value, point)
    np.testing.assert_allclose(landscape.gradient(point), numerical, rtol=1e-6, atol=1e-7)
    rows = [df.numerical_gradient(landscape.gradient, point, upstream=row) for row in np.eye(2)]
    np.testing.assert_allclose(landscape.hessian(point), rows, rtol=1e-6, atol=1e-7)


@named
def test_many_points_at_once(name):
    landscape = LANDSCAPES[name]
    grid = np.random.default_rng(0).standard_normal((3, 4, 2))
    values, gradients = landscape.value(grid), landscape.gradient(grid)
    assert values.shape == (3, 4)
    for index in np.ndindex(3, 4):
        assert landscape.value(grid[index]) == pytest.approx(values[index], rel=1e-14)
        np.testing.assert_allclose(landscape.gradient(grid[index]), gradients[index], rtol=1e-14)


@named
def test_stationary_points_are_what_they_are_called(name):
    landscape = LANDSCAPES[name]
    assert landscape.name == name
    for point in landscape.minima:
        assert not landscape.gradient(point).any()
        assert np.linalg.eigvalsh(landscape.hessian(point)).min() > 0
    for point in landscape.saddles:
        assert not landscape.gradient(point).any()
        low, high = np.linalg.eigvalsh(landscape.hessian(point))
        assert low < 0 < high
    assert landscape.value(landscape.minima)[0] == 0
    assert (landscape.value(landscape.minima) >= 0).all()
    left, right, bottom, top = landscape.extent
    drawn = np.stack(np.meshgrid(np.linspace(left, right, 41), np.linspace(bottom, top, 41)), axis=-1)
    assert landscape.value(drawn).min() >= 0
    for x, y in (*landscape.minima, *landscape.saddles):
        assert left < x < right
        assert bottom < y < top


@given(barrier=st.floats(-0.95, -0.05))
def test_one_well_is_shallow(barrier):
    wells = landscapes.double_well(barrier)
    deep, shallow = wells.value(wells.minima)
    rim = wells.value(wells.saddles)[0]
    assert deep < shallow < rim


@given(number=st.floats(1, 1e8), angle=st.floats(-10, 10))
def test_the_condition_number_is_the_one_asked_for(number, angle):
    valley = landscapes.quadratic(number, angle=angle, n_examples=2)
    assert landscapes.condition_number(valley.hessian([0.3, -2.0])) == pytest.approx(number, rel=1e-6)
    along = np.array([np.cos(angle), np.sin(angle)])
    assert valley.value(along) == pytest.approx(0.5, rel=1e-6)


def test_condition_numbers():
    matrix = np.diag([2.0, -6.0, 3.0])
    assert landscapes.condition_number(matrix) == 3
    assert landscapes.condition_number([[1.0, 1.0], [1.0, 1.0]]) > 1e15
    assert landscapes.condition_number(np.zeros((2, 2))) == np.inf
    assert landscapes.condition_number([[1, 0], [0, 4]]) == 4
    random = np.random.default_rng(0).standard_normal((5, 5))
    assert landscapes.condition_number(random) == pytest.approx(np.linalg.cond(random))


@named
def test_examples_average_to_the_landscape(name):
    landscape = LANDSCAPES[name]
    point = [0.3, -0.7]
    whole = landscape.gradient(point)
    order = np.random.default_rng(0).permutation(landscape.n_examples)
    assert np.array_equal(landscape.gradient(point, order), whole)
    each = np.array([landscape.gradient(point, [i]) for i in range(landscape.n_examples)])
    np.testing.assert_allclose(each.mean(axis=0), whole, rtol=1e-13)
    np.testing.assert_allclose(each.std(axis=0), 1, rtol=0.2)
    np.testing.assert_allclose(landscape.gradient(point, [0, 1, 5]), each[[0, 1, 5]].mean(axis=0))
    quiet = landscapes.saddle(noise=0.0)
    assert np.array_equal(quiet.gradient(point, [3]), quiet.gradient(point))


@given(seed=st.integers(0, 2**63 - 1), noise=st.floats(0, 1000))
def test_slopes_add_up_to_nothing_in_any_order(seed, noise):
    slopes = landscapes.saddle(n_examples=50, noise=noise, seed=seed).slopes
    assert not np.random.default_rng(seed).permutation(slopes).sum(axis=0).any()


def test_gradient_descent_as_written_by_hand():
    valley = LANDSCAPES["quadratic"]
    walk = landscapes.descend(valley, [1.0, -2.0], SGD(lr=0.05), 20)
    w = np.array([1.0, -2.0])
    for taken in range(21):
        np.testing.assert_allclose(walk.points[taken], w, rtol=1e-12)
        assert walk.losses[taken] == pytest.approx(float(valley.value(w)))
        w = textbook.gradient_step(w, valley.gradient(w), lr=0.05)


def test_minibatches_are_those_of_training():
    """An epoch without replacement: the noise of its steps adds up to nothing, as a constant gradient shows."""
    saddle = landscapes.saddle(n_examples=6)
    walk = landscapes.descend(saddle, [0.0, 0.0], SGD(lr=1e-9), 12, batch_size=2, seed=3)
    noise = -np.diff(walk.points, axis=0) / 1e-9
    np.testing.assert_allclose(noise[:3].sum(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(noise[3:6].sum(axis=0), 0, atol=1e-6)
    assert not np.allclose(noise[:3], noise[3:6])
    expected = {tuple(np.round(saddle.gradient([0.0, 0.0], [i, j]), 6)) for i in range(6) for j in range(6) if i != j}
    assert {tuple(row) for row in noise.round(6)} <= expected
    again = landscapes.descend(saddle, [0.0, 0.0], SGD(lr=1e-9), 12, batch_size=2, seed=3)
    assert np.array_equal(again.points, walk.points)
    other = landscapes.descend(saddle, [0.0, 0.0], SGD(lr=1e-9), 12, batch_size=2, seed=4)
    assert not np.array_equal(other.points, walk.points)


@pytest.mark.parametrize("batch_size", [None, 6, 1000])
def test_a_batch_of_all_is_gradient_descent(batch_size):
    saddle = landscapes.saddle(n_examples=6)
    walk = landscapes.descend(saddle, [0.7, 0.0], SGD(lr=0.5), 200, batch_size=batch_size)
    assert not walk.points[:, 1].any()


def test_an_example_of_an_optimizer_is_not_changed():
    optimizer = Adam(lr=0.1)
    first = landscapes.descend(LANDSCAPES["saddle"], [1.0, 1.0], optimizer, 5)
    second = landscapes.descend(LANDSCAPES["saddle"], [1.0, 1.0], optimizer, 5)
    assert np.array_equal(first.points, second.points)
    named = landscapes.descend(LANDSCAPES["saddle"], [1.0, 1.0], "adam", 5)
    assert np.array_equal(named.points, landscapes.descend(LANDSCAPES["saddle"], [1.0, 1.0], Adam(), 5).points)


def test_divergence_ends_the_walk():
    walk = landscapes.descend(LANDSCAPES["quadratic"], [1.0, 1.0], SGD(lr=1.0), 10_000)
    assert walk.diverged
    assert len(walk.points) == len(walk.losses) < 1000
    assert np.isfinite(walk.losses[:-1]).all()
    assert walk.steps_to(1.0) is None


def test_steps_to_a_tolerance():
    walk = landscapes.Trajectory(np.zeros((5, 2)), np.array([3.0, 1.0, 2.0, 1.0, 0.5]))
    assert [walk.steps_to(t) for t in (3.0, 2.0, 1.0, 0.7, 0.4)] == [0, 1, 3, 4, None]
    assert not walk.diverged
    start = landscapes.descend(LANDSCAPES["saddle"], [0.0, 1.0], "sgd", 0)
    assert (start.points.tolist(), start.losses.tolist(), start.steps_to(0.0)) == ([[0.0, 1.0]], [0.0], 0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: landscapes.quadratic(0.5), ValueError, "condition_number must be finite and at least 1; got 0.5"),
        (lambda: landscapes.quadratic("2"), TypeError, "condition_number must be a number; got '2'"),
        (lambda: landscapes.quadratic(angle=np.nan), ValueError, "angle must be finite; got nan"),
        (lambda: landscapes.saddle(n_examples=3), ValueError, "n_examples must be even, for each example has an opposite; got 3"),
        (lambda: landscapes.saddle(noise=-1), ValueError, "noise must be finite and at least 0 and at most 1000; got -1"),
        (lambda: landscapes.saddle(seed=-1), ValueError, "seed must be between 0"),
        (lambda: landscapes.double_well(-1), ValueError, "barrier must be above -1, where the shallow minimum is; got -1"),
        (lambda: landscapes.double_well(0), ValueError, "barrier must be finite and at least -1 and below 0; got 0"),
        (lambda: SADDLE.value(1.0), ValueError, r"points must have two coordinates .* got shape \(\)"),
        (lambda: SADDLE.gradient([[1.0] * 3]), ValueError, r"points must have two coordinates .* \(1, 3\)"),
        (
            lambda: SADDLE.gradient([1.0, 1.0], [200]),
            ValueError,
            "batch must hold row numbers from 0 to 199; got 200",
        ),
        (
            lambda: SADDLE.gradient([1.0, 1.0], []),
            ValueError,
            "batch must be a 1-D array of at least one row number",
        ),
        (
            lambda: SADDLE.hessian([[0.0, 0.0]]),
            ValueError,
            r"point must be two finite numbers; got \[\[0.0, 0.0\]\]",
        ),
        (
            lambda: landscapes.condition_number([[1.0, 2.0]]),
            ValueError,
            r"hessian must be .* square matrix; got shape \(1, 2\)",
        ),
        (
            lambda: landscapes.condition_number([[np.nan]]),
            ValueError,
            "hessian must be .*; got NaN or infinity",
        ),
        (lambda: landscapes.condition_number([["a"]]), TypeError, "hessian must hold real numbers"),
        (lambda: landscapes.descend(None, [0.0, 0.0], "sgd", 1), TypeError, "landscape must be a Landscape; got NoneType"),
        (
            lambda: landscapes.descend(SADDLE, [0.0, np.inf], "sgd", 1),
            ValueError,
            "start must be two finite numbers",
        ),
        (lambda: landscapes.descend(SADDLE, [0.0, 0.0], "up", 1), ValueError, "optimizer must be one of sgd"),
        (lambda: landscapes.descend(SADDLE, [0.0, 0.0], "sgd", -1), ValueError, "n_steps must be between 0"),
        (
            lambda: landscapes.descend(SADDLE, [0.0, 0.0], "sgd", 1, batch_size=0),
            ValueError,
            "batch_size must be between 1",
        ),
    ],
)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()
