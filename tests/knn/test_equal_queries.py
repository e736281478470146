"""Equal queries are searched once."""

import numpy as np
import pytest

import deeprob_fast as df
from tests import reference
from tests.limits import lower_limits

RNG = np.random.default_rng(32)


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("strategy", ["boxes", "dense", "integer", "prefix"])
def test_each_gets_the_neighbours_of_all(metric, strategy):
    n_features = 3 if strategy == "boxes" else 64
    rows = RNG.standard_normal((900, n_features)).astype(np.float32)
    queries = RNG.standard_normal((40, n_features)).astype(np.float32)[RNG.integers(0, 40, 500)]
    queries[::9] = 0
    queries[::18] = -0.0
    try:
        index = df.KNNIndex(rows, metric=metric, strategy=strategy)
    except ValueError as error:
        assert "cannot be used" in str(error)  # noqa: PT017  # not all strategies serve all metrics
        return
    neighbors = index.search(queries, 6)
    distances, indices = reference.nearest(rows, queries, 6, metric)
    np.testing.assert_array_equal(neighbors.indices, indices)
    np.testing.assert_array_equal(neighbors.distances, distances)
    assert index.stats["n_queries"] == 500
    assert index.stats["n_distinct_queries"] == len(np.unique(queries + 0, axis=0))


def test_they_are_found_where_rows_are_searched_in_pieces(monkeypatch):
    lower_limits(monkeypatch, piece_bytes=1 << 14)
    rows = RNG.standard_normal((3000, 20)).astype(np.float32)
    queries = rows[RNG.integers(0, 30, 400)]
    fractions: list[float] = []
    neighbors, stats = df.nearest_neighbors(rows, queries, 4, return_stats=True, callback=fractions.append)
    np.testing.assert_array_equal(neighbors.indices, reference.nearest(rows, queries, 4, "euclidean")[1])
    assert stats["piece_rows"] > 0
    assert stats["n_distinct_queries"] <= 30
    assert fractions[-1] == 1


def test_a_bad_query_is_told_by_its_number():
    rows = RNG.standard_normal((300, 5))
    queries = np.tile(rows[:3], (100, 1))
    queries[290] = np.inf
    queries[291] = np.inf
    with pytest.raises(ValueError, match="queries must be finite; row 290 holds"):
        df.nearest_neighbors(rows, queries, 2)
