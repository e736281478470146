"""Exact k-nearest-neighbour search."""

from typing import Any, NamedTuple

import numpy as np

from deeprob_fast import _kernels, _surrogate, _validation
from deeprob_fast._typing import AnyArray, ArrayLike, Float32, Float64, Int64


class Neighbors(NamedTuple):
    """The nearest training rows of each query, nearest first.

    Attributes
    ----------
    distances : array of float64, shape (n_queries, k)
        Canonical distances; inner products, largest first, for that metric.
    indices : array of int64, shape (n_queries, k)
        Training rows. Equal distances are ordered by row.
    """

    distances: Float64
    indices: Int64


class _Groups(NamedTuple):
    """Equal rows. Without duplicates worth grouping all three are empty: every row stands for itself."""

    representatives: Int64  # (n_distinct,) first row of each group, ascending
    starts: Int64  # (n_distinct + 1,)
    members: Int64  # (n_train,) rows of group j: members[starts[j]:starts[j + 1]], ascending


class _Packing(NamedTuple):
    """The training rows as the kernels of one instruction-set level read them."""

    panels: Float32
    bias: Float32
    norm: Float32
    slack: Float32

    @classmethod
    def empty(cls, n_positions: int, n_features: int) -> "_Packing":
        """Allocate room for that many rows."""
        panel_rows = _kernels.panel_rows()
        n_panels = -(-n_positions // panel_rows)
        return cls(
            _aligned_empty(n_panels * panel_rows * n_features),
            _aligned_empty(n_panels * panel_rows),
            _aligned_empty(n_panels),
            _aligned_empty(n_panels),
        )


_NO_GROUPS = _Groups(*(np.empty(0, dtype=np.int64) for _ in _Groups._fields))

# One search packs this many rows at a time, so that packing the queries again and waiting for the last thread do not count: more
# where rows are short, fewer where so many would take more memory than the second figure.
_PIECE_ROWS = 65536
_PIECE_BYTES = (32 << 20, 256 << 20)


def _few_repeat(n_distinct: int, n_rows: int) -> bool:
    return 8 * n_distinct > 7 * n_rows


def _group_equal_rows(train: AnyArray, n_threads: int) -> _Groups:
    """Group equal rows if a sample says that there are many: ties by the thousand would defeat any filter."""
    sample = train[_surrogate.sample_rows(len(train), 1024)]
    hashes = np.empty(len(sample), dtype=np.uint64)
    _kernels.hash_rows(sample, hashes, n_threads)
    if _few_repeat(len(np.unique(hashes)), len(sample)):
        return _NO_GROUPS
    hashes = np.empty(len(train), dtype=np.uint64)
    _kernels.hash_rows(train, hashes, n_threads)
    _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    if _few_repeat(len(first), len(train)) or not _kernels.rows_equal(train, first[group].astype(np.int64), n_threads):
        return _NO_GROUPS
    by_first = np.argsort(first)
    rank = np.empty_like(by_first)
    rank[by_first] = np.arange(len(by_first))
    group = rank[group]
    members = np.argsort(group, kind="stable").astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(np.bincount(group))]).astype(np.int64)
    return _Groups(first[by_first].astype(np.int64), starts, members)


def _aligned_empty(size: int) -> Float32:
    """Return float32 memory that starts on a cache line."""
    line = 64
    memory = np.empty(4 * size + line, dtype=np.uint8)
    start = -memory.ctypes.data % line
    return memory[start : start + 4 * size].view(np.float32)


def _fit_surrogate(train: AnyArray, metric: str) -> _surrogate.Surrogate:
    # Sums of absolute differences do not cancel, and float32 holds every other dtype as it is.
    return _surrogate.fit(train, metric, centered=metric != "manhattan" or train.dtype == np.float64)


class _Prepared(NamedTuple):
    """Training rows, or a piece of them, and what the filters know of them."""

    train: AnyArray
    first_row: int
    groups: _Groups
    metric: str
    surrogate: _surrogate.Surrogate
    packing: _Packing
    largest_norm: float
    integral: bool

    @classmethod
    def pack(
        cls,
        train: AnyArray,
        metric: str,
        surrogate: _surrogate.Surrogate,
        n_threads: int,
        *,
        groups: _Groups = _NO_GROUPS,
        first_row: int = 0,
        room: _Packing | None = None,
    ) -> "_Prepared":
        """Pack the rows, into `room` if it is given."""
        packing = room or _Packing.empty(len(groups.representatives) or len(train), train.shape[1])
        report = _kernels.pack(train, groups.representatives, metric, surrogate.center, surrogate.scale, *packing, n_threads)
        if report["unusable_row"] >= 0:
            # Told by its number among all rows.
            row = report["unusable_row"]
            raise ValueError(_validation.describe_bad_row("train", train[row], first_row + row))
        return cls(train, first_row, groups, metric, surrogate, packing, report["largest_norm"], report["integral"])

    def search(self, queries: AnyArray, distances: Float64, indices: Int64, n_threads: int) -> int:
        """Search, starting from what the outputs hold of earlier rows; return how many canonical distances it took."""
        report = _kernels.search(
            self.train,
            *self.groups,
            self.metric,
            self.surrogate.center,
            self.surrogate.scale,
            *self.packing,
            self.largest_norm,
            self.integral,
            self.first_row,
            queries,
            distances,
            indices,
            n_threads,
        )
        bad = report["unusable_query"]
        if bad >= 0:
            raise ValueError(_validation.describe_bad_row("queries", queries[bad], bad))
        return report["n_refined"]


class KNNIndex:
    """Training rows prepared for exact nearest-neighbour search.

    Parameters
    ----------
    train : array-like, shape (n_train, n_features)
        Finite rows of float32, float64, float16, uint8 or int8, each read as it is; other integers are widened. Kept by
        reference where the layout allows (aligned, native, contiguous rows): do not change it while the index is in use.
    metric : {"euclidean", "sqeuclidean", "manhattan", "cosine", "inner_product"}
        "inner_product" finds the largest products first.
    n_threads : int, optional
        Default for preparing and searching; by default all that the environment grants. Does not change any result.

    Attributes
    ----------
    n_train, n_features : int
    metric : str
    stats : dict
        What the last search did: the path, the instruction set, distinct rows, canonical distances computed.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not as stated above.
    TypeError
        If `train` does not hold real numbers.

    Notes
    -----
    Preparing costs one pass over the rows and a float32 copy of them. An index can be pickled (the copy is made again on
    loading) and searched from several threads at once.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> index = df.KNNIndex([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> index.search([[0.9, 0.0]], 2).indices
    array([[1, 0]])
    """

    def __init__(self, train: ArrayLike, *, metric: str = "euclidean", n_threads: int | None = None) -> None:
        self._train = _validation.check_train(train)
        self.metric = _validation.check_metric(metric)
        self._n_threads = n_threads
        self.stats: dict[str, Any] = {}
        self._prepare()

    @property
    def train(self) -> AnyArray:
        """The training rows, as the kernels read them."""
        return self._train

    @property
    def n_train(self) -> int:
        """Number of training rows."""
        return int(self._train.shape[0])

    @property
    def n_features(self) -> int:
        """Number of features of a row."""
        return int(self._train.shape[1])

    def __repr__(self) -> str:
        return f"KNNIndex({self.n_train} x {self.n_features} {self._train.dtype}, metric={self.metric!r})"

    def _prepare(self) -> None:
        threads = _validation.check_n_threads(self._n_threads)
        surrogate = _fit_surrogate(self._train, self.metric)
        groups = _group_equal_rows(self._train, threads)
        self._prepared = _Prepared.pack(self._train, self.metric, surrogate, threads, groups=groups)

    def search(self, queries: ArrayLike, k: int, *, n_threads: int | None = None) -> Neighbors:
        """Find the k nearest training rows of each query, exactly.

        Parameters
        ----------
        queries : array-like, shape (n_queries, n_features)
            Finite; of any supported dtype, not necessarily that of the training rows.
        k : int
            1 <= k <= n_train.
        n_threads : int, optional
            By default that of the index. Does not change the result.

        Returns
        -------
        Neighbors
            `distances` and `indices`, both (n_queries, k), ordered by (distance, row).

        Raises
        ------
        ValueError
            If a shape, k or a value is not as stated above.
        TypeError
            If `queries` does not hold real numbers or k is not an integer.
        """
        rows = _validation.check_rows("queries", queries, n_features=self.n_features)
        k = _validation.check_k(k, self.n_train)
        threads = _validation.check_n_threads(self._n_threads if n_threads is None else n_threads)
        distances = np.empty((len(rows), k), dtype=np.float64)
        indices = np.empty((len(rows), k), dtype=np.int64)
        n_refined = self._prepared.search(rows, distances, indices, threads)
        self.stats = {
            "path": "dense",
            "reason": "every row is scored in float32; the canonical distance decides among those the bound cannot exclude",
            "isa": _kernels.ISA,
            "n_threads": threads,
            "n_queries": len(rows),
            "n_train": self.n_train,
            "n_distinct": len(self._prepared.groups.representatives) or self.n_train,
            "n_refined": n_refined,
        }
        return Neighbors(distances, indices)

    def __getstate__(self) -> dict[str, Any]:
        return {"train": self._train, "metric": self.metric, "n_threads": self._n_threads}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["train"], metric=state["metric"], n_threads=state["n_threads"])  # type: ignore[misc]  # rebuild


def nearest_neighbors(
    train: ArrayLike, queries: ArrayLike, k: int, *, metric: str = "euclidean", n_threads: int | None = None
) -> Neighbors:
    """Find the k nearest training rows of each query, exactly.

    Parameters
    ----------
    train : array-like, shape (n_train, n_features)
    queries : array-like, shape (n_queries, n_features)
    k : int
        1 <= k <= n_train.
    metric : {"euclidean", "sqeuclidean", "manhattan", "cosine", "inner_product"}
    n_threads : int, optional
        By default all that the environment grants. Does not change the result.

    Returns
    -------
    Neighbors
        `distances` and `indices`, both (n_queries, k), ordered by (distance, row).

    Raises
    ------
    ValueError
        If a shape, a value, k or the metric is not as stated above.
    TypeError
        If an array does not hold real numbers or k is not an integer.

    See Also
    --------
    KNNIndex : Prepares the training rows once for several searches.

    Notes
    -----
    The distance is the canonical one of docs/exactness.md: computed in float64 from the inputs, in one order of operations.
    O(n_queries * n_train * n_features) operations in float32; never a matrix of n_queries x n_train, nor a copy of the training
    rows: they are packed and searched piece by piece, so they may be memory-mapped and larger than memory.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.nearest_neighbors([[0.0], [2.0], [2.0]], [[1.5]], 2)
    Neighbors(distances=array([[0.5, 0.5]]), indices=array([[1, 2]]))
    """
    rows = _validation.check_train(train)
    near = _validation.check_rows("queries", queries, n_features=rows.shape[1])
    k = _validation.check_k(k, len(rows))
    metric = _validation.check_metric(metric)
    threads = _validation.check_n_threads(n_threads)
    distances = np.empty((len(near), k), dtype=np.float64)
    indices = np.empty((len(near), k), dtype=np.int64)
    surrogate = _fit_surrogate(rows, metric)
    groups = _group_equal_rows(rows, threads)
    if len(groups.representatives):
        _Prepared.pack(rows, metric, surrogate, threads, groups=groups).search(near, distances, indices, threads)
        return Neighbors(distances, indices)
    least, most = (max(1, size // (4 * rows.shape[1])) for size in _PIECE_BYTES)
    size = max(least, min(_PIECE_ROWS, most))
    room = _Packing.empty(min(size, len(rows)), rows.shape[1])
    for start in range(0, len(rows), size):
        piece = _Prepared.pack(rows[start : start + size], metric, surrogate, threads, first_row=start, room=room)
        piece.search(near, distances, indices, threads)
    return Neighbors(distances, indices)
