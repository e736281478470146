"""Checks of what is no array: numbers, names, functions; `_validation` hands them on."""

import difflib
import math
import operator
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def check_integer(name: str, value: Any, low: int, high: int, reason: str) -> int:
    """Return an integer of [low, high]."""
    try:
        number = operator.index(value)
    except TypeError:  # arrays have __index__ as well, and most cannot use it
        number = None
    if number is None or isinstance(value, (bool, np.bool_)):
        msg = f"{name} must be an integer; got {value!r}"
        raise TypeError(msg)
    if not low <= number <= high:
        msg = f"{name} must be between {low} and {high} ({reason}); got {number}"
        raise ValueError(msg)
    return number


def _number(name: str, value: Any) -> float:
    """Return a real number; infinity stands for those that float64 cannot hold."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        msg = f"{name} must be a number; got {value!r}"
        raise TypeError(msg)
    try:
        return float(value)
    except OverflowError:  # an integer
        return math.inf


def check_positive(name: str, value: Any) -> float:
    """Return a finite number above 0."""
    number = _number(name, value)
    if not (math.isfinite(number) and number > 0):
        msg = f"{name} must be finite and above 0; got {value!r}"
        raise ValueError(msg)
    return number


def check_real(name: str, value: Any, low: float, high: float = np.inf, *, below: bool = False) -> float:
    """Return a finite number of [low, high], or of [low, high) if it must stay `below`."""
    number = _number(name, value)
    if not (math.isfinite(number) and low <= number <= high) or (below and number == high):
        bounds = [f"at least {low:g}"] * (low > -np.inf) + [f"{'below' if below else 'at most'} {high:g}"] * (high < np.inf)
        msg = f"{name} must be {' and '.join(['finite', *bounds])}; got {value!r}"
        raise ValueError(msg)
    return number


def check_radius(name: str, value: Any, *, signed: bool = False) -> float:
    """Return a number that may be infinite; not below 0, unless it is `signed`."""
    number = _number(name, value)
    if math.isnan(number) or (number < 0 and not signed):
        msg = f"{name} must be a number{'' if signed else ' that is at least 0'}; got {value!r}"
        raise ValueError(msg)
    return number


def check_choice(name: str, value: object, choices: Sequence[str]) -> str:
    """Return one of several words."""
    if not isinstance(value, str) or value not in choices:
        msg = f"{name} must be one of {', '.join(choices)}; got {value!r}{did_you_mean(value, choices)}"
        raise ValueError(msg)
    return value


def did_you_mean(value: object, choices: Iterable[str]) -> str:
    """Return the end of a message that names the choice which a mistyped word resembles, or nothing."""
    near = difflib.get_close_matches(value.lower(), choices, n=1) if isinstance(value, str) else []
    return f" (did you mean {near[0]!r}?)" if near else ""


def check_path(name: str, value: str | os.PathLike[str]) -> Path:
    """Return a path; no name at all would stand for the working folder."""
    if os.fspath(value) == "":
        msg = f"{name} must name a file or a folder; got ''"
        raise ValueError(msg)
    return Path(value)


def check_sequence(name: str, values: Any, what: str) -> list[Any]:
    """Return the members of a sequence; text is none."""
    members = one_or_several(values)
    if len(members) == 1 and members[0] is values:
        msg = f"{name} must be a sequence of {what}; got {values!r}"
        raise TypeError(msg)
    return members


def one_or_several(value: Any) -> list[Any]:
    """Return the members of a sequence, or what is none, text for instance, alone in a list."""
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, np.ndarray)) or getattr(value, "shape", None) == ():
        return [value]
    return list(value)


def check_callable(name: str, value: object) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        msg = f"{name} must be callable; got {type(value).__name__}"
        raise TypeError(msg)


def check_seed(seed: Any) -> int:
    """Return a seed of random numbers."""
    return check_integer("seed", seed, 0, 2**63 - 1, "a seed")
