"""Files that are there whole or not at all, and at most one unfinished file for each writer that was killed.

A file is written beside its target, as NAME.<16 hex digits>.partial, and takes the target's place in one step. While it is
written its writer holds a lock on it (flock), which the kernel lets go when the process ends, however it ends. So an unfinished
file without a lock is nobody's, and the next writer of the same target removes it. Several writers of one target have a file
each and wait for nobody; the last one to finish wins.

Why nothing simpler will do. A signal handler that tidies up is for a program to install, not for a library, and SIGKILL has none.
With one fixed name a second writer would wait for a first one that may be stopped. A process number in the name means nothing in
another container. A file without a name (O_TMPFILE) leaves nothing behind, but network and overlay file systems may lack it, so
that all this would be needed besides. Where a file system has no locks, unfinished files of killed writers stay. A child that is
forked while its parent writes shares the lock: should the parent be killed, the file stays until the child has ended as well.
"""

import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np

from deeprob_fast._typing import AnyArray

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PIECE = 1 << 24
_STEM = 50  # characters of a target's name that its unfinished file repeats: no name gets too long


@contextmanager
def replacing(target: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Give a file to write to, which takes the place of `target` in the end, unless something went wrong.

    Links are followed. Devices and pipes, which cannot be replaced, are written to directly.
    """
    path = Path(target)
    try:
        with _opened(path) as file:
            yield file
    except OSError as error:
        if error.errno in _NO_ROOM and error.filename is None:
            error.filename = str(path)  # who writes into a file does not know its name
        raise


def write_array(file: BinaryIO, array: AnyArray) -> None:
    """Write the bytes of an array, row after row, in pieces between which Ctrl-C is heard."""
    content = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    file.writelines(content[start : start + _PIECE] for start in range(0, len(content), _PIECE))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if is_special(path):
        with path.open("wb") as special:
            yield special
        return
    path = Path(os.path.realpath(path))
    writer = os.getpid()
    partial, lock = _begin(path)
    file = os.fdopen(os.dup(lock), "w+b")
    try:
        yield file
        file.close()  # after this no error of writing can come; the lock is still held
        if os.getpid() != writer:
            msg = f"{path} is being written by the process from which this one was forked"
            raise OSError(msg)
        partial.replace(path)
    finally:
        with suppress(OSError):
            file.close()
        if os.getpid() == writer:
            partial.unlink(missing_ok=True)
        os.close(lock)


def check_writable(target: str | os.PathLike[str]) -> None:
    """Raise the OSError that `replacing` would raise before anything is written."""
    path = Path(target)
    if is_special(path):
        _check_permission(path)  # to open a pipe is to wait for its reader
        return
    partial, lock = _begin(Path(os.path.realpath(path)))
    partial.unlink(missing_ok=True)
    os.close(lock)


def is_special(path: Path) -> bool:
    """Tell whether there is something that is neither a plain file nor a folder."""
    return path.exists() and not path.is_file() and not path.is_dir()


def _error(code: int, path: Path) -> OSError:
    return OSError(code, os.strerror(code), str(path))


def _check_permission(path: Path) -> None:
    if not os.access(path, os.W_OK):
        raise _error(errno.EACCES, path)


def _begin(path: Path) -> tuple[Path, int]:
    """Make an unfinished file for a path whose links have been followed; return it with its lock."""
    if path.is_symlink():
        raise _error(errno.ELOOP, path)
    if path.is_dir():
        raise _error(errno.EISDIR, path)
    mode = None
    if path.exists():
        _check_permission(path)  # to replace it takes none, but people take it away to protect a file
        mode = stat.S_IMODE(path.stat().st_mode)
    stem = path.name[:_STEM]
    _remove_abandoned(path.parent, stem)
    while True:
        partial = path.with_name(f"{stem}.{secrets.token_hex(8)}.partial")
        try:
            lock = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600)
        except OSError as error:
            raise _error(error.errno or errno.EIO, path) from error
        if _is_locked(lock):
            break
        os.close(lock)
        partial.unlink(missing_ok=True)
    if mode is not None:
        with suppress(OSError):  # a file system without permissions
            os.fchmod(lock, mode)
    return partial, lock


def _is_locked(lock: int) -> bool:
    """Lock a file that was just made, unless another writer was faster and takes it for abandoned."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return os.fstat(lock).st_nlink > 0


def _remove_abandoned(folder: Path, stem: str) -> None:
    """Remove the unfinished files whose writers have ended."""
    pattern = re.compile(re.escape(stem) + r"\.[0-9a-f]{16}\.partial")
    abandoned: list[Path] = []
    with suppress(OSError), os.scandir(folder) as entries:
        files = (entry for entry in entries if entry.is_file(follow_symlinks=False))
        abandoned += [Path(file.path) for file in files if pattern.fullmatch(file.name)]
    for partial in abandoned:
        with suppress(OSError):  # its writer is alive or has just finished it, or it is another user's
            lock = os.open(partial, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                partial.unlink()
            finally:
                os.close(lock)
