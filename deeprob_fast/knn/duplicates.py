"""Equal rows: a data set made of few distinct rows is searched by its distinct rows only."""

from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels
from deeprob_fast._typing import AnyArray, Int64
from deeprob_fast.knn.centering import sample_rows

# What finding them takes for each row: hashes, representatives, distinct rows, and what is returned.
GROUPING_BYTES = 72


class Duplicates(NamedTuple):
    """Equal rows. Where few rows repeat all three are empty: every row stands for itself."""

    representatives: Int64  # (n_distinct,) first row of each distinct one, ascending
    starts: Int64  # (n_distinct + 1,)
    members: Int64  # (n_train,) rows equal to distinct row j: members[starts[j]:starts[j + 1]], ascending


NO_DUPLICATES = Duplicates(*(np.empty(0, dtype=np.int64) for _ in Duplicates._fields))


def find_duplicates(train: AnyArray, n_threads: int, n_sampled: int = 1024) -> Duplicates:
    """Find equal rows if a sample says that there are many: ties by the thousand would defeat any filter."""
    for rows in (train[sample_rows(len(train), n_sampled)], train):
        n_rows = len(rows)
        duplicates = Duplicates(*(np.empty(size, dtype=np.int64) for size in (n_rows, n_rows + 1, n_rows)))
        n_distinct = _kernels.find_duplicates(rows, duplicates, n_threads)
        if n_distinct == 0:
            return NO_DUPLICATES
    return Duplicates(
        duplicates.representatives[:n_distinct].copy(), duplicates.starts[: n_distinct + 1].copy(), duplicates.members
    )
