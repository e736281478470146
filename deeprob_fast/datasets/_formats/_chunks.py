"""Chunks of HDF5: looked at before its library unpacks them, as it believes whatever comes out of them."""

import math
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._files.budget import UNPACKED_BYTES, check_unpacked
from deeprob_fast._files.opening import open_regular, regular_size
from deeprob_fast._files.refusal import refuse
from deeprob_fast._optional import require
from deeprob_fast._typing import AnyArray

# Numbers of the filters whose output is bounded by what they are given, and what one byte of lzf can stand for at most.
_DEFLATE, _SHUFFLE, _CHECKSUM, _LZF = 1, 2, 3, 32000
_LZF_RATIO = 88
_MOST_MISSING = 1 << 17  # chunks; each takes six microseconds to find out
_LONGEST_TEXT = 1 << 12  # bytes, four for each character that a label may have
_FEW = 1 << 12


def check_chunks(path: Path, item: Any) -> None:
    """Refuse chunks that are packed in other ways, lie over one another, or unpack to more than they should."""
    for _ in _unpacked(path, item):
        pass


def check_texts(path: Path, item: Any) -> int | None:
    """Refuse long strings, and short ones that stand for one long text many times; return how many may be read at once."""
    h5py = require("h5py", "io")
    if h5py.check_string_dtype(item.dtype).length is not None:
        if item.chunks is not None:
            check_chunks(path, item)
        return None
    stride, n_texts = _stride(item), item.shape[0]
    place = item.id.get_offset()
    if item.chunks is not None:
        parts = _unpacked(path, item)
    elif place is not None and item.id.get_storage_size() == stride * n_texts:
        with open_regular(path) as file:
            file.seek(place)
            parts = iter([(file.read(stride * n_texts), False)])
    elif n_texts <= _FEW or item.id.get_storage_size() == 0:
        return 1 if item.id.get_space_status() != h5py.h5d.SPACE_STATUS_NOT_ALLOCATED else None
    else:
        raise refuse(path, f"must hold the text of {item.name} in one stretch or in chunks")
    size, total = regular_size(path), 0
    for part, is_shuffled in parts:
        if part is None:
            raise refuse(path, f"must hold the text of {item.name} not packed, or by gzip")
        # Each string is a length of four bytes and the place of its text, which others may share.
        numbers = np.frombuffer(part[: len(part) // stride * stride], dtype=np.uint8)
        numbers = numbers.reshape(stride, -1).T if is_shuffled else numbers.reshape(-1, stride)
        lengths = np.ascontiguousarray(numbers[:, :4]).view("<u4")
        longest, total = int(lengths.max(initial=0)), total + int(lengths.sum(dtype=np.int64))
        if longest > _LONGEST_TEXT or total > size:
            what = f"must hold text of at most {_LONGEST_TEXT} bytes a string in {item.name}, each once"
            raise refuse(path, f"{what}; one has {longest}, and {total} are stated by a file of {size}")
    return None


def _unpacked(path: Path, item: Any) -> Iterator[tuple[bytes | None, bool]]:
    """Yield the bytes of each chunk, None where only the library can unpack them, and whether they are shuffled."""
    filters = _filters(path, item)
    places = _places(path, item)
    n_bytes = math.prod(item.chunks) * _stride(item)
    if places.size and _LZF in filters and places[:, -2].max() > UNPACKED_BYTES // _LZF_RATIO:
        raise refuse(path, f"must hold chunks of at most {UNPACKED_BYTES // _LZF_RATIO} bytes in {item.name}, as lzf packs them")
    for *place, _, _ in places.tolist():
        skipped, packed = item.id.read_direct_chunk(tuple(place))
        used = [kind for number, kind in enumerate(filters) if not skipped >> number & 1]
        if _DEFLATE in used:
            unpacker = zlib.decompressobj()
            packed = unpacker.decompress(packed, n_bytes + 1)
            if len(packed) > n_bytes or not unpacker.eof:
                raise refuse(path, f"is damaged: the chunk of {item.name} at {tuple(place)} must unpack to {n_bytes} bytes")
        yield None if _LZF in used else packed[:n_bytes], _SHUFFLE in used


def _stride(item: Any) -> int:
    """Return how many bytes an element takes in the file; a string there is its length, an address and a number."""
    kind = item.id.get_type()
    width: int = item.file.id.get_create_plist().get_sizes()[0] + 8 if item.dtype.kind == "O" else kind.get_size()
    return width


def _filters(path: Path, item: Any) -> list[int]:
    plan = item.id.get_create_plist()
    filters = [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
    packers = [kind for kind in filters if kind not in (_SHUFFLE, _CHECKSUM)]
    is_known = packers in ([], [_DEFLATE], [_LZF]) and filters.count(_SHUFFLE) <= 1
    if not is_known or (packers and _SHUFFLE in filters[filters.index(packers[0]) :]):
        raise refuse(path, f"must be packed by gzip or lzf in {item.name}, and that once; its filters are {filters}")
    return filters


def _places(path: Path, item: Any) -> AnyArray:
    """Return the place, size and mask of each chunk that there is."""
    size = regular_size(path)
    n_bytes = math.prod(item.chunks) * _stride(item)
    check_unpacked(path, f"a chunk of {item.name}", n_bytes, size)
    stated = math.prod(-(-length // step) for length, step in zip(item.shape, item.chunks, strict=True))
    n_chunks = item.id.get_num_chunks()
    if stated > max(_MOST_MISSING, 4 * n_chunks):
        raise refuse(path, f"states {stated} chunks in {item.name}; {n_chunks} of them are there")
    numbers = array("q")

    def note(chunk: Any) -> None:
        numbers.extend((*chunk.chunk_offset, chunk.size, chunk.filter_mask))

    if hasattr(item.id, "chunk_iter"):
        item.id.chunk_iter(note)
    else:  # built with a library before 1.12.3
        for number in range(n_chunks):
            note(item.id.get_chunk_info(number))
    places = np.array(numbers, dtype=np.int64).reshape(-1, item.ndim + 2)
    # What cannot be packed is stored with a few bytes more.
    largest, total = int(places[:, -2].max(initial=0)), int(places[:, -2].sum())
    if largest > n_bytes + n_bytes // 64 + 1024 or total > size:
        what = f"is damaged: the chunks of {item.name} take {total} bytes, the largest {largest}"
        raise refuse(path, f"{what}, in a file of {size} for chunks of {n_bytes}")
    return places
