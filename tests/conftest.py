"""Fixtures of all tests."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

# Before scikit-learn is imported: without it one of its own checks would be skipped.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

# Pictures are drawn without a screen.
os.environ["MPLBACKEND"] = "Agg"

# `python -m pytest` puts the source tree first, whose package has no kernels; the installed one is what is tested.
_ROOT = Path(__file__).resolve().parent.parent
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != _ROOT]

# What starts the tests in the background may ignore these, which tests send and their children inherit.
for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)

import hypothesis  # noqa: E402  # after the path is set
import pytest  # noqa: E402

from deeprob_fast import _cpu, _kernels  # noqa: E402
from tests.demo.browser import browser, demo_server, page, visitor  # noqa: E402, F401  # fixtures

hypothesis.settings.register_profile("default", deadline=None, print_blob=True)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
hypothesis.settings.register_profile("long", deadline=None, print_blob=True, max_examples=3000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))


def pytest_collection_modifyitems(items):
    """Mark what a browser does: it inherits the sanitizer's run time, under which it hardly moves."""
    for item in items:
        if "browser" in item.fixturenames:
            item.add_marker(pytest.mark.unsanitized)


_RNG_STATES: dict[str, Any] = {}


def pytest_itemcollected(item):
    """Keep the state in which a module's RNG was left by its import."""
    rng = getattr(getattr(item, "module", None), "RNG", None)
    if rng is not None:
        _RNG_STATES.setdefault(item.module.__name__, rng.bit_generator.state)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Start a module's RNG anew: what a test draws must not depend on the tests that ran before it."""
    state = _RNG_STATES.get(getattr(getattr(item, "module", None), "__name__", None))
    if state is not None:
        item.module.RNG.bit_generator.state = state


@pytest.fixture(params=_cpu.runnable())
def isa(request, monkeypatch):
    """Run the test on the kernels of each instruction-set level of this machine."""
    monkeypatch.setattr(_kernels, "_module", _kernels.load(request.param))
    monkeypatch.setattr(_kernels, "ISA", request.param)
    return request.param


@pytest.fixture
def figures():
    """Start without open figures, and leave none."""
    from matplotlib import pyplot as plt

    plt.close("all")
    yield
    plt.close("all")
