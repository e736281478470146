"""The command line: what all commands do alike."""

import io
import json
import os
import signal
import subprocess
import sys

import pytest

import deeprob_fast as df
from deeprob_fast.cli import main
from deeprob_fast.cli._progress import progress
from tests.cli.cli_cases import blobs as blobs  # noqa: PLC0414  # a fixture
from tests.cli.cli_cases import invoke as invoke  # noqa: PLC0414  # a fixture

COMMANDS = sorted(main.commands)
WRITING = [name for name in COMMANDS if any(option.name == "json" for option in main.commands[name].params)]


def test_help_has_examples(invoke):
    assert all(name in invoke("--help").output for name in COMMANDS)
    for name in WRITING:
        text = invoke(name, "-h").output
        assert f"Examples:\n    deeprob-fast {name}" in text
        assert all(option in text for option in ("--data", "--json", "--csv", "--report", "--quiet", "--threads"))


@pytest.mark.parametrize("name", WRITING)
def test_examples_are_understood(name):
    """Every example of the help parses; nothing is run."""
    lines = [line.split() for line in main.commands[name].help.splitlines() if line.strip().startswith("deeprob-fast")]
    assert lines
    for _, command, *arguments in lines:
        assert command == name
        main.commands[name].make_context(name, arguments)


def test_version(invoke):
    assert invoke("--version").exit_code == 0


def test_the_package_is_a_command():
    done = subprocess.run([sys.executable, "-P", "-m", "deeprob_fast", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: python -m deeprob_fast")


def _loaded(code):
    watched = ("sklearn", "scipy", "matplotlib", "jinja2", "click", "tqdm")
    code += f"; import sys; print([m for m in {watched} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


def test_import_needs_numpy_only():
    assert _loaded("import deeprob_fast") == "[]"


def test_help_is_quick():
    assert _loaded("from deeprob_fast.cli import main; main(['--help'], standalone_mode=False)") == "['click']"


@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize("option", ["--json", "--csv", "--report"])
def test_unwritable_outputs_are_found_before_the_work(invoke, monkeypatch, name, option):
    monkeypatch.setattr(df.datasets, "load", lambda *_, **__: pytest.fail("the work had begun"))
    result = invoke(name, option, "no/such/folder/file")
    expected = f"Error: {option} must be a file that can be written; got no/such/folder/file: No such file or directory\n"
    assert (result.exit_code, result.output) == (1, expected)
    result = invoke(name, option, ".")
    assert result.exit_code == 2
    assert "is a directory" in result.output


def test_two_outputs_need_two_places(invoke):
    result = invoke("knn", "--json", "-", "--csv", "-")
    assert result.exit_code == 2
    assert "--csv must be another file or folder than that of --json; got -" in result.output


@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--data", "nothing"], 1, "nothing"),
        (["--nonsense"], 2, "No such option"),
        (["--threads", "0"], 2, "0 is not in the range x>=1"),
        (["extra"], 2, "unexpected extra argument"),
    ],
)
def test_mistakes_end_with_a_message(invoke, name, arguments, code, words):
    result = invoke(name, *arguments)
    assert result.exit_code == code
    assert words in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("y must be right"), "Error: y must be right\n"),
        (TypeError("y must be a number"), "Error: y must be a number\n"),
        (PermissionError(13, "Permission denied", "x.npz"), "Error: x.npz: Permission denied\n"),
        (MemoryError(), "Error: not enough memory\n"),
        (MemoryError("Unable to allocate 8 GiB"), "Error: not enough memory: Unable to allocate 8 GiB\n"),
        (ModuleNotFoundError("this needs h5py: pip install 'deeprob-fast[io]'"), "Error: this needs h5py: pip install"),
    ],
)
def test_errors_of_the_library_are_messages(invoke, monkeypatch, error, words):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(df.datasets, "load", fail)
    result = invoke("knn")
    assert result.exit_code == 1
    assert result.stderr.startswith(words)
    assert result.stdout == ""


def test_a_defect_is_not_hidden(invoke, monkeypatch):
    monkeypatch.setattr(df.datasets, "load", lambda *_, **__: next(iter([])))
    assert isinstance(invoke("knn").exception, StopIteration)


def test_interruption(invoke, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(df.datasets, "load", interrupt)
    result = invoke("knn")
    assert result.exit_code == 130
    assert result.stderr.strip() == "interrupted"


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c():
    code = """
import time, deeprob_fast as df
from deeprob_fast.cli import main
from deeprob_fast.cli._progress import progress
df.datasets.load = lambda data: (print("begun", flush=True), [time.sleep(0.05) for _ in range(1200)])  # no signal is slept over
main(["knn"])
"""
    command = [sys.executable, "-P", "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors.strip()) == (130, "interrupted")


def test_standard_output_holds_nothing_else(invoke, blobs):
    result = invoke("knn", "--data", blobs, "--json", "-")
    assert json.loads(result.stdout)["command"] == "knn"
    assert "k-nearest neighbours" in result.stderr
    result = invoke("knn", "--data", blobs, "--csv", "-", "--json", "x.json", "--quiet")
    assert result.stdout.startswith("data,table,k,score,value\nblobs,knn,10,top1,0.")
    assert result.stderr == ""


def test_quiet(invoke, blobs, tmp_path):
    result = invoke("knn", "--data", blobs, "--json", "x.json", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert (tmp_path / "x.json").is_file()
    assert invoke("knn", "--data", "nothing", "--quiet").exit_code == 1


def test_files_are_whole_or_not_there(invoke, blobs, tmp_path, monkeypatch):
    (tmp_path / "x.json").write_text("before", encoding="utf-8")
    (tmp_path / "link.json").symlink_to("x.json")

    def fail(*_, **__):
        raise OSError(28, "No space left on device", "x.json")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", fail)
        result = invoke("knn", "--data", blobs, "--json", "link.json")
    assert (result.exit_code, result.stderr) == (1, "Error: x.json: No space left on device\n")
    assert (tmp_path / "x.json").read_text(encoding="utf-8") == "before"
    assert invoke("knn", "--data", blobs, "--json", "link.json").exit_code == 0
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["schema"] == 1
    assert (tmp_path / "link.json").is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blobs.npz", "link.json", "x.json"]


@pytest.mark.skipif(os.name != "posix", reason="devices of POSIX")
def test_devices_are_written_to(invoke, blobs):
    assert invoke("knn", "--data", blobs, "--json", "/dev/null").exit_code == 0


def test_options_of_the_data_reach_the_loader(invoke, blobs, monkeypatch):
    load, seen = df.datasets.load, []

    def record(data, **files):
        seen.append((data, files))
        return load(data)

    monkeypatch.setattr(df.datasets, "load", record)
    files = ["--labels", "l.npy", "--test", "t.npy", "--test-labels", "u.npy"]
    assert invoke("knn", "--data", blobs, *files).exit_code == 0
    assert invoke("knn", "--data", blobs).exit_code == 0
    assert seen == [(str(blobs), {"labels": "l.npy", "test": "t.npy", "test_labels": "u.npy"}), (str(blobs), {})]


def test_the_command_line_is_recorded(invoke, blobs):
    result = invoke("knn", "--data", blobs, "--json", "-", "--quiet", "--threads", 1)
    provenance = json.loads(result.stdout)["provenance"]
    assert provenance["command_line"] == f"deeprob-fast knn --data {blobs} --json - --quiet --threads 1"
    assert provenance["threads"] == 1


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("quiet", "terminal", "shown"), [(False, True, True), (True, True, False), (False, False, False)])
def test_progress_is_shown_on_terminals(monkeypatch, quiet, terminal, shown):
    stream = _Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("deeprob_fast.cli._progress.DELAY", 0)
    with progress("folds", 3, quiet=quiet, unit="fold") as done:
        done(3)
    assert ("folds: " in stream.getvalue()) == shown
