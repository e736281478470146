"""All training rows within a radius of each query."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Literal, overload

import numpy as np

from deeprob_fast import _kernels, _scalars, _validation
from deeprob_fast._typing import AnyArray, ArrayLike, Int64
from deeprob_fast.knn import limits, pairs
from deeprob_fast.knn.boxes import Tree
from deeprob_fast.knn.centering import sample_rows
from deeprob_fast.knn.checks import check_metric, check_train_source
from deeprob_fast.knn.counts import Counts
from deeprob_fast.knn.filters import Strategy
from deeprob_fast.knn.lists import NO_LIMIT, NeighborLists, Radius
from deeprob_fast.knn.metrics import METRICS
from deeprob_fast.knn.packing import Buffers, Prepared
from deeprob_fast.knn.plan import Plan, plan_radius
from deeprob_fast.knn.queries import Queries
from deeprob_fast.knn.rows import RowSource
from deeprob_fast.knn.search import check_scanned, distinct_queries, packed_pieces, prepare

_SAMPLE_QUERIES, _SAMPLE_ROWS = 64, 1024


@overload
def radius_neighbors(
    train: ArrayLike,
    queries: ArrayLike,
    radius: float,
    *,
    metric: str = ...,
    count_only: Literal[False] = ...,
    max_neighbors: int | None = ...,
    n_threads: int | None = ...,
) -> NeighborLists: ...


@overload
def radius_neighbors(
    train: ArrayLike,
    queries: ArrayLike,
    radius: float,
    *,
    metric: str = ...,
    count_only: Literal[True],
    max_neighbors: int | None = ...,
    n_threads: int | None = ...,
) -> Int64: ...


def radius_neighbors(
    train: ArrayLike,
    queries: ArrayLike,
    radius: float,
    *,
    metric: str = "euclidean",
    count_only: bool = False,
    max_neighbors: int | None = None,
    n_threads: int | None = None,
) -> NeighborLists | Int64:
    """Find all training rows within a radius of each query, exactly.

    Parameters
    ----------
    train : array-like, shape (n_train, n_features)
    queries : array-like, shape (n_queries, n_features)
    radius : float
        Rows whose canonical distance is at most this are neighbours; in the unit of the distance, which is squared for
        "sqeuclidean". For "inner_product" the least product, of any sign.
    metric : {"euclidean", "sqeuclidean", "manhattan", "chebyshev", "cosine", "inner_product"}
    count_only : bool
        Whether only the number of neighbours of each query is wanted.
    max_neighbors : int, optional
        The most neighbours that all queries together may have; by default any number.
    n_threads : int, optional
        By default all that the environment grants. Does not change the result.

    Returns
    -------
    neighbors : NeighborLists
        `indptr`, `indices` and `distances`, each query's neighbours ordered by (distance, row).
    counts : array of int64, shape (n_queries,)
        In place of these, with `count_only`.

    Raises
    ------
    ValueError
        If a shape, a value, the radius or the metric is not as stated above, or there are more neighbours than `max_neighbors`.
    TypeError
        If an array does not hold real numbers, or the radius is no number.

    See Also
    --------
    KNNIndex.search_radius : The same for rows that are prepared once.
    nearest_neighbors : A given number of neighbours.

    Notes
    -----
    The distance is the canonical one of docs/exactness.md, and so is the comparison: a row whose distance equals the radius is a
    neighbour. O(n_queries * n_train * n_features) operations on bytes or in float32, and canonical distances of the neighbours
    and of the few rows that bounds cannot tell from them. Memory: the packed rows, and about twice what is returned while it
    is made.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.radius_neighbors([[0.0], [1.0], [3.0]], [[1.0], [9.0]], 1.0)
    NeighborLists(indptr=array([0, 2, 2]), indices=array([1, 0]), distances=array([0., 1.]))
    """
    rows = check_train_source(train)
    query_rows = _validation.check_rows("queries", queries, n_features=rows.shape[1])
    metric = check_metric(metric)
    wanted = check_radius(radius, metric, count_only=count_only, max_neighbors=max_neighbors)
    threads = _validation.check_n_threads(n_threads)
    k = _expected(rows, query_rows, wanted.distance, metric, threads)
    plan = plan_radius(rows, metric, len(query_rows), k, threads)
    lists = _search_planned(plan, rows, metric, query_rows, wanted, threads)
    return lists.counts if count_only else lists


def check_radius(radius: object, metric: str, *, count_only: object = False, max_neighbors: int | None = None) -> Radius:
    """Return what is searched for."""
    distance = _scalars.check_radius("radius", radius, signed=metric in METRICS and METRICS[metric].largest_first)
    limit = NO_LIMIT
    if max_neighbors is not None:
        limit = _scalars.check_integer("max_neighbors", max_neighbors, 0, NO_LIMIT, "of all queries together")
    return Radius(distance, limit, bool(count_only))


def search_radius(prepared: Prepared | Tree, queries: AnyArray, radius: Radius, n_threads: int) -> tuple[NeighborLists, Counts]:
    """Search training rows that were prepared all at once."""
    if isinstance(prepared, Tree):
        return _of_distinct(queries, radius, n_threads, lambda rows: prepared.search_radius(rows, radius, n_threads))
    return _of_distinct(
        queries,
        radius,
        n_threads,
        lambda rows: _search(lambda: [prepared], prepared.strategy, prepared.metric, rows, radius, n_threads),
    )


def _search_planned(
    plan: Plan, train: RowSource, metric: str, queries: AnyArray, radius: Radius, n_threads: int
) -> NeighborLists:
    """Search as planned."""
    if not plan.by_pieces:
        assert isinstance(train, np.ndarray)
        if plan.strategy is None:
            return _of_distinct(queries, radius, n_threads, lambda rows: _scan(train, metric, rows, radius, n_threads))[0]
        return search_radius(prepare(plan, train, metric, n_threads), queries, radius, n_threads)[0]
    strategy = plan.strategy
    assert isinstance(strategy, Strategy)
    size = min(plan.piece_rows, len(train))
    buffers = Buffers.empty(size, train.shape[1], strategy)

    def pieces() -> Iterator[Prepared]:
        return packed_pieces(plan, strategy, train, metric, size, buffers, n_threads)

    return _of_distinct(queries, radius, n_threads, lambda rows: _search(pieces, strategy, metric, rows, radius, n_threads))[0]


def _scan(train: AnyArray, metric: str, queries: AnyArray, radius: Radius, n_threads: int) -> tuple[NeighborLists, Counts]:
    """Compare few queries with the rows as they are, without packing."""
    lists, bad = _kernels.scan_radius(train, metric, queries, radius, n_threads)
    check_scanned(train, queries, *bad)
    n_pairs = len(train) * len(queries)
    return NeighborLists(*lists), Counts(len(queries), n_passed=n_pairs, n_refined=n_pairs)


def _of_distinct(
    queries: AnyArray, radius: Radius, n_threads: int, search: Callable[[AnyArray], tuple[NeighborLists, Counts]]
) -> tuple[NeighborLists, Counts]:
    """Search the distinct queries, and return the lists of all."""
    distinct, numbers = distinct_queries(queries, n_threads)
    result = None
    with suppress(OverflowError):  # from the kernels
        result = search(distinct)
    if result is None or (numbers is not None and result[0].counts[numbers].sum() > radius.limit):
        msg = f"max_neighbors must be at least the number of neighbours within the radius; got {radius.limit}, and there are more"
        raise ValueError(msg)
    lists, counts = result
    return (lists if numbers is None else lists.take(numbers)), counts


def _search(
    pieces: Callable[[], Iterable[Prepared]],
    strategy: Strategy,
    metric: str,
    queries: AnyArray,
    radius: Radius,
    n_threads: int,
) -> tuple[NeighborLists, Counts]:
    """Search the training rows piece by piece: once for each group of batches of queries."""
    counts = Counts(len(queries))
    done: list[NeighborLists] = []
    n_left = radius.limit
    batches = Queries.pack(queries, metric, strategy, n_threads)
    while group := list(itertools.islice(batches, limits.LIMITS.batches)):
        lists_of: list[list[NeighborLists]] = [[] for _ in group]
        for piece in pieces():
            for batch, lists in zip(group, lists_of, strict=True):
                part = radius._replace(limit=n_left)
                part_lists, of_part = piece._replace(first_row=0).search_radius(batch, part, n_threads)
                part_lists.indices[:] += piece.first_row
                n_left -= int(part_lists.indptr[-1])
                counts.add(of_part)
                lists.append(part_lists)
        merged = [NeighborLists.merge(lists, largest_first=METRICS[metric].largest_first) for lists in lists_of]
        done += [lists.take(batch.places) if len(batch.places) else lists for batch, lists in zip(group, merged, strict=True)]
    return NeighborLists.join(done), counts


def _expected(train: RowSource, queries: AnyArray, radius: float, metric: str, n_threads: int) -> int:
    """Return about how many neighbours a query has, by a sample."""
    rows = train[sample_rows(len(train), _SAMPLE_ROWS)].astype(np.float64)
    sample = queries[sample_rows(len(queries), _SAMPLE_QUERIES)].astype(np.float64)
    if len(sample) == 0:
        return 1
    with np.errstate(all="ignore"):
        distances = pairs.between(sample, rows, metric, n_threads)
        within = distances >= radius if METRICS[metric].largest_first else distances <= radius
    return max(1, round(float(within.mean()) * len(train)))
