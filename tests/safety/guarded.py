"""Arrays between forbidden pages: a kernel that leaves one is stopped at once, without a sanitizer as well."""

import ctypes
import mmap

import numpy as np

_PAGE = mmap.PAGESIZE
_LINE = 64
_MARK = 0xA5
_NO_ACCESS = 0
_LIBC = ctypes.CDLL(None, use_errno=True)

# The sanitizer guards ordinary arrays by itself, and to the byte.
SANITIZED = hasattr(_LIBC, "__asan_init")


class Guard:
    """Makes arrays, and tells whether bytes beside one of them were written."""

    def __init__(self):
        self._margins = []
        self._gaps = []

    def place(self, array):
        """Return a contiguous copy whose end lies at a forbidden page, up to what is missing to a cache line."""
        if SANITIZED or array.dtype.hasobject:
            return np.array(array, order="C")
        placed = self._bytes(array.nbytes).view(array.dtype).reshape(array.shape)
        placed[...] = array
        return placed

    def place_all(self, value):
        """Return a value with every array in it placed."""
        if isinstance(value, tuple):
            return tuple(map(self.place_all, value))
        return self.place(value) if isinstance(value, np.ndarray) else value

    def _bytes(self, size):
        n_pages = -(-size // _PAGE)
        memory = mmap.mmap(-1, (n_pages + 2) * _PAGE)
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for page in (address, address + (n_pages + 1) * _PAGE):
            if _LIBC.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(_PAGE), _NO_ACCESS):
                raise OSError(ctypes.get_errno(), "mprotect")
        inside = np.frombuffer(memory, dtype=np.uint8)[_PAGE : (n_pages + 1) * _PAGE]
        start = n_pages * _PAGE - -(-size // _LINE) * _LINE
        for margin in (inside[:start], inside[start + size :]):
            margin[...] = _MARK
            self._margins.append(margin)
        return inside[start : start + size]

    def watch(self, gap):
        """Fill numbers inside an array that are not the kernel's either."""
        gap[...] = 77
        self._gaps.append((gap, gap.tobytes()))

    @property
    def overrun(self):
        """Whether something was written that is not part of an array."""
        return any((margin != _MARK).any() for margin in self._margins) or any(gap.tobytes() != was for gap, was in self._gaps)
