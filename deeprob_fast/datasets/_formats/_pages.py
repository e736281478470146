"""Pages of Parquet: their headers are looked at before the library unpacks them, as it believes them and not the file's footer.

A header is a Thrift structure in the compact protocol: fields by number, integers in groups of seven bits.
"""

import mmap
from pathlib import Path
from typing import Any, NamedTuple

from deeprob_fast._files.budget import check_unpacked, most_unpacked
from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._files.refusal import refuse

_LONGEST_HEADER = 1 << 16  # bytes; it may hold the smallest and the largest value of the page
_MOST_PAGES = 1 << 17
_SMALLEST_PAGE = 64  # bytes, with what the footer says of it
_DEEPEST = 4

# Numbers of fields, and of kinds of pages with the field that holds what they alone have.
_KIND, _UNPACKED, _PACKED = 1, 2, 3
_DATA_PAGE, _DICTIONARY_PAGE, _DATA_PAGE_V2 = 0, 2, 3
_OF_KIND = {_DATA_PAGE: 5, _DICTIONARY_PAGE: 7, _DATA_PAGE_V2: 8}
_N_VALUES = 1
_ENCODING = {_DATA_PAGE: 2, _DICTIONARY_PAGE: 2, _DATA_PAGE_V2: 4}
# Strings that begin as the one before them: a few bytes may stand for a long one.
_PREFIXES = 7


class _Page(NamedTuple):
    """What a header states."""

    n_values: int  # none in a dictionary, which is no part of the column
    encoding: int
    n_unpacked: int
    end: int


class _Reader:
    """Reads one structure; IndexError where the bytes end."""

    def __init__(self, text: bytes) -> None:
        self.text, self.place = text, 0

    def _byte(self) -> int:
        self.place += 1
        return self.text[self.place - 1]

    def _unsigned(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 or shift > 63:
                return number

    def _integer(self) -> int:
        number = self._unsigned()
        return number >> 1 ^ -(number & 1)

    def structure(self, depth: int = 0) -> dict[int, Any]:
        """Return the fields by their numbers; of strings, and of what is not needed, nothing."""
        if depth > _DEEPEST:
            msg = "a header nested so deep"
            raise ValueError(msg)
        fields: dict[int, Any] = {}
        number = 0
        while start := self._byte():
            number = number + (start >> 4) if start >> 4 else self._integer()
            fields[number] = self._value(start & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        match kind:
            case 1 | 2:  # true, false
                return kind == 1
            case 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._integer()
            case 7:
                self.place += 8
            case 8:
                length = self._unsigned()
                self.place += length
            case 12:
                return self.structure(depth + 1)
            case _:
                msg = f"a field of kind {kind} in a header"
                raise ValueError(msg)
        return None


def check_pages(path: Path, columns: list[Any], *, is_text: bool = False) -> None:
    """Refuse pages that hold more values than the file's footer states, or unpack to more than the budget allows.

    Parameters
    ----------
    path : Path
    columns : list
        What the footer says of the stretches of the file that will be read, as pyarrow's ColumnChunkMetaData.
    is_text : bool
        Refuse also what can make long strings out of few bytes.
    """
    size, n_pages, total = regular_size(path), 0, 0
    with open_regular(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        for column in columns:
            place, end = _stretch(path, column, size)
            n_values = column.num_values
            while n_values > 0:
                page = _page(path, memory, place, end)
                place, n_pages, total = page.end, n_pages + 1, total + page.n_unpacked
                n_values -= page.n_values
                if n_values < 0:
                    stated = f"{-n_values} values more than its footer states"
                    raise refuse(path, f"is damaged: a page of {column.path_in_schema} states {stated}")
                if n_pages > _MOST_PAGES + size // _SMALLEST_PAGE:
                    raise refuse(path, f"must not consist of {n_pages} pages in {size} bytes")
                if total > most_unpacked(size):
                    check_unpacked(path, f"pages of {column.path_in_schema}", total, size)
                if is_text and page.encoding == _PREFIXES:
                    raise refuse(path, f"must hold the text of {column.path_in_schema} plain or by a dictionary, not by prefixes")


def _stretch(path: Path, column: Any, size: int) -> tuple[int, int]:
    start = column.data_page_offset
    if column.has_dictionary_page and 0 < column.dictionary_page_offset < start:
        start = column.dictionary_page_offset
    end = start + column.total_compressed_size
    if not 0 <= start <= end <= size:
        raise refuse(path, f"is damaged: the pages of {column.path_in_schema} lie from byte {start} to {end}; it has {size}")
    return start, end


def _page(path: Path, memory: Any, place: int, end: int) -> _Page:
    """Read the header of the page that starts there."""
    header, start = _header(path, memory, place, end)
    kind = header.get(_KIND, -1)
    of_kind = header.get(_OF_KIND.get(kind, -1))
    held = of_kind if isinstance(of_kind, dict) else {}
    n_values, packed, unpacked = held.get(_N_VALUES, -1), header.get(_PACKED, -1), header.get(_UNPACKED, -1)
    if not all(type(number) is int and number >= 0 for number in (n_values, packed, unpacked)) or start + packed > end:
        raise refuse(path, f"is damaged: the header of the page at byte {place} states impossible sizes")
    encoding = held.get(_ENCODING[kind], -1)
    return _Page(0 if kind == _DICTIONARY_PAGE else n_values, encoding, unpacked, start + packed)


def _header(path: Path, memory: Any, place: int, end: int) -> tuple[dict[int, Any], int]:
    """Return the header of a page, and where its content starts."""
    for longest in (128, _LONGEST_HEADER):
        reader = _Reader(memory[place : min(end, place + longest)])
        try:
            header = reader.structure()
        except IndexError:
            continue
        except ValueError as error:
            raise refuse(path, f"is damaged: {error} at byte {place}") from error
        return header, place + reader.place
    raise refuse(path, f"is damaged: there is no header of a page at byte {place}")
