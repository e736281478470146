"""Training rows prepared once for several searches."""

import os
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._memory import is_mapped_from
from deeprob_fast._typing import AnyArray, ArrayLike, Int64
from deeprob_fast.knn.boxes import Tree
from deeprob_fast.knn.checks import check_k, check_metric, check_train
from deeprob_fast.knn.counts import Counts
from deeprob_fast.knn.lists import NeighborLists
from deeprob_fast.knn.metrics import METRICS
from deeprob_fast.knn.neighbors import Neighbors, without_self
from deeprob_fast.knn.plan import check_strategy, plan_index
from deeprob_fast.knn.radius import check_radius, search_radius
from deeprob_fast.knn.search import prepare, search_whole, stats_of
from deeprob_fast.knn.store import container
from deeprob_fast.knn.store import index as _stored

if TYPE_CHECKING:
    from pathlib import Path


class KNNIndex:
    """Training rows prepared for exact nearest-neighbour search.

    Parameters
    ----------
    train : array-like, shape (n_train, n_features)
        Finite rows of float32, float64, float16, uint8 or int8, each read as it is; other integers are widened. Kept by
        reference where the layout allows (aligned, native, contiguous rows): do not change it while the index is in use.
    metric : {"euclidean", "sqeuclidean", "manhattan", "chebyshev", "cosine", "inner_product"}
        "inner_product" finds the largest products first.
    n_threads : int, optional
        Default for preparing and searching; by default all that the environment grants. Does not change any result.
    strategy : {"auto", "boxes", "dense", "integer", "prefix"}
        How rows are excluded before canonical distances are computed: by bounding boxes of rows that lie together ("boxes";
        up to 12 features, not for "cosine" and "inner_product"), by float32 scores of all ("dense"), by those of
        rows rounded to bytes ("integer"; up to 8192 features), or by bytes of the coordinates along their principal
        directions ("prefix"; for euclidean distances and the cosine, from 64 features). "auto" estimates on a sample which is
        fastest for as many queries as rows. Does not change any result.

    Attributes
    ----------
    n_train, n_features : int
    metric : str
    stats : dict
        What the last search did: the strategy and why it was chosen, the instruction set, the time (`seconds`), distinct rows
        and queries, and how many pairs of a query and a row the filter looked at (`n_swept`), passed it (`n_passed`), passed all
        its looks (`n_candidates`), were compared in float32 (`n_looked`) and had a canonical distance computed (`n_refined`); how
        many queries were searched again because a guessed threshold was too high (`n_repeated`). `predicted_cost` and
        `counted_cost`: of a pair, in units of the dense filter's, as the plan estimated it and by the pairs that passed.

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not as stated above.
    TypeError
        If `train` does not hold real numbers.

    Notes
    -----
    Preparing costs one pass over the rows and a copy of them, in float32 or in bytes; boxes cost O(n_train log(n_train)) and
    hold float64 as it is. An index can be pickled (the copy is made again on loading) and searched from several threads at once.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> index = df.KNNIndex([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> index.search([[0.9, 0.0]], 2).indices
    array([[1, 0]])
    """

    def __init__(
        self, train: ArrayLike, *, metric: str = "euclidean", n_threads: int | None = None, strategy: str = "auto"
    ) -> None:
        self._train = check_train(train)
        self.metric = check_metric(metric)
        self._requested = check_strategy(strategy)
        self._n_threads = n_threads
        self._file: Path | None = None  # that it was opened from
        self.stats: dict[str, Any] = {}
        threads = _validation.check_n_threads(n_threads)
        plan = plan_index(self._train, self.metric, self._requested, threads)
        self._reason, self._predicted_cost = plan.reason, plan.predicted_cost
        self._prepared = prepare(plan, self._train, self.metric, threads)

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

    def search(self, queries: ArrayLike | None, k: int, *, n_threads: int | None = None) -> Neighbors:
        """Find the k nearest training rows of each query, exactly.

        Parameters
        ----------
        queries : array-like, shape (n_queries, n_features), or None
            Finite; of any supported dtype, not necessarily that of the training rows. None: the training rows, each without
            itself among its neighbours (but with rows equal to it).
        k : int
            1 <= k <= n_train; one less at most for the training rows themselves.
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

        Notes
        -----
        An index that was loaded from a damaged file may also raise ValueError here; see `load`.
        """
        if queries is None:
            return self._search_train(check_k(k, self.n_train - 1, "the number of other training rows"), n_threads)
        rows = _validation.check_rows("queries", queries, n_features=self.n_features)
        k = check_k(k, self.n_train)
        threads = _validation.check_n_threads(self._n_threads if n_threads is None else n_threads)
        start = perf_counter()
        with _stored.naming(self._file, own_queries=queries is self._train):
            neighbors, counts = search_whole(self._prepared, rows, k, threads)
            if self._file is not None:
                _stored.check_found(*neighbors, self.n_train)
        self._tell(perf_counter() - start, threads, len(rows), counts)
        return neighbors

    @overload
    def search_radius(
        self,
        queries: ArrayLike | None,
        radius: float,
        *,
        count_only: Literal[False] = ...,
        max_neighbors: int | None = ...,
        n_threads: int | None = ...,
    ) -> NeighborLists: ...

    @overload
    def search_radius(
        self,
        queries: ArrayLike | None,
        radius: float,
        *,
        count_only: Literal[True],
        max_neighbors: int | None = ...,
        n_threads: int | None = ...,
    ) -> Int64: ...

    def search_radius(
        self,
        queries: ArrayLike | None,
        radius: float,
        *,
        count_only: bool = False,
        max_neighbors: int | None = None,
        n_threads: int | None = None,
    ) -> NeighborLists | Int64:
        """Find all training rows within a radius of each query, exactly.

        Parameters
        ----------
        queries : array-like, shape (n_queries, n_features), or None
            As for `search`. None: the training rows, each without itself among its neighbours (but with rows equal to it).
        radius : float
            Rows whose canonical distance is at most this are neighbours; for "inner_product" the least product.
        count_only : bool
            Whether only the number of neighbours of each query is wanted.
        max_neighbors : int, optional
            The most neighbours that all queries together may have, a row as its own neighbour among them; by default any number.
        n_threads : int, optional
            By default that of the index. Does not change the result.

        Returns
        -------
        neighbors : NeighborLists
            `indptr`, `indices` and `distances`, each query's neighbours ordered by (distance, row).
        counts : array of int64, shape (n_queries,)
            In place of these, with `count_only`.

        Raises
        ------
        ValueError
            If a shape, a value or the radius is not as stated above, or there are more neighbours than `max_neighbors`.
        TypeError
            If `queries` does not hold real numbers, or the radius is no number.

        See Also
        --------
        radius_neighbors : One search, of rows as they come.
        """
        own_queries = queries is None
        rows = self._train if queries is None else _validation.check_rows("queries", queries, n_features=self.n_features)
        # A row is at distance 0 from itself, unless directions or products are compared: then its list must tell.
        self_is_within = METRICS[self.metric].adds != "products" and not METRICS[self.metric].of_directions
        counts_alone = count_only and (self_is_within or not own_queries)
        wanted = check_radius(radius, self.metric, count_only=counts_alone, max_neighbors=max_neighbors)
        threads = _validation.check_n_threads(self._n_threads if n_threads is None else n_threads)
        start = perf_counter()
        with _stored.naming(self._file, own_queries=own_queries):
            lists, counts = search_radius(self._prepared, rows, wanted, threads)
        self._tell(perf_counter() - start, threads, len(rows), counts)
        if own_queries and counts_alone:
            return lists.counts - 1
        if own_queries:
            lists = lists.keep(lists.indices != np.repeat(np.arange(len(rows)), lists.counts))
        return lists.counts if count_only else lists

    def _search_train(self, k: int, n_threads: int | None) -> Neighbors:
        return without_self(self.search(self._train, k + 1, n_threads=n_threads))

    def _tell(self, seconds: float, n_threads: int, n_queries: int, counts: Counts) -> None:
        """Say what the last search did."""
        prepared = self._prepared
        chosen = prepared if isinstance(prepared, Tree) else prepared.strategy
        self.stats = {
            "strategy": prepared.name,
            "reason": self._reason,
            "predicted_cost": self._predicted_cost,
            "n_threads": n_threads,
            "seconds": seconds,
            **stats_of(self._train, self.metric, chosen, prepared.duplicates, n_queries, counts),
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the index to a file.

        Parameters
        ----------
        path : path
            An existing file is replaced when the new one is complete.

        Raises
        ------
        ValueError
            If it is the file from which the training rows are mapped.
        OSError
            If the file cannot be written.

        See Also
        --------
        load : Opens the file.

        Notes
        -----
        The file holds the training rows and what was prepared of them, and no code.
        """
        target = _scalars.check_path("path", path)
        # An index may take the place of the one that it was loaded from: that is the same rows.
        if is_mapped_from(self._train, target) and not container.is_index(target):
            msg = f"path must not be the file from which the training rows are mapped; got {os.fspath(path)!r}"
            raise ValueError(msg)
        _stored.write(target, self.metric, self._requested, self._reason, self._predicted_cost, self._prepared)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, n_threads: int | None = None) -> "KNNIndex":
        """Open a file that `save` wrote.

        The training rows and what was prepared of them are mapped into memory: opening reads a few bytes for each row, searches
        read what they touch, and processes share it. A file written on a processor of another instruction-set level is prepared
        again.

        Parameters
        ----------
        path : path
            A regular file, not changed while the index is in use.
        n_threads : int, optional
            Default for searching; by default all that the environment grants. Does not change any result.

        Returns
        -------
        KNNIndex

        Raises
        ------
        ValueError
            If the file is not an index, of another version, damaged or truncated, or if what it holds does not hang together.
        OSError
            If the file cannot be read.

        Notes
        -----
        Of a damaged file: the header, row numbers and bounds are checked, the values of training rows and of packed rows are not
        read on opening. Damage there can lead to wrong neighbours.

        Of a file that somebody crafted, digests included: it is refused, or searches give numbers of training rows or end in a
        ValueError. Nothing in it is executed, and nothing is read beyond it; but that the neighbours are the nearest ones is
        promised only of files as `save` wrote them. A pickled index, in contrast, is as any pickle: loading it may run code.
        """
        _validation.check_n_threads(n_threads)
        source = _scalars.check_path("path", path)
        saved = _stored.read(source)
        train = saved.prepared.train
        if not saved.is_ours:
            try:
                return cls(train, metric=saved.metric, n_threads=n_threads, strategy=saved.requested)
            except ValueError as error:
                msg = f"{source} is damaged: {error}"
                raise ValueError(msg) from error
        index = cls.__new__(cls)
        index._train, index._prepared, index._file = train, saved.prepared, source
        index._reason, index._predicted_cost = saved.reason, saved.predicted_cost
        index.metric, index._requested, index._n_threads, index.stats = saved.metric, saved.requested, n_threads, {}
        return index

    def __getstate__(self) -> dict[str, Any]:
        return {"train": self._train, "metric": self.metric, "n_threads": self._n_threads, "strategy": self._requested}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state.pop("train"), **state)  # type: ignore[misc]  # rebuild
