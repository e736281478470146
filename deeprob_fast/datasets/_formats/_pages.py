"""Pages of Parquet: their headers are looked at before the library unpacks them, as it believes them and not the file's footer.

The footer is read here too: of a damaged one the library's own description of columns may end the process.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from deeprob_fast._files.budget import check_unpacked, most_unpacked
from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._files.refusal import refuse
from deeprob_fast.datasets._formats._thrift import INTEGERS, LIST, STRUCTURE, Reader

_LONGEST_FOOTER = 1 << 25  # bytes; a column of a row group takes two hundred
_LONGEST_HEADER = 1 << 16  # bytes; it may hold the smallest and the largest value of the page
_MOST_PAGES = 1 << 17
_SMALLEST_PAGE = 64  # bytes, with what the footer says of it

# Numbers of fields, and of kinds of pages with the field that holds what they alone have.
_ROW_GROUPS, _COLUMNS, _OF_COLUMN, _PATH = 4, 1, 3, 3
_IN_COLUMN = {5: "n_values", 7: "n_bytes", 9: "first_page", 11: "dictionary"}
_IN_PAGE = {1: "kind", 2: "n_unpacked", 3: "n_packed"}
_DICTIONARY_PAGE = 2
_OF_KIND = {5: {1: "n_values", 2: "encoding"}, 7: {1: "n_values", 2: "encoding"}, 8: {1: "n_values", 4: "encoding"}}
# Strings that begin as the one before them: a few bytes may stand for a long one.
_PREFIXES = 7


class Stretch(NamedTuple):
    """Where the pages of a column lie in one row group."""

    path: str  # names with dots between them
    group: int
    n_values: int
    start: int
    end: int


def read_stretches(path: Path) -> Iterator[Stretch]:
    """Yield what the footer says of each column of each row group."""
    size = regular_size(path)
    with open_regular(path) as file:
        file.seek(max(0, size - 8))
        length = int.from_bytes(file.read(4), "little")
        if length > min(_LONGEST_FOOTER, size - 8):
            raise refuse(path, f"must have a footer of at most {_LONGEST_FOOTER} bytes; it states {length}")
        file.seek(size - 8 - length)
        reader = Reader(file.read(length))
    try:
        for number, kind in reader.fields():
            if (number, kind) == (_ROW_GROUPS, LIST):
                for group, _ in enumerate(reader.items()):
                    yield from _row_group(path, reader, group, size)
            else:
                reader.skip(kind)
    except (IndexError, ValueError) as error:
        raise refuse(path, f"is damaged in its footer, near its byte {reader.place}") from error


def _row_group(path: Path, reader: Reader, group: int, size: int) -> Iterator[Stretch]:
    for number, kind in reader.fields():
        if (number, kind) != (_COLUMNS, LIST):
            reader.skip(kind)
            continue
        for _ in reader.items():
            for inner, inner_kind in reader.fields():
                if (inner, inner_kind) == (_OF_COLUMN, STRUCTURE):
                    yield _column(path, reader, group, size)
                else:
                    reader.skip(inner_kind)


def _column(path: Path, reader: Reader, group: int, size: int) -> Stretch:
    names: list[bytes] = []
    numbers: dict[str, int] = {}
    for number, kind in reader.fields():
        if (number, kind) == (_PATH, LIST):
            names = [reader.binary() for _ in reader.items()]
        elif number in _IN_COLUMN and kind in INTEGERS:
            numbers[_IN_COLUMN[number]] = reader.integer()
        else:
            reader.skip(kind)
    name = b".".join(names).decode(errors="replace")
    n_values, start, n_bytes = numbers.get("n_values", -1), numbers.get("first_page", -1), numbers.get("n_bytes", -1)
    if 0 < numbers.get("dictionary", 0) < start:
        start = numbers["dictionary"]
    if min(n_values, start, n_bytes) < 0 or start + n_bytes > size:
        raise refuse(path, f"is damaged: the pages of {name} lie from byte {start} to {start + n_bytes}; it has {size}")
    return Stretch(name, group, n_values, start, start + n_bytes)


def check_pages(path: Path, stretches: list[Stretch], *, is_text: bool = False) -> None:
    """Refuse pages that hold more values than the file's footer states, or unpack to more than the budget allows.

    Parameters
    ----------
    path : Path
    stretches : list of Stretch
        What will be read.
    is_text : bool
        Refuse also what can make long strings out of few bytes.
    """
    size, n_pages, total = regular_size(path), 0, 0
    with open_regular(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        for stretch in stretches:
            place, n_values = stretch.start, stretch.n_values
            while n_values > 0:
                page, place = _page(path, memory, place, stretch.end)
                n_pages, total = n_pages + 1, total + page["n_unpacked"]
                n_values -= page["n_values"] if page["kind"] != _DICTIONARY_PAGE else 0
                if n_values < 0:
                    raise refuse(path, f"is damaged: a page of {stretch.path} states {-n_values} values more than its footer")
                if n_pages > _MOST_PAGES + size // _SMALLEST_PAGE:
                    raise refuse(path, f"must not consist of {n_pages} pages in {size} bytes")
                if total > most_unpacked(size):
                    check_unpacked(path, f"pages of {stretch.path}", total, size)
                if is_text and page.get("encoding") == _PREFIXES:
                    raise refuse(path, f"must hold the text of {stretch.path} plain or by a dictionary, not by prefixes")


def _page(path: Path, memory: Any, place: int, end: int) -> tuple[dict[str, int], int]:
    """Read the header of the page that starts there; return it and where the page ends."""
    for longest in (128, _LONGEST_HEADER):
        reader = Reader(memory[place : min(end, place + longest)])
        try:
            page = reader.integers(_IN_PAGE, _OF_KIND)
        except IndexError:
            continue
        except ValueError as error:
            raise refuse(path, f"is damaged: {error} at byte {place}") from error
        stop = place + reader.place + page.get("n_packed", 0)
        if min(page.get(name, -1) for name in ("kind", "n_unpacked", "n_packed", "n_values")) < 0 or stop > end:
            raise refuse(path, f"is damaged: the header of the page at byte {place} states impossible sizes")
        return page, stop
    raise refuse(path, f"is damaged: there is no header of a page at byte {place}")
