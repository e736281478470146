"""Labels of any type: what was meant by them, none of them missing, and the numbers of their classes.

Labels are compared by value, as Python compares: 1, True, 1.0 and an unsigned 1 are one class, and no integer is rounded on the
way; "1" is another thing than 1, and numbers never stand beside text. Bytes are text in UTF-8.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from deeprob_fast._typing import AnyArray, Int64

# Arrays give each text the room of the longest: beyond so many characters, or bytes in all, they hold references instead.
_SHORT_TEXT = 32
_SMALL_BYTES = 1 << 20
_MOST_BYTES = 1 << 26
# What cannot be missing; all else is asked.
_NEVER_MISSING = (str, bytes, int, np.integer, np.bool_)
_EXACT_IN_FLOAT = 2**53


def unpacked(labels: Any) -> Any:
    """Return labels of containers that NumPy would misread: it makes text of numbers beside it, and classes of nulls."""
    if isinstance(labels, (list, tuple)):
        return np.asarray(labels, dtype=object)
    if type(labels).__module__.partition(".")[0] == "pyarrow" and hasattr(labels, "to_pylist"):
        return np.asarray(labels.to_pylist(), dtype=object)
    if getattr(getattr(labels, "dtype", None), "kind", "") == "T":  # NumPy's text of any length
        return labels.astype(object)
    if hasattr(labels, "iloc") and getattr(labels, "ndim", 1) == 2 and labels.shape[1] == 1:  # a table of one column
        return labels.iloc[:, 0]
    return labels


def one_column(name: str, array: AnyArray, n_rows: int, of: str) -> AnyArray:
    """Return one label for each row of `of`; a column is as good as a list."""
    if array.shape == (n_rows, 1):
        return array[:, 0]
    if array.ndim == 1 and len(array) == n_rows:
        return array
    came = f"got shape {array.shape}"
    if _is_one_hot(array, n_rows):
        came = f"got one-hot rows of shape {array.shape}: give their classes, labels.argmax(axis=1)"
    msg = f"{name} must be 1-D with one label for each of the {n_rows} rows of {of}; {came}"
    raise ValueError(msg)


def _is_one_hot(array: AnyArray, n_rows: int) -> bool:
    if array.ndim != 2 or len(array) != n_rows or n_rows == 0 or array.dtype.kind not in "biuf":
        return False
    return bool(((array == 0) | (array == 1)).all() and ((array != 0).sum(axis=1) == 1).all())


def of_one_kind(name: str, labels: AnyArray) -> AnyArray:
    """Return labels as numbers, text, dates or objects of one type; refuse those that are missing, mixed or none of these."""
    kind = labels.dtype.kind
    if kind in "biuU":
        return labels
    if kind in "fMm":
        if (missing := labels != labels).any():  # noqa: PLR0124  # NaN and NaT
            raise _missing(name, labels, int(missing.argmax()))
        return labels
    if kind == "S":
        return _decoded(name, labels.tolist())
    if kind != "O":
        msg = f"{name} must hold labels, which are numbers or text; got dtype {labels.dtype}"
        raise TypeError(msg)
    types = list(dict.fromkeys(map(type, labels)))
    if not all(issubclass(one, _NEVER_MISSING) for one in types):
        missing = np.fromiter(map(_is_missing, labels), dtype=bool, count=len(labels))
        if missing.any():
            raise _missing(name, labels, int(missing.argmax()))
    return _of_objects(name, labels.tolist(), types)


def _is_missing(label: object) -> bool:
    return label is None or type(label).__name__ in ("NAType", "NaTType") or bool(np.all(label != label))  # noqa: PLR0124


def _missing(name: str, labels: AnyArray, row: int) -> ValueError:
    return ValueError(f"{name} must not hold missing labels; got {labels[row]!r} for row {row}")


def _of_objects(name: str, values: list[Any], types: list[type]) -> AnyArray:
    def are(*wanted: type) -> bool:
        return all(issubclass(one, wanted) for one in types)

    if are(str):
        return text(values)
    if are(bytes):
        return _decoded(name, values)
    if are(bool, np.bool_):
        return np.array(values, dtype=bool)
    if are(int, float, np.bool_, np.integer, np.floating):
        return exact_numbers([value.item() if isinstance(value, np.generic) else value for value in values])
    if len(types) > 1:
        first = values[0]
        row = next(i for i, value in enumerate(values) if type(value) is not type(first))
        msg = (
            f"{name} must hold labels of one type; got {type(first).__name__} for row 0 and "
            f"{type(values[row]).__name__} for row {row}: {values[row]!r}"
        )
        raise TypeError(msg)
    if not all(map(callable, [one.__hash__ for one in types])):
        msg = f"{name} must hold labels, which are numbers or text; got {types[0].__name__}"
        raise TypeError(msg)
    return _objects(values)


def _decoded(name: str, values: list[bytes]) -> AnyArray:
    try:
        return text([value.decode() for value in values])
    except UnicodeDecodeError as error:
        msg = f"{name} must hold text; got bytes that are not UTF-8: {error}"
        raise ValueError(msg) from None


def _objects(values: Sequence[Any]) -> AnyArray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def text(values: Sequence[str]) -> AnyArray:
    """Return strings as an array whose size is in proportion to theirs: of fixed width, or of references where one is long."""
    longest = max(map(len, values), default=0)
    is_small = 4 * longest * len(values) <= (_MOST_BYTES if longest <= _SHORT_TEXT else _SMALL_BYTES)
    if not is_small or any(value.endswith("\0") for value in values):  # which an array of fixed width would lose
        return _objects(values)
    return np.array(values, dtype=np.str_)


def exact_numbers(values: list[Any]) -> AnyArray:
    """Return numbers of Python as an array that holds each exactly."""
    integers = [value for value in values if isinstance(value, int)]
    low, high = min(integers, default=0), max(integers, default=0)
    if len(integers) < len(values):
        exact = low >= -_EXACT_IN_FLOAT and high <= _EXACT_IN_FLOAT
        return np.array(values, dtype=np.float64) if exact else _objects(values)
    if low >= -(2**63) and high < 2**63:
        return np.array(values, dtype=np.int64)
    return np.array(values, dtype=np.uint64) if low >= 0 and high < 2**64 else _objects(values)


def _kind(labels: AnyArray) -> str:
    """Say what labels are, of one kind as they are."""
    kind = labels.dtype.kind
    if kind != "O":
        return {"U": "text", "M": "dates", "m": "durations"}.get(kind, "numbers")
    first = labels[0] if len(labels) else ""
    return "text" if isinstance(first, str) else "numbers" if isinstance(first, (int, float)) else type(first).__name__


def numbered(*named: tuple[str, AnyArray]) -> tuple[AnyArray, list[Int64]]:
    """Return the labels that occur in any of the arrays, sorted, and the number of the class of each label of each array."""
    arrays = [of_one_kind(name, array) for name, array in named]
    first = _kind(arrays[0])
    for (name, array), checked in zip(named, arrays, strict=True):
        if (kind := _kind(checked)) != first:
            msg = f"{name} must be labels of the same kind as {named[0][0]}, {first}; got {kind} of dtype {array.dtype}"
            raise TypeError(msg)
    if any(array.dtype.kind in "OU" for array in arrays):
        return _numbered_values(named, arrays, text if first == "text" else _objects if first != "numbers" else exact_numbers)
    dtype = np.result_type(*arrays)
    if dtype.kind == "f" and any(array.dtype.kind in "iu" and array.dtype.itemsize == 8 for array in arrays):
        return _numbered_values(named, arrays, exact_numbers)  # float64 would round
    classes, numbers = np.unique(np.concatenate(arrays), return_inverse=True)
    cuts = np.cumsum([len(array) for array in arrays])[:-1]
    return classes, [part.astype(np.int64) for part in np.split(numbers, cuts)]


def _numbered_values(
    named: Sequence[tuple[str, AnyArray]], arrays: list[AnyArray], gather: Callable[[list[Any]], AnyArray]
) -> tuple[AnyArray, list[Int64]]:
    """Do the same with values of Python, each of its own size."""
    values = [array.tolist() for array in arrays]
    try:
        classes = sorted(set().union(*values))
    except TypeError as error:
        msg = f"{' and '.join(name for name, _ in named)} must hold labels of one type, which can be sorted: {error}"
        raise TypeError(msg) from None
    place = {label: number for number, label in enumerate(classes)}
    return gather(classes), [np.fromiter(map(place.__getitem__, labels), np.int64, len(labels)) for labels in values]


def places(name: str, labels: AnyArray, classes: AnyArray) -> Int64:
    """Return the place of each label among the classes, -1 for those that are none of them."""
    union, (class_numbers, label_numbers) = numbered(("classes", classes), (name, labels))
    place = np.full(len(union), -1, dtype=np.int64)
    place[class_numbers] = np.arange(len(classes))
    return place[label_numbers]
