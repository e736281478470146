"""What the tests of the command line share."""

import numpy as np
import pytest
from click.testing import CliRunner

from deeprob_fast.bench import against_numpy, harness, sizes
from deeprob_fast.cli import main

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[31mred\x1b[0m",
    "=1+1",
    'a,b"c\nd',
    "$\\frac{$",
    "{{ 7 * 7 }}",
    "網絡",
)


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """Run a command in an empty folder; no work is too short to be timed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sizes, "SHORTEST", 0.0)
    monkeypatch.setattr(sizes, "LEAST_STEPS", 0)
    monkeypatch.setattr(against_numpy, "_PAUSE", 0.0)
    monkeypatch.setattr(harness, "PAUSE", 0.0)
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def blobs(tmp_path):
    """A file of 200 rows in three classes that overlap a little."""
    return write_blobs(tmp_path / "blobs.npz", np.arange(3))


def write_blobs(path, classes):
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, len(classes), 200)
    features = rng.standard_normal((200, 4)) + 1.5 * rng.standard_normal((len(classes), 4))[numbers]
    np.savez(path, X=features, y=np.asarray(classes)[numbers])
    return path


__all__ = ["HOSTILE", "blobs", "invoke", "write_blobs"]
