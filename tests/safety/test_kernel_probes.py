"""Kernels with one argument changed: they refuse it or compute something, and never leave their arrays."""

import inspect
import os
import random
import re
from typing import Any

import pytest

from deeprob_fast import _kernels
from tests.safety import forked
from tests.safety.guarded import Guard
from tests.safety.kernel_calls import PARAMETERS, leaves, recorded
from tests.safety.kernel_changes import changes

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

_SECONDS = 20.0


@pytest.fixture(scope="module")
def calls():
    return recorded()


class Probe:
    """A call with one argument changed."""

    def __init__(self, call, argument, name, change):
        self.call, self.argument, self.name, self.change = call, argument, name, change

    def __str__(self):
        return f"{self.call}, {self.argument}: {self.name}"

    def __call__(self):
        guard = Guard()
        arguments = {key: guard.place_all(value) for key, value in self.call.arguments.items()}
        arguments[self.argument] = self.change(self.call.arguments[self.argument], guard)
        try:
            getattr(_kernels, self.call.kernel)(**arguments)
        finally:
            assert not guard.overrun, "bytes beside an array were written"


def probes_of(calls):
    """Every change of every argument, once for calls that differ in the dtype of their rows or in a name alone."""
    probes: dict[tuple[Any, ...], Probe] = {}
    for call in calls:
        for key, value in call.arguments.items():
            for name, change in changes(value):
                probes.setdefault((call.variant, key, name), Probe(call, key, name, change))
    return list(probes.values())


def spread(probes):
    """Two of each argument and of each part of a record; one of them another size, which comes first among the changes."""
    chooser = random.Random(0)
    by_argument: dict[tuple[str, ...], list[int]] = {}
    for number, probe in enumerate(probes):
        part = re.sub(r"^((?:\[\d+\] (?!= ))*).*", r"\1", probe.name, flags=re.DOTALL)
        by_argument.setdefault((probe.call.kernel, probe.argument, part), []).append(number)
    return sorted({chooser.choice(part) for own in by_argument.values() for part in (own[: len(own) // 3 + 1], own)})


def assert_safe(probes, numbers):
    outcomes = forked.run([probes[number] for number in numbers], _SECONDS)
    assert {outcome.state for outcome in outcomes} >= {forked.REFUSED, forked.RETURNED}
    failed = [
        f"probe {number}: {probes[number]}: {outcome.text}"
        for number, outcome in zip(numbers, outcomes, strict=True)
        if outcome.state == forked.FAILED
    ]
    assert not failed, f"{len(failed)} of {len(numbers)} probes failed:\n" + "\n".join(failed)


def test_every_kernel_is_reached(calls):
    assert {call.kernel for call in calls} == set(PARAMETERS)
    for call in calls:
        assert list(call.arguments) == PARAMETERS[call.kernel]


def are_of(call, dtypes):
    """Whether a call's arrays are of these dtypes, of which some are any."""
    arrays = [value for value in leaves(tuple(call.arguments.values())) if hasattr(value, "dtype")]
    return len(arrays) == len(dtypes) and all(
        not dtype or array.dtype == dtype for array, dtype in zip(arrays, dtypes, strict=True)
    )


def test_every_overload_is_reached(calls):
    for kernel in PARAMETERS:
        documented = inspect.getdoc(getattr(_kernels, kernel)).splitlines()
        overloads = [line for line in documented if re.match(rf"(\d+\. )?{kernel}\((?!\*args)", line)]
        assert overloads
        for overload in overloads:
            # In a record, too, arrays follow in the order of their types.
            dtypes = re.findall(r"numpy\.ndarray|NDArray\[numpy\.(\w+)\]", overload)
            assert any(are_of(call, dtypes) for call in calls if call.kernel == kernel), overload


def test_probes_of_every_kernel(calls):
    probes = probes_of(calls)
    few = spread(probes)
    assert len(few) >= 300
    assert_safe(probes, few)


@pytest.mark.slow
def test_all_probes(calls):
    probes = probes_of(calls)
    assert len(probes) >= 2000
    assert_safe(probes, range(len(probes)))
