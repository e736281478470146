"""The library as the commands call it: with what the options gave, which the library itself checks."""

from typing import Any

import deeprob_fast as df
from deeprob_fast.datasets import Dataset

__all__ = ["df", "load", "require_test"]


def load(source: dict[str, Any]) -> Dataset:
    """Load the data set that the options name."""
    return df.datasets.load(source["data"], **{name: value for name, value in source.items() if name != "data"})


def require_test(data: Dataset, advice: str = "") -> Dataset:
    """Refuse a data set without test rows."""
    if len(data.test) == 0:
        msg = f"{data.name} must have test rows, or --test and --test-labels must name them{advice}"
        raise ValueError(msg)
    return data
