"""Names of files and classes, whatever their bytes and the terminal's encoding, and names that were mistyped."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.cli.cli_cases import blobs as blobs  # noqa: PLC0414  # a fixture
from tests.cli.cli_cases import invoke as invoke  # noqa: PLC0414  # a fixture
from tests.cli.cli_cases import write_blobs

NOT_UTF8 = os.fsdecode(b"na\xefve")
NAMES = ("é", "網", "\U0001f600", "c\udce9")  # the last one is no text at all


def _run(folder, *arguments, **environment):
    """Run a command in a process, whose terminal has an encoding; return what it wrote."""
    command = [sys.executable, "-P", "-m", "deeprob_fast", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def _check_files(folder):
    """The numbers are in all files, each in UTF-8."""
    found = json.loads((folder / "x.json").read_bytes().decode("utf-8"))
    assert {row[side] for row in found["confusions"] for side in ("actual", "predicted")} == set(NAMES)
    rows = list(csv.DictReader((folder / "x.csv").read_bytes().decode("utf-8").splitlines()))
    assert rows[0]["score"] == "top1"
    assert "網" in (folder / "x.html").read_bytes().decode("utf-8")
    return found


@pytest.fixture
def hostile(tmp_path):
    return write_blobs(tmp_path / f"{NOT_UTF8}.npz", NAMES)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_nothing_is_lost_for_a_name(hostile, encoding):
    outputs = ["--json", "x.json", "--csv", "x.csv", "--report", "x.html"]
    table, errors = _run(hostile.parent, "knn", "--data", hostile.name, "--k", "1", *outputs, PYTHONIOENCODING=encoding)
    assert errors == b""
    assert "written to x.json" in table.decode(encoding)
    assert ("網" if encoding == "utf-8" else "\\u7db2") in table.decode(encoding)
    assert _check_files(hostile.parent)["data"]["name"] == NOT_UTF8


def test_outputs_may_have_such_names_too(hostile):
    table, _ = _run(hostile.parent, "knn", "--data", hostile.name, "--k", "1", "--json", f"{NOT_UTF8}.json")
    assert b"written to na\\udcefve.json" in table
    assert json.loads((hostile.parent / f"{NOT_UTF8}.json").read_bytes())["data"]["name"] == NOT_UTF8


@pytest.mark.parametrize("option", ["--json", "--csv", "--report"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_page_on_the_standard_output_is_that_of_a_file(hostile, option, encoding):
    """In UTF-8, whatever the terminal: it is led into a file or a program."""
    page, _ = _run(hostile.parent, "knn", "--data", hostile.name, "--k", "1", option, "-", "--quiet", PYTHONIOENCODING=encoding)
    text = page.decode("utf-8")
    assert "na\\udcefve" in text
    if option == "--json":
        assert json.loads(text)["data"]["name"] == NOT_UTF8


def test_other_commands(hostile):
    folder = hostile.parent
    out = ["--out", f"{NOT_UTF8}.npy"]
    table, _ = _run(folder, "data", "convert", hostile.name, *out, "--key", "X", PYTHONIOENCODING="ascii")
    assert table == b"na\\udcefve.npz written to na\\udcefve.npy\n"
    assert np.load(folder / f"{NOT_UTF8}.npy").shape == (200, 4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["knn", "--data", ""], "must name a file or a folder; got ''"),
        (["knn", "--labels", ""], "must name a file or a folder; got ''"),
        (["knn", "--json", ""], "must name a file or a folder; got ''"),
        (["figures", "--out", ""], "must name a file or a folder; got ''"),
        (["data", "convert", "", "--out", "x.npy"], "must name a file or a folder; got ''"),
        (["knn", "--data", "embeddings.npz"], "there is no 'embeddings.npz'\n"),
        (["knn", "--data", "digit"], "there is no 'digit' (did you mean 'digits'?)"),
        (["knn", "--data", "cifar-10"], "(did you mean 'cifar10'?)"),
        (["knn", "--metric", "euclid"], "(did you mean 'euclidean'?)"),
        (["bench", "--metric", "cosinus"], "(did you mean 'cosine'?)"),
        (["knn", "--protocol", "dinov3"], "(did you mean 'dinov2'?)"),
        (["knn", "--weights", "uniforme"], "(did you mean 'uniform'?)"),
        (["probe", "--protocol", "dino-lin"], "(did you mean 'dino-linear'?)"),
        (["sweep", "--optimizer", "adamm"], "(did you mean 'adam'?)"),
        (["sweep", "--loss", "softmx"], "(did you mean 'softmax'?)"),
        (["evaluate", "--split", "stratify"], "(did you mean 'stratified'?)"),
        (["cross-validate", "--fold-rule", "chunks"], "(did you mean 'chunk'?)"),
        (["data", "show", "digts"], "(did you mean 'digits'?)"),
        (["data", "download", "minst"], "(did you mean 'mnist'?)"),
        (["figures", "learning-rate", "--out", "x"], "(did you mean 'learning_rate'?)"),
    ],
)
def test_mistyped_names(invoke, arguments, words):
    result = invoke(*arguments)
    assert result.exit_code in (1, 2)
    assert words in result.stderr


def test_a_label_file_that_is_too_short(invoke, blobs):
    folder = blobs.parent
    np.save(folder / "rows.npy", np.eye(4))
    (folder / "labels.txt").write_text("0\n1\n0\n", encoding="utf-8")
    result = invoke("knn", "--data", "rows.npy", "--labels", "labels.txt")
    words = "Error: labels.txt must be 1-D with one label for each of the 4 rows of rows.npy; got shape (3,)\n"
    assert (result.exit_code, result.stderr) == (1, words)
    result = invoke("knn", "--data", "rows.npy", "--labels", "nothing.txt")
    assert (result.exit_code, result.stderr) == (1, "Error: nothing.txt: No such file or directory\n")
