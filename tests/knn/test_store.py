"""Saved indexes: what was written is what opens, and nothing else opens."""

import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import deeprob_fast as df
from deeprob_fast import _cpu, _kernels
from deeprob_fast.knn.counts import Counts
from tests.limits import lower_limits
from tests.strategies import low_rank, problems

# How far a search is swept, and what it counts, depends on the level and the number of threads.
COUNTED = [field.name for field in dataclasses.fields(Counts) if field.name != "n_distinct_queries"]


def rows_for(strategy: str) -> np.ndarray:
    rng = np.random.default_rng(31)
    if strategy == "prefix":
        near_subspace: np.ndarray = low_rank(rng, 600).astype(np.float32)
        return near_subspace
    rows: np.ndarray = rng.integers(-60, 60, (300, 9)).astype(np.int8)  # half of them equal
    rows[150:] = rows[:150]
    return rows


@pytest.mark.parametrize("strategy", ["boxes", "dense", "integer", "prefix", "auto"])
@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_a_loaded_index_finds_the_same(tmp_path, isa, monkeypatch, strategy, metric):
    lower_limits(monkeypatch, leaf_rows=8)
    rows = rows_for(strategy)
    index = df.KNNIndex(rows, metric=metric, strategy=strategy)
    index.save(tmp_path / "index")
    loaded = df.KNNIndex.load(tmp_path / "index", n_threads=1)
    assert not loaded.train.flags.writeable
    assert repr(loaded) == repr(index)
    for other in (loaded, pickle.loads(pickle.dumps(loaded))):
        for mine, theirs in zip(index.search(rows[::7], 4), other.search(rows[::7], 4), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    work = dict.fromkeys(("n_threads", "seconds", "counted_cost", *COUNTED), 0)
    assert {**loaded.stats, **work} == {**index.stats, **work}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(problem=problems(), strategy=st.sampled_from(["auto", "dense", "integer", "prefix", "boxes"]))
def test_whatever_was_saved_opens(tmp_path, problem, strategy):
    try:
        index = df.KNNIndex(problem.train, metric=problem.metric, strategy=strategy)
    except ValueError as error:
        assert "cannot be used" in str(error)  # noqa: PT017  # most strategies cannot be used for some problems
        return
    index.save(tmp_path / "index")
    loaded = df.KNNIndex.load(tmp_path / "index")
    for mine, theirs in zip(index.search(problem.queries, problem.k), loaded.search(problem.queries, problem.k), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_an_index_of_another_level_is_prepared_again(tmp_path, monkeypatch):
    rows = rows_for("integer")
    expected = df.KNNIndex(rows, metric="cosine", strategy="integer")
    expected.save(tmp_path / "index")
    level = _kernels.ISA
    others = [other for other in _cpu.runnable() if other != level]
    if not others:
        pytest.skip("one level is built, or runs here")
    monkeypatch.setattr(_kernels, "ISA", others[0])
    monkeypatch.setattr(_kernels, "_module", _kernels.load(others[0]))
    loaded = df.KNNIndex.load(tmp_path / "index")
    found = loaded.search(rows[:20], 5)
    assert loaded.stats["isa"] != level
    assert loaded.stats["strategy"] == "integer"
    np.testing.assert_array_equal(found.indices, df.nearest_neighbors(rows, rows[:20], 5, metric="cosine").indices)


def test_saving_over_the_file_that_is_open(tmp_path):
    rows = rows_for("dense")
    df.KNNIndex(rows).save(tmp_path / "index")
    loaded = df.KNNIndex.load(tmp_path / "index")
    loaded.save(tmp_path / "index")
    again = df.KNNIndex.load(tmp_path / "index")
    np.testing.assert_array_equal(loaded.search(rows, 3).indices, again.search(rows, 3).indices)
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_truncated_file_is_refused_at_any_length(tmp_path):
    df.KNNIndex(rows_for("dense")).save(tmp_path / "index")
    whole = (tmp_path / "index").read_bytes()
    for length in [*range(0, 200, 7), len(whole) // 2, len(whole) - 1, len(whole) + 1]:
        (tmp_path / "part").write_bytes((whole + b"\0")[:length])
        with pytest.raises(ValueError, match=r"part is (damaged or truncated|not an index of this version)"):
            df.KNNIndex.load(tmp_path / "part")


def test_damage_in_header_or_addresses_is_told(tmp_path):
    index = df.KNNIndex(rows_for("dense"))
    index.save(tmp_path / "index")
    whole = bytearray((tmp_path / "index").read_bytes())
    members = index._prepared.duplicates.members.tobytes()
    assert len(members) == 300 * 8
    for place in (70, whole.index(members) + 5):
        damaged = whole.copy()
        damaged[place] ^= 255
        (tmp_path / "part").write_bytes(damaged)
        with pytest.raises(ValueError, match="part is damaged"):
            df.KNNIndex.load(tmp_path / "part")


def test_row_numbers_that_changed_places_are_told(tmp_path):
    """They would make sense, but not the same."""
    index = df.KNNIndex(rows_for("boxes"), strategy="boxes")
    index.save(tmp_path / "index")
    whole = (tmp_path / "index").read_bytes()
    rows = index._prepared.rows.copy()
    place = whole.index(rows.tobytes())
    rows[:2] = rows[1::-1].copy()
    (tmp_path / "part").write_bytes(whole[:place] + rows.tobytes() + whole[place + rows.nbytes :])
    with pytest.raises(ValueError, match=r"part is damaged: _Saved.prepared.rows does not match its checksum"):
        df.KNNIndex.load(tmp_path / "part")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", pickle.dumps([1, 2]), b"\x93NUMPY" + b"\0" * 500])
def test_foreign_files_are_refused(tmp_path, content):
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(ValueError, match="other is not an index"):
        df.KNNIndex.load(tmp_path / "other")


def test_files_that_cannot_be_read_or_written(tmp_path):
    with pytest.raises(FileNotFoundError):
        df.KNNIndex.load(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        df.KNNIndex([[1.0]]).save(tmp_path / "missing" / "index")
