"""An index in a file: what is written, and when what is read may be searched."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from deeprob_fast import _kernels, _validation
from deeprob_fast._typing import Float64, Int64
from deeprob_fast.knn.boxes import Tree
from deeprob_fast.knn.checks import check_metric
from deeprob_fast.knn.packing import Prepared
from deeprob_fast.knn.plan import check_strategy
from deeprob_fast.knn.store import container
from deeprob_fast.knn.store.demands import demand
from deeprob_fast.knn.store.packings import check_prepared
from deeprob_fast.knn.store.trees import check_tree


class _Saved(NamedTuple):
    """What a file holds of an index."""

    isa: str
    metric: str
    requested: str
    reason: str
    predicted_cost: float | None
    prepared: Prepared | Tree

    @property
    def is_ours(self) -> bool:
        """Whether it was prepared for the instruction-set level of this machine."""
        return self.isa == _kernels.ISA


def write(path: Path, metric: str, requested: str, reason: str, predicted_cost: float | None, prepared: Prepared | Tree) -> None:
    """Write an index."""
    container.save(path, _Saved(_kernels.ISA, metric, requested, reason, predicted_cost, prepared))


def read(path: Path) -> _Saved:
    """Open a file, mapped into memory; what was prepared for this machine hangs together, or ValueError."""
    saved = container.load(path, _Saved)
    try:
        _check(saved)
    except ValueError as error:
        msg = f"{path} is damaged: {error}"
        raise ValueError(msg) from error
    return saved


def _check(saved: _Saved) -> None:
    demand(saved.isa in _kernels.LEVELS, f"_Saved.isa must be one of {', '.join(_kernels.LEVELS)}", repr(saved.isa))
    check_metric(saved.metric)
    check_strategy(saved.requested)
    predicted = saved.predicted_cost
    demand(predicted is None or predicted >= 0, "_Saved.predicted_cost must not be negative", predicted)
    prepared = saved.prepared
    demand(prepared.metric == saved.metric, f"the metric of prepared rows must be {saved.metric}", repr(prepared.metric))
    train = prepared.train
    demand(train.ndim == 2 and train.size > 0, "train must have rows and features", f"shape {train.shape}")
    demand(train.dtype in _validation.NATIVE_DTYPES, "train must be of a dtype that kernels read", train.dtype)
    if not saved.is_ours:
        return  # the rows are prepared again, and the rest is not looked at
    if isinstance(prepared, Tree):
        check_tree(prepared)
    else:
        check_prepared(prepared)


@contextmanager
def naming(path: Path | None, *, own_queries: bool) -> Iterator[None]:
    """Name the file, if there is one, in what a search says of the index; queries may be at fault, too, if not from the file."""
    try:
        yield
    except ValueError as error:
        if path is None or (not own_queries and str(error).startswith("queries ")):
            raise
        msg = f"{path} is damaged: {error}"
        raise ValueError(msg) from error


def check_found(distances: Float64, indices: Int64, n_train: int) -> None:
    """Refuse what a search found if a file gave it other rows than the training rows: nothing, or no numbers."""
    # Packed rows and training rows are not read on opening. In these, what is no number may hide rows from the search.
    missing = (indices < 0) | (indices >= n_train) | np.isnan(distances)
    if missing.any():
        query = int(missing.any(axis=1).argmax())
        msg = (
            "its rows must be finite, and those that are packed the same; "
            f"got too few neighbours of query {query}, or no number for a distance"
        )
        raise ValueError(msg)
