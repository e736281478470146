"""Small files that stand for gigabytes or for hours: each is refused at once, in little memory."""

import re

import numpy as np
import pytest
from click.testing import CliRunner

from deeprob_fast import datasets
from deeprob_fast.cli import main
from tests.datasets.image_files import idx, idx_files, write_files
from tests.safety import bombs_arrays, bombs_images, bombs_libraries, bombs_models
from tests.safety.bombs import BOMBS, npy_header, sparse
from tests.safety.file_processes import attempting

# Files are attempted in a process with a limit on memory.
pytestmark = pytest.mark.unsanitized

# Most take a tenth of that; a part goes into the machine's other work.
LONGEST_SECONDS, LARGEST_MEGABYTES = 4, 200
MODULES = (bombs_arrays, bombs_images, bombs_libraries, bombs_models)


@pytest.fixture(scope="module")
def attempts():
    with attempting() as found:
        yield found


@pytest.mark.parametrize(
    "title", [pytest.param(title, marks=pytest.mark.slow) if bomb.is_slow else title for title, bomb in BOMBS.items()]
)
def test_bombs_are_refused(attempts, tmp_path, title):
    for package in ("h5py", "pyarrow.parquet", "safetensors", "skops.io"):
        pytest.importorskip(package)
    bomb = BOMBS[title]
    path = tmp_path / bomb.name
    bomb.write(path)
    attempt = attempts.one(bomb.loader, path, memory=bomb.memory)
    assert attempt.outcome == "refused", attempt
    assert re.search(bomb.words, attempt.message), attempt.message
    assert str(tmp_path) in attempt.message
    assert attempt.message.isprintable()
    assert len(attempt.message) < 1000
    assert attempt.seconds < LONGEST_SECONDS, attempt
    assert attempt.megabytes < LARGEST_MEGABYTES, attempt


@pytest.mark.parametrize(
    "title", ["npz of eight gigabytes of zeros", "pipe for embeddings in .npy", "idx of more than there can be"]
)
def test_the_command_line_says_so(tmp_path, title):
    path = tmp_path / BOMBS[title].name
    BOMBS[title].write(path)
    result = CliRunner().invoke(main, ["knn", "--data", str(path), "--quiet"])
    assert result.exit_code == 1
    assert re.fullmatch(rf"Error: .*{path.name}.*\n", result.stderr)


def test_arrays_of_zeros_are_no_bombs(tmp_path):
    """Data that packs to a thousandth is read up to a gigabyte."""
    zeros = np.zeros((1 << 16, 512), dtype=np.float32)
    np.savez_compressed(tmp_path / "rows.npz", X=zeros)
    assert (tmp_path / "rows.npz").stat().st_size < zeros.nbytes / 900
    np.testing.assert_array_equal(datasets.load_embeddings(tmp_path / "rows.npz"), zeros)
    files = idx_files(n_train=60_000, size=(1, 1))
    for part, n_images in (("train", 60_000), ("t10k", 3)):
        files[f"{part}-images-idx3-ubyte"] = idx(np.zeros((n_images, 28, 28), np.uint8))
    assert datasets.load(write_files(tmp_path / "idx", files, zipped=True)).train.shape == (60_000, 784)


@pytest.mark.parametrize("name", ["labels.txt", "rows.h5", "rows.parquet"])
def test_one_long_text_among_many_is_no_bomb(attempts, tmp_path, name):
    """It takes its own room, and the others theirs."""
    texts, rows = ["x" * (1 << 20)] * 3 + ["y"] * 39_997, np.zeros((40_000, 1), np.float32)
    if name == "labels.txt":
        texts, rows = texts[-40:-1] + texts[:1], rows[:40]
        (tmp_path / name).write_text("\n".join(texts), encoding="ascii")
    elif name == "rows.h5":
        with pytest.importorskip("h5py").File(tmp_path / name, "w") as file:
            file["X"], file["y"] = rows, texts
    else:
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        table = arrow.table({"v": arrow.FixedSizeListArray.from_arrays(arrow.array(rows[:, 0]), 1), "y": texts})
        parquet.write_table(table, tmp_path / name)
    attempt = attempts.one("labels" if name == "labels.txt" else "data", tmp_path / name)
    assert attempt.outcome == "loaded", attempt
    assert attempt.megabytes < 60


def test_a_sparse_file_is_mapped_whatever_its_size(attempts, tmp_path):
    path = tmp_path / "rows.npy"
    start = npy_header((1 << 26, 1024))
    sparse(path, start, (1 << 38) + len(start))
    attempt = attempts.one("mapped", path, memory=1 << 40)
    assert attempt.outcome == "loaded", attempt
    assert attempt.megabytes < 10


def test_names_in_archives_lead_nowhere(tmp_path):
    rows = np.ones((3, 2))
    np.savez(tmp_path / "rows.npz", **{"../outside": rows, "/tmp/deeprob_fast_canary": rows})
    (tmp_path / "inner").mkdir()
    (tmp_path / "rows.npz").rename(tmp_path / "inner" / "rows.npz")
    np.testing.assert_array_equal(datasets.load_embeddings(tmp_path / "inner" / "rows.npz", key="../outside"), rows)
    datasets.convert_embeddings(tmp_path / "inner" / "rows.npz", tmp_path / "inner" / "out.npy", key="/tmp/deeprob_fast_canary")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["inner", "out.npy", "rows.npz"]
