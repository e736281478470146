"""The sentences that checks of stored arrays are made of: each names the array, what was expected and what came."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeprob_fast._typing import AnyArray, Int64


def demand(condition: object, expected: str, got: Any) -> None:
    """Refuse what is not as expected."""
    if not condition:
        msg = f"{expected}; got {got}"
        raise ValueError(msg)


def demand_all(conditions: NDArray[np.bool_], expected: str, array: AnyArray) -> None:
    """Refuse an array of which some elements are not as expected; there is a condition for each of the first."""
    if not conditions.all():
        place = tuple(int(i) for i in np.unravel_index(conditions.argmin(), conditions.shape))
        demand(False, expected, f"{array[place]} at {place if len(place) > 1 else place[0]}")


def demand_shape(name: str, array: AnyArray, *shape: int) -> None:
    """Refuse an array of another shape."""
    demand(array.shape == shape, f"{name} must have shape {shape}", array.shape)


def demand_within(name: str, array: AnyArray, low: float, high: float) -> None:
    """Refuse values below `low`, above `high` and NaN."""
    if array.size:
        smallest, largest = array.min(), array.max()
        demand(low <= smallest and largest <= high, f"{name} must lie between {low} and {high}", f"{smallest} to {largest}")


def demand_rising(name: str, array: Int64, first: int, last: int, *, strictly: bool) -> None:
    """Refuse numbers that do not lead from `first` to `last`, each above the one before or, unless strictly, equal to it."""
    demand(array[0] == first and array[-1] == last, f"{name} must lead from {first} to {last}", f"{array[0]} to {array[-1]}")
    rises = array[:-1] < array[1:] if strictly else array[:-1] <= array[1:]
    demand_all(rises, f"{name} must ascend", array)


def demand_each_once(name: str, array: AnyArray, n: int) -> None:
    """Refuse what is not the numbers below n in some order."""
    demand_shape(name, array, n)
    demand_within(name, array, 0, n - 1)
    seen = np.zeros(n, dtype=bool)
    seen[array] = True
    demand(seen.all(), f"{name} must hold each number below {n} once", f"no {int(seen.argmin())}")
