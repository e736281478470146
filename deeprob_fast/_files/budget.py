"""How much a file may ask for: the one home of the limits on what is unpacked, and on what is read into memory.

A few bytes can stand for gigabytes: deflate packs a thousand bytes of zeros into one, other formats a million. So a reader asks
here, with the size that the file states, before it unpacks anything; and it never takes more than that size from the stream.
"""

import os
from pathlib import Path

from deeprob_fast._files.refusal import refuse

# What any file may unpack to, however small it is: arrays of zeros and other examples that pack well.
UNPACKED_BYTES = 1 << 30
# Beyond, this many times the bytes of the file. Embeddings pack to a half at best, images to a tenth, one-hot rows to a
# hundredth.
UNPACKED_RATIO = 128
# What a byte of deflate can stand for at most: a little over 1032.
_DEFLATE_RATIO = 1040


def most_unpacked(packed: int) -> int:
    """Return how many bytes so many packed ones may become."""
    return max(UNPACKED_BYTES, UNPACKED_RATIO * packed)


def check_unpacked(path: Path | str, what: str, size: int, packed: int, *, is_deflated: bool = False) -> None:
    """Refuse to unpack `what`, which states a size, out of so many bytes."""
    if is_deflated and size > _DEFLATE_RATIO * packed + _DEFLATE_RATIO:
        raise refuse(path, f"states {what} of {size} bytes in {packed} packed ones; deflate does not pack them so small")
    if size > most_unpacked(packed):
        raise refuse(
            path,
            f"states {what} of {size} bytes in {packed} packed ones; what unpacks to more than {UNPACKED_BYTES} bytes and "
            f"{UNPACKED_RATIO} times its own is not read: store it without compression",
        )


def check_memory(path: Path, size: int, advice: str = "") -> None:
    """Refuse to read more than the machine's memory: the system would end some process instead of this call."""
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > available:
        msg = f"{path} takes {size} bytes when it is read into memory; this machine has {available}{advice}"
        raise MemoryError(msg)
