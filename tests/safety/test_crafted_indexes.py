"""Saved indexes that an attacker wrote: whatever they hold, ValueError or a search that gives numbers of training rows."""

import collections
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import _cpu, _kernels
from tests.safety import forked, index_edits
from tests.safety.index_files import N_ROWS, IndexFile, all_files

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

_SECONDS = 60.0  # that one file may take, with a sanitizer on a busy machine
_SEED = 22
_N_SAMPLED = 1000
_N_COMBINED = int(os.environ.get("DEEPROB_FAST_CRAFTED_FILES", "20000"))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, IndexFile]:
    return all_files(tmp_path_factory.mktemp("files"))


def open_and_search(data: bytes, path: Path, queries: np.ndarray) -> str:
    """Say whether a file was refused, or searched without a row that is none."""
    path.write_bytes(data)
    try:
        index = df.KNNIndex.load(path)
        queries = np.resize(queries, (len(queries), index.n_features))
        # Several segments of the rows, and more neighbours than there are distinct rows.
        for k, n_threads in ((min(4, index.n_train), 1), (min(4, index.n_train), 3), (min(280, index.n_train), 3)):
            found = index.search(queries, k, n_threads=n_threads)
            if found.indices.min() < 0 or found.indices.max() >= index.n_train or np.isnan(found.distances).any():
                return f"found {found.indices.min()} to {found.indices.max()} of {index.n_train}"
    except ValueError as error:
        return "refused" if str(error).startswith(f"{path} ") else f"does not begin with the path: {error}"
    return "searched"


def assert_harmless(
    cases: list[tuple[str, index_edits.Edit]], files: dict[str, IndexFile], path: Path
) -> collections.Counter[str]:
    """Open and search each file in a forked child; what must not open does not."""

    def call(name: str, edit: index_edits.Edit) -> str:
        return open_and_search(edit.apply(files[name]), path, files[name]["prepared.train"][:40])

    calls = [lambda name=name, edit=edit: call(name, edit) for name, edit in cases]
    outcomes = forked.run(calls, _SECONDS)
    right = [forked.Outcome(forked.RETURNED, text) for text in ("refused", "searched")]
    bad = [
        f"{name}: {edit.name}: {outcome}"
        for (name, edit), outcome in zip(cases, outcomes, strict=True)
        if outcome not in right[: 1 if edit.refused else 2]
    ]
    assert not bad, f"{len(bad)} of {len(cases)} with seed {_SEED}:\n" + "\n".join(bad[:20])
    return collections.Counter(outcome.text for outcome in outcomes)


def all_edits(files: dict[str, IndexFile]) -> list[tuple[str, index_edits.Edit]]:
    kinds = (index_edits.array_edits, index_edits.value_edits, index_edits.header_edits)
    edits = [(name, edit) for name, one in files.items() for kind in kinds for edit in kind(one)]
    edits += [(name, edit) for name, one in files.items() for edit in index_edits.text_edits(one, 300)]
    return edits + [
        (name, edit)
        for name, one in files.items()
        for other in files.values()
        if other is not one
        for edit in index_edits.grafts(one, other)
    ]


def test_files_that_are_not_changed_open(files, tmp_path):
    for name, one in files.items():
        assert open_and_search(one.to_bytes(), tmp_path / "index", one["prepared.train"][:40]) == "searched", name


def some_edits(files: dict[str, IndexFile], n_files: int) -> list[tuple[str, index_edits.Edit]]:
    edits = all_edits(files)
    return [edits[i] for i in np.random.default_rng(_SEED).choice(len(edits), n_files, replace=False)]


def test_some_files_of_every_kind(files, tmp_path):
    counts = assert_harmless(some_edits(files, _N_SAMPLED), files, tmp_path / "index")
    assert counts["refused"] + counts["searched"] == _N_SAMPLED >= 300
    assert counts["searched"] > _N_SAMPLED / 50


def test_some_files_of_another_level(files, tmp_path, monkeypatch):
    level = _cpu.runnable()[0]
    if level == _kernels.ISA:
        pytest.skip("this machine runs one level")
    monkeypatch.setattr(_kernels, "_module", _kernels.load(level))
    monkeypatch.setattr(_kernels, "ISA", level)
    # What was packed for the other level is not looked at: the rows are packed again.
    edits = [(name, edit._replace(refused=False)) for name, edit in some_edits(files, _N_SAMPLED // 10)]
    of_rows = [(name, edit) for name, one in files.items() for edit in index_edits.array_edits(one) if ".train" in edit.name]
    assert_harmless(edits + [(name, edit._replace(refused=False)) for name, edit in of_rows], files, tmp_path / "index")


@pytest.mark.slow
def test_all_files(tmp_path, isa):
    files = all_files(tmp_path)
    edits = all_edits(files)
    assert len(edits) > 20_000
    assert_harmless(edits, files, tmp_path / "index")


def combined(files: dict[str, IndexFile], n_files: int) -> Iterator[tuple[str, index_edits.Edit]]:
    """Files with several arrays changed at once, as far as each change alone leaves a file that opens."""
    rng = np.random.default_rng(_SEED)
    allowed = {name: [change for change in index_edits.array_changes(one) if not change.refused] for name, one in files.items()}
    for _ in range(n_files):
        name = str(rng.choice(list(files)))
        yield name, index_edits.together([allowed[name][i] for i in rng.choice(len(allowed[name]), 4, replace=False)])


@pytest.mark.slow
def test_files_with_several_changes(files, tmp_path):
    assert_harmless(list(combined(files, _N_COMBINED)), files, tmp_path / "index")


@pytest.mark.parametrize(
    ("name", "array", "k"),
    [("dense", "prepared.train", 3), ("dense", "prepared.packing.panels", 20), ("integer", "prepared.train", 3)],
)
def test_rows_that_are_no_numbers_are_refused_by_the_search(files, tmp_path, name, array, k):
    path = tmp_path / "index"
    values = files[name][array].copy()
    # The last panel has room behind its rows, which is looked at.
    values[: -_kernels.panel_rows() * 12 if array.endswith("panels") else None] = np.nan
    path.write_bytes(index_edits.put(files[name], array, values))
    index = df.KNNIndex.load(path)
    for n_threads in (1, 3):
        with pytest.raises(ValueError, match=rf"{path} is damaged: "):
            index.search(files[name]["prepared.train"][:40], k, n_threads=n_threads)
    if array.endswith("train"):
        with pytest.raises(ValueError, match=rf"{path} is damaged: queries must be finite; row 0 holds NaN"):
            index.search(None, k)
    # Not what is wrong with the caller's own.
    with pytest.raises(ValueError, match=r"^queries must be finite; row 0 holds NaN"):
        index.search(np.full((9, index.n_features), np.nan), k)


def test_a_tree_that_finds_rows_twice_does_not_confuse_their_own(files, tmp_path):
    file = files["boxes"]
    values = file["prepared.values"]
    (tmp_path / "index").write_bytes(index_edits.put(file, "prepared.values", np.where(values > 0, np.nan, values)))
    index = df.KNNIndex.load(tmp_path / "index")
    assert index.search(None, 5).indices.shape == (2 * N_ROWS, 5)


def test_what_is_no_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(ValueError, match=f"{re.escape(str(path))} is not an index: it is no regular file"):
            df.KNNIndex.load(path)


def test_gaps_hold_nothing(files, tmp_path):
    facts, data = files["dense repeated"].facts()
    whole = files["dense repeated"].to_bytes()
    first = len(whole) - len(data)
    n_gaps = 0
    for place in facts["arrays"]:
        before = first + place["offset"] - 1
        if whole[before] == 0:
            n_gaps += 1
            (tmp_path / "index").write_bytes(whole[:before] + b"\1" + whole[before + 1 :])
            with pytest.raises(ValueError, match="is damaged: "):
                df.KNNIndex.load(tmp_path / "index")
    assert n_gaps > 5
