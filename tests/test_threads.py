"""Promise 6: interruptible, fork-safe, re-entrant, and no more threads than granted. Each in a process of its own."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

PRELUDE = """
import os, signal, sys, threading, time
import numpy as np
import deeprob_fast as df
rng = np.random.default_rng(0)
train = rng.standard_normal((3000, 40), dtype=np.float32)
queries = rng.standard_normal((300, 40), dtype=np.float32)
index = df.KNNIndex(train, n_threads=2)
expected = index.search(queries, 10)
def same(found):
    return found.indices.tobytes() == expected.indices.tobytes() and found.distances.tobytes() == expected.distances.tobytes()
"""


def start(code, **environment):
    return subprocess.Popen(
        [sys.executable, "-P", "-c", PRELUDE + textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )


def run(code, timeout=60, **environment):
    process = start(code, **environment)
    try:
        out, _ = process.communicate(timeout=timeout)
    finally:
        process.kill()
    assert process.returncode == 0, out
    return out.strip()


def finish(process):
    """Return the rest of the output and the exit code."""
    with process:
        return process.stdout.read().strip(), process.wait(timeout=60)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
class TestFork:
    def test_child_and_grandchild_compute(self):
        run(
            """
            def check(depth):
                pid = os.fork()
                if pid == 0:
                    ok = same(index.search(queries, 10)) and same(df.KNNIndex(train, n_threads=2).search(queries, 10))
                    if depth:
                        ok = ok and check(depth - 1)
                    os._exit(0 if ok else 1)
                return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            assert check(1)
            assert same(index.search(queries, 10))
            """
        )

    def test_child_trains_and_gets_the_same_bits(self):
        run(
            """
            labels = np.arange(3000) % 7
            def bits():
                found = df.train(train, labels, n_epochs=2, batch_size=100, n_threads=2)
                loss = df.softmax_loss(np.ones((40, 7)), train, labels, n_threads=2)
                return found.W.tobytes() + loss.grad.tobytes()
            before = bits()
            pid = os.fork()
            if pid == 0:
                os._exit(0 if bits() == before else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            """
        )

    def test_pool_of_forked_workers(self):
        run(
            """
            import multiprocessing
            def work(i):
                return same(index.search(queries, 10))
            with multiprocessing.get_context("fork").Pool(3) as pool:
                assert all(pool.map(work, range(9)))
            """
        )

    def test_fork_while_another_thread_computes(self):
        run(
            """
            stop = threading.Event()
            def loop():
                while not stop.is_set():
                    index.search(queries, 10)
            thread = threading.Thread(target=loop)
            thread.start()
            for _ in range(30):
                pid = os.fork()
                if pid == 0:
                    os._exit(0 if same(index.search(queries, 10)) else 1)
                assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            stop.set()
            thread.join()
            """
        )


INTERRUPTED = """
big = rng.standard_normal((200_000, 256), dtype=np.float32)
slow = df.KNNIndex(big, n_threads={n_threads})
print("ready", flush=True)
try:
    {call}
    print("finished")
except KeyboardInterrupt:
    print("interrupted", flush=True)
assert same(index.search(queries, 10))
print("usable")
"""


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(
    "call",
    [
        "slow.search(big, 10)",
        "df.pairwise_distances(big[:20000], big[:20000], metric='manhattan', n_threads={n_threads})",
        "df.train(big, np.arange(200_000) % 1000, n_epochs=1000, n_threads={n_threads})",
        "df.random_search(big, np.arange(200_000) % 10, n_candidates=10**6, n_threads={n_threads})",
        "[df.softmax_loss(np.zeros((256, 2000)), big, np.arange(200_000) % 2000, n_threads={n_threads}) for _ in range(100)]",
    ],
)
def test_interrupt_answers_within_a_second(call, n_threads):
    process = start(INTERRUPTED.format(call=call.format(n_threads=n_threads), n_threads=n_threads))
    assert process.stdout.readline().strip() == "ready"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    start_time = time.perf_counter()
    first = process.stdout.readline().strip()
    seconds = time.perf_counter() - start_time
    assert (first, *finish(process)) == ("interrupted", "usable", 0)
    assert seconds < 1


def test_interrupt_while_a_thread_that_is_not_the_main_one_computes():
    process = start(
        """
        big = rng.standard_normal((100_000, 128), dtype=np.float32)
        results = []
        thread = threading.Thread(target=lambda: results.append(df.nearest_neighbors(big, big[:3000], 5)))
        thread.start()
        print("ready", flush=True)
        try:
            while True:  # a signal that comes right before a sleep does not shorten it
                time.sleep(0.05)
        except KeyboardInterrupt:
            thread.join()
            assert (results[0].indices[:, 0] == np.arange(3000)).all()
            print("finished")
        """
    )
    assert process.stdout.readline().strip() == "ready"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert finish(process) == ("finished", 0)


def test_many_python_threads_get_the_serial_bytes():
    run(
        """
        from concurrent.futures import ThreadPoolExecutor
        def work(i):
            mine = index if i % 2 else df.KNNIndex(train, n_threads=1 + i % 3)
            return same(mine.search(queries, 10, n_threads=1 + i % 4))
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(work, range(64)))
        """
    )


COUNT = """
def count(work):
    most, stop = [0], threading.Event()
    def watch():
        while not stop.is_set():
            most[0] = max(most[0], len(os.listdir("/proc/self/task")))
    watcher = threading.Thread(target=watch)
    watcher.start()
    before = len(os.listdir("/proc/self/task"))
    work()
    stop.set()
    watcher.join()
    return most[0] - before
def work():
    df.nearest_neighbors(np.tile(train, (10, 1)) + rng.standard_normal((30000, 40)), queries, 10)
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads in /proc")
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two processors")
class TestLimits:
    def test_no_limit(self):
        assert int(run("from deeprob_fast._threads import available_threads\nprint(available_threads())")) >= 2

    def test_environment_variable(self):
        out = run("from deeprob_fast._threads import available_threads\nprint(available_threads())", OMP_NUM_THREADS="1")
        assert out == "1"

    def test_threadpoolctl(self):
        run(
            """
            from threadpoolctl import threadpool_limits
            from deeprob_fast._threads import available_threads
            with threadpool_limits(1, user_api="openmp"):
                assert available_threads() == 1
            assert available_threads() >= 2
            """
        )

    def test_affinity(self):
        run(
            """
            from deeprob_fast._threads import available_threads
            os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
            assert available_threads() == 1
            """
        )

    def test_joblib_workers(self):
        run(
            """
            from joblib import Parallel, delayed
            def threads():
                from deeprob_fast._threads import available_threads
                return available_threads()
            limits = Parallel(n_jobs=2, backend="loky")(delayed(threads)() for _ in range(2))
            assert limits == [max(1, os.cpu_count() // 2)] * 2, limits
            """
        )

    def test_one_thread_starts_no_other(self):
        source = PRELUDE.replace("n_threads=2", "n_threads=1") + COUNT + "print(count(work))"
        done = subprocess.run(
            [sys.executable, "-P", "-c", source],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        # The watcher itself is the only thread more.
        assert int(done.stdout) <= 1


@pytest.mark.unsanitized
def test_out_of_memory_is_an_error_that_leaves_the_process_usable():
    run(
        """
        import resource
        limit = 2 << 30
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        wide = np.zeros((40_000, 1), dtype=np.float32)
        for attempt in (
            lambda: df.pairwise_distances(wide),
            lambda: df.nearest_neighbors(wide + np.arange(40_000)[:, None], wide[:5000], 40_000),
        ):
            try:
                attempt()
            except MemoryError:
                pass
            else:
                raise AssertionError
        assert same(index.search(queries, 10))
        """
    )


@pytest.mark.unsanitized
def test_scratch_that_cannot_be_allocated_is_a_memory_error():
    run(
        """
        import resource
        from deeprob_fast import _kernels
        n = 3_000_000
        rows = np.arange(n, dtype=np.float32)[:, None]
        big = df.KNNIndex(rows, n_threads=2, strategy="dense")
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        # Enough for the result, too little for the candidates of a block.
        limit = used + 16 * n + (60 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        try:
            big.search(rows[:1], n)
        except MemoryError:
            pass
        else:
            raise AssertionError
        assert same(index.search(queries, 10))
        """
    )


def test_import_and_use_leave_the_floating_point_mode_alone():
    run(
        """
        assert sys.float_info.min / 2 != 0
        worker = []
        thread = threading.Thread(target=lambda: (index.search(queries, 5), worker.append(sys.float_info.min / 2)))
        thread.start()
        thread.join()
        assert worker[0] != 0
        """
    )


@pytest.mark.unsanitized
def test_memory_of_a_search_is_bounded():
    out = run(
        """
        import resource
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        rows = rng.standard_normal((120_000, 256), dtype=np.float32)
        index = df.KNNIndex(rows, n_threads=2)
        many = rng.standard_normal((20_000, 256), dtype=np.float32)
        before = peak()
        found = index.search(many, 100, n_threads=2)
        print(peak() - before - found.distances.nbytes - found.indices.nbytes)
        """
    )
    assert int(out) < 256 << 20
