"""Random hostile searches give what the specification says, bit for bit, in every way."""

import collections
import os

import numpy as np
import pytest

import deeprob_fast as df
from tests import reference
from tests.safety import worker
from tests.safety.exact_problems import FAMILIES, WAYS

_SEED = int(os.environ.get("DEEPROB_FAST_SEED", "0"))
_FEW = 250
_QUERIES = int(os.environ.get("DEEPROB_FAST_QUERIES", "1000000"))
_AT_ONCE = 2000
_SECONDS = 60.0


def solve(numbers):
    """Solve problems, and return how many queries were answered by each way, family and metric."""
    results, failures = worker.run("tests.safety.exact_problems:solve", _SEED, numbers, _SECONDS)
    told = [f"seed {_SEED}, problem {number}: {why}" for number, why in sorted(failures.items())]
    assert not told, f"{len(told)} of {len(numbers)} problems:\n" + "\n".join(told)
    counts: collections.Counter[str] = collections.Counter()
    for *names, n_queries in results.values():
        counts.update(dict.fromkeys(names, n_queries))
    return counts


def assert_all_met(counts):
    assert set(counts) == {*WAYS, *FAMILIES, *reference.METRICS}


def test_few_problems():
    assert_all_met(solve(range(_FEW)))


@pytest.mark.slow
def test_many_queries():
    counts: collections.Counter[str] = collections.Counter()
    first = _FEW
    while sum(counts[metric] for metric in reference.METRICS) < _QUERIES:
        counts += solve(range(first, first + _AT_ONCE))
        first += _AT_ONCE
    assert_all_met(counts)


@pytest.mark.parametrize("metric", reference.METRICS)
@pytest.mark.parametrize("strategy", ["one shot", "dense", "integer", "prefix", "boxes"])
@pytest.mark.parametrize("scale", [1e76, 1e120, 1e300])
def test_rows_whose_squares_are_too_large_are_refused(strategy, metric, scale):
    rng = np.random.default_rng(0)
    train = rng.standard_normal((300, 8 if strategy == "boxes" else 64))
    large = train.copy()
    large[17] *= scale

    def search(rows, queries):
        if strategy == "one shot":
            return df.nearest_neighbors(rows, queries, 3, metric=metric)
        return df.KNNIndex(rows, metric=metric, strategy=strategy).search(queries, 3)

    for rows, queries, name in ((large, train, "train"), (train, large, "queries")):
        with pytest.raises(
            ValueError, match=rf"{name} must be finite; row 17 holds .*, whose square is too large|cannot be used"
        ):
            search(rows, queries)
