"""Files of every kind, damaged at random: refused by a message that names the file, or loaded; nothing else."""

import logging
import os
import pickle
import re
from collections import Counter, defaultdict

import pytest

from tests.safety.file_kinds import all_kinds
from tests.safety.file_mutations import mutated
from tests.safety.file_processes import attempting

# Files are attempted in a process with a limit on memory.
pytestmark = pytest.mark.unsanitized

SEED = 20261126
N_FILES = int(os.environ.get("DEEPROB_FAST_FUZZ_FILES", "20000"))
LONGEST_SECONDS, LARGEST_MEGABYTES, LONGEST_MESSAGE = 5, 300, 1000


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    for package in ("h5py", "pyarrow.parquet", "safetensors", "skops.io"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("kinds")
    return all_kinds(folder)


def faults(attempt, folder):
    """Say what is wrong with what became of a file."""
    if attempt.outcome not in ("loaded", "refused"):
        yield f"{attempt.outcome} {attempt.message}"
    if attempt.outcome == "refused" and str(folder) not in attempt.message:
        yield f"does not name the file: {attempt.message}"
    if re.search(r"[\x00-\x1f\x7f]", attempt.message):
        yield f"says what steers a terminal: {attempt.message!r}"
    if len(attempt.message) > LONGEST_MESSAGE:
        yield f"says {len(attempt.message)} characters: {attempt.message}"
    if attempt.seconds > LONGEST_SECONDS:
        yield f"takes {attempt.seconds:.1f} s: {attempt.message}"
    if attempt.megabytes > LARGEST_MEGABYTES:
        yield f"takes {attempt.megabytes:.0f} MB: {attempt.message}"


def run(kinds, tmp_path, seed, n_files):
    """Attempt files; return what became of each kind, and the faults, whose files are kept."""
    (tmp_path / "kinds").write_bytes(pickle.dumps(kinds))
    (tmp_path / "files").mkdir()
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    found = []
    with attempting() as attempts:
        for number, name, attempt in attempts.mutated(tmp_path / "kinds", tmp_path / "files", seed, (0, n_files)):
            outcomes[name][attempt.outcome] += 1
            for fault in faults(attempt, tmp_path):
                kept = kinds[name].write(tmp_path / f"fault {number}", mutated(kinds, seed, number)[1])
                found.append(f"seed {seed}, file {number}, {name}, kept in {kept}: {fault}")
    return outcomes, found


def test_whole_files_are_loaded(kinds, tmp_path):
    with attempting() as attempts:
        for number, kind in enumerate(kinds.values()):
            path = kind.write(tmp_path / str(number), kind.files)
            attempt = attempts.one(kind.loader, path)
            assert attempt.outcome == "loaded", attempt


@pytest.mark.parametrize("n_files", [pytest.param(400, id="some"), pytest.param(N_FILES, id="many", marks=pytest.mark.slow)])
def test_damaged_files_are_refused_or_loaded(kinds, tmp_path, n_files):
    outcomes, found = run(kinds, tmp_path, SEED, n_files)
    logging.getLogger(__name__).info("%s", {name: dict(counts) for name, counts in outcomes.items()})
    assert not found, "\n".join(found)
    assert sum(map(Counter.total, outcomes.values())) == n_files
    assert all(counts["refused"] for counts in outcomes.values())
    assert sum(counts["loaded"] for counts in outcomes.values()) > n_files / 20


def test_what_ends_a_process_is_told(tmp_path, monkeypatch):
    """The watch itself: a loader that crashes, one that hangs, one that raises what it must not, one that says nothing."""
    with attempting() as attempts:
        for loader, outcome in (
            ("crash", "ends the process: SIGSEGV"),
            ("hang", "hangs"),
            ("wrong", "escaped"),
            ("dumb", "escaped"),
        ):
            assert attempts.one(f"test {loader}", tmp_path, seconds=1).outcome == outcome
        assert attempts.one("test greed", tmp_path, memory=1 << 30).outcome == "escaped"
        assert attempts.one("test greed", tmp_path).megabytes > 100
