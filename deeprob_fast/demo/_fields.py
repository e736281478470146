"""JSON that somebody sent: each check names the field, what was expected and what came."""

import json
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, NoReturn

import numpy as np

from deeprob_fast._typing import Float64

LARGEST = sys.float_info.max
_SHOWN = 40


class FieldError(ValueError):
    """A field is not what it has to be."""


class ModelError(ValueError):
    """Every field is what it has to be, but not all of them together."""


def shown(value: object) -> str:
    """Return a value in the words of JSON, in short."""
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object with {len(value)} fields"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _fail(name: str, expected: str, value: object) -> NoReturn:
    msg = f"{name} must be {expected}; got {shown(value)}"
    raise FieldError(msg)


def parse(body: bytes) -> Any:
    """Read JSON as its standard has it: no NaN, no infinity, no name twice."""
    try:
        return json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except FieldError:
        raise
    except UnicodeDecodeError as error:
        msg = f"the body must be UTF-8; got byte {body[error.start]:#04x} at {error.start}"
        raise FieldError(msg) from error
    except RecursionError as error:
        msg = "the body must be JSON; got lists or objects inside one another too deeply"
        raise FieldError(msg) from error
    except json.JSONDecodeError as error:
        msg = f"the body must be JSON; got a mistake at character {error.pos}: {error.msg}"
        raise FieldError(msg) from error
    except ValueError as error:  # an integer of more digits than Python converts
        msg = f"the body must hold numbers of reasonable length; got one of more than {sys.get_int_max_str_digits()} digits"
        raise FieldError(msg) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        repeated, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        msg = f"the body must name each field of an object once; got {shown(repeated)} twice"
        raise FieldError(msg)
    return record


def _no_constant(text: str) -> NoReturn:
    msg = f"the body must be JSON, which has no {text}; use null or a number"
    raise FieldError(msg)


def mapping(name: str, value: object) -> dict[str, Any]:
    """Return an object with any fields."""
    if not isinstance(value, dict):
        _fail(name, "an object", value)
    return value


def record(name: str, value: object, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Any]:
    """Return an object that has the required fields and no unknown ones."""
    value = mapping(name, value)
    for field in required:
        if field not in value:
            msg = f"{name} must have the field {field}; it is missing"
            raise FieldError(msg)
    for field in value:
        if field not in required and field not in optional:
            msg = f"{name} must only have the fields {', '.join([*required, *optional])}; got {shown(field)}"
            raise FieldError(msg)
    return value


def number(name: str, value: object, low: float = -LARGEST, high: float = LARGEST) -> float:
    """Return a number of [low, high]."""
    # A bool is an int to Python; infinity is what Python makes of 1e999.
    if type(value) not in (int, float):
        _fail(name, "a number", value)
    if not low <= value <= high:  # type: ignore[operator]  # it is a number
        if (low, high) == (-LARGEST, LARGEST):
            _fail(name, "a number that fits 64-bit floating point", value)
        _fail(name, f"a number between {low:g} and {high:g}", value)
    return float(value)  # type: ignore[arg-type]  # it is a number


def integer(name: str, value: object, low: int, high: int) -> int:
    """Return an integer of [low, high]."""
    if type(value) is not int or not low <= value <= high:
        _fail(name, f"an integer between {low} and {high}", value)
    return value


def flag(name: str, value: object) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        _fail(name, "true or false", value)
    return value


def choice(name: str, value: object, choices: Sequence[str]) -> str:
    """Return one of several words."""
    if not isinstance(value, str) or value not in choices:
        _fail(name, f"one of {', '.join(choices)}", value)
    return value


def sequence(name: str, value: object, low: int, high: int, of: str) -> list[Any]:
    """Return a list of low to high entries."""
    if not isinstance(value, list) or not low <= len(value) <= high:
        _fail(name, f"a list of {low if low == high else f'{low} to {high}'} {of}", value)
    return value


def vector(name: str, value: object, size: int, limit: float = LARGEST) -> Float64:
    """Return as many numbers, none beyond the limit."""
    numbers = sequence(name, value, size, size, "numbers")
    return np.array([number(f"{name}[{i}]", entry, -limit, limit) for i, entry in enumerate(numbers)])


def table(name: str, value: object, low: int, high: int, width: int, limit: float = LARGEST) -> Float64:
    """Return low to high rows of as many numbers, none beyond the limit."""
    rows = sequence(name, value, low, high, f"lists of {width} numbers")
    for i, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != width:
            _fail(f"{name}[{i}]", f"a list of {width} numbers", row)
        for j, entry in enumerate(row):
            if type(entry) not in (int, float) or not -limit <= entry <= limit:
                number(f"{name}[{i}][{j}]", entry, -limit, limit)
    return np.array(rows, dtype=np.float64).reshape(-1, width)
