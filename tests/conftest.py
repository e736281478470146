"""Fixtures of all tests."""

import os

import hypothesis
import pytest

from deeprob_fast import _cpu, _kernels

hypothesis.settings.register_profile("default", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.register_profile("long", deadline=None, print_blob=True, max_examples=3000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))


@pytest.fixture(params=_cpu.runnable())
def isa(request, monkeypatch):
    """Run the test on the kernels of each instruction-set level of this machine."""
    monkeypatch.setattr(_kernels, "_module", _kernels.load(request.param))
    monkeypatch.setattr(_kernels, "ISA", request.param)
    return request.param
