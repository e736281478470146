"""Comparisons with the specification, bit for bit."""

import numpy as np

import deeprob_fast as df
from tests import reference

# What looks at all rows, and by which metrics: there are no sums of bytes for the largest difference.
FILTERED = [
    (strategy, metric)
    for metric in reference.METRICS
    for strategy in (("dense", "integer") if metric in reference.SUMS else ("dense",))
]


def strategies_of(metric):
    """What looks at all rows by a metric."""
    return [strategy for strategy, filtered in FILTERED if filtered == metric]


def assert_exact(train, queries, k, metric, **options):
    """Compare a one-shot search with the specification; return how it ran."""
    found, stats = df.nearest_neighbors(train, queries, k, metric=metric, return_stats=True, **options)
    distances, indices = reference.nearest(train, queries, k, metric)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)
    return stats


def assert_exact_index(train, queries, k, metric, strategy):
    """Compare an index that uses one strategy with the specification."""
    index = df.KNNIndex(train, metric=metric, strategy=strategy)
    found = index.search(queries, k)
    distances, indices = reference.nearest(train, queries, k, metric)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)
    assert strategy in ("auto", index.stats["strategy"])
    return index
