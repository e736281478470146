"""Arrays that another thread changes during a call: nothing crashes, and what was checked is what is used."""

import sys

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import _validation
from deeprob_fast.knn import votes
from deeprob_fast.knn.checks import check_train, check_train_source
from deeprob_fast.knn.distances import check_values
from deeprob_fast.linear import batches
from deeprob_fast.linear.checks import check_weights
from deeprob_fast.optim.optimizer import check_gradient, check_parameter
from deeprob_fast.scoring import folds
from tests.safety import children

SECONDS = 0.08  # for each call; a slow test takes longer


@pytest.mark.parametrize("seconds", [SECONDS, pytest.param(40 * SECONDS, marks=pytest.mark.slow)])
@pytest.mark.parametrize("what", ["numbers", "rows", "estimators"])
def test_another_thread_changes_what_a_call_reads(what, seconds):
    children.run_module("changing", what, seconds, timeout=60 + 100 * seconds)


def changed_at(line, array, bad, check):
    """Return what a check returns where the array is changed before its n-th line runs; None where it has not so many."""
    n_lines = 0

    def trace(frame, event, argument):
        nonlocal n_lines
        if frame.f_globals.get("__name__", "").startswith("deeprob_fast"):
            n_lines += event == "line"
            if n_lines == line:
                array[1] = bad
            return trace
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        checked = check(array)
    finally:
        sys.settrace(before)
    return checked if n_lines >= line else None


CHECKS = {
    "class numbers": (lambda array: _validation.check_class_numbers("y", array, 3, 2), np.int64, 2),
    "class numbers of another type": (lambda array: _validation.check_class_numbers("y", array, 3, 2), np.int32, -1),
    "batch": (lambda array: batches.check_batch("batch", array, 2), np.int64, 2),
    "training rows": (lambda array: folds._checked((array, [0]), 2)[0], np.int64, -1),
    "validation rows": (lambda array: folds._checked(([0], array), 2)[1], np.int16, 2),
    "weights of votes": (lambda array: votes._checked_weights(array[np.newaxis], (1, 3))[0], np.float64, -1),
    "weights of another type": (lambda array: votes._checked_weights(array[np.newaxis], (1, 3))[0], np.float32, np.nan),
}


@pytest.mark.parametrize(("check", "dtype", "bad"), CHECKS.values(), ids=CHECKS)
def test_what_is_checked_is_what_is_used(check, dtype, bad):
    """Wherever another thread may interrupt a check: the bad number is seen, or it is not in the result."""
    n_refused = n_passed = 0
    for line in range(1, 100):
        array = np.array([0, 1, 1], dtype=dtype)
        try:
            checked = changed_at(line, array, bad, check)
        except ValueError:
            n_refused += 1
            continue
        if checked is None:
            break
        assert checked.tolist() == [0, 1, 1]
        array[:] = bad
        assert checked.tolist() == [0, 1, 1]
        n_passed += 1
    assert checked is None
    assert min(n_refused, n_passed) >= 1


SHAPED = {
    "rows": (lambda array: _validation.check_rows("X", array), (3, 2)),
    "train": (check_train, (3, 2)),
    "source": (check_train_source, (3, 2)),
    "values": (check_values, (3, 2)),
    "weights": (lambda array: check_weights(array, 3), (3, 2)),
    "parameter": (lambda array: check_parameter("params", array), (3, 2)),
    "gradient": (lambda array: check_gradient("grads", array, np.ones((3, 2))), (3, 2)),
    "labels": (lambda array: _validation.check_labels("y", array, 3, "X"), (3,)),
}


@pytest.mark.parametrize(("check", "shape"), SHAPED.values(), ids=SHAPED)
def test_nobody_else_can_set_the_shape_of_a_checked_array(check, shape):
    array = np.ones(shape)
    checked = check(array)
    array.shape = (*shape[::-1], 1)
    assert checked.shape == shape
    checked[...] = 5
    assert (array == 5).all()


def test_an_optimizer_changes_the_callers_array_all_the_same():
    parameter = np.ones((3, 2))
    df.optim.SGD(lr=0.5).step(parameter, np.ones((3, 2)))
    assert (parameter == 0.5).all()
