"""The command line."""

import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import deeprob_fast as df
from deeprob_fast.cli import main


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, arguments)


def test_evaluate_digits(invoke, tmp_path):
    result = invoke("evaluate")
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    data = df.datasets.load_digits()
    expected = df.evaluate_knn(data.train, data.train_labels, data.test, data.test_labels, k=(1, 3, 5, 10, 20)).accuracies
    assert report["accuracies"] == {str(k): accuracy for k, accuracy in expected.items()}
    assert report["speedup"] == report["numpy"]["seconds"] / report["search"]["seconds"]
    assert report["data"]["n_queries"] == 359
    for k, accuracy in expected.items():
        assert f"{k:>6}  {accuracy:8.2%}" in result.output
    assert "report written to report.json" in result.output


@pytest.mark.parametrize("metric", ["manhattan", "cosine", "inner_product"])
def test_evaluate_a_file(invoke, tmp_path, metric):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 500)
    np.savez(tmp_path / "mine.npz", X=rng.standard_normal((500, 4)) + 5 * np.eye(4)[labels], y=labels)
    result = invoke("evaluate", "--data", "mine.npz", "--k", "7,1", "--metric", metric, "--out", "mine.json")
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "mine.json").read_text(encoding="utf-8"))
    assert list(report["accuracies"]) == ["7", "1"]
    assert report["numpy"]["rows_equal"] == 1.0
    assert report["metric"] == metric


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--data", "nothing"], 1, "Error: data must be digits, fashion-mnist"),
        (["--k", "one"], 2, "'one' is not a list of whole numbers"),
        (["--k", "3,0"], 2, "'3,0' holds a number below 1"),
        (["--k", "5000"], 1, "Error: k must be between 1 and 1438"),
        (["--metric", "hamming"], 2, "'hamming' is not one of"),
        (["--out", "no/such/folder.json"], 1, "No such file or directory"),
    ],
)
def test_mistakes_end_with_a_message(invoke, arguments, code, words):
    result = invoke("evaluate", *arguments)
    assert result.exit_code == code
    assert words in result.output
    assert "Traceback" not in result.output


def test_help_has_examples(invoke):
    assert "evaluate" in invoke("--help").output
    assert "deeprob-fast evaluate --data fashion-mnist --k 1,5,10" in invoke("evaluate", "-h").output


def test_version(invoke):
    assert invoke("--version").exit_code == 0


def test_import_needs_numpy_only():
    code = "import sys, deeprob_fast; print([m for m in ('sklearn', 'scipy', 'matplotlib', 'click', 'tqdm') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
