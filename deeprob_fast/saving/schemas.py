"""Whether skops can read a file in time and memory that go with its size: it follows names of objects to wherever they lead."""

import io
import math
from typing import Any, BinaryIO
from zipfile import ZipFile, ZipInfo

from deeprob_fast._files.budget import most_unpacked
from deeprob_fast._files.headers import LONGEST_JSON, read_json, read_npy_header
from deeprob_fast._files.refusal import shown
from deeprob_fast._files.zips import open_zip

_SCHEMA = "schema.json"
_LONGEST_SCHEMA = 4 * LONGEST_JSON
# Two thousand decision trees have a hundred thousand objects.
_MOST_OBJECTS = 1 << 18


class _Objects:
    """The objects of a schema by their numbers. skops takes a number, wherever it stands, for the first object that has it."""

    def __init__(self) -> None:
        self.versions: dict[int | None, list[list[int]]] = {None: [[]]}  # by numbers: the numbers of the parts of each
        self.files: set[tuple[int | None, str]] = set()

    def note(self, root: Any) -> None:
        """Go through a schema."""
        waiting: list[tuple[Any, int | None, list[int]]] = [(root, None, self.versions[None][0])]
        while waiting:
            value, number, parts = waiting.pop()
            if isinstance(value, dict):
                if "__id__" in value:
                    number = value["__id__"]
                    if type(number) is not int:
                        msg = f"its objects must be numbered; it has the number {shown(number)}"
                        raise ValueError(msg)
                    parts.append(number)
                    parts = []
                    self.versions.setdefault(number, []).append(parts)
                if isinstance(file := value.get("file"), str):
                    self.files.add((number, file))
                value = list(value.values())
            waiting.extend((part, number, parts) for part in value if isinstance(part, (dict, list)))

    def count(self) -> int:
        """Return how many objects there are, at most, if each is made wherever its number stands."""
        counts: dict[int | None, int] = {}
        entered: set[int | None] = set()
        waiting: list[int | None] = [None]
        while waiting:
            number = waiting[-1]
            if number not in entered:
                entered.add(number)
                waiting.extend(part for parts in self.versions[number] for part in parts if part not in counts)
                continue
            waiting.pop()
            if number not in counts:
                if any(part not in counts for parts in self.versions[number] for part in parts):
                    msg = "an object in it is a part of itself"
                    raise ValueError(msg)
                counts[number] = 1 + max(sum(counts[part] for part in parts) for parts in self.versions[number])
        return counts[None]


def check_schema(file: BinaryIO) -> None:
    """Refuse a .skops file of too many objects, however they are hidden, or of arrays larger than they should be."""
    size = file.seek(0, 2)
    with open_zip("it", file) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
        if sizes.get(_SCHEMA, 0) > _LONGEST_SCHEMA:
            msg = f"its schema must have at most {_LONGEST_SCHEMA} bytes; it has {sizes[_SCHEMA]}"
            raise ValueError(msg)
        objects = _Objects()
        objects.note(read_json(archive.read(_SCHEMA), "its schema", _LONGEST_SCHEMA))
        if (number := objects.count()) > _MOST_OBJECTS:
            msg = f"it must consist of at most {_MOST_OBJECTS} objects; it has {shown(number)}"
            raise ValueError(msg)
        if (total := sum(sizes.get(name, 0) for _, name in objects.files)) > most_unpacked(size):
            msg = f"its arrays take {total} bytes, as some stand in several places, in a file of {size}"
            raise ValueError(msg)
        for member in archive.infolist():
            _check_member(archive, member)


def _check_member(archive: ZipFile, member: ZipInfo) -> None:
    """Refuse arrays that state other sizes than theirs."""
    if member.filename.endswith(".npy"):
        with archive.open(member) as content:
            header = read_npy_header(content)
            expected = content.tell() + math.prod(header.shape) * header.dtype.itemsize
        if member.file_size != expected:
            msg = f"{shown(member.filename)} must have {shown(expected)} bytes; it has {member.file_size}"
            raise ValueError(msg)
    elif member.filename.endswith(".npz"):  # a sparse matrix
        with open_zip("it", io.BytesIO(archive.read(member))) as inner:
            for part in inner.infolist():
                _check_member(inner, part)
