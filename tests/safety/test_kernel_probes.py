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
from tests.safety.kernel_calls import PARAMETERS, recorded
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
        arguments = {key: guard.place(value) if hasattr(value, "dtype") else value for key, value in self.call.arguments.items()}
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
    """Two of each argument, chosen once and for all; one of them another size, which comes first among the changes."""
    chooser = random.Random(0)
    by_argument: dict[tuple[str, str], list[int]] = {}
    for number, probe in enumerate(probes):
        by_argument.setdefault((probe.call.kernel, probe.argument), []).append(number)
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


def test_every_overload_is_reached(calls):
    for kernel in PARAMETERS:
        documented = inspect.getdoc(getattr(_kernels, kernel)).splitlines()
        overloads = [line for line in documented if re.match(rf"(\d+\. )?{kernel}\((?!\*args)", line)]
        assert overloads
        for overload in overloads:
            dtypes = dict(re.findall(r"(\w+): typing\.Annotated\[numpy\.typing\.NDArray\[numpy\.(\w+)\]", overload))
            calls_of_it = [call.arguments for call in calls if call.kernel == kernel]
            assert any(all(own[key].dtype == dtype for key, dtype in dtypes.items()) for own in calls_of_it), overload


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
