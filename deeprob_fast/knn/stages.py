"""The stages of a prefix: how their columns are rounded to bytes, and the rows that are packed by them."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._memory import aligned_bytes
from deeprob_fast._typing import Float32, Float64, Int32, Int64
from deeprob_fast.knn.axes import AxisTree
from deeprob_fast.knn.centering import byte_scale
from deeprob_fast.knn.directions import Columns, Projection

_MOST_STEPS = 5


class Stages(NamedTuple):
    """What the kernels subtract from columns, and by what they multiply the difference, stage by stage."""

    ends: Int64  # (n_stages,): how many directions the stages up to each have
    scales: Float64  # (n_stages,), each a power of two times the one before
    center: Float64  # (n_columns,)

    @property
    def n_words(self) -> list[int]:
        """Words of four columns of each stage, without that of the rest."""
        return _n_words(self.ends, self.scales)


def _n_words(ends: Int64, scales: Float64) -> list[int]:
    own = [-(-int(n) // 4) for n in np.diff(ends, prepend=0)]
    # A finer stage has two slices of the columns of the stage before.
    finer = [False, *(scales[1:] > scales[:-1])]
    return [n + 2 * before * bool(is_finer) for n, before, is_finer in zip(own, [0, *own], finer, strict=False)]


class Prefix(NamedTuple):
    """What a prefix filter does to the rows."""

    projection: Projection
    stages: Stages
    tree: AxisTree


def fit(columns: Columns, ends: Int64) -> Stages:
    """Choose center and scales by the columns of sampled rows."""
    center = np.median(columns.values, axis=0).astype(np.float32).astype(np.float64)
    centered = columns.values - center
    starts = [0, *(ends[:-1] + np.arange(1, len(ends)))]
    scales: list[float] = []
    for start, end, stage in zip(starts, ends, range(len(ends)), strict=True):
        part = centered[:, start : end + stage + 1].copy()
        part[:, -1] /= 2  # as the kernels round the rest
        finer = [scales[-1] * 2.0**step for step in range(_MOST_STEPS)] if scales else None
        scales.append(byte_scale(part, *_kernels.byte_range("euclidean"), _kernels.group_rows(), 2, finer))
    return Stages(ends, _eased(np.array(scales), ends), center)


def _eased(scales: Float64, ends: Int64) -> Float64:
    """Make the units of the last stages coarser until sums stay in range."""
    while True:
        columns = 4 * (np.array(_n_words(ends, scales)) + 1)
        if (columns * (scales[-1] / scales) ** 2).sum() <= _kernels.max_stage_weight():
            return scales
        scales = np.minimum(scales, scales[-1] / 2)


class StagePacking(NamedTuple):
    """The columns of training rows as the kernels of one instruction-set level read them, and the balls of groups of panels."""

    words: Int32
    slack: Float32  # (n_groups, n_stages)
    centers: Float32  # (columns of the first stage, n_groups)
    radii: Float32  # (n_groups,)

    @classmethod
    def empty(cls, n_positions: int, stages: Stages) -> "StagePacking":
        """Allocate memory for that many rows."""
        words, *others = cls.sizes(n_positions, stages)
        return cls(aligned_bytes(4 * words).view(np.int32), *(np.empty(size, dtype=np.float32) for size in others))

    @staticmethod
    def sizes(n_positions: int, stages: Stages) -> tuple[int, int, int, int]:
        """Return how long the arrays are."""
        panel_rows = _kernels.panel_rows()
        n_groups = -(-n_positions // _kernels.group_rows())
        # Each stage has two words more for each row: the rest, and the bias.
        n_words = -(-n_positions // panel_rows) * panel_rows * (sum(stages.n_words) + 2 * len(stages.ends))
        return n_words, n_groups * len(stages.ends), (int(stages.ends[0]) + 1) * n_groups, n_groups

    def first(self, n_positions: int, stages: Stages) -> "StagePacking":
        """Return memory for fewer rows."""
        words, slack, centers, radii = self.sizes(n_positions, stages)
        return StagePacking(self.words[:words], self.slack[:slack], self.centers[:centers], self.radii[:radii])

    def pack(self, columns: Columns, order: Int64, stages: Stages, first: int, n_positions: int, n_threads: int) -> None:
        """Pack rows in that order, from position `first` on, or in their own."""
        _kernels.pack_stages(columns, order, stages, self, first, n_positions, n_threads)
