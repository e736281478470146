"""Labels in files of text, which have no type: one a line, or in a column of a table. What prints as integers is integers."""

import codecs
import csv
import re
from pathlib import Path

import numpy as np

from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._files.refusal import refuse, shown
from deeprob_fast._labels import exact_numbers, text
from deeprob_fast._typing import AnyArray
from deeprob_fast.datasets._formats._stored import Stored
from deeprob_fast.datasets._names import means

SUFFIXES = (".txt", ".csv", ".tsv")
_LARGEST_TEXT = 1 << 26  # bytes; ten million labels of six characters
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_LONGEST_INTEGER = 20  # digits and sign of 64 bits
_NUMBER = re.compile(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?")
_MISSING = {"nan", "NaN", "NAN", "None", "NaT", "<NA>", "NA", "null"}
# Those of UTF-32 begin as those of UTF-16 do.
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def open_labels(path: Path, label_key: str | None = None) -> Stored:
    """Read a file of labels, as text."""
    lines = _lines(path)
    if path.suffix.lower() == ".txt":
        if label_key is not None:
            raise refuse(path, f"must be a table, .csv or .tsv, where label_key names a column; got {label_key}")
        name, values = "", [line.strip() for line in lines]
    else:
        name, values = _column(path, lines, label_key)
    _check(path, values)
    labels = text(values)
    return Stored(path, name, labels.shape, np.dtype("U"), view=lambda: labels)


def _lines(path: Path) -> list[str]:
    """Return the lines of a file, without the blank ones at its end."""
    if (size := regular_size(path)) > _LARGEST_TEXT:
        raise refuse(path, f"must hold at most {_LARGEST_TEXT} bytes of labels, one a line; it holds {size}")
    with open_regular(path) as file:
        content = file.read(_LARGEST_TEXT)
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        decoded = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise refuse(path, f"must be text in UTF-8, or in UTF-16 with its mark: {error}") from error
    if "\0" in decoded:
        raise refuse(path, "must be text in UTF-8, or in UTF-16 with its mark; it holds zeros")
    # Not str.splitlines, which cuts at characters that may stand in a label.
    lines = decoded.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _column(path: Path, lines: list[str], label_key: str | None) -> tuple[str, list[str]]:
    """Return the name and the cells of the column of labels."""
    separator = "\t" if path.suffix.lower() == ".tsv" else ";" if lines and ";" in lines[0] and "," not in lines[0] else ","
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator, strict=True)]
    except csv.Error as error:
        raise refuse(path, f"is damaged: {error}") from error
    if not rows:
        return "", []
    head, width = rows[0], len(rows[0])
    for number, row in enumerate(rows):
        if len(row) != width:
            raise refuse(path, f"must hold {width} cells in each line, as in its first; line {number + 1} holds {len(row)}")
    if label_key is not None:
        if head.count(label_key) != 1:
            raise refuse(path, f"must hold one column {label_key}; its first line is {shown(head)}")
        place = head.index(label_key)
        return label_key, [row[place] for row in rows[1:]]
    named = [place for place, name in enumerate(head) if means(name, "y") or means(name, "y_test")]
    if len(named) == 1:
        return head[named[0]], [row[named[0]] for row in rows[1:]]
    if width > 1 or named:
        raise refuse(path, f"must hold one column, or its label_key must be given; its first line is {shown(head)}")
    cells = [row[0] for row in rows]
    is_headed = len(cells) > 1 and not _INTEGER.fullmatch(cells[0]) and all(map(_INTEGER.fullmatch, cells[1:]))
    return (cells[0], cells[1:]) if is_headed else ("", cells)


def _check(path: Path, values: list[str]) -> None:
    """Refuse labels that are missing: no text, or what prints for none among numbers."""
    for number, value in enumerate(values):
        if not value:
            raise refuse(path, f"must hold a label for each row; that of row {number} is missing")
    missing = [value for value in values if value in _MISSING]
    if missing and all(value in _MISSING or _NUMBER.fullmatch(value) for value in values):
        raise refuse(path, f"must hold a label for each row; that of row {values.index(missing[0])} is {missing[0]}")


def as_integers(labels: AnyArray) -> AnyArray | None:
    """Return labels as integers, if each is exactly what one prints and some dtype holds all; else None."""
    values: list[str] = labels.tolist()
    if not values or not all(len(value) <= _LONGEST_INTEGER and _INTEGER.fullmatch(value) for value in values):
        return None
    numbers = exact_numbers([int(value) for value in values])
    return None if numbers.dtype == object else numbers
