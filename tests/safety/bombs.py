"""Files that ask for far more than their size, by the loader that must refuse them; written by the functions that are listed."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Bomb(NamedTuple):
    """A file that must be refused, by a message with these words."""

    loader: str
    name: str
    words: str
    write: Callable[[Path], object]
    memory: int = 4 << 30  # bytes of addresses that the process may have
    is_slow: bool = False  # to be written


BOMBS: dict[str, Bomb] = {}


def bomb(loader, name, words, **options):
    """Note a function that writes a file of that name, or what lies in a folder of that name."""

    def note(write):
        title = write.__name__.replace("_", " ").strip()
        assert title not in BOMBS
        BOMBS[title] = Bomb(loader, name, words, write, **options)
        return write

    return note


_BLOCK = 1 << 24


def deflated_zeros(n_bytes, before=b""):
    """Deflate bytes and so many zeros after them, without going through all of these."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = packer.compress(before) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(_BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)  # which forgets what was before
    return start + block * (n_bytes // _BLOCK) + packer.compress(bytes(n_bytes % _BLOCK)) + packer.flush()


def gzipped_zeros(n_bytes, before=b""):
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + deflated_zeros(n_bytes, before) + struct.pack("<II", 0, n_bytes % (1 << 32))


class Member(NamedTuple):
    """A member of a zip archive, whose directory may lie."""

    name: str
    packed: bytes
    size: int
    method: int = 8
    flags: int = 0
    crc: int = 0


def zipped(*members, overlap=False):
    """Write a zip archive; members that overlap all start where the first does."""
    body, directory = b"", b""
    for member in members:
        name = member.name.encode()
        sizes = [min(number, 2**32 - 1) for number in (len(member.packed), member.size)]
        facts = struct.pack("<HHHHHIII", 20, member.flags, member.method, 0, 33, member.crc, *sizes)
        extra = struct.pack("<HHQ", 1, 8, member.size) if member.size >= 2**32 else b""
        place = 0 if overlap else len(body)
        lengths = struct.pack("<HH", len(name), len(extra))
        directory += b"PK\1\2\x14\0" + facts + lengths + bytes(10) + struct.pack("<I", place) + name + extra
        if not (overlap and body):
            body += b"PK\3\4" + facts + lengths + name + extra + member.packed
    counts = struct.pack("<HH", *[min(len(members), 2**16 - 1)] * 2)
    return body + directory + b"PK\5\6\0\0\0\0" + counts + struct.pack("<II", len(directory), len(body)) + b"\0\0"


def stored(name, content, **options):
    """Return a member that is not packed, with the checksum that it should have."""
    return Member(name, content, len(content), method=0, crc=zlib.crc32(content), **options)


def npy_header(shape, dtype="<f4"):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def npy_text(text):
    """Return an array whose header is any text."""
    return b"\x93NUMPY\2\0" + struct.pack("<I", len(text)) + text


def safetensors_text(text):
    return struct.pack("<Q", len(text)) + text


def sparse(path, start, n_bytes):
    """Write a file that is zeros after its start, which take no room on the disk."""
    with path.open("wb") as file:
        file.write(start)
        file.truncate(n_bytes)
