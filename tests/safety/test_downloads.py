"""A download that is killed, stalls or is not what was asked for leaves nothing that passes for data, and no heap of rests."""

import contextlib
import hashlib
import http.server
import os
import threading

import pytest

from tests.safety.children import end, names, run, started

pytest.importorskip("pooch")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

CONTENT = bytes(range(256)) * 4000
FETCH = f"""
import dataclasses, logging
from deeprob_fast.datasets import _named, _sources
logging.getLogger("pooch").disabled = True
file = _sources.Remote("train-images-idx3-ubyte.gz", "{hashlib.sha256(CONTENT).hexdigest()}", (sys.argv[1],))
_named.SOURCES["mnist"] = dataclasses.replace(_named.SOURCES["mnist"], files=(file,))
"""
BY_LIBRARY = FETCH + "_sources.fetch(_named.SOURCES['mnist'])"
BY_COMMAND = FETCH + "from deeprob_fast.cli import main; main(['data', 'download', 'mnist'])"


@contextlib.contextmanager
def serving():
    """Serve the file; at /stalls only its first half, after which nothing comes until the end."""
    half_sent, release = threading.Event(), threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            if self.path == "/stalls":
                self.wfile.write(CONTENT[: len(CONTENT) // 2])
                half_sent.set()
                release.wait(120)
            elif self.path == "/cut":
                self.wfile.write(CONTENT[:1000])
            else:
                self.wfile.write(CONTENT[::-1] if self.path == "/other" else CONTENT)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", half_sent
        finally:
            release.set()
            server.shutdown()
            thread.join()


def environment(folder):
    return {"XDG_CACHE_HOME": str(folder), "DEEPROB_FAST_DATA": "", "no_proxy": "*"}


@pytest.mark.parametrize(
    ("code", "name", "expected", "n_left"),
    [
        (BY_LIBRARY, "KILL", -9, 1),
        (BY_LIBRARY, "TERM", -15, 1),
        (BY_COMMAND, "TERM", 143, 0),
        (BY_COMMAND, "HUP", 129, 0),
        (BY_COMMAND, "INT", 130, 0),
    ],
)
def test_killed_in_the_middle(tmp_path, code, name, expected, n_left):
    cache = tmp_path / "deeprob_fast" / "mnist"
    with serving() as (address, half_sent):
        for _ in range(2):
            half_sent.clear()
            with started(code, f"{address}/stalls", folder=tmp_path, **environment(tmp_path)) as process:
                assert half_sent.wait(60), process.stderr.read()
                while not any(path.stat().st_size for path in cache.glob("*.partial")):
                    assert process.poll() is None
                assert end(process, name)[0] == expected
            assert [path.rpartition(".")[2] for path in names(cache)] == ["partial"] * n_left
        run(code, address, folder=tmp_path, **environment(tmp_path))
    assert names(cache) == ["train-images-idx3-ubyte.gz"]
    assert (cache / "train-images-idx3-ubyte.gz").read_bytes() == CONTENT


def test_what_is_not_the_file(tmp_path):
    """A part of it is refused, and the whole one that is already there is kept."""
    cache = tmp_path / "deeprob_fast" / "mnist"
    code = FETCH + "try: _sources.fetch(_named.SOURCES['mnist'])\nexcept (OSError, ValueError) as error: print(error)"
    with serving() as (address, _):
        for wrong in ("cut", "other"):
            told = run(code, f"{address}/{wrong}", folder=tmp_path, **environment(tmp_path))
            assert told.startswith(f"train-images-idx3-ubyte.gz could not be downloaded: {address}/{wrong}: ")
            assert names(cache) == []
        assert "must have the SHA256 sum" in told
        assert run(code, address, folder=tmp_path, **environment(tmp_path)) == ""
        (cache / "train-images-idx3-ubyte.gz").write_bytes(CONTENT[:-1])  # damaged: it comes again
        assert run(code, address, folder=tmp_path, **environment(tmp_path)) == ""
    assert run(code, "http://127.0.0.1:9/", folder=tmp_path, **environment(tmp_path)) == ""  # it is there: nobody is asked
    assert (cache / "train-images-idx3-ubyte.gz").read_bytes() == CONTENT
