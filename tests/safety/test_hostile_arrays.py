"""Public functions with hostile arguments: they answer rightly, or say which argument they refuse and why."""

import collections
import os

import pytest

from tests.safety import worker
from tests.safety.hostile_calls import CALLS

_SEED = int(os.environ.get("DEEPROB_FAST_SEED", "0"))
_FEW = 400
_MANY = int(os.environ.get("DEEPROB_FAST_CALLS", "10000"))
_SECONDS = 20.0


def assert_safe(numbers):
    results, failures = worker.run("tests.safety.hostile_calls:call", _SEED, numbers, _SECONDS)
    told = [f"seed {_SEED}, call {number}: {why}" for number, why in sorted(failures.items())]
    assert not told, f"{len(told)} of {len(numbers)} calls failed:\n" + "\n".join(told)
    made = collections.Counter(results.values())
    assert set(made) == {function.__name__ for function in CALLS}


def test_few_calls():
    assert_safe(range(_FEW))


@pytest.mark.slow
def test_many_calls():
    assert_safe(range(_FEW, _MANY))
