"""The library as the commands call it: with what the options gave, which the library itself checks."""

from typing import Any

import deeprob_fast as df
from deeprob_fast.cli._errors import refuse_without_effect
from deeprob_fast.cli._output import Outputs
from deeprob_fast.cli._progress import waiting
from deeprob_fast.datasets import Dataset

__all__ = ["df", "load", "load_whole", "require_test"]


def load(source: dict[str, Any], outputs: Outputs, *, draws: bool = False) -> Dataset:
    """Load the data set that the options name; only if the command `draws` anything itself, a seed may be of no use here."""
    with waiting("reading", quiet=outputs.quiet):
        data = df.datasets.load(source["data"], **{name: value for name, value in source.items() if name != "data"})
    if "seed" in source and not draws and "seed" not in data.split:
        refuse_without_effect("--seed", f"where nothing is drawn; the split of {data.name} is {data.split}")
    return data


def load_whole(source: dict[str, Any], outputs: Outputs) -> Dataset:
    """Load a data set whose rows are to be held out in turn, and set none apart."""
    for name in ("test", "test_labels", "split", "test_share", "seed"):
        if name in source:
            refuse_without_effect(f"--{name.replace('_', '-')}", "where all training rows are held out in turn")
    return load({**source, "split": "none"}, outputs)


def require_test(data: Dataset, advice: str = "") -> Dataset:
    """Refuse a data set without test rows."""
    if len(data.test) == 0:
        msg = f"{data.name} must have test rows, or --test and --test-labels must name them{advice}"
        raise ValueError(msg)
    return data
