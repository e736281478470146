"""Manhattan distances between bytes: exact for integers, bounded for everything else."""

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import _kernels
from deeprob_fast.knn import centering
from tests.knn.exact import assert_exact, assert_exact_index
from tests.limits import lower_limits
from tests.strategies import cast


def bytes_at_random(n_rows, n_features, seed=0, highest=256):
    return np.random.default_rng(seed).integers(0, highest, (n_rows, n_features), dtype=np.uint8)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float16", "float32", "float64"])
@pytest.mark.parametrize("k", [1, 10, 200])
def test_only_neighbors_of_integers_are_refined(isa, dtype, k):
    shift = -128 if dtype == "int8" else 0
    rows = (bytes_at_random(3040, 61).astype(np.int64) + shift).astype(dtype)
    index = assert_exact_index(rows[40:], rows[:40], k, "manhattan", "integer")
    assert index.stats["n_refined"] < 40 * 1.5 * (k + 2)


@pytest.mark.parametrize("n_features", [1, 2, 3, 4, 5, 7, 8, 9])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_few_features(isa, n_features, dtype):
    rows = bytes_at_random(4000, n_features, n_features).astype(dtype)
    rows[0], rows[1] = 0, 255
    assert_exact_index(rows, rows[::100], 5, "manhattan", "integer")
    assert_exact_index(rows / 256, rows[::100] / 256 + 1e-3, 5, "manhattan", "integer")


@pytest.mark.parametrize("k", [1, 2, 9, 100, 1500])
@pytest.mark.parametrize("highest", [2, 4])
def test_ties(isa, k, highest):
    rows = bytes_at_random(4000, 12, k, highest)
    assert_exact_index(rows, rows[::200], k, "manhattan", "integer")
    # The rows are exact and the queries not, and the other way round.
    assert_exact_index(rows, rows[::200] + 0.25, k, "manhattan", "integer")
    assert_exact_index(rows + np.where(np.arange(4000) % 7, 0.0, 1e-9)[:, None], rows[::200], k, "manhattan", "integer")


@pytest.mark.parametrize("n_features", [8192, 8193])
def test_the_longest_rows(isa, n_features):
    rows = bytes_at_random(300, n_features)
    rows[0], rows[1] = 0, 255
    if n_features > _kernels.max_byte_columns():
        with pytest.raises(ValueError, match="more than 8192 features"):
            df.KNNIndex(rows, metric="manhattan", strategy="integer")
        assert_exact(rows, rows[::30], 3, "manhattan")
    else:
        index = assert_exact_index(rows, rows[:10], 3, "manhattan", "integer")
        assert index.stats["n_refined"] < 100
        found = index.search(rows[:1], len(rows))
        assert found.distances[0, -1] == 255 * n_features


BEYOND = {
    "wider integers": lambda rows: rows * 3 - 200,
    "fractions": lambda rows: rows + 0.5,
    "tiny fractions": lambda rows: rows + 1e-12,
    "huge": lambda rows: (rows - 128) * 1e30,
    "tiny": lambda rows: rows * 1e-30,
    "zeros": lambda rows: rows * 0,
}


@pytest.mark.parametrize("kind", BEYOND)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_unlike_those_of_the_sample(isa, kind, dtype):
    rows = bytes_at_random(2000, 20, 3).astype(dtype)
    beyond = BEYOND[kind](rows[:64]).astype(dtype)
    rows[5::8] = BEYOND[kind](rows[5::8]).astype(dtype)
    sample = rows[centering.sample_rows(len(rows), 512)]
    assert (sample == np.rint(sample)).all()
    assert sample.max() < 256
    for k in (1, 6, 400):
        assert_exact_index(rows, rows[:64], k, "manhattan", "integer")
        assert_exact_index(rows, beyond, k, "manhattan", "integer")


@pytest.mark.parametrize("kind", ["huge among ordinary", "zeros between", "beyond float32", "offset", "one step", "lengths"])
@pytest.mark.parametrize("k", [1, 8])
def test_hard_rows(isa, kind, k):
    normal = np.random.default_rng(5).standard_normal((1500, 33))
    rows = {
        "huge among ordinary": normal * np.where(np.arange(1500) % 11, 1.0, 1e30)[:, None],
        "zeros between": normal * (np.arange(1500) % 3 != 0)[:, None],
        "beyond float32": normal * 1e60,
        "offset": 1e9 + normal * 1e-3,
        "one step": np.rint(normal * 20) / 10,
        "lengths": normal * 10.0 ** (np.arange(1500) % 25 - 12)[:, None],
    }[kind]
    assert_exact_index(rows, rows[::50], k, "manhattan", "integer")
    assert_exact_index(cast(rows, "float32"), rows[::50], k, "manhattan", "integer")


@pytest.mark.parametrize(
    ("rows", "center"),
    [
        (np.zeros((3, 2), dtype=np.uint8), 128),
        (np.ones((3, 2), dtype=np.int8), 0),
        (np.array([[0.0], [200.0]]), 128),
        (np.array([[-100.0], [100.0]]), 0),
        (np.array([[-5.0], [250.0]]), 123),
        (np.array([[1000.0], [1101.0]]), 1051),
        (np.array([[0.0], [256.0]]), None),
        (np.array([[0.0], [0.5]]), None),
        (np.array([[0.0], [np.nan]]), None),
        (np.array([[0.0], [np.inf]]), None),
        (np.array([[1e30], [1e30]]), None),
    ],
)
def test_center_of_integers(rows, center):
    fitted = centering.fit_integers(rows, *_kernels.byte_range("manhattan"))
    assert (fitted and (set(fitted.center), fitted.scale)) == (center if center is None else ({center}, 1.0))


def test_bytes_are_chosen_for_manhattan_distances():
    rng = np.random.default_rng(6)
    normal = rng.standard_normal((4000, 64), dtype=np.float32)
    clusters = normal[rng.integers(0, 2, len(normal))] + np.float32(1e-6) * normal
    for train, expected in ((normal, "integer"), (bytes_at_random(4000, 64), "integer"), (clusters, "dense")):
        index = df.KNNIndex(train, metric="manhattan")
        index.search(train[:5], 3)
        assert index.stats["strategy"] == (expected if _kernels.ISA != "baseline" else "dense")


def test_pieces(isa, monkeypatch):
    rows = bytes_at_random(3000, 30)
    lower_limits(monkeypatch, piece_bytes=1 << 14, small_job=0)
    stats = assert_exact(rows, rows[:40], 7, "manhattan")
    assert 0 < stats["piece_rows"] < 3000
    assert stats["strategy"] == ("integer" if _kernels.ISA != "baseline" else "dense")
    assert_exact(rows / 256, rows[:40] / 256, 7, "manhattan")
