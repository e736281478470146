"""What is asserted of the results: ours exact, the peers' close; how often a peer's neighbours are ours is only told."""

from typing import Any, NamedTuple

import numpy as np

from deeprob_fast.bench.numpy_search import Array, DistancesAndIndices

SAMPLE = 16  # queries or rows that are compared with float64 brute force
TOLERANCE = 1e-3  # relative; a peer whose typical distance is farther off computed something else


def true_distances(query: Array, rows: Array, metric: str) -> Array:
    """Return the float64 distances of one query, by direct differences: of directions for the cosine; or inner products."""
    if metric == "inner_product":
        return rows.astype(np.float64) @ query
    if metric == "cosine":
        return true_distances(_direction(query[None])[0], _direction(rows), "sqeuclidean") / 2
    distances = np.empty(len(rows))
    step = max(1, 2**22 // rows.shape[1])
    for start in range(0, len(rows), step):
        difference = rows[start : start + step].astype(np.float64) - query
        if metric == "manhattan":
            distances[start : start + step] = np.abs(difference, out=difference).sum(axis=1)
        elif metric == "chebyshev":
            distances[start : start + step] = np.abs(difference, out=difference).max(axis=1)
        else:
            distances[start : start + step] = np.einsum("ij,ij->i", difference, difference)
    return np.sqrt(distances) if metric == "euclidean" else distances


def _direction(rows: Array) -> Array:
    values = rows.astype(np.float64)
    scaled: Array = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    return scaled


def sample(n_rows: int) -> Array:
    """Return some row numbers, evenly spread."""
    return np.unique(np.linspace(0, n_rows - 1, SAMPLE).astype(np.int64))


def assert_exact(train: Array, queries: Array, neighbors: DistancesAndIndices, metric: str, *, with_self: bool = True) -> str:
    """Compare our neighbours of a sample of queries with float64 brute force; return what was shown.

    Without `with_self` the queries are the training rows, none of which is its own neighbour.
    """
    distances, indices = neighbors
    rows = sample(len(queries))
    for row in rows:
        true = true_distances(queries[row].astype(np.float64), train, metric)
        if not with_self:
            true[row] = np.inf
        nearest = np.lexsort((np.arange(len(true)), true))[: indices.shape[1]]
        if not np.array_equal(indices[row], nearest):
            msg = f"query {row}: deeprob_fast found rows {indices[row].tolist()}, float64 brute force {nearest.tolist()}"
            raise AssertionError(msg)
        np.testing.assert_allclose(distances[row], true[nearest], rtol=1e-12, err_msg=f"query {row}")
    return f"equal to float64 brute force on {len(rows)} queries"


def assert_same_distances(train: Array, queries: Array, neighbors: DistancesAndIndices) -> str:
    """Compare our distances of a sample of queries with float64 brute force; return what was shown."""
    rows = sample(len(queries))
    for row in rows:
        true = np.sort(true_distances(queries[row].astype(np.float64), train, "euclidean"))[: neighbors[0].shape[1]]
        np.testing.assert_allclose(neighbors[0][row], true, rtol=1e-12, atol=0, err_msg=f"query {row}")
    return f"distances equal to float64 brute force on {len(rows)} queries"


class Agreement(NamedTuple):
    """The shares of queries of which a peer found the exact neighbours: in their order, and but for the order of ties."""

    equal: float
    up_to_ties: float


def agreement(train: Array, queries: Array, indices: Array, ours: DistancesAndIndices, metric: str) -> Agreement:
    """Compare neighbours with the exact ones; rows at the same distance, to nine digits, are ties."""
    distances, exact = ours
    different = np.flatnonzero((np.asarray(indices) != exact).any(axis=1))
    n_errors = 0
    for row in different:
        true = true_distances(queries[row].astype(np.float64), train[indices[row]], metric)
        n_errors += not np.allclose(true, distances[row], rtol=1e-9, atol=1e-300)
    return Agreement(1 - len(different) / len(exact), 1 - n_errors / len(exact))


def compare_neighbors(
    name: str, train: Array, queries: Array, neighbors: DistancesAndIndices, ours: DistancesAndIndices, metric: str
) -> dict[str, Any]:
    """Return how often a peer's neighbours are ours, and how far its distances are from ours at most."""
    equal, up_to_ties = agreement(train, queries, np.asarray(neighbors[1]), ours, metric)
    error = _relative_error(name, neighbors[0], ours[0])
    shares = f"{100 * equal:.2f} % of queries equal" + (f", {100 * up_to_ties:.2f} % up to ties" if up_to_ties > equal else "")
    return {"agreement": equal, "agreement_up_to_ties": up_to_ties, "error": error, "note": f"{shares}, error {error:.0e}"}


def compare_pairs(name: str, distances: Array, x: Array, y: Array) -> dict[str, Any]:
    """Return how far a pairwise result is from float64 brute force at most, on a sample of its rows."""
    rows = sample(len(x))
    true = np.stack([true_distances(x[row].astype(np.float64), y, "euclidean") for row in rows])
    error = _relative_error(name, distances[rows], true)
    return {"error": error, "note": f"error {error:.0e} on {len(rows)} rows"}


def _relative_error(name: str, distances: Array, true: Array) -> float:
    """Return the largest relative error; half of the distances must be close, as cancellation spoils small ones in float32."""
    with np.errstate(invalid="ignore", divide="ignore"):
        errors = np.nan_to_num(np.abs(distances - true) / true)
    typical = float(np.median(errors))
    if not typical <= TOLERANCE:
        msg = f"{name}: distances are off by {typical:.1e} of themselves, more than {TOLERANCE:.0e}"
        raise AssertionError(msg)
    return float(errors.max())
