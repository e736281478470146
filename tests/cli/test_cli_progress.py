"""Progress of long work on a terminal, and what the library tells of it."""

import os
import pty
import select
import subprocess
import sys
import time

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast.probes.grid import coarse_to_fine, n_visits
from deeprob_fast.probes.progress import Descent, Fits

WAIT = """
import sys, time
from deeprob_fast.cli import _progress
_progress.DELAY = _progress._BEAT = 0.2
with _progress.waiting("reading", quiet=False):
    time.sleep(1.5)  # as a kernel does: nothing is told
with _progress.percentage("probe", quiet=False) as tell:
    for share in (0.25, 0.5):
        tell(share)
        time.sleep(0.6)
print("done")
"""


def on_a_terminal(code):
    """Run code whose terminal does not know its size; return what was written and the longest silence."""
    ours, theirs = pty.openpty()
    longest, written = 0.0, b""
    with subprocess.Popen([sys.executable, "-P", "-c", code], stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        last = None
        while True:
            select.select([ours], [], [], 20)
            try:
                part = os.read(ours, 1 << 16)
            except OSError:  # how the end of a terminal is told
                break
            now = time.perf_counter()
            longest = longest if last is None else max(longest, now - last)
            last = now
            written += part
    os.close(ours)
    assert process.returncode == 0
    return written.decode(), longest


def test_no_long_silence():
    written, longest = on_a_terminal(WAIT)
    assert longest < 1.2
    assert written.count("reading: 00:0") >= 3
    assert "probe:  25%" in written
    assert "probe:  50%" in written
    assert written.endswith("\rdone\r\n")  # the bars are gone


@pytest.fixture(scope="module")
def example():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    rows = rng.standard_normal((300, 5)) + labels[:, None]
    return rows[:240], labels[:240], rows[240:], labels[240:]


@pytest.mark.parametrize("protocol", df.PROBE_PROTOCOLS)
def test_probes_tell_how_far_they_are(example, protocol):
    told: list[float] = []
    options = {"n_epochs": 4} if "lr" in df.PROBE_PROTOCOLS[protocol].parameters() else {}
    found = df.evaluate_probe(*example, protocol=protocol, progress=told.append, **options)
    assert found.top1 == df.evaluate_probe(*example, protocol=protocol, **options).top1
    assert len(told) > 2
    assert told == sorted(set(told))
    assert told[0] < 0.7
    assert told[-1] == 1.0


def test_an_exception_ends_the_probe(example):
    def stop(fraction):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        df.evaluate_probe(*example, progress=stop)
    with pytest.raises(TypeError, match="progress must be callable"):
        df.evaluate_probe(*example, progress=1)


@pytest.mark.parametrize(
    "plan",
    [{"n_epochs": 4, "batch_size": 50}, {"n_steps": 17}, {"n_epochs": 2, "batch_size": None}, {"batches": [[0, 1], [2]]}],
)
def test_sweeps_tell_how_far_they_are(example, plan):
    told: list[float] = []
    settings = [{"learning_rate": 0.1, "seed": seed} for seed in (0, 1, 0)]
    rows, labels, _, _ = example
    df.sweep(rows, labels, settings, **plan, callback=told.append)
    assert told == sorted(told)
    assert told[0] <= 0.5
    assert told[-1] == 1.0


def test_fits_never_go_back():
    told: list[float] = []
    fits = Fits(2, told.append)
    descent = Descent(fits, 0.01)
    for gap in (np.inf, 100.0, 10.0, 50.0, 1.0, 0.1):
        descent(1.0, gap)
    fits.done()
    fits.within(0.5)
    fits.done()
    fits.done()
    np.testing.assert_allclose(told, [0.125, 0.25, 0.375, 0.5, 0.75, 0.99])


@pytest.mark.parametrize(("n", "stride"), [(1, 1), (7, 1), (97, 16), (45, 4), (3, 16)])
def test_visits_are_counted(n, stride):
    for peak in range(n):
        merits = -np.abs(np.arange(n) - peak)
        visited = coarse_to_fine(n, stride, merits.__getitem__)
        assert len(visited) <= n_visits(n, stride) <= n
