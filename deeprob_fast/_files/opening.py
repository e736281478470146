"""Opening: regular files only, as a pipe lets its reader wait for ever and a device has no end."""

import stat
from pathlib import Path
from typing import BinaryIO

from deeprob_fast._files.refusal import refuse

_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def regular_size(path: Path) -> int:
    """Return the number of bytes of a regular file, or of the one that a link leads to.

    Raises
    ------
    OSError
        If there is no such file, or links lead nowhere or in a circle.
    ValueError
        If it is of another kind.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise refuse(path, f"must be a regular file; it is {_KINDS.get(stat.S_IFMT(status.st_mode), 'none')}")
    return status.st_size


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; errors as those of `regular_size`."""
    regular_size(path)
    return path.open("rb")
