"""Searches and training in threads, forks, signal handlers and workers. Arguments: the name of a scene, and how long or often."""

import contextlib
import gc
import multiprocessing
import os
import signal
import sys
import threading
import time

import numpy as np

import deeprob_fast as df
from tests.safety.workloads import as_bytes

N_THREADS = 2


class Scene:
    """An index and labels, and what a search and a training of them give."""

    def __init__(self, n_rows=6000):
        rng = np.random.default_rng(0)
        self.rows = rng.standard_normal((n_rows, 40), dtype=np.float32)
        self.labels = np.arange(n_rows) % 7
        self.index = df.KNNIndex(self.rows, n_threads=N_THREADS)
        self.expected = self.results()

    def search(self):
        return as_bytes(self.index.search(self.rows[:500], 10))

    def train(self):
        return as_bytes(df.train(self.rows, self.labels, n_epochs=1, batch_size=100, n_threads=N_THREADS).W)

    def build(self):
        return as_bytes(df.KNNIndex(self.rows, n_threads=N_THREADS).search(self.rows[:500], 10))

    def results(self):
        return self.search(), self.train(), self.build()

    def is_right(self):
        return self.results() == self.expected

    def in_child(self):
        """Compute in a forked child; return its exit code."""
        pid = os.fork()
        if pid == 0:
            os._exit(0 if self.is_right() else 1)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def busy(scene, *calls, stop):
    """Start a thread for each call that makes it again and again."""

    def work(call):
        while not stop.is_set():
            call()

    threads = [threading.Thread(target=work, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    return threads


def leave(seconds):
    """End the interpreter while daemon threads search, train and build."""
    scene = Scene()
    busy(scene, scene.search, scene.train, scene.build, stop=threading.Event())
    time.sleep(seconds)


def fork_beside(n_forks):
    """Fork while other threads search, train and build; the children compute all three."""
    scene, stop = Scene(1500), threading.Event()
    threads = busy(scene, scene.search, scene.train, scene.build, stop=stop)
    codes = [scene.in_child() for _ in range(int(n_forks))]
    stop.set()
    for thread in threads:
        thread.join()
    assert codes == [0] * int(n_forks), codes
    assert scene.is_right()


@contextlib.contextmanager
def alarms(seconds, handler):
    """Have the handler called every so many seconds."""
    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def long_search(scene, seconds):
    """Search in one call that takes at least that long, and again until the time is over."""
    big = df.KNNIndex(np.random.default_rng(1).standard_normal((30_000, 64), dtype=np.float32), n_threads=N_THREADS)
    expected = as_bytes(big.search(big.train[:50], 5))

    def attack():
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            big.search(big.train, 5)
        assert as_bytes(big.search(big.train[:50], 5)) == expected
        assert scene.is_right()

    return attack


def search_in_handler(seconds):
    """Search, train and build in a signal handler, which runs in the middle of a search."""
    scene, right = Scene(1500), []
    attack = long_search(scene, seconds)
    with alarms(0.1, lambda *_: right.append(scene.is_right())):
        attack()
    assert len(right) > 0
    assert all(right)


def raise_in_handler(seconds):
    """Raise something of one's own in a signal handler: it comes out of the search."""
    scene = Scene(1500)
    attack = long_search(scene, 60)

    def handler(*_):
        msg = "of one's own"
        raise LookupError(msg)

    for _ in range(3):
        try:
            with alarms(seconds, handler):
                attack()
        except LookupError as error:
            assert str(error) == "of one's own"  # noqa: PT017  # a script
        else:
            msg = "nothing was raised"
            raise AssertionError(msg)
        assert scene.is_right()


def work(_):
    """Compute in a worker that may know nothing yet; return the results."""
    return Scene(1500).expected


def workers(method):
    """Compute in a pool of processes that are made by one of the methods, or by joblib."""
    expected = work(None)
    if method in ("loky", "threading", "multiprocessing"):
        import joblib

        found = joblib.Parallel(n_jobs=2, backend=method)(joblib.delayed(work)(i) for i in range(6))
    else:
        with multiprocessing.get_context(method).Pool(2) as pool:
            found = pool.map(work, range(6))
    assert found == [expected] * 6


def collect(seconds):
    """Delete indexes that other threads search, and collect garbage all the while."""
    scene, stop = Scene(1500), threading.Event()
    collector = busy(scene, gc.collect, stop=stop)
    holder = [scene.index]
    wrong: list[object] = []

    def search_what_is_held():
        index = holder[0]
        if as_bytes(index.search(scene.rows[:500], 10)) != scene.expected[0]:
            wrong.append(index)

    searchers = busy(scene, search_what_is_held, search_what_is_held, stop=stop)
    end = time.perf_counter() + float(seconds)
    while time.perf_counter() < end:
        holder[0] = df.KNNIndex(scene.rows.copy(), n_threads=N_THREADS)
    stop.set()
    for thread in (*collector, *searchers):
        thread.join()
    assert not wrong


SCENES = {scene.__name__: scene for scene in (leave, fork_beside, search_in_handler, raise_in_handler, workers, collect)}

if __name__ == "__main__":
    argument = sys.argv[2] if sys.argv[1] == "workers" else float(sys.argv[2])
    SCENES[sys.argv[1]](argument)
    print("done")
