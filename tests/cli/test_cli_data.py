"""`deeprob-fast data`."""

import dataclasses
import hashlib

import numpy as np
import pytest
from click.testing import CliRunner

from deeprob_fast import datasets
from deeprob_fast.cli import main
from deeprob_fast.datasets import _named
from deeprob_fast.datasets._sources import Remote
from tests.datasets.image_files import idx_files, props_files, write_files


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("DEEPROB_FAST_DATA", str(tmp_path / "data"))
    return lambda *arguments: CliRunner().invoke(main, ["data", *map(str, arguments)])


def test_list(invoke, tmp_path):
    write_files(tmp_path / "data" / "mnist", idx_files())
    result = invoke("list")
    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line for line in result.output.splitlines()}
    assert list(lines) == list(_named.NAMED)
    assert lines["digits"].endswith("comes with scikit-learn")
    assert lines["mnist"].endswith(str(tmp_path / "data" / "mnist"))
    assert "not found: give their folder" in lines["cifar10"]
    assert "deeprob-fast data download cifar10" in lines["cifar10"]
    assert "in a browser" in lines["props"]


def test_show(invoke, tmp_path):
    result = invoke("show", "digits")
    assert result.exit_code == 0, result.output
    assert "digits: 1438 training rows, 359 test rows of (8, 8)" in result.output
    write_files(tmp_path / "data" / "fashion-mnist", idx_files())
    result = invoke("show", "fashion-mnist")
    counts = np.bincount(datasets.load_fashion_mnist().train_labels, minlength=10)
    lines = result.output.splitlines()
    assert lines[0] == "fashion-mnist: 5 training rows, 3 test rows of (28, 28)"
    assert [line[6:22].strip() for line in lines[1:]] == list(datasets.load_fashion_mnist().class_names)
    assert [int(line.split()[-2]) for line in lines[1:]] == counts.tolist()


def test_convert_embeddings(invoke, tmp_path):
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    np.savez(tmp_path / "rows.npz", rows=rows, other=np.zeros((2, 2)))
    result = invoke("convert", tmp_path / "rows.npz", "--key", "rows", "--out", tmp_path / "rows.npy")
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy"), rows)
    assert "written to" in result.output


def test_convert(invoke, tmp_path):
    folder = write_files(tmp_path / "pickles", props_files())
    result = invoke("convert", "props", "--folder", folder, "--out", tmp_path / "new" / "npy", "--no-verify")
    assert result.exit_code == 0, result.output
    assert f"props: 9 training rows and 3 test rows written to {tmp_path}" in result.output
    here, there = datasets.load_props(tmp_path / "new" / "npy"), datasets.load_props(folder, verify=False)
    np.testing.assert_array_equal(here.train, there.train)
    np.testing.assert_array_equal(here.groups, there.groups)


def test_download_of_what_is_there(invoke, tmp_path, monkeypatch):
    """Without a network: the cache holds the files with their known sums."""
    files = idx_files()
    cache = write_files(tmp_path / "cache" / "deeprob_fast" / "mnist", files)
    remotes = tuple(
        Remote(name, hashlib.sha256(content).hexdigest(), ("http://127.0.0.1:9/",)) for name, content in files.items()
    )
    monkeypatch.setitem(_named.SOURCES, "mnist", dataclasses.replace(_named.SOURCES["mnist"], files=remotes))
    result = invoke("download", "mnist")
    assert result.exit_code == 0, result.output
    assert result.output == f"mnist is in {cache}\n"
    (cache / "t10k-labels-idx1-ubyte").unlink()
    monkeypatch.setenv("no_proxy", "*")
    result = invoke("download", "mnist")
    assert result.exit_code == 1
    assert "Error: t10k-labels-idx1-ubyte could not be downloaded: http://127.0.0.1:9/" in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["download", "props"], 2, "'props' is not one of"),
        (["show", "imagenet"], 2, "'imagenet' is not one of"),
        (["show", "props"], 1, "Error: the PROPS files were not found"),
        (["convert", "props", "--out", "x"], 1, "Error: the PROPS files were not found"),
        (["convert", "props", "--folder", "nothing", "--out", "x"], 1, "Error: nothing must be the folder of the PROPS files"),
        (["convert", "props", "--folder", "pickles", "--out", "x"], 1, "must have the md5 sum"),
        (["convert", "props", "--folder", "pickles", "--no-verify", "--out", "file/x"], 1, "Not a directory"),
    ],
)
def test_mistakes_end_with_a_message(invoke, tmp_path, arguments, code, words):
    write_files(tmp_path / "pickles", props_files())
    (tmp_path / "file").touch()
    result = invoke(*arguments)
    assert result.exit_code == code, result.output
    assert words in result.output
    assert "Traceback" not in result.output
