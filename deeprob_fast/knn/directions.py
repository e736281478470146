"""An orthonormal basis whose first directions hold most of what tells rows apart, from a sample of the rows."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._memory import aligned_bytes
from deeprob_fast._typing import AnyArray, Float32, Float64, Int8, Int32, Int64

_OVERSAMPLING = 8  # directions beyond the wanted ones that make the iteration converge (Halko, Martinsson and Tropp 2011)


class ByteRows(NamedTuple):
    """Rows in bytes, one after the other."""

    bytes: Int8
    squares: Int32
    residuals: Float32

    @classmethod
    def empty(cls, n_rows: int, n_features: int) -> "ByteRows":
        """Allocate memory for that many rows; the bytes start on a cache line."""
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


def principal_directions(sample: Float64, n_directions: int) -> Float64:
    """Return orthonormal directions, those of largest variance first, by randomised subspace iteration.

    Parameters
    ----------
    sample : array, shape (n_rows, n_features)
        Centred.
    n_directions : int
        Fewer are returned where the sample has fewer, none where it is not finite or float32 cannot hold its products.
    """
    rows = sample.astype(np.float32)
    n_rows, n_features = rows.shape
    shape = min(n_directions + _OVERSAMPLING, n_rows, n_features), n_features
    start = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    directions = np.empty((min(n_directions, len(start)), n_features))
    return directions[: _kernels.principal_directions(rows, start, directions)]


def rotated(directions: Float64, center: Float64, scale: float) -> Projection:
    """Return a basis of the same subspace by a random rotation, whose coordinates vary alike: bytes fit them best."""
    random = np.random.default_rng(1).standard_normal((len(directions),) * 2)
    basis = np.empty(directions.shape, dtype=np.float32)
    defect = _kernels.rotated_directions(directions, random, basis)
    return Projection(center, basis, defect, scale)
