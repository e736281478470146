"""Gzipped files, and members of tar archives, read as data: nothing is unpacked to disk, and no header is believed."""

import gzip
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Self, cast

from deeprob_fast._files.budget import UNPACKED_BYTES, UNPACKED_RATIO
from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._files.refusal import one_line, reason, refuse

# What reading a damaged gzip stream raises.
DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)
# What reading a damaged tar archive raises: the last three for names, numbers and nesting of its headers.
_TAR_DAMAGED = (*DAMAGED, tarfile.TarError, ValueError, OverflowError, RecursionError)

_GZIP = b"\x1f\x8b"
_BLOCK = 512  # of a tar archive
_AT_ONCE = 1 << 18  # bytes that are unpacked at a time
_LARGEST_ARCHIVE = UNPACKED_BYTES  # the largest known is CIFAR-10 with 184 MB
_SMALL_ARCHIVE = 1 << 28  # bytes that an archive may unpack to, however small it is
_MOST_MEMBERS = 10_000  # tarfile keeps the header of each
# Of the headers that lie between members, with long names or times: tarfile takes time with the square of their length.
_LONGEST_EXTENSION = 1 << 12
_LONGEST_EXTENSIONS = 1 << 17
_EXTENSIONS = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
# Of members with holes tarfile keeps where each lies: they may be millions.
_SPARSE = b"GNU.sparse."
_HAS_HOLES = "it has members with holes"
_END = bytes(_BLOCK)


def is_gzip(path: Path) -> bool:
    """Say whether the content of a file, whatever its name, is gzip."""
    with open_regular(path) as file:
        return file.read(2) == _GZIP


def open_plain_or_gzip(path: Path) -> BinaryIO:
    """Open a file for reading; unpack it on the way if it is gzip."""
    return cast("BinaryIO", gzip.open(path)) if is_gzip(path) else open_regular(path)


class _Metered:
    """Hands out blocks, refuses more than an archive may hold and members with holes, and remembers the last block."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._most = most
        self._total = 0
        self._ready, self._start = b"", 0
        self.last = b""

    def read(self, size: int) -> bytes:
        if self._start == len(self._ready):
            self._ready, self._start = self._file.read(_AT_ONCE), 0
        before, self.last = self.last, self._ready[self._start : self._start + size]
        if _SPARSE in before[-len(_SPARSE) :] + self.last:
            raise tarfile.ReadError(_HAS_HOLES)
        self._start += len(self.last)
        self._total += len(self.last)
        if self._total > self._most:
            msg = f"it unpacks to more than {self._most} bytes"
            raise tarfile.ReadError(msg)
        return self.last


def _bounded_headers(most: int) -> type[tarfile.TarInfo]:
    """Return a class of headers, which refuses sizes that do not fit the archive before anything of them is read."""
    n_extended = 0

    class Header(tarfile.TarInfo):
        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            nonlocal n_extended
            header = super().frombuf(buf, encoding, errors)
            if not 0 <= header.size <= most:
                msg = f"{header.name} states {header.size} bytes, and the archive may unpack to {most}"
                raise tarfile.ReadError(msg)
            if header.type == tarfile.GNUTYPE_SPARSE:
                raise tarfile.ReadError(_HAS_HOLES)
            if header.type in _EXTENSIONS:
                n_extended += header.size
                if header.size > _LONGEST_EXTENSION or n_extended > _LONGEST_EXTENSIONS:
                    msg = f"it has long headers between its members: {header.size} bytes of {n_extended}"
                    raise tarfile.ReadError(msg)
            return header

    return Header


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
    size = regular_size(path)
    most = min(_LARGEST_ARCHIVE, max(_SMALL_ARCHIVE, UNPACKED_RATIO * size)) if is_gzip(path) else _LARGEST_ARCHIVE
    if size > most:
        raise refuse(path, f"must have at most {most} bytes; it has {size}")
    with open_plain_or_gzip(path) as file:
        for archive, member in _members(path, _Metered(file, most), most):
            place = PurePosixPath(member.name)
            if str(place.parent) != folder or not wanted(place.name):
                continue
            where = path / one_line(place)
            if place.name in seen:
                msg = f"{where} is in the archive twice"
                raise ValueError(msg)
            if not member.isreg():
                msg = f"{where} must be a plain file; it is of type {member.type!r}"
                raise ValueError(msg)
            if not 0 <= member.size <= largest:
                msg = f"{where} must hold at most {largest} bytes; its header says {member.size}"
                raise ValueError(msg)
            seen.add(place.name)
            yield place.name, _content(path, archive, member)


def _members(path: Path, stream: _Metered, most: int) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Go through an archive to its end, which must be as tar writes it: else a cut archive would pass for a small one."""
    try:
        # One block at a time, so that the last one read is the one at which the walk ended.
        with tarfile.open(fileobj=cast("BinaryIO", stream), mode="r|", bufsize=_BLOCK, tarinfo=_bounded_headers(most)) as archive:
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
        msg = f"{path} is damaged: {reason(error)}"
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
        msg = f"{path} is damaged in {one_line(member.name)}: {reason(error)}"
        raise ValueError(msg) from error
    if len(content) != member.size:
        msg = f"{path} is damaged: {one_line(member.name)} must hold {member.size} bytes; it holds {len(content)}"
        raise ValueError(msg)
    return content
