"""An orthonormal basis whose first directions hold most of what tells rows apart, from a sample of the rows."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._memory import aligned_bytes
from deeprob_fast._typing import AnyArray, Float32, Float64, Int8, Int32, Int64
from deeprob_fast.knn.centering import Centering

_OVERSAMPLING = 8  # directions beyond the wanted ones that make the iteration converge (Halko, Martinsson and Tropp 2011)


class ByteRows(NamedTuple):
    """Rows in bytes, one after the other."""

    bytes: Int8
    squares: Int32  # of training rows by position, as residuals
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


class Columns(NamedTuple):
    """The columns of rows: the coordinates of each stage, and after them the length of what is left."""

    values: Float32  # (n_rows, n_columns)
    errors: Float64  # (n_rows,): how far a row is off; infinite for one that has no columns

    def of(self, numbers: Int64) -> "Columns":
        """Return those of some rows."""
        return Columns(self.values[numbers], self.errors[numbers])


class Projection(NamedTuple):
    """The directions, how far they are from orthonormal, and how many of them the stages up to each have."""

    basis: Float32  # (n_directions, n_features)
    defect: float  # at least the Frobenius norm of B B^T - 1
    ends: Int64  # (n_stages,), ascending

    @property
    def n_columns(self) -> int:
        """The coordinates, and for each stage the length of the rest."""
        return len(self.basis) + len(self.ends)

    def columns(
        self, rows: AnyArray, metric: str, centering: Centering, bytes_: ByteRows, n_threads: int, *, queries: bool = False
    ) -> tuple[Columns, int]:
        """Return the columns, and the first row that cannot be searched or -1; fill the bytes, by the scale of the centering."""
        columns = Columns(np.empty((len(rows), self.n_columns), dtype=np.float32), np.empty(len(rows)))
        record = (centering.center, self.basis, self.defect, centering.scale, self.ends)
        return columns, _kernels.project(rows, metric, record, queries, columns, bytes_, n_threads)


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


def rotated(directions: Float64, ends: Int64) -> Projection:
    """Return a basis that spans the same in each stage, by random rotations: coordinates that vary alike fit bytes best."""
    random = np.zeros((len(directions),) * 2)
    generator = np.random.default_rng(1)
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        random[start:end, start:end] = generator.standard_normal((end - start,) * 2)
    basis = np.empty(directions.shape, dtype=np.float32)
    return Projection(basis, _kernels.rotated_directions(directions, random, basis), ends)
