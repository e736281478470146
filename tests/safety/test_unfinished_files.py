"""Writers that are killed: at most one unfinished file each, which the next writer of the same target removes."""

import ast
import contextlib
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast._atomic import replacing
from tests.safety.children import end, names, run, started, wait_for

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and locks of POSIX")

PARTIAL = re.compile(r".+\.[0-9a-f]{16}\.partial")

# Each writes a target.
WRITERS = {
    "index": ("index", "df.KNNIndex(np.ones((50, 20))).save(target)"),
    "npz": ("model.npz", "df.save(np.ones((5, 5)), target)"),
    "safetensors": ("model.safetensors", "df.save(np.ones((5, 5)), target)"),
    "skops": ("model.skops", "df.save(df.KNeighborsClassifier(), target)"),
    "conversion": ("rows.npy", "df.datasets.convert_embeddings('source.npz', target)"),
    "figure": ("learning_rate.png", "df.figures.save(os.path.dirname(target), ['learning_rate'])"),
    "course's weights": ("w", "from deeprob_fast.compat import _saved; _saved.write(Path(target), np.ones(3))"),
    "page": ("page.html", "from deeprob_fast.cli._output import write_text; write_text(Path(target), 'page')"),
    "props": (
        "X.npy",
        "from deeprob_fast.datasets import _props_arrays as p; p.write_parts(p.Parts(*[np.ones(3)] * 5), Path(target).parent)",
    ),
}
ATTEMPTS = """
import pathlib, resource, time, numpy as np, deeprob_fast as df
from pathlib import Path
target, write = os.path.abspath(sys.argv[1]), sys.argv[2]
folder = Path(target).parent
np.savez("source.npz", np.ones((9, 9)))
exec(write)  # there is an old file, and all is imported
old = {path.name: path.read_bytes() for path in folder.iterdir()}

def attempt(limit, ending):
    "Write in a child: with an end of the disk, or with a signal when nothing has taken its target's place yet."
    read, told = os.pipe()
    child = os.fork()
    if child == 0:
        def stop(self, other):
            os.write(told, b".")
            while True:  # a signal that comes right before a sleep does not shorten it
                time.sleep(0.05)
        pathlib.Path.replace = stop
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            exec(write)
        except KeyboardInterrupt:
            os._exit(130)
        except OSError as error:
            os._exit(error.errno)
        os._exit(0)
    os.close(told)
    if ending is not None:
        assert os.read(read, 1) == b"."
        os.kill(child, ending)
    status = os.waitpid(child, 0)[1]
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name: found.pop(name) for name in old} == old
    assert all(name.endswith(".partial") for name in found), found
    return os.waitstatus_to_exitcode(status), len(found)

everything = resource.RLIM_INFINITY
for ending in (signal.SIGTERM, signal.SIGKILL, signal.SIGHUP):
    assert attempt(everything, ending) == (-ending, len(old)), "one for each target, after any number of kills"
assert attempt(everything, signal.SIGINT) == (130, 0)
assert attempt(everything, signal.SIGKILL) == (-9, len(old))
assert attempt(2, None) == (27, 0), "no room, and what was left before is gone"
assert attempt(everything, signal.SIGKILL) == (-9, len(old))
exec(write)
assert sorted(path.name for path in folder.iterdir()) == sorted(old)
print("done")
"""


def unfinished(folder):
    return [name for name in names(folder) if PARTIAL.fullmatch(name)]


@pytest.mark.parametrize("kind", WRITERS)
def test_every_writer_leaves_one_unfinished_file_at_most(tmp_path, kind):
    """Killed, interrupted or without room on the disk: the old file stays, and the next writer leaves nothing else."""
    for module in {"figure": ["matplotlib"], "skops": ["skops"], "safetensors": ["safetensors"]}.get(kind, []):
        pytest.importorskip(module)
    (tmp_path / "out").mkdir()
    name, write = WRITERS[kind]
    assert run(ATTEMPTS, f"out/{name}", write, folder=tmp_path).endswith("done")


@pytest.mark.parametrize("ending", ["TERM", "HUP", "KILL"])
def test_killed_in_the_middle_of_a_large_save(tmp_path, ending):
    """64 MB, of which some are written when the signal comes."""
    first = df.KNNIndex(np.eye(3))
    first.save(tmp_path / "index")
    code = """
    import numpy as np, deeprob_fast as df
    index = df.KNNIndex(np.random.default_rng(0).standard_normal((1 << 16, 256), dtype=np.float32), strategy="dense")
    print("ready", flush=True)
    while True:
        index.save("other")
        os.unlink("other")
    """
    for _ in range(3):
        with started(code, folder=tmp_path) as process:
            wait_for(process)
            while not any(path.stat().st_size > 0 for path in tmp_path.glob("other.*") if path.exists()):
                assert process.poll() is None
            end(process, ending)
        assert len(unfinished(tmp_path)) <= 1
    np.testing.assert_array_equal(df.KNNIndex.load(tmp_path / "index").train, np.eye(3))
    first.save(tmp_path / "other")
    assert names(tmp_path) == ["index", "other"]


def test_a_living_writer_keeps_its_file(tmp_path):
    """Another one that is faster removes nothing of it; the last to finish wins."""
    code = """
    import pathlib, numpy as np, deeprob_fast as df
    replace = pathlib.Path.replace
    def wait(self, target):
        print("ready", flush=True)
        sys.stdin.readline()
        replace(self, target)
    pathlib.Path.replace = wait
    df.save(np.full(3, 1.0), "w.npz")
    print("done", flush=True)
    """
    with started(code, folder=tmp_path) as process:
        wait_for(process)
        df.save(np.full(3, 2.0), tmp_path / "w.npz")
        assert len(unfinished(tmp_path)) == 1
        assert df.load(tmp_path / "w.npz")["W"].tolist() == [2, 2, 2]
        process.stdin.write("\n")
        process.stdin.flush()
        wait_for(process, "done")
    assert df.load(tmp_path / "w.npz")["W"].tolist() == [1, 1, 1]
    assert names(tmp_path) == ["w.npz"]


def test_many_writers_of_one_target(tmp_path):
    """Processes with two threads each: whoever reads meanwhile finds a whole file, and none of them fails."""
    code = """
    import threading, numpy as np, deeprob_fast as df
    index = df.KNNIndex(np.full((20, 5), float(sys.argv[1])))
    failures = []
    def save():
        try:
            for _ in range(60):
                index.save("index")
        except BaseException as error:
            failures.append(error)
    threads = [threading.Thread(target=save) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    sys.exit(repr(failures) if failures else 0)
    """
    df.KNNIndex(np.full((20, 5), 0.0)).save(tmp_path / "index")
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(started(code, number, folder=tmp_path)) for number in range(3)]
        n_read = 0
        while any(process.poll() is None for process in processes):
            train = df.KNNIndex.load(tmp_path / "index").train
            assert train.shape == (20, 5)
            assert train.min() == train.max()
            n_read += 1
        for process in processes:
            assert process.wait() == 0, process.stderr.read()
    assert n_read > 10
    assert names(tmp_path) == ["index"]


def test_fork_in_the_middle(tmp_path):
    """The child neither finishes nor removes what its parent writes, however it leaves."""
    code = """
    from pathlib import Path
    from deeprob_fast._atomic import replacing
    def leave(how):
        try:
            with replacing("x") as file:
                file.write(b"parent's")
                file.flush()
                child = os.fork()
                if child == 0:
                    how()
                else:
                    assert os.waitpid(child, 0)[1] == 0
        except BaseException as error:
            if child:
                raise
            os._exit(0 if isinstance(error, (SystemExit, OSError)) else 9)
        if not child:
            os._exit(8)
        assert Path("x").read_bytes() == b"parent's"
        assert os.listdir() == ["x"], os.listdir()
        os.unlink("x")
    leave(sys.exit)
    leave(lambda: None)
    """
    run(code, folder=tmp_path)


def test_a_child_outlives_the_writer(tmp_path):
    """What a killed writer's child holds stays until the child has ended, too; nobody waits for it."""
    code = """
    from deeprob_fast._atomic import replacing
    with replacing("x") as file:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.stdin.readline()
            os._exit(0)
        print("ready", flush=True)
        signal.pause()
    """
    with started(code, folder=tmp_path) as process:
        wait_for(process)
        process.kill()
        process.wait()
        with replacing(tmp_path / "x") as file:
            file.write(b"next")
        assert len(unfinished(tmp_path)) == 1
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stderr.read() == ""  # the child has closed it
    with replacing(tmp_path / "x") as file:
        file.write(b"last")
    assert (tmp_path / "x").read_bytes() == b"last"
    assert names(tmp_path) == ["x"]


def test_a_full_disk(tmp_path):
    """A real one, where the tests may mount it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("may not mount a file system")
    try:
        small, large = df.KNNIndex(np.eye(4)), df.KNNIndex(np.random.default_rng(0).random((3000, 200)))
        small.save(disk / "index")
        for _ in range(2):
            with pytest.raises(OSError, match=f"No space left on device: '{disk}/index'"):
                large.save(disk / "index")
        assert names(disk) == ["index"]
        np.testing.assert_array_equal(df.KNNIndex.load(disk / "index").train, np.eye(4))
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


PACKAGE = Path(df.__file__).parent
WRITING = {"savefig", "tofile", "write_array", "np.save", "np.savez", "np.savez_compressed", "np.savetxt", "torch.save"}


def writing_calls(source):
    """Yield the line of each call that opens a file for writing, and of each that writes into a file it is given."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            name = called.rpartition(".")[2]
            values = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
            modes = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
            writes = any(set(mode) <= set("rwxabt+") and set(mode) & set("wxa+") for mode in modes)
            opens = (name in {"open", "fdopen", "memmap"} and writes) or called == "os.open"
            if opens or (name in {"write_text", "write_bytes"} and "." in called):
                yield "opens", node.lineno
            elif {called, name} & WRITING:
                yield "writes", node.lineno


def test_nobody_writes_a_file_otherwise():
    """Who adds another way to write a file meets this test."""
    examples = "open(x, 'wb'); p.open('a'); p.write_text(t); a.tofile(p); open(x); s.replace('w', 'a')"
    assert [what for what, _ in writing_calls(examples)] == [*["opens"] * 3, "writes"]
    in_memory = {"saving/containers.py", "cli/report/_figures.py"}
    seen = set()
    for path in PACKAGE.rglob("*.py"):
        place, source = path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")
        for what, line in writing_calls(source):
            is_given_a_file = what == "writes" and ("replacing(" in source or place in in_memory)
            assert place == "_atomic.py" or is_given_a_file, f"{place}:{line}"
            seen.add(place)
    assert {"_atomic.py", "knn/store/container.py", "figures/__init__.py", "datasets/_embeddings.py", "compat/_saved.py"} <= seen
