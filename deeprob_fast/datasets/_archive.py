"""Gzipped files, and members of tar archives, read as data: nothing is unpacked to disk, and no header is believed."""

import gzip
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

# What reading a damaged gzip stream raises.
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)
# What reading a damaged tar archive raises: the last three for names, numbers and nesting of its headers.
_TAR_DAMAGED = (*DAMAGED, tarfile.TarError, ValueError, OverflowError, RecursionError)

_GZIP = b"\x1f\x8b"
_BLOCK = 512  # of a tar archive
_LARGEST_ARCHIVE = 1 << 30  # bytes, unpacked; the largest known is CIFAR-10 with 184 MB
_MOST_MEMBERS = 10_000  # tarfile keeps the header of each
_END = bytes(_BLOCK)


def is_gzip(path: Path) -> bool:
    """Say whether the content of a file, whatever its name, is gzip."""
    with path.open("rb") as file:
        return file.read(2) == _GZIP


def open_plain_or_gzip(path: Path) -> BinaryIO:
    """Open a file for reading; unpack it on the way if it is gzip."""
    return cast("BinaryIO", gzip.open(path)) if is_gzip(path) else path.open("rb")


class _Metered:
    """Counts what is read, refuses more than an archive may hold, and remembers the last block."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._total = 0
        self.last = b""

    def read(self, size: int) -> bytes:
        self.last = self._file.read(size)
        self._total += len(self.last)
        if self._total > _LARGEST_ARCHIVE:
            msg = f"it unpacks to more than {_LARGEST_ARCHIVE} bytes"
            raise tarfile.ReadError(msg)
        return self.last


def read_members(path: Path, folder: str, wanted: Callable[[str], bool], largest: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the wanted files of a folder in a tar archive, plain or gzipped.

    Parameters
    ----------
    path : Path
    folder : str
        The folder of the archive that they lie in.
    wanted : callable
        Says of a name in that folder whether it is wanted.
    largest : int
        Number of bytes that a file may have.

    Raises
    ------
    ValueError
        If the archive is damaged, or a wanted file is a link, too large, or there twice.
    """
    seen = set()
    with open_plain_or_gzip(path) as file:
        stream = _Metered(file)
        for archive, member in _members(path, stream):
            place = PurePosixPath(member.name)
            if str(place.parent) != folder or not wanted(place.name):
                continue
            where = path / place
            if place.name in seen:
                msg = f"{where} is in the archive twice"
                raise ValueError(msg)
            if not member.isreg() or member.sparse is not None:
                msg = f"{where} must be a plain file; it is of type {member.type!r}"
                raise ValueError(msg)
            if not 0 <= member.size <= largest:
                msg = f"{where} must hold at most {largest} bytes; its header says {member.size}"
                raise ValueError(msg)
            seen.add(place.name)
            yield place.name, _content(path, archive, member)


def _members(path: Path, stream: _Metered) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Go through an archive to its end, which must be as tar writes it: else a cut archive would pass for a small one."""
    try:
        # One block at a time, so that the last one read is the one at which the walk ended.
        with tarfile.open(fileobj=cast("BinaryIO", stream), mode="r|", bufsize=_BLOCK) as archive:
            for number, member in enumerate(archive):
                if number == _MOST_MEMBERS:
                    msg = f"it has more than {_MOST_MEMBERS} members"
                    raise tarfile.ReadError(msg)
                yield archive, member
            end = stream.last
            rest = b""
            while not rest.strip(b"\0") and (rest := stream.read(1 << 16)):
                pass
    except _TAR_DAMAGED as error:
        msg = f"{path} is damaged: {error}"
        raise ValueError(msg) from error
    if end != _END:
        msg = f"{path} is damaged: after its last whole member there is no end mark"
        raise ValueError(msg)
    if rest:
        msg = f"{path} is damaged: there is more after its end mark"
        raise ValueError(msg)


def _content(path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    try:
        file = archive.extractfile(member)
        content = b"" if file is None else file.read()
    except _TAR_DAMAGED as error:
        msg = f"{path} is damaged in {member.name}: {error}"
        raise ValueError(msg) from error
    if len(content) != member.size:
        msg = f"{path} is damaged: {member.name} must hold {member.size} bytes; it holds {len(content)}"
        raise ValueError(msg)
    return content
