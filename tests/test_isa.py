"""Which instruction-set level is loaded, and that all of them agree."""

import os
import subprocess
import sys

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import _cpu, _kernels


def test_fastest_runnable_level_by_default():
    assert _kernels.pick_level(None, ["baseline", "x86-64-v3"]) == "x86-64-v3"
    assert _kernels.pick_level("", ["baseline"]) == "baseline"


def test_unknown_level():
    with pytest.raises(
        ImportError, match="DEEPROB_FAST_ISA must be one of baseline, x86-64-v3, x86-64-v4, x86-64-v4-vnni; got 'sse9'"
    ):
        _kernels.pick_level("sse9", ["baseline"])


def test_unrunnable_level():
    with pytest.raises(ImportError, match="asks for x86-64-v4, which this machine cannot run; it runs baseline, x86-64-v3"):
        _kernels.pick_level("x86-64-v4", ["baseline", "x86-64-v3"])


@pytest.mark.parametrize("level", [*_cpu.runnable(), "sse9"])
def test_environment_variable(level):
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from deeprob_fast import _kernels; print(_kernels.ISA)"],
        env={**os.environ, _kernels.VARIABLE: level},
        capture_output=True,
        text=True,
        check=False,
    )
    if level == "sse9":
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("ImportError: DEEPROB_FAST_ISA must be one of")
    else:
        assert done.stdout.strip() == level


def test_levels_agree_bit_for_bit(monkeypatch):
    rng = np.random.default_rng(0)
    train, queries = rng.standard_normal((5000, 300)).astype(np.float32), rng.standard_normal((40, 300))
    results = set()
    for level in _cpu.runnable():
        monkeypatch.setattr(_kernels, "_module", _kernels.load(level))
        found = df.nearest_neighbors(train, queries, 20)
        results.add((found.distances.tobytes(), found.indices.tobytes()))
    assert len(results) == 1
