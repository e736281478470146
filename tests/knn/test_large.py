"""Training rows in files: searched piece by piece, in bounded memory, with the answers of rows in memory."""

import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import deeprob_fast as df
from deeprob_fast import _kernels
from deeprob_fast.knn import packing
from tests import reference
from tests.limits import lower_limits, lowered
from tests.strategies import problems


def mapped(path, rows, *, offset=0, stride=None):
    """Write rows to a file, `stride` bytes from one to the next, and map it."""
    row_bytes = rows.shape[1] * rows.itemsize
    table = np.full((len(rows), stride or row_bytes), 7, dtype=np.uint8)
    table[:, :row_bytes] = np.ascontiguousarray(rows).view(np.uint8)
    path.write_bytes(b"\1" * offset + table.tobytes())
    table = np.memmap(path, mode="r", offset=offset).reshape(table.shape)
    return table[:, :row_bytes].view(rows.dtype)


@pytest.fixture
def small(monkeypatch):
    """Take every mapped file for a large one, and cut it into pieces of some twenty rows."""
    lower_limits(monkeypatch, converted_bytes=0, whole_bytes=0, piece_bytes=4 * 9 * 20, query_bytes=4 * 9 * 14)


def assert_as_specified(train, plain, queries, k, metric):
    """Compare a search with that of rows in memory; return how it ran."""
    found, stats = df.nearest_neighbors(train, queries, k, metric=metric, return_stats=True)
    distances, indices = reference.nearest(plain, queries, k, metric)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)
    return stats


LAYOUTS = {
    "in place": ("float32", {}),
    "behind a header of rows": ("float32", {"stride": 40, "offset": 4}),
    "unaligned": ("float32", {"offset": 3}),
    "unaligned strides": ("float16", {"stride": 19}),
    "byte-swapped": (">f8", {}),
    "wider integers": ("int64", {"offset": 1}),
    "bytes": ("int8", {"stride": 13, "offset": 5}),
}


IN_PLACE = ("in place", "behind a header of rows", "bytes")


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_in_a_file(isa, small, tmp_path, layout, metric):
    dtype, places = LAYOUTS[layout]
    rng = np.random.default_rng(3)
    rows = rng.integers(-5, 6, (150, 9)).astype(dtype)
    queries = rng.integers(-5, 6, (33, 9)).astype(np.float32)
    for k, n_queries in ((4, 33), (149, 20), (3, 2)):
        stats = assert_as_specified(mapped(tmp_path / "rows", rows, **places), rows, queries[:n_queries], k, metric)
        is_scan = n_queries == 2 and layout in IN_PLACE
        assert stats["strategy"] == "scan" if is_scan else stats["piece_rows"] > 0


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("n_distinct", [1, 3, 40])
def test_equal_rows_in_a_file(isa, small, tmp_path, n_distinct, metric):
    rng = np.random.default_rng(4)
    rows = rng.integers(-2, 3, (n_distinct, 9)).astype(np.float32)[rng.integers(0, n_distinct, 170)]
    rows[60:90] = rng.standard_normal((30, 9))  # pieces with groups, pieces without
    queries = np.concatenate([rows[:6], rng.standard_normal((24, 9)).astype(np.float32)])
    for k in (1, 7, 50, 170):
        stats = assert_as_specified(mapped(tmp_path / "rows", rows), rows, queries, k, metric)
        assert stats["piece_rows"] > 0


@hypothesis.given(problems(), st.integers(0, 9), st.integers(0, 3), st.sampled_from([1, 3, 100]))
def test_any_problem_in_a_file(problem, offset, gap, piece):
    stride = problem.train.shape[1] * problem.train.itemsize + gap
    piece_bytes = 64 * 4 * piece * problem.train.shape[1]
    small = lowered(converted_bytes=0, whole_bytes=0, piece_bytes=piece_bytes)
    with small, tempfile.TemporaryDirectory() as folder:
        train = mapped(Path(folder) / "rows", problem.train, offset=offset, stride=stride)
        assert_as_specified(train, problem.train, problem.queries, problem.k, problem.metric)


def test_fortran_order_in_a_file(small, tmp_path):
    rows = np.random.default_rng(5).standard_normal((150, 9))
    np.save(tmp_path / "rows.npy", np.asfortranarray(rows))
    train = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert train.flags.f_contiguous
    assert_as_specified(train, rows, rows[:20], 5, "euclidean")


def test_bad_rows_of_converted_files_are_told(small, tmp_path):
    rows = np.ones((150, 9))
    rows[97, 2] = np.nan
    with pytest.raises(ValueError, match="train must be finite; row 97 holds NaN"):
        df.nearest_neighbors(mapped(tmp_path / "rows", rows, offset=1), rows[:20], 2)
    integers = np.ones((150, 9), dtype=np.int64)
    integers[97, 2] = -(2**60)
    with pytest.raises(ValueError, match=r"train must hold integers up to 2\*\*53 in magnitude; got -1152921504606846976"):
        df.nearest_neighbors(mapped(tmp_path / "integers", integers), rows[:20], 2)


@pytest.mark.parametrize("n_batches", [8, 1])
def test_a_file_is_read_as_few_times_as_possible(small, tmp_path, monkeypatch, n_batches):
    lower_limits(monkeypatch, batches=n_batches)
    packed = []
    pack = packing.Prepared.pack

    def counted(rows, *args, **options):
        packed.append(len(rows))
        return pack(rows, *args, **options)

    monkeypatch.setattr(packing.Prepared, "pack", counted)
    rows = np.random.default_rng(6).standard_normal((150, 9)).astype(np.float32)
    df.nearest_neighbors(mapped(tmp_path / "rows", rows), rows[:42], 3)
    batch = 14 // _kernels.tile_queries() * _kernels.tile_queries()  # as many as `small` has memory for
    assert sum(packed) == 150 * -(-42 // (n_batches * batch))
    assert max(packed) <= 20


@pytest.mark.parametrize("shape", [(150, 9), (2100, 2), (4, 300)])
def test_progress(small, tmp_path, monkeypatch, shape):
    lower_limits(monkeypatch, piece_bytes=1 << 12)
    rows = np.random.default_rng(7).standard_normal(shape).astype(np.float32)
    for train in (rows, mapped(tmp_path / "rows", rows), mapped(tmp_path / "shifted", rows, offset=1)):
        for n_queries in (1, 40, 500):
            fractions: list[float] = []
            queries = np.resize(rows, (n_queries, shape[1]))
            found = df.nearest_neighbors(train, queries, 3, callback=fractions.append)
            assert fractions == sorted(set(fractions))
            assert fractions[0] > 0
            assert fractions[-1] == 1
            np.testing.assert_array_equal(found.indices, df.nearest_neighbors(train, queries, 3).indices)


def test_progress_can_end_the_search(small, tmp_path):
    rows = np.random.default_rng(8).standard_normal((150, 9)).astype(np.float32)

    def stop(fraction):
        if fraction > 0.2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        df.nearest_neighbors(mapped(tmp_path / "rows", rows), rows, 3, callback=stop)
    with pytest.raises(TypeError, match="callback must be callable; got int"):
        df.nearest_neighbors(rows, rows, 3, callback=1)


def memory_of(script, *arguments):
    """Run a script in a process of its own; return its peaks of anonymous memory in MB, before and after."""
    head = """
        import sys, threading
        import numpy as np
        import deeprob_fast as df

        def anonymous():
            with open("/proc/self/status", encoding="ascii") as status:
                return next(int(line.split()[1]) / 1024 for line in status if line.startswith("RssAnon"))

        class Peak(threading.Thread):
            def __init__(self):
                super().__init__(daemon=True)
                self.before = self.peak = anonymous()
                self.done = threading.Event()

            def run(self):
                while not self.done.wait(0.002):
                    self.peak = max(self.peak, anonymous())
    """
    code = textwrap.dedent(head) + textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-P", "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    before, peak = map(float, done.stdout.split()[-2:])
    return before, peak


SEARCH_SPARSE = """
    path, n_rows, n_features, offset = sys.argv[1], *map(int, sys.argv[2:])
    rows = np.memmap(path, dtype=np.float32, mode="r", offset=offset, shape=(n_rows, n_features))
    places = np.sort(np.random.default_rng(0).choice(n_rows, 4000, replace=False))
    kept = rows[places]
    queries = np.concatenate([kept[::20], np.zeros((3, n_features), dtype=np.float32), 1 + kept[:97]])
    peak = Peak()
    peak.start()
    found = df.nearest_neighbors(rows, queries, 10)
    peak.done.set()
    # Ten rows of zeros, the first ones, stand for all of them.
    zeros = np.setdiff1d(np.arange(5000), places)[:10]
    some = np.union1d(places, zeros)
    expected = df.nearest_neighbors(rows[some], queries, 10)
    np.testing.assert_array_equal(found.indices, some[expected.indices])
    np.testing.assert_array_equal(found.distances, expected.distances)
    assert found.indices[:200, 0].tolist() == places[::20].tolist()
    assert found.indices[200].tolist() == zeros.tolist()
    print(peak.before, peak.peak)
"""


def write_sparse(path, n_rows, n_features, offset=8):
    """Write zeros that take no room on the disk, and 4,000 rows among them."""
    rng = np.random.default_rng(0)
    places = np.sort(rng.choice(n_rows, 4000, replace=False))
    with path.open("wb") as file:
        for place in places:
            file.seek(offset + int(place) * n_features * 4)
            file.write(rng.standard_normal(n_features, dtype=np.float32).tobytes())
        file.truncate(offset + n_rows * n_features * 4)
    assert path.stat().st_blocks * 512 < 200 << 20


SEARCH_BYTES = """
    path, n_rows, n_features = sys.argv[1], *map(int, sys.argv[2:])
    rows = np.memmap(path, dtype=np.uint8, mode="r", shape=(n_rows, n_features))
    others = np.random.default_rng(1).integers(0, 256, (150, n_features), dtype=np.uint8)
    queries = np.concatenate([rows[:: n_rows // 150], others])
    peak = Peak()
    peak.start()
    found = df.nearest_neighbors(rows, queries, 10)
    peak.done.set()
    few = np.r_[0:8, len(queries) - 8 : len(queries)]
    wide = queries[few].astype(np.float64)
    best = []
    for start in range(0, n_rows, 20_000):
        block = rows[start : start + 20_000].astype(np.float64)
        squares = (wide**2).sum(1)[:, None] - 2 * wide @ block.T + (block**2).sum(1)  # whole numbers, without rounding
        nearest = np.argsort(squares, axis=1, kind="stable")[:, :10]
        best.append((np.take_along_axis(squares, nearest, 1), nearest + start))
    squares, indices = (np.concatenate(parts, axis=1) for parts in zip(*best))
    order = np.argsort(squares, axis=1, kind="stable")[:, :10]
    np.testing.assert_array_equal(found.indices[few], np.take_along_axis(indices, order, 1))
    np.testing.assert_array_equal(found.distances[few], np.sqrt(np.take_along_axis(squares, order, 1)))
    print(peak.before, peak.peak)
"""


def write_bytes(path, n_rows, n_features, n_zero=0):
    """Write rows that all differ but for some of each ten thousand, and so cannot have holes."""
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        for _ in range(0, n_rows, 10_000):
            rows = rng.integers(0, 256, (10_000, n_features), dtype=np.uint8)
            rows[:n_zero] = 0
            file.write(rows.tobytes())


needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")


# Limits of a thousandth of the real ones, and files to match.
SMALL = """
    from deeprob_fast.knn import limits
    limits.LIMITS = limits.LIMITS._replace(whole_bytes=1 << 18, converted_bytes=1 << 18, piece_bytes=1 << 20)
"""


@pytest.mark.unsanitized
@needs_proc
@pytest.mark.parametrize("offset", [8, 7])
def test_memory_stays_bounded(tmp_path, offset):
    write_sparse(tmp_path / "rows", 60_000, 384, offset)
    before, peak = memory_of(SMALL + SEARCH_SPARSE, tmp_path / "rows", 60_000, 384, offset)
    assert peak - before < 40  # of 92


@pytest.mark.unsanitized
@needs_proc
@pytest.mark.parametrize("n_zero", [0, 3000])
def test_memory_stays_bounded_with_few_equal_rows(tmp_path, n_zero):
    write_bytes(tmp_path / "rows", 100_000, 768, n_zero)
    before, peak = memory_of(SMALL + SEARCH_BYTES, tmp_path / "rows", 100_000, 768)
    assert peak - before < 40  # of 77


CONVERT = """
    from pathlib import Path

    source = Path(sys.argv[1])
    rows = np.random.default_rng(0).integers(0, 4, (100_000, 100)).astype(np.float32)
    if source.suffix == ".npz":
        np.savez_compressed(source, X=rows)
    elif source.suffix == ".h5":
        import h5py
        with h5py.File(source, "w") as file:
            file.create_dataset("X", data=rows, chunks=(1000, 100), compression="lzf")
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq
        lists = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), 100)
        pq.write_table(pa.table({"X": lists}), source, row_group_size=10_000)
        del lists
        pa.default_memory_pool().release_unused()
    expected = rows[::1000].copy()
    del rows
    df.datasets._formats._stored.BLOCK_BYTES = 1 << 20
    peak = Peak()
    peak.start()
    df.datasets.convert_embeddings(source, source.with_suffix(".npy"))
    peak.done.set()
    found = df.datasets.load_embeddings(source.with_suffix(".npy"))
    assert found.shape == (100_000, 100)
    np.testing.assert_array_equal(found[::1000], expected)
    print(peak.before, peak.peak)
"""


@pytest.mark.unsanitized
@needs_proc
@pytest.mark.parametrize("suffix", [".npz", ".h5", ".parquet"])
def test_conversion_in_bounded_memory(tmp_path, suffix):
    pytest.importorskip({".npz": "numpy", ".h5": "h5py", ".parquet": "pyarrow"}[suffix])
    before, peak = memory_of(CONVERT, tmp_path / f"rows{suffix}")
    assert peak - before < 30  # of 40


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("offset", [8, 7])
def test_twelve_gigabytes(tmp_path, offset):
    """They take no room on the disk; unaligned, they are copied piece by piece."""
    write_sparse(tmp_path / "rows", 8_000_000, 384, offset)
    assert (tmp_path / "rows").stat().st_size > 12e9
    _, peak = memory_of(SEARCH_SPARSE, tmp_path / "rows", 8_000_000, 384, offset)
    (tmp_path / "rows").unlink()
    assert peak < 2000


@needs_proc
@pytest.mark.slow
def test_gigabytes_without_equal_rows(tmp_path):
    write_bytes(tmp_path / "rows", 2_000_000, 768)
    _, peak = memory_of(SEARCH_BYTES, tmp_path / "rows", 2_000_000, 768)
    (tmp_path / "rows").unlink()
    assert peak < 500
