"""What a target of a file that is written may be: names, links, permissions, devices; and what may lie beside it."""

import fcntl
import os
import re

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import _atomic
from deeprob_fast._atomic import replacing
from tests.safety.children import names, run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and devices of POSIX")


def test_others_are_left_alone(tmp_path):
    """Only plain files of exactly that kind of name are taken for unfinished ones, and only those of this target."""
    digits = "0123456789abcdef"
    kept = ["x.partial", f"x.{digits}.partial.bak", f"x.{digits[:8]}.partial", f"y.{digits}.partial", f"x.{digits}"]
    for name in kept:
        (tmp_path / name).touch()
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / f"x.{digits[::-1]}.partial").symlink_to("precious")
    (tmp_path / f"x.{'0' * 16}.partial").mkdir()
    (tmp_path / f"x.{digits}.partial").touch()  # the only one
    with replacing(tmp_path / "x"):
        pass
    kept += ["x", "precious", f"x.{digits[::-1]}.partial", f"x.{'0' * 16}.partial"]
    assert names(tmp_path) == sorted(kept)
    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_without_locks(tmp_path, monkeypatch):
    """Where nobody can tell who is alive, nothing of others is removed."""
    abandoned = tmp_path / "x.0123456789abcdef.partial"
    abandoned.touch()

    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", unsupported)
        with replacing(tmp_path / "x") as file:
            file.write(b"new")
    assert (tmp_path / "x").read_bytes() == b"new"
    assert abandoned.exists()


def test_a_file_taken_for_abandoned_before_it_was_locked(tmp_path, monkeypatch):
    made: list[str] = []
    flock = fcntl.flock

    def lose(lock, operation):
        if not made:  # another writer is faster
            made.extend(names(tmp_path))
            (tmp_path / made[0]).unlink()
        elif len(made) == 1:  # another writer holds it and is about to remove it
            made.extend(names(tmp_path))
            (tmp_path / made[1]).unlink()
            raise BlockingIOError
        flock(lock, operation)

    monkeypatch.setattr(fcntl, "flock", lose)
    with replacing(tmp_path / "x") as file:
        file.write(b"new")
    assert len(made) == 2
    assert (tmp_path / "x").read_bytes() == b"new"
    assert names(tmp_path) == ["x"]


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127, "with\nnewline", " ", "-", "x.0123456789abcdef.partial"])
def test_names(tmp_path, name):
    for content in (b"old", b"new"):
        with replacing(tmp_path / name) as file:
            file.write(content)
    assert (tmp_path / name).read_bytes() == b"new"
    assert names(tmp_path) == [name]


def test_links_are_followed(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder/new")
    df.KNNIndex(np.eye(2)).save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert df.KNNIndex.load(tmp_path / "folder" / "new").n_train == 2
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="loop"):
        df.KNNIndex(np.eye(2)).save(tmp_path / "loop")


def test_permissions_stay(tmp_path, monkeypatch):
    path = tmp_path / "x"
    for mode in (0o600, 0o640):
        path.touch()
        path.chmod(mode)
        with replacing(path) as file:
            assert os.fstat(file.fileno()).st_mode & 0o777 == mode
        assert path.stat().st_mode & 0o777 == mode
    monkeypatch.setattr(os, "access", lambda *_: False)  # as the kernel answers those who are not root
    for call in (lambda: replacing(path).__enter__(), lambda: _atomic.check_writable(path)):
        with pytest.raises(PermissionError, match=re.escape(str(path))):
            call()


@pytest.mark.parametrize(
    ("name", "error"), [("missing/x", FileNotFoundError), ("file/x", NotADirectoryError), (".", IsADirectoryError)]
)
def test_errors_name_the_target(tmp_path, name, error):
    (tmp_path / "file").touch()
    target = tmp_path / name
    for call in (lambda: replacing(target).__enter__(), lambda: _atomic.check_writable(target)):
        with pytest.raises(error, match=re.escape(f"'{target}'")):
            call()


def test_devices_and_pipes_are_written_to(tmp_path):
    device = tmp_path / "null"
    if os.geteuid() == 0:  # who may replace it
        os.mknod(device, 0o666 | 0o020000, os.makedev(1, 3))
    else:
        device.symlink_to("/dev/null")
    df.save(np.ones(3), device.rename(tmp_path / "null.npz"))
    assert (tmp_path / "null.npz").is_char_device()
    os.mkfifo(tmp_path / "pipe")
    # Without waiting for a reader.
    run("from deeprob_fast import _atomic; signal.alarm(20); _atomic.check_writable('pipe')", folder=tmp_path)
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with replacing(tmp_path / "pipe") as file:
        file.write(b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert names(tmp_path) == ["null.npz", "pipe"]
