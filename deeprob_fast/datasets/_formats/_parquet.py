"""Parquet: a column of lists of numbers, or columns of numbers side by side; read."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._files.budget import check_unpacked
from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._files.refusal import damage_told, refuse
from deeprob_fast._optional import require
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._formats._pages import Stretch, check_pages, read_stretches
from deeprob_fast.datasets._formats._stored import Stored, check_plausible, rows_at_once, shown_names, unusable

_ROWS = 1 << 16
# The first row of each is read when the file is opened.
_MOST_LISTS = 256
# For each number the library notes whether it begins a list, and whether it is there.
_LEVEL_BYTES = 8
# What the library raises on a damaged file; besides errors of its own.
_ERRORS = (OSError, RuntimeError, ValueError, KeyError, TypeError, IndexError, OverflowError, MemoryError, NotImplementedError)


def open_parquet(path: Path) -> dict[str, Stored]:
    """Open the columns of a Parquet file, those of lists as matrices; an index of pandas is none of them."""
    arrow = require("pyarrow", "io")
    with open_regular(path):
        pass  # what keeps a file from being read is no damage
    with _damage_told(path), _opened(path) as file:
        n_rows, schema = file.metadata.num_rows, file.schema_arrow
        if len(set(schema.names)) < len(schema):
            raise refuse(path, "must not have two columns of one name")
        if sum(map(partial(_is_list, arrow), schema.types)) > _MOST_LISTS:
            raise refuse(path, f"must have at most {_MOST_LISTS} columns of lists")
        index = _index(schema)
        return {field.name: _column(arrow, path, file, field, n_rows) for field in schema if not index(field.name)}


def _index(schema: Any) -> Callable[[str], bool]:
    """Return what tells the columns in which pandas keeps the names of the rows, also where its description is lost."""
    stated = (schema.pandas_metadata or {}).get("index_columns", []) if schema.metadata else []
    names = {name for name in stated if isinstance(name, str)}
    return lambda name: name in names or re.fullmatch(r"__index_level_\d+__", name) is not None


def side_by_side(columns: list[Stored]) -> Stored:
    """Return columns of numbers of one file as a matrix."""
    path, n_rows, names = columns[0].path, columns[0].shape[0], [column.name for column in columns]
    shape, dtype = (n_rows, len(names)), np.result_type(*(column.dtype for column in columns))
    check_plausible(path, shape, dtype)
    return Stored(path, shown_names(names), shape, dtype, read=_told(path, _read_side_by_side, path, names, dtype))


def _damage_told(path: Path) -> AbstractContextManager[None]:
    return damage_told(path, *_ERRORS, require("pyarrow", "io").ArrowException)


def _opened(path: Path, dictionaries: list[str] | None = None) -> Any:
    return require("pyarrow.parquet", "io").ParquetFile(path, read_dictionary=dictionaries)


def _is_list(arrow: Any, kind: Any) -> bool:
    types = arrow.types
    return bool(types.is_fixed_size_list(kind) or types.is_list(kind) or types.is_large_list(kind))


def _column(arrow: Any, path: Path, file: Any, field: Any, n_rows: int) -> Stored:
    kind, types = field.type, arrow.types
    if types.is_dictionary(kind):  # how pandas writes what is categorical
        kind = kind.value_type
    if types.is_string(kind) or types.is_large_string(kind):
        check_plausible(path, (n_rows,), np.dtype(object))
        return Stored(path, field.name, (n_rows,), np.dtype("U"), read=_told(path, _read_texts, path, field.name))
    values = kind.value_type if _is_list(arrow, kind) else kind
    if not (types.is_integer(values) or types.is_floating(values) or types.is_boolean(values)):
        what = f"must hold numbers, text or lists of numbers in {field.name}; its type is {kind}"
        return unusable(path, field.name, refuse(path, what))
    dtype = np.dtype(values.to_pandas_dtype())
    if not _is_list(arrow, kind):
        check_plausible(path, (n_rows,), dtype)
        return Stored(path, field.name, (n_rows,), dtype, read=_told(path, _read_numbers, path, field.name))
    n_features = kind.list_size if types.is_fixed_size_list(kind) else _first_length(path, file, field.name, dtype)
    check_plausible(path, (n_rows, n_features), dtype)
    read = _told(path, _read_lists, path, field.name, n_features, dtype)
    return Stored(path, field.name, (n_rows, n_features), dtype, read=read)


def _stretches(path: Path, names: list[str], *, first_only: bool = False) -> list[Stretch]:
    """Return where the columns lie, and those in them; of the first row group only, or of all."""
    wanted = set(names)
    stretches = []
    for stretch in read_stretches(path):
        if first_only and stretch.group > 0:
            break
        parts = stretch.path.split(".")
        # A name may have dots of its own.
        if any(".".join(parts[:end]) in wanted for end in range(1, len(parts) + 1)):
            stretches.append(stretch)
    return stretches


def _batches(path: Path, names: list[str], n_rows: int, *, is_text: bool = False) -> Iterator[Any]:
    with _opened(path, names if is_text else None) as file:
        check_pages(path, _stretches(path, names), is_text=is_text)
        n_done = 0
        for batch in file.iter_batches(batch_size=n_rows, columns=names, use_threads=False):
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                if column.null_count:
                    row = n_done + _first_missing(column)
                    raise refuse(path, f"must hold a value in each row of {name}; that of row {row} is missing")
            n_done += len(batch)
            yield batch


def _first_missing(column: Any) -> int:
    return int(column.is_null().to_numpy(zero_copy_only=False).argmax())


def _first_length(path: Path, file: Any, name: str, dtype: np.dtype[Any]) -> int:
    first = _stretches(path, [name], first_only=True)
    n_values = max((stretch.n_values for stretch in first), default=0)
    check_unpacked(path, f"lists in {name}", n_values * (dtype.itemsize + _LEVEL_BYTES), regular_size(path))
    check_pages(path, first)
    if file.num_row_groups == 0:
        return 0
    for batch in file.iter_batches(batch_size=1, columns=[name], row_groups=[0], use_threads=False):
        return len(batch.column(0)[0].values or [])
    return 0


def _told(path: Path, read: Callable[..., Iterator[AnyArray]], *arguments: Any) -> Callable[[], Iterator[AnyArray]]:
    """Return a function that reads, and says which file is damaged where the library stumbles over it."""

    def told() -> Iterator[AnyArray]:
        with _damage_told(path):
            yield from read(*arguments)

    return told


def _read_numbers(path: Path, name: str) -> Iterator[AnyArray]:
    for batch in _batches(path, [name], _ROWS):
        yield _plain(batch.column(0))


def _plain(column: Any) -> AnyArray:
    """Return numbers as an array, also those that stand once each in a dictionary."""
    decoded = column.dictionary_decode() if hasattr(column, "dictionary_decode") else column
    numbers: AnyArray = decoded.to_numpy(zero_copy_only=False)
    return numbers


def _read_texts(path: Path, name: str) -> Iterator[AnyArray]:
    for batch in _batches(path, [name], _ROWS, is_text=True):
        column = batch.column(0)  # of numbers, and the texts that they stand for
        texts, numbers = np.array(column.dictionary.to_pylist(), dtype=object), column.indices.to_numpy()
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(texts):
            raise refuse(path, f"is damaged: {name} names text {numbers.max()} of {len(texts)}")
        yield texts[numbers]


def _read_side_by_side(path: Path, names: list[str], dtype: np.dtype[Any]) -> Iterator[AnyArray]:
    for batch in _batches(path, names, rows_at_once((0, len(names)), dtype)):
        yield np.stack([_plain(column) for column in batch.columns], axis=1).astype(dtype)


def _read_lists(path: Path, name: str, n_features: int, dtype: np.dtype[Any]) -> Iterator[AnyArray]:
    n_done = 0
    for batch in _batches(path, [name], min(_ROWS, rows_at_once((0, n_features), dtype))):
        column = batch.column(0)
        lengths = column.value_lengths().to_numpy(zero_copy_only=False)
        if (lengths != n_features).any():
            row = n_done + int((lengths != n_features).argmax())
            length = int(lengths[row - n_done])
            raise refuse(path, f"must hold {n_features} numbers in each row of {name}, as in its first; row {row} holds {length}")
        values = column.flatten()
        if values.null_count:
            row = n_done + _first_missing(values) // n_features
            raise refuse(path, f"must hold numbers in {name}; one of row {row} is missing")
        n_done += len(column)
        yield values.to_numpy(zero_copy_only=False).reshape(len(column), n_features)
