"""Chunks of HDF5: looked at before its library unpacks them, as it believes whatever comes out of them."""

import math
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from deeprob_fast._files.budget import UNPACKED_BYTES, check_unpacked
from deeprob_fast._files.opening import regular_size
from deeprob_fast._files.refusal import refuse
from deeprob_fast._typing import AnyArray

# Numbers of the filters whose output is bounded by what they are given, and what one byte of lzf can stand for at most.
_DEFLATE, _SHUFFLE, _CHECKSUM, _LZF = 1, 2, 3, 32000
_LZF_RATIO = 88
_MOST_MISSING = 1 << 17  # chunks; each takes six microseconds to find out


def check_chunks(path: Path, item: Any) -> None:
    """Refuse chunks that are packed in other ways, lie over one another, or unpack to more than they should."""
    for _ in unpacked(path, item, item.id.get_type().get_size()):
        pass


def unpacked(path: Path, item: Any, width: int) -> Iterator[tuple[tuple[int, ...], bytes | None, bool]]:
    """Yield the place of each chunk, its bytes or None where only the library can unpack them, and whether they are shuffled.

    Elements take `width` bytes in the file.
    """
    n_bytes = math.prod(item.chunks) * width
    filters, places = _filters(path, item), _places(path, item, n_bytes)
    if places.size and _LZF in filters and places[:, -2].max() > UNPACKED_BYTES // _LZF_RATIO:
        raise refuse(path, f"must hold chunks of at most {UNPACKED_BYTES // _LZF_RATIO} bytes in {item.name}, as lzf packs them")
    for *numbers, _, _ in places.tolist():
        place = tuple(numbers)
        skipped, packed = item.id.read_direct_chunk(place)
        used = [kind for number, kind in enumerate(filters) if not skipped >> number & 1]
        if _DEFLATE in used:
            unpacker = zlib.decompressobj()
            packed = unpacker.decompress(packed, n_bytes + 1)
            if len(packed) != n_bytes or not unpacker.eof:
                raise refuse(path, f"is damaged: the chunk of {item.name} at {place} must unpack to {n_bytes} bytes")
        if _LZF not in used and len(packed) < n_bytes:
            raise refuse(path, f"is damaged: the chunk of {item.name} at {place} must have {n_bytes} bytes; it has {len(packed)}")
        yield place, None if _LZF in used else packed[:n_bytes], _SHUFFLE in used


def _filters(path: Path, item: Any) -> list[int]:
    plan = item.id.get_create_plist()
    filters = [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
    packers = [kind for kind in filters if kind not in (_SHUFFLE, _CHECKSUM)]
    is_known = packers in ([], [_DEFLATE], [_LZF]) and filters.count(_SHUFFLE) <= 1
    if not is_known or (packers and _SHUFFLE in filters[filters.index(packers[0]) :]):
        raise refuse(path, f"must be packed by gzip or lzf in {item.name}, and that once; its filters are {filters}")
    return filters


def _places(path: Path, item: Any, n_bytes: int) -> AnyArray:
    """Return the place, size and mask of each chunk that there is, of so many bytes when unpacked."""
    size = regular_size(path)
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
