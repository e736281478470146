"""Limits that are small, so that small data reach every path of a search."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

from deeprob_fast.knn import limits


def lower_limits(patch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Change some limits until the patch is undone."""
    patch.setattr(limits, "LIMITS", limits.LIMITS._replace(**changes))


@contextmanager
def lowered(**changes: Any) -> Iterator[None]:
    """Change some limits inside a block."""
    with pytest.MonkeyPatch.context() as patch:
        lower_limits(patch, **changes)
        yield


def recorded_steps(patch: pytest.MonkeyPatch, module: ModuleType) -> list[int]:
    """Return a list that fills with the numbers of steps of the module's loops with a stride: were the data cut?"""
    steps: list[int] = []

    def recorded(*bounds: int) -> range:
        if len(bounds) == 3:
            steps.append(len(range(*bounds)))
        return range(*bounds)

    patch.setattr(module, "range", recorded, raising=False)
    return steps
