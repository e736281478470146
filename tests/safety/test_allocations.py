"""An allocation of the kernels fails: a MemoryError, and everything works as before afterwards."""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

import deeprob_fast as df
from tests.safety import children, workloads

SOURCE = Path(__file__).with_name("failing_allocations.c")
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang") or ""

pytestmark = [
    # The sanitizers' allocator must be the first library that is loaded; ours, which would come before it, calls glibc's.
    pytest.mark.unsanitized,
    pytest.mark.skipif(not COMPILER, reason="needs a C compiler"),
    pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="calls the allocator of glibc by its own names"),
]


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("library") / "failing_allocations.so"
    subprocess.run([COMPILER, "-O1", "-shared", "-fPIC", "-o", path, SOURCE], check=True)
    return path


def attack(library, n_threads, wanted, *names, timeout):
    """Return how many allocations there were and how many failed, for each workload."""
    said = children.run_module("allocations", library, n_threads, wanted, *names, timeout=timeout, LD_PRELOAD=str(library))
    return {line.split(":")[0]: [int(word) for word in line.split() if word.isdigit()][-2:] for line in said.splitlines()}


def names_of(group):
    return list(group(1))


# On two threads, allocations of the one that waits for the other fail too; under load the two wait long for each other.
SOME = {1: names_of(workloads.everything), 2: ["search dense", "search boxes", "pairwise_distances", "top_k", "train sgd"]}


@pytest.mark.parametrize("n_threads", SOME)
def test_some_allocations_fail(library, n_threads):
    found = attack(library, n_threads, 3, *SOME[n_threads], timeout=300)
    assert list(found) == SOME[n_threads]
    assert all(n_failed >= 4 for _, n_failed in found.values())


@pytest.mark.slow
@pytest.mark.parametrize(("n_threads", "wanted"), [(1, "all"), (2, 200)])
@pytest.mark.parametrize("name", names_of(workloads.everything))
def test_any_allocation_fails(library, name, n_threads, wanted):
    (n_allocations, n_failed) = attack(library, n_threads, wanted, name, timeout=3600)[name]
    assert n_failed >= min(2 * n_allocations, 200) / 2


def test_workloads_take_the_ways_they_name():
    for name, (kind, strategy, metric) in workloads.INDEXES.items():
        rows = workloads.rows_of(kind)
        index = df.KNNIndex(rows, strategy=strategy, metric=metric)
        index.search(rows[:3], 3)
        assert index.stats["strategy"] == strategy, name
        assert (index.stats["n_distinct"] < len(rows)) == (kind == "equal rows"), name
