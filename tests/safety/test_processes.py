"""Processes that end, or fork, while threads of theirs compute."""

import subprocess
import sys

import pytest

EXIT = """
import random, sys, threading, time
import numpy as np, deeprob_fast as df
rows = np.random.default_rng(0).standard_normal((20_000, 64), dtype=np.float32)
labels = np.arange(20_000) % 9
index = df.KNNIndex(rows, strategy="dense")
def search():
    while True:
        index.search(rows[:3000], 10, n_threads=2)
def train():
    while True:
        df.train(rows, labels, n_epochs=1, batch_size=2000, n_threads=2)
for work in (search, search, train):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.1 + random.Random(int(sys.argv[1])).random() / 4)
"""

FORK = """
import os, signal, threading
import numpy as np, deeprob_fast as df
rows = np.random.default_rng(0).standard_normal((5000, 32), dtype=np.float32)
index = df.KNNIndex(rows, strategy="dense", n_threads=2)
expected = index.search(rows[:100], 5).indices.tobytes()
done = threading.Event()
def search():
    while not done.is_set():
        assert index.search(rows[:100], 5).indices.tobytes() == expected
threads = [threading.Thread(target=search) for _ in range(2)]
for thread in threads:
    thread.start()
def child_is_right(*_):
    pid = os.fork()
    if pid == 0:
        os._exit(index.search(rows[:100], 5).indices.tobytes() != expected)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
codes = []
signal.signal(signal.SIGUSR1, child_is_right)
for _ in range(10):
    child_is_right()
    os.kill(os.getpid(), signal.SIGUSR1)
    index.search(rows, 5)
done.set()
for thread in threads:
    thread.join()
assert codes == [0] * 20, codes
"""


def run(code, *arguments):
    """Run code in a process of its own; return its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(6, 50))])
def test_a_process_ends_while_daemon_threads_compute(seed):
    """They used to be unwound through our frames, which ended the process by a signal."""
    assert run(EXIT, seed) == (0, "")


def test_children_forked_beside_searching_threads_and_in_handlers_find_the_same():
    assert run(FORK) == (0, "")
