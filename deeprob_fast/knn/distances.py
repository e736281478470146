"""Distances between all pairs of rows, and selection of the best entries of each row of a matrix."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels, _scalars, _validation
from deeprob_fast._typing import AnyArray, ArrayLike, Int64
from deeprob_fast.knn import centering
from deeprob_fast.knn.checks import check_metric
from deeprob_fast.knn.metrics import METRICS

# Kernels in float32 multiply rows by a scale that makes typical ones 1 long, and their sums by its square in the end.
_FLOAT32_SIZES = (2.0**-40, 2.0**40)
# Kernels hold rows whose length is within 2^60.
_NOT_SHRUNK = 2.0**-50


def _squares_fit(rows: AnyArray, scale: float) -> bool:
    """Tell whether rows have squares that float32 holds well, before and after they are scaled."""
    if rows.dtype.kind in "iu":
        return True
    with np.errstate(over="ignore", under="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float32))
    smallest, largest = _FLOAT32_SIZES
    vanished = lengths < smallest / min(scale, 1.0)
    return bool((lengths <= largest / max(scale, 1.0)).all()) and not rows[vanished].any()


class TopK(NamedTuple):
    """The best entries of each row of a matrix.

    Attributes
    ----------
    values : array, shape (n_rows, k)
        Best first.
    indices : array of int64, shape (n_rows, k)
        Their columns.
    """

    values: AnyArray
    indices: Int64


def pairwise_distances(
    X: ArrayLike, Y: ArrayLike | None = None, *, metric: str = "euclidean", n_threads: int | None = None
) -> AnyArray:
    """Compute the distance of every row of X to every row of Y.

    Parameters
    ----------
    X : array-like, shape (n_X, n_features)
        Finite rows of float32, float64, float16, uint8 or int8; other integers are widened.
    Y : array-like, shape (n_Y, n_features), optional
        By default X.
    metric : {"euclidean", "sqeuclidean", "manhattan", "chebyshev", "cosine", "inner_product"}
        Of these, "sqeuclidean" has the square of the features' unit; "cosine" is 1 - cos, half the squared distance of the rows
        divided by their norms, in [0, 2], and 1 where a row is zero.
    n_threads : int, optional
        By default all that the environment grants. Does not change the result.

    Returns
    -------
    array, shape (n_X, n_Y)
        float64 if X or Y is, else float32. Right over the whole range of that type, and infinite beyond it. Symmetric where Y is
        not given, with a diagonal of zeros (but for inner products, and the cosine distance of a row of zeros).

    Raises
    ------
    ValueError
        If a shape, a value or the metric is not as stated above.
    TypeError
        If an array does not hold real numbers.

    Notes
    -----
    Squared distances come from norm(x)^2 + norm(y)^2 - 2 x.y on centred rows; where that would cancel (below 1/8 of
    norm(x)^2 + norm(y)^2), and for cosine distances below 1/8, the canonical distance is computed instead, so equal rows have
    distance exactly 0 and near rows keep their digits. Squares that float32 or float64 cannot hold are taken in wider types.
    For rows of the search itself use `nearest_neighbors`, which is exact. Costs O(n_X * n_Y * n_features) operations, half of
    them where Y is not given; besides the result it needs a packed copy of Y.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.pairwise_distances([[0.0, 0.0], [3.0, 4.0]])
    array([[0., 5.],
           [5., 0.]])
    """
    x = _validation.check_rows("X", X)
    y = x if Y is None or Y is X else _validation.check_rows("Y", Y, n_features=x.shape[1])
    metric = check_metric(metric)
    threads = _validation.check_n_threads(n_threads)
    dtype = np.float64 if np.float64 in (x.dtype, y.dtype) else np.float32
    out = np.empty((len(x), len(y)), dtype=dtype)
    if out.size == 0:
        return out
    fitted = centering.fit(y, metric, centered=METRICS[metric] == METRICS["euclidean"])
    if METRICS[metric].adds == "products" and fitted.scale > _NOT_SHRUNK:
        # Small elements must not vanish: products may come from these alone.
        fitted = fitted._replace(scale=max(fitted.scale, 1.0))
    if dtype == np.float32 and not METRICS[metric].of_directions and not all(_squares_fit(rows, fitted.scale) for rows in (x, y)):
        out = np.empty(out.shape)
    bad_x, bad_y = _kernels.pairwise_distances(x, y, metric, fitted.center, fitted.scale, out, threads)
    if bad_y >= 0:
        raise ValueError(_validation.describe_bad_row("X" if Y is None else "Y", y[bad_y], bad_y))
    if bad_x >= 0:
        raise ValueError(_validation.describe_bad_row("X", x[bad_x], bad_x))
    with np.errstate(over="ignore", under="ignore"):
        return out.astype(dtype, copy=False)


def top_k(values: ArrayLike, k: int, *, largest: bool = False, n_threads: int | None = None) -> TopK:
    """Select the k best entries of each row of a matrix, in order.

    Parameters
    ----------
    values : array-like, shape (n_rows, n_columns)
        Real numbers without NaN; infinities are ordered like numbers.
    k : int
        1 <= k <= n_columns.
    largest : bool
        Whether the best entries are the largest; by default the smallest.
    n_threads : int, optional
        By default all that the environment grants. Does not change the result.

    Returns
    -------
    TopK
        `values`, in the dtype of the input (integers as int64, float16 as float32), and `indices`, both (n_rows, k). Equal
        values are ordered by column.

    Raises
    ------
    ValueError
        If a shape or k is not as stated above, or a row holds NaN.
    TypeError
        If `values` does not hold real numbers.

    Examples
    --------
    >>> import deeprob_fast as df
    >>> df.top_k([[3, 1, 2, 1]], 2).indices
    array([[1, 3]])
    """
    matrix = check_values(values)
    k = _scalars.check_integer("k", k, 1, matrix.shape[1], "the number of columns")
    threads = _validation.check_n_threads(n_threads)
    best = np.empty((len(matrix), k), dtype=matrix.dtype)
    indices = np.empty((len(matrix), k), dtype=np.int64)
    bad = _kernels.top_k(matrix, k, bool(largest), best, indices, threads)
    if bad >= 0:
        msg = f"values must not hold NaN; row {bad} does"
        raise ValueError(msg)
    return TopK(best, indices)


def check_values(values: object) -> AnyArray:
    """Return a matrix for `top_k`: C-ordered rows of float32, float64 or int64."""
    array = _validation.as_numbers("values", values)
    if array.ndim != 2:
        msg = f"values must be 2-D; got shape {array.shape}"
        raise ValueError(msg)
    dtype = array.dtype.newbyteorder("=")
    if dtype in (np.float32, np.float64, np.int64):
        target = dtype
    elif dtype.kind in "iub" and dtype != np.uint64:
        target = np.dtype(np.int64)
    elif dtype == np.float16:
        target = np.dtype(np.float32)
    else:
        msg = f"values must hold real numbers or integers that fit int64; got dtype {array.dtype}"
        raise TypeError(msg)
    array = _validation.with_contiguous_rows(array, target)
    # Eigen takes a stride of zero for that of rows one behind the other.
    return np.ascontiguousarray(array) if array.strides[0] == 0 else array
