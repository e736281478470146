"""One search, of rows as they come."""

from time import perf_counter
from typing import Any, Literal, overload

from deeprob_fast import _scalars, _validation
from deeprob_fast._typing import ArrayLike
from deeprob_fast.knn.checks import check_k, check_metric, check_train_source
from deeprob_fast.knn.neighbors import Neighbors
from deeprob_fast.knn.plan import plan_search
from deeprob_fast.knn.search import Callback, run, stats_of


@overload
def nearest_neighbors(
    train: ArrayLike,
    queries: ArrayLike,
    k: int,
    *,
    metric: str = ...,
    n_threads: int | None = ...,
    callback: Callback | None = ...,
    return_stats: Literal[False] = ...,
) -> Neighbors: ...


@overload
def nearest_neighbors(
    train: ArrayLike,
    queries: ArrayLike,
    k: int,
    *,
    metric: str = ...,
    n_threads: int | None = ...,
    callback: Callback | None = ...,
    return_stats: Literal[True],
) -> tuple[Neighbors, dict[str, Any]]: ...


def nearest_neighbors(
    train: ArrayLike,
    queries: ArrayLike,
    k: int,
    *,
    metric: str = "euclidean",
    n_threads: int | None = None,
    callback: Callback | None = None,
    return_stats: bool = False,
) -> Neighbors | tuple[Neighbors, dict[str, Any]]:
    """Find the k nearest training rows of each query, exactly.

    Parameters
    ----------
    train : array-like, shape (n_train, n_features)
    queries : array-like, shape (n_queries, n_features)
    k : int
        1 <= k <= n_train.
    metric : {"euclidean", "sqeuclidean", "manhattan", "chebyshev", "cosine", "inner_product"}
    n_threads : int, optional
        By default all that the environment grants. Does not change the result.
    callback : callable, optional
        Called after each piece of the work with the fraction done, a float in (0, 1]. An exception raised in it ends the search.

    return_stats : bool
        Also return what the search did, and why.

    Returns
    -------
    neighbors : Neighbors
        `distances` and `indices`, both (n_queries, k), ordered by (distance, row).
    stats : dict
        Only with `return_stats`: what `KNNIndex.stats` holds, and `piece_rows`, how many training rows were packed at a time
        (0: all of them). The strategy "scan" compares the queries with the rows as they are.

    Raises
    ------
    ValueError
        If a shape, a value, k or the metric is not as stated above.
    TypeError
        If an array does not hold real numbers, k is not an integer or `callback` cannot be called.

    See Also
    --------
    KNNIndex : Prepares the training rows once for several searches.

    Notes
    -----
    The distance is the canonical one of docs/exactness.md: computed in float64 from the inputs, in one order of operations.
    O(n_queries * n_train * n_features) operations on bytes or in float32, whichever a sample of the rows says is faster (see
    `KNNIndex`), in float64 for up to four queries; never a matrix of n_queries x n_train, nor a copy of the training rows: they
    are packed and searched piece by piece, so they may be memory-mapped and larger than memory. A file is read about once for
    all queries, or for each 512 MB of packed queries; where its layout cannot be read in place (unaligned, byte-swapped, wider
    integers), it is converted piece by piece. Rows of up to 12 features may be sorted into boxes instead, which takes one copy of
    them, and as much again while it is made; not those of a large file.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.nearest_neighbors([[0.0], [2.0], [2.0]], [[1.5]], 2)
    Neighbors(distances=array([[0.5, 0.5]]), indices=array([[1, 2]]))
    """
    rows = check_train_source(train)
    query_rows = _validation.check_rows("queries", queries, n_features=rows.shape[1])
    k = check_k(k, len(rows))
    metric = check_metric(metric)
    threads = _validation.check_n_threads(n_threads)
    if callback is not None:
        _scalars.check_callable("callback", callback)
    start = perf_counter()
    plan = plan_search(rows, metric, len(query_rows), k, threads, tells_progress=callback is not None)
    neighbors, counts = run(plan, rows, metric, query_rows, k, threads, callback)
    if not return_stats:
        return neighbors
    told = {
        "strategy": plan.name,
        "reason": plan.reason,
        "predicted_cost": plan.predicted_cost,
        "piece_rows": plan.piece_rows,
        "n_threads": threads,
        "seconds": perf_counter() - start,
    }
    return neighbors, {**told, **stats_of(rows, metric, plan.strategy, plan.duplicates, len(query_rows), counts)}
