"""An orthonormal basis whose first directions hold most of what tells rows apart, from a sample of the rows."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._memory import aligned_bytes
from deeprob_fast._typing import AnyArray, Float32, Float64, Int8, Int32, Int64
from deeprob_fast.knn import pairs

_OVERSAMPLING = 8  # directions beyond the wanted ones that make the iteration converge (Halko, Martinsson and Tropp 2011)
_ITERATIONS = 1
_NEGLIGIBLE = 1e-9  # of the largest eigenvalue; such directions are left out


class ByteRows(NamedTuple):
    """Rows in bytes, one after the other."""

    bytes: Int8
    squares: Int32
    residuals: Float32

    @classmethod
    def empty(cls, n_rows: int, n_features: int) -> "ByteRows":
        """Allocate room for that many rows; the bytes start on a cache line."""
        return cls(
            aligned_bytes(n_rows * _kernels.byte_stride(n_features)).view(np.int8),
            np.empty(n_rows, dtype=np.int32),
            np.empty(n_rows, dtype=np.float32),
        )

    def part(self, start: int, stop: int) -> "ByteRows":
        """Return the rows [start, stop)."""
        stride = len(self.bytes) // max(1, len(self.squares))
        return ByteRows(self.bytes[start * stride : stop * stride], self.squares[start:stop], self.residuals[start:stop])

    def sorted(self, order: Int64) -> "ByteRows":
        """Return a copy in another order."""
        stride = len(self.bytes) // len(self.squares)
        bytes_ = aligned_bytes(self.bytes.size).view(np.int8)
        np.take(self.bytes.reshape(-1, stride), order, axis=0, out=bytes_.reshape(-1, stride))
        return ByteRows(bytes_, self.squares[order], self.residuals[order])


class Projection(NamedTuple):
    """The directions, how far they are from orthonormal, and the scale that brings rows less the center into bytes."""

    center: Float64
    basis: Float32  # (n_directions, n_features)
    defect: float  # at least the Frobenius norm of B B^T - 1
    scale: float

    @property
    def n_columns(self) -> int:
        """The coordinates and the length of the rest."""
        return len(self.basis) + 1

    def columns(
        self, rows: AnyArray, metric: str, bytes_: ByteRows, n_threads: int, *, queries: bool = False
    ) -> tuple[Float32, Float64, int]:
        """Return the columns, the error of each row, and the first row that cannot be searched or -1; fill the bytes."""
        columns = np.empty((len(rows), self.n_columns), dtype=np.float32)
        errors = np.empty(len(rows))
        bad = _kernels.project(rows, metric, self, queries, columns, errors, bytes_, n_threads)
        return columns, errors, bad


def product(left: AnyArray, right: AnyArray, n_threads: int) -> AnyArray:
    """Return left @ right.T."""
    return pairs.between(left, right, "inner_product", n_threads)


def principal_directions(sample: Float64, n_directions: int, n_threads: int) -> Float64:
    """Return orthonormal directions, those of largest variance first, by randomised subspace iteration.

    Parameters
    ----------
    sample : array, shape (n_rows, n_features)
        Centred.
    n_directions : int
        Fewer are returned where the sample has fewer, none where it is not finite or float32 cannot hold its products.
    n_threads : int
    """
    rng = np.random.default_rng(0)
    rows = np.asarray(sample, dtype=np.float32)
    transposed = np.ascontiguousarray(rows.T)
    basis = rng.standard_normal((min(n_directions + _OVERSAMPLING, *rows.shape), rows.shape[1]), dtype=np.float32)
    for _ in range(_ITERATIONS):
        along = product(rows, basis, n_threads)
        basis = _orthonormal(product(along.T, transposed, n_threads), n_threads).astype(np.float32)
        if not len(basis):
            return np.empty((0, rows.shape[1]))
    along = product(rows, basis, n_threads)
    _, vectors = _eigen(product(along.T, along.T, n_threads).astype(np.float64))
    return product(vectors[::-1][:n_directions], basis.T.astype(np.float64), n_threads)


def _eigen(matrix: Float64) -> tuple[Float64, Float64]:
    """Return the eigenvalues of a symmetric matrix, ascending, and its eigenvectors as rows; none if it is not finite."""
    if not np.isfinite(matrix).all():
        return np.empty(0), np.empty((0, len(matrix)))
    values, vectors = np.empty(len(matrix)), np.empty_like(matrix)
    _kernels.symmetric_eigen(matrix, values, vectors)
    return values, vectors


def _orthonormal(directions: AnyArray, n_threads: int) -> Float64:
    """Return an orthonormal basis of what the directions span."""
    wide = directions.astype(np.float64)
    values, vectors = _eigen(product(wide, wide, n_threads))
    kept = values > _NEGLIGIBLE * values.max(initial=0)
    return product(vectors[kept] / np.sqrt(values[kept])[:, None], wide.T, n_threads)


def mixed(directions: Float64, center: Float64, scale: float, n_threads: int) -> Projection:
    """Return a basis of the same subspace by a random rotation, whose coordinates vary alike: bytes fit them best."""
    rotation = _orthonormal(np.random.default_rng(1).standard_normal((len(directions),) * 2), n_threads)
    basis = product(rotation, directions.T, n_threads).astype(np.float32)
    wide = basis.astype(np.float64)
    defect = np.linalg.norm(product(wide, wide, n_threads) - np.eye(len(wide)))
    return Projection(center, basis, float(defect) + 1e-9, scale)
