"""No output of a command takes the place of an input or of another output, and none that cannot be written costs any work."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from deeprob_fast.cli._places import _PAGES, Command
from deeprob_fast.datasets._formats import READERS
from deeprob_fast.datasets._props_arrays import Parts
from tests.cli.cli_cases import blobs as blobs  # noqa: PLC0414  # a fixture
from tests.cli.cli_cases import invoke as invoke  # noqa: PLC0414  # a fixture
from tests.datasets.image_files import idx_files, props_files, write_files
from tests.safety.children import names
from tests.safety.commands import Input, Output, call, label, leaves, places, spellings

LEAVES = leaves()
WRITING = [(words, command) for words, command in LEAVES if places(command, Output)]
PAIRS = [
    pytest.param(words, command, output, source, id=f"{' '.join(words)} {label(output)} over {label(source)}")
    for words, command in WRITING
    for output in places(command, Output)
    for source in places(command, Input)
]
TWO_OUTPUTS = [
    pytest.param(words, command, first, second, id=f"{' '.join(words)} {label(first)} {label(second)}")
    for words, command in WRITING
    for number, first in enumerate(places(command, Output))
    for second in places(command, Output)[number + 1 :]
]
EACH = [
    pytest.param(words, command, output, id=f"{' '.join(words)} {label(output)}")
    for words, command in WRITING
    for output in places(command, Output)
]


class BegunError(Exception):
    """The command's own work has begun."""


@pytest.fixture
def run(invoke, monkeypatch):
    """Run a command up to its work."""

    def begin(**_):
        raise BegunError

    for _, command in LEAVES:
        monkeypatch.setattr(command, "callback", begin)
    return invoke


def refused(result, *words, code=2):
    assert result.exit_code == code, (result.output, result.exception)
    for word in words:
        assert word in " ".join(result.output.split()), result.output


def test_every_place_is_declared():
    """What is a path by its type, its name or its metavar is an Input or an Output, or else nobody would look at it."""
    assert {("knn",), ("evaluate",), ("figures",), ("data", "convert")} <= {words for words, _ in WRITING}
    written = {"out", "output", "report", "json", "csv", "save", "to", "dest", "target", "folder_out"}
    for words, command in LEAVES:
        assert isinstance(command, Command), words
        for parameter in command.params:
            path_like = isinstance(parameter.type, (click.Path, click.File)) or parameter.metavar in ("PATH", "FILE", "FOLDER")
            if path_like:
                assert isinstance(parameter.type, (Input, Output)), (words, parameter.name)
            assert parameter.name not in written or isinstance(parameter.type, Output), (words, parameter.name)


@pytest.mark.parametrize(("words", "command", "output", "source"), PAIRS)
def test_an_output_is_no_input(run, tmp_path, words, command, output, source):
    content = b"precious"
    path = tmp_path / "folder" / "x.npz"
    path.parent.mkdir()
    path.write_bytes(content)
    for way, spelling in spellings(path, tmp_path).items():
        for read, written in ((path, spelling), (spelling, path)):
            result = run(*call(words, command, tmp_path, **{source.name: read, output.name: written}))
            refused(result, f"{label(output)} must be another file or folder than that of {label(source)}; got {written}")
            assert path.read_bytes() == content, way
    # Without the fault the same call reaches the work.
    (tmp_path / "new").mkdir()
    result = run(*call(words, command, tmp_path, **{source.name: path, output.name: tmp_path / "new" / "y"}))
    assert isinstance(result.exception, BegunError), result.output
    assert names(tmp_path / "new") == []


@pytest.mark.parametrize(("words", "command", "first", "second"), TWO_OUTPUTS)
def test_two_outputs_are_two_files(run, tmp_path, words, command, first, second):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "linked").symlink_to(folder)
    (folder / "dangling").symlink_to("new")
    (folder / "old").write_bytes(b"old")
    (folder / "hard").hardlink_to(folder / "old")
    for one, other in (
        ("new", folder.parent / "new"),
        (folder / "new", tmp_path / "linked" / "new"),
        (folder / "new", folder / "dangling"),
        (folder / "old", Path("folder", "hard")),
        ("-", "-"),
        ("/dev/null", "/dev/null"),
    ):
        result = run(*call(words, command, tmp_path, **{first.name: one, second.name: other}))
        refused(result, f"{label(second)} must be another file or folder than that of {label(first)}; got {other}")
    result = run(*call(words, command, tmp_path, **{first.name: "new", second.name: folder / "new"}))
    assert isinstance(result.exception, BegunError), result.output


@pytest.mark.parametrize(("words", "command", "output"), EACH)
def test_what_cannot_be_written_is_found_before_the_work(run, tmp_path, monkeypatch, words, command, output):
    (tmp_path / "file").write_bytes(b"old")

    def begin(value, **others):
        return run(*call(words, command, tmp_path, **{output.name: value}, **others))

    is_folder = bool(output.type.inside(Path("x"), {"source": "x", "names": ("x",), "format_": "png"}))
    for path, code, reason in (
        ("missing/file", 1, "No such file or directory"),
        ("file/file", 1, "Not a directory"),
        ("/proc/nothing", 1, ""),
        ("n" * 300, 1, "File name too long"),
    ):
        if is_folder and path == "missing/file":  # it is made
            continue
        refused(begin(path), f"{label(output)} must be a ", " that can be written; got ", reason, code=code)
    if is_folder:
        refused(begin("file"), label(output), "is a file")
    elif not output.type.dir_okay:
        refused(begin("."), label(output), "is a directory")
    else:
        refused(begin("."), label(output), "Is a directory", code=1)
    if not is_folder:
        with monkeypatch.context() as patch:  # as the kernel answers those who are not root
            patch.setattr(os, "access", lambda *_, **__: False)
            refused(begin("file"), label(output), "Permission denied", code=1)
        assert isinstance(begin("file").exception, BegunError)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["knn", "evaluate"])
def test_a_folder_of_data(run, tmp_path, name):
    """The files of the folder are inputs; a page that lies beside them is not."""
    folder = write_files(tmp_path / "images", idx_files())
    (tmp_path / "link").symlink_to(next(folder.iterdir()))
    for path in (*folder.iterdir(), tmp_path / "link"):
        refused(run(name, "--data", "images", "--json", path), "--json must be another file", "--data", str(path))
    for page in ("images/report.html", "images/found.json"):
        for _ in range(2):
            assert isinstance(run(name, "--data", "images", "--json", page).exception, BegunError)
            Path(page).touch()


def test_named_data(run, tmp_path, monkeypatch):
    """Where it lies in a folder of data sets, or among the downloads."""
    monkeypatch.setenv("DEEPROB_FAST_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    zipped = write_files(tmp_path / "cache" / "deeprob_fast" / "mnist", idx_files(), zipped=True)
    given = write_files(tmp_path / "data" / "fashion-mnist", idx_files())
    for name, folder in (("fashion-mnist", given), ("mnist", zipped)):
        for path in folder.iterdir():
            refused(run("knn", "--data", name, "--report", path), "--report must be another file", str(path))
    path = next(given.iterdir())
    assert isinstance(run("knn", "--data", "mnist", "--report", path).exception, BegunError)
    Path("digits").touch()
    assert isinstance(run("knn", "--data", "digits", "--report", "digits").exception, BegunError)  # that name is no file


def test_conversion_of_props(run, tmp_path, monkeypatch):
    convert = ["data", "convert", "props", "--out"]
    folder = write_files(tmp_path / "Progress-Objects-Sample", props_files())
    refused(run(*convert, folder, "--folder", folder), "--out must be another", "--folder")
    refused(run(*convert, folder, "--folder", tmp_path), "--out must be another", "--folder")  # where it is found
    for name in Parts._fields:
        archive = tmp_path / "out" / f"{name}.npy"
        archive.parent.mkdir(exist_ok=True)
        archive.touch()
        refused(run(*convert, "out", "--folder", archive), "--out must be another", "--folder", f"out/{name}.npy")
    monkeypatch.setenv("DEEPROB_FAST_DATA", str(tmp_path))
    refused(run(*convert, folder), "--out must be another", "props|FILE")
    assert isinstance(run(*convert, folder, "--folder", tmp_path / "other.tar.gz").exception, BegunError)
    assert isinstance(run(*convert, "deep/new/folder").exception, BegunError)
    assert not (tmp_path / "deep").exists()


def test_the_page_that_nobody_asked_for(run, tmp_path, blobs):
    Path("report.html").symlink_to(blobs)
    refused(run("evaluate", "--data", blobs), "--report must be another file or folder than that of --data; got report.html")
    assert isinstance(run("evaluate", "--data", blobs, "--json", "x.json").exception, BegunError)
    assert isinstance(run("evaluate").exception, BegunError)


def test_the_data_survives_the_real_command(invoke, blobs):
    content = blobs.read_bytes()
    refused(invoke("knn", "--data", blobs, "--k", 1, "--report", blobs.name), "--report must be another file")
    assert blobs.read_bytes() == content
    assert invoke("knn", "--data", blobs, "--k", 1, "--report", "page").exit_code == 0


@pytest.mark.skipif(os.name != "posix", reason="redirection of POSIX")
def test_where_the_terminal_was_led_to(blobs, tmp_path):
    """`deeprob-fast knn --data x.npz >> x.npz`, and `--json x.json > x.json`."""
    content = blobs.read_bytes()

    def command(target, *arguments):
        code = "import sys; from deeprob_fast.cli import main; main(sys.argv[1:])"
        with (tmp_path / target).open("ab") as stdout:
            return subprocess.run(
                [sys.executable, "-P", "-c", code, "knn", "--data", blobs, "--k", "1", *arguments],
                stdout=stdout,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=60,
                cwd=tmp_path,
            )

    for arguments in ([], ["--json", "-"]):
        done = command(blobs.name, *arguments)
        assert done.returncode == 2, done.stderr
        assert "must be another file or folder than that of --data; got -" in done.stderr
        assert blobs.read_bytes() == content
    done = command("x.json", "--json", "x.json")
    assert done.returncode == 2
    assert "--json must be another file or folder than that of the standard output; got x.json" in done.stderr
    assert command("y.json", "--json", "-", "--quiet").returncode == 0
    assert json.loads((tmp_path / "y.json").read_text(encoding="utf-8"))["command"] == "knn"


def test_no_data_set_is_a_page():
    """Files of these kinds in a folder of data are taken for what a command wrote."""
    assert not _PAGES & set(READERS)
