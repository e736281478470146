"""Ctrl-C: KeyboardInterrupt comes out of every call within a second, and its objects give the same results afterwards."""

import random
import signal
import time

import pytest

from tests.safety import children, long_calls

LIMIT = 1.0  # seconds from the signal to its exception
TRIES = 3  # other programs may hold both processors meanwhile: the best of so many counts

# Short to prepare, and each a way of its own to compute: a task after the other, threads in step, one long task, Python's loops.
FEW = {1: ("k huge", "top_k", "train"), 2: ("k huge", "build boxes", "minimize_softmax", "cross-validation")}


def interrupt(process, seconds_before):
    """Send a signal to a child that is ready; return how long the answer took."""
    children.wait_for(process, "ready")
    time.sleep(seconds_before)
    sent = time.perf_counter()
    process.send_signal(signal.SIGINT)
    children.wait_for(process, "interrupted")
    return time.perf_counter() - sent


def attack(names, n_threads, seeds):
    """Interrupt each of the calls at moments drawn by the seeds; return the slowest of the best answers by name."""
    slowest: dict[str, float] = {}
    with children.started_module("interrupted", "interrupt", n_threads, *names, OMP_WAIT_POLICY="passive") as process:
        for name in names:
            for seed in seeds:
                delay = random.Random(f"{name} {seed}").uniform(0.05, 0.6)
                best = float("inf")
                for attempt in range(TRIES):
                    best = min(best, interrupt(process, delay))
                    last = seed == seeds[-1] and (best < LIMIT or attempt == TRIES - 1)
                    process.stdin.write("next\n" if last else "again\n")
                    process.stdin.flush()
                    if best < LIMIT:
                        break
                slowest[name] = max(slowest.get(name, 0.0), best)
        assert process.stdout.read() == "done\n"
    return slowest


PAUSE = 0.3  # seconds; Python's threads take turns every 5 ms, but processors may be busy


SLOW_TICKS = [
    pytest.param(name, marks=pytest.mark.slow) for name in ("add_votes of few", "rank_classes of few", "top_k", "build boxes")
]


@pytest.mark.parametrize("name", ["add_votes of fewer", *SLOW_TICKS])
def test_other_threads_run_meanwhile(name):
    pauses: list[float] = []
    while len(pauses) < TRIES and min(pauses, default=PAUSE) >= PAUSE:
        pauses.append(float(children.run_module("interrupted", "tick", 2, name, timeout=120).split()[0]))
    assert min(pauses) < PAUSE


def too_slow(found):
    return {name: round(seconds, 2) for name, seconds in found.items() if seconds >= LIMIT}


@pytest.mark.parametrize("n_threads", FEW)
def test_calls_are_interrupted(n_threads):
    assert not too_slow(attack(FEW[n_threads], n_threads, [0]))


@pytest.mark.slow
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("name", long_calls.MAKERS)
def test_every_call_is_interrupted_at_any_moment(name, n_threads):
    assert not too_slow(attack([name], n_threads, [1, 2, 3]))
