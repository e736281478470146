"""Nothing is saved over the file from which its own rows are mapped, by whatever name and however they were mapped."""

import mmap

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast.datasets._props_arrays import Parts, write_parts
from tests.safety.commands import spellings

ROWS = np.random.default_rng(4).standard_normal((300, 20)).astype(np.float32)
NAMES = ["rows.npy", "with space.npy", "with\nnewline.npy", "r\\012.npy", "ö.npy", "rows.npy (deleted)"]


def by_memmap(path):
    return np.memmap(path, dtype=np.float32, mode="r", offset=128, shape=ROWS.shape)


def by_mmap(path):
    with path.open("rb") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.float32, offset=128).reshape(ROWS.shape)


MAPPERS = {
    "memmap": by_memmap,
    "load": lambda path: np.load(path, mmap_mode="r"),
    "without its class": lambda path: np.asarray(by_memmap(path)),
    "slice": lambda path: by_memmap(path)[10:],
    "mmap": by_mmap,
    "load_embeddings": df.datasets.load_embeddings,
}


@pytest.fixture
def path(tmp_path):
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "rows.npy"
    np.save(path, ROWS)
    return path


@pytest.mark.parametrize("way", MAPPERS)
def test_an_index(tmp_path, path, way):
    index = df.KNNIndex(MAPPERS[way](path))
    found = index.search(ROWS[:5], 3)
    content = path.read_bytes()
    for target in spellings(path, tmp_path).values():
        with pytest.raises(ValueError, match="path must not be the file from which the training rows are mapped; got '"):
            index.save(tmp_path / target)
        assert path.read_bytes() == content
    index.save(tmp_path / "index")
    for other in (index, df.KNNIndex.load(tmp_path / "index")):
        np.testing.assert_array_equal(other.search(ROWS[:5], 3).distances, found.distances)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_files(tmp_path, path, name):
    target = path.rename(tmp_path / name)
    content = target.read_bytes()
    with pytest.raises(ValueError, match="path must not be the file"):
        df.KNNIndex(by_memmap(target)).save(target)
    assert target.read_bytes() == content


def test_rows_in_boxes(path):
    """The index holds a copy of such rows; the file is theirs all the same."""
    np.save(path, ROWS[:, :2].copy())
    index = df.KNNIndex(np.load(path, mmap_mode="r"), strategy="boxes")
    with pytest.raises(ValueError, match="path must not be the file"):
        index.save(path)


def test_what_may_be_replaced(tmp_path, path):
    """Another file, a file that took the place of the rows' one, a copy's source, and the index that the rows came from."""
    index = df.KNNIndex(by_memmap(path))
    other = path.with_name("other.npy")
    np.save(other, ROWS)
    index.save(other)
    np.save(path.with_name("new.npy"), ROWS)
    path.with_name("new.npy").replace(path)
    index.save(path)
    np.save(path, ROWS)
    df.KNNIndex(np.array(by_memmap(path))).save(path)
    loaded = df.KNNIndex.load(path)
    loaded.save(path)
    np.testing.assert_array_equal(df.KNNIndex.load(path).train, ROWS)


def test_a_model(tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "rows.safetensors"
    df.save({"X": ROWS, "y": np.ones(3)}, path)
    content = path.read_bytes()
    rows = df.datasets.load_embeddings(path, key="X")
    with pytest.raises(ValueError, match="path must not be the file from which an array of the model is mapped; got '"):
        df.save({"X": rows}, path)
    assert path.read_bytes() == content
    df.save({"X": rows}, tmp_path / "copy.safetensors")
    np.testing.assert_array_equal(df.load(tmp_path / "copy.safetensors")["X"], ROWS)


def test_an_array_may_be_converted_in_place(path):
    """The source holds the same rows afterwards: nothing is lost, so this is not refused."""
    np.save(path, np.asfortranarray(ROWS))
    rows = df.datasets.load_embeddings(path)
    df.datasets.convert_embeddings(path, path)
    np.testing.assert_array_equal(np.load(path), ROWS)
    np.testing.assert_array_equal(rows, ROWS)


def test_a_folder_is_known_when_all_of_it_is_there(tmp_path, monkeypatch):
    """PROPS as arrays: whenever the process ends, X.npy, by which the folder is known, is the last to come."""
    done: list[str] = []
    replace = type(tmp_path).replace

    def fail_later(self, target):
        if len(done) == n_done:
            raise OSError(5, "Input/output error")
        done.append(target.name)
        replace(self, target)

    monkeypatch.setattr(type(tmp_path), "replace", fail_later)
    for n_done in range(5):
        done.clear()
        folder = tmp_path / str(n_done)
        with pytest.raises(OSError, match="Input/output"):
            write_parts(Parts(*[np.ones(3)] * 5), folder)
        assert sorted(path.name for path in folder.iterdir()) == sorted(done)
        assert "X.npy" not in done
