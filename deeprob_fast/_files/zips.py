"""Zip archives: their directory is checked before any member is unpacked."""

import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from deeprob_fast._files.budget import check_unpacked
from deeprob_fast._files.refusal import refuse, shown

# An encrypted member is a RuntimeError, an unknown compression a NotImplementedError.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError, OverflowError)

_MOST_MEMBERS = 10_000
_LONGEST_DIRECTORY = 1 << 22  # bytes, read at once
_ENCRYPTED = 1
_LOCAL_HEADER = 30  # bytes, and the name


class _Guarded:
    """A file of which no more than the longest directory is read at once, until it is known what is in it."""

    def __init__(self, path: Path | str, file: BinaryIO) -> None:
        self._path, self._file = path, file
        self._size = file.seek(0, 2)
        self.is_guarded = True

    def read(self, size: int = -1) -> bytes:
        left = self._size - self._file.tell()
        size = left if size < 0 else min(size, left)
        if self.is_guarded and size > _LONGEST_DIRECTORY:
            raise refuse(self._path, f"must have a directory of at most {_LONGEST_DIRECTORY} bytes; it states {size}")
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def open_zip(path: Path | str, file: BinaryIO) -> zipfile.ZipFile:
    """Open an archive of members that are stored or deflated, in so many bytes as they state, and all together within the budget.

    Parameters
    ----------
    path : Path or str
        What messages call it.
    file : binary file

    Raises
    ------
    ValueError
        If members are encrypted, packed otherwise, overlap, have one name, or unpack to too much.
    zipfile.BadZipFile
        And others of `ZIP_ERRORS`, if the archive is damaged.
    """
    guarded = _Guarded(path, file)
    archive = zipfile.ZipFile(cast("IO[bytes]", guarded))
    guarded.is_guarded = False
    members = archive.infolist()
    if len(members) > _MOST_MEMBERS:
        raise refuse(path, f"must have at most {_MOST_MEMBERS} members; it has {len(members)}")
    if len({member.filename for member in members}) < len(members):
        raise refuse(path, "must not have two members of one name")
    for member in members:
        if member.flag_bits & _ENCRYPTED or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise refuse(
                path, f"must hold plain members, stored or deflated; {shown(member.filename)} is packed otherwise or encrypted"
            )
        is_deflated = member.compress_type == zipfile.ZIP_DEFLATED
        if not is_deflated and member.compress_size != member.file_size:
            raise refuse(path, f"is damaged: {shown(member.filename)} states {member.file_size} bytes in {member.compress_size}")
        if is_deflated:
            check_unpacked(path, shown(member.filename), member.file_size, member.compress_size, is_deflated=True)
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise refuse(path, f"must hold one member after the other; {shown(member.filename)} overlaps another")
        end = member.header_offset + _LOCAL_HEADER + member.compress_size
    check_unpacked(path, "members", sum(member.file_size for member in members), file.seek(0, 2))
    return archive
