"""Rows with labels that tests write into files, and what loaders have to make of these."""

import numpy as np

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 90)
X = RNG.standard_normal((90, 3)) + 2 * np.eye(3)[Y]
NAMES = np.array(["ant", "bee", "cat"])[Y]


def rows_and_labels(data):
    return np.concatenate([data.train, data.test]), [*data.train_labels.tolist(), *data.test_labels.tolist()]


def check(data, rows=X, labels=Y):
    """The rows with their labels are those that were written, whatever their order."""
    found, of_found = rows_and_labels(data)
    order, expected = np.lexsort(found.T), np.lexsort(np.asarray(rows).T)
    np.testing.assert_array_equal(found[order], np.asarray(rows)[expected])
    assert [of_found[i] for i in order] == np.asarray(labels)[expected].tolist()
    return data
