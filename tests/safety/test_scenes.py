"""Threads, forks, signal handlers, worker processes and the end of the interpreter, all in the middle of a call."""

import multiprocessing

import pytest

from tests.safety import children

N_EXITS, N_FORKS, SECONDS = 10, 10, 0.5  # slow tests: five times as many, and as long


def at_length(few):
    return [few, pytest.param(5 * few, marks=pytest.mark.slow)]


@pytest.mark.parametrize("n_exits", at_length(N_EXITS))
def test_the_interpreter_may_end_while_daemon_threads_compute(n_exits):
    """At other moments each time: while searches, trainings and packings are in all their stages."""
    for attempt in range(n_exits):
        assert children.run_module("scenes", "leave", 0.005 * attempt, timeout=60) == "done"


@pytest.mark.parametrize("n_forks", at_length(N_FORKS))
def test_forks_beside_busy_threads(n_forks):
    assert children.run_module("scenes", "fork_beside", n_forks, timeout=30 + 3 * n_forks) == "done"


@pytest.mark.parametrize("seconds", at_length(SECONDS))
@pytest.mark.parametrize("scene", ["search_in_handler", "raise_in_handler", "collect"])
def test_in_the_middle_of_a_search(scene, seconds):
    assert children.run_module("scenes", scene, seconds, timeout=60 + 10 * seconds) == "done"


@pytest.mark.parametrize("method", [*multiprocessing.get_all_start_methods(), "loky"])
def test_workers_compute_the_same(method):
    assert children.run_module("scenes", "workers", method, timeout=120).endswith("done")
