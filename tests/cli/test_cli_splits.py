"""Which rows the commands test on, which they choose on, and where they say so."""

import json

import numpy as np
import pytest

import deeprob_fast as df
from tests.cli.cli_cases import blobs as blobs  # noqa: PLC0414  # a fixture
from tests.cli.cli_cases import invoke as invoke  # noqa: PLC0414  # a fixture

QUICK = {
    "evaluate": ["--k", "1"],
    "knn": ["--k", "1"],
    "probe": [],
    "sweep": ["--epochs", "1"],
    "bench": ["--rounds", "1", "--peers", "numpy"],
}


@pytest.fixture
def sorted_by_class(tmp_path):
    """A file of rows that were saved class by class, as folders of images are read."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 20)
    path = tmp_path / "sorted.npz"
    np.savez(path, X=rng.standard_normal((200, 8)) + 20 * np.eye(10, 8)[labels] - 9 * (labels == 9)[:, None], y=labels)
    return path


@pytest.mark.parametrize("command", QUICK)
def test_the_way_of_splitting_is_told(invoke, sorted_by_class, command):
    outputs = ["--json", "x.json", "--report", "x.html"]
    options = ["--data", sorted_by_class, "--test-share", "0.25", "--seed", "4"]
    result = invoke(command, *options, *QUICK[command], *outputs)
    assert result.exit_code == 0, result.output
    assert "\nsplit: stratified, 25 %, seed 4\n" in result.stdout
    folder = sorted_by_class.parent
    data = json.loads((folder / "x.json").read_text(encoding="utf-8"))["data"]
    assert (data["split"], data["n_queries"]) == ("stratified, 25 %, seed 4", 50)
    assert "<dt>split</dt><dd>stratified, 25 %, seed 4</dd>" in (folder / "x.html").read_text(encoding="utf-8")


def test_features_saved_class_by_class(invoke, sorted_by_class):
    """The last fifth of them is of classes that no row trains: that is no accuracy of 0 %."""
    found = json.loads(invoke("evaluate", "--data", sorted_by_class, "--json", "-", "--quiet").stdout)
    assert found["knn"][0]["top1"] > 0.95
    for command, options in QUICK.items():
        result = invoke(command, "--data", sorted_by_class, "--split", "last", *options)
        assert result.exit_code == 1
        words = 'split must leave training rows of every class of sorted ("stratified" does)'
        assert words in result.output, result.output


def test_all_rows_are_cross_validated(invoke, blobs, sorted_by_class):
    np.savez(blobs.with_name("own.npz"), X=np.eye(40), y=[0, 1] * 20, X_test=np.eye(40), y_test=[0, 1] * 20)
    for path, n_rows, split in (
        (blobs, 200, "none, all rows are for training"),
        ("digits", 1797, "none, all rows are for training"),
        (blobs.with_name("own.npz"), 40, "its own; the 40 test rows are not used"),
    ):
        result = invoke("cross-validate", "--data", path, "--k", "1", "--json", "x.json")
        assert result.exit_code == 0, result.output
        assert f"{n_rows} training rows" in result.stdout
        assert f"split: {split}\n" in result.stdout
        assert json.loads(blobs.with_name("x.json").read_text(encoding="utf-8"))["data"]["n_train"] == n_rows
    result = invoke("cross-validate", "--data", sorted_by_class, "--k", "1")
    assert "Warning: fold 1 validates class 0, 1, of which no row trains" in result.stderr
    result = invoke("cross-validate", "--data", sorted_by_class, "--k", "1", "--fold-rule", "stratified")
    assert (result.exit_code, result.stderr) == (0, "")


def test_where_the_best_is_the_best(invoke, blobs):
    """A setting that is the best of several on the rows that it is scored on is called so."""
    for command, options, words in (
        ("evaluate", ["--k", "1,5"], "<- best on these queries\n"),
        ("knn", ["--k", "1,5"], "<- best on these queries\n"),
        ("knn", ["--k", "1,5", "--leave-one-out"], "<- best on these queries\n"),
        ("knn", ["--k", "1,5", "--choose", "validation"], "<- best on 32 validation rows\n"),
        ("evaluate", ["--k", "1,5", "--choose", "validation"], "<- best on 32 validation rows\n"),
        ("cross-validate", ["--k", "1,5"], "<- best on the mean of the folds\n"),
        ("sweep", ["--epochs", "1"], "<- best on held-out rows\n"),
        ("probe", ["--protocol", "clip"], "<- best on validation rows\n"),
    ):
        result = invoke(command, "--data", blobs, *options, "--json", "x.json")
        assert result.exit_code == 0, result.output
        assert words in result.stdout
        found = json.loads(blobs.with_name("x.json").read_text(encoding="utf-8"))
        assert list(found["best_on"].values()) == [words.removeprefix("<- best on ").strip()]


def test_choice_on_validation_rows(invoke, tmp_path):
    """The queries decide nothing: another setting than theirs may be the best."""
    rng = np.random.default_rng(1)
    labels = np.tile([0, 1], 100)
    rows = rng.standard_normal((200, 2)) + labels[:, None]
    np.savez(tmp_path / "own.npz", X=rows, y=labels, X_test=rows, y_test=labels)
    options = ["knn", "--data", "own.npz", "--k", "1,9,25", "--weights", "softmax", "--temperature", "0.1,5", "--json", "-"]
    assert json.loads(invoke(*options).stdout)["best"] == {"knn": 0}
    result = invoke(*options, "--choose", "validation", "--seed", "3")
    found = json.loads(result.stdout)
    data = df.datasets.load(_whole(tmp_path, rows, labels), seed=3)
    settings = {"k": (1, 9, 25), "weights": "softmax", "temperature": (0.1, 5.0)}
    expected = df.evaluate_knn(data.train, data.train_labels, data.test, data.test_labels, **settings)
    assert found["best"]["knn"] == expected.scores.index(expected.best) != 0
    assert found["best_on"] == {"knn": "40 validation rows"}
    assert [row["top1"] for row in found["knn"] if row["k"] == 1] == [1.0, 1.0]


def _whole(folder, rows, labels):
    np.savez(folder / "whole.npz", X=rows, y=labels)
    return folder / "whole.npz"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["knn", "--temperature", "0.1"], "--temperature has no effect on uniform weights; --weights softmax has one"),
        (["knn", "--temperature", "1", "--weights", "distance"], "--temperature has no effect on distance weights"),
        (["knn", "--temperature", "1", "--protocol", "solo-euclidean"], "no effect on inverse_distance weights"),
        (["knn", "--n-tries", "3"], "--n-tries has no effect without --n-per-class"),
        (["knn", "--leave-one-out", "--split", "last"], "--split has no effect where all training rows are held out in turn"),
        (["knn", "--leave-one-out", "--test-share", "0.1"], "--test-share has no effect"),
        (["knn", "--leave-one-out", "--test", "x.npy"], "--test has no effect"),
        (["knn", "--leave-one-out", "--choose", "validation"], "--choose has no effect with --leave-one-out"),
        (["knn", "--seed", "1"], "--seed has no effect where nothing is drawn; the split of digits is last, 20 %"),
        (["evaluate", "--seed", "1"], "--seed has no effect"),
        (["bench", "--seed", "1", "--split", "last"], "--seed has no effect"),
        (["cross-validate", "--temperature", "1"], "--temperature has no effect on uniform weights"),
        (["data", "convert", "props", "--key", "X", "--out", "x"], "--key has no effect on props"),
        (["data", "convert", "x.npz", "--folder", ".", "--out", "x.npy"], "--folder has no effect on files other than props"),
        (["data", "convert", "x.npz", "--no-verify", "--out", "x.npy"], "--no-verify has no effect on files other than props"),
    ],
)
def test_options_without_effect_are_refused(invoke, arguments, words):
    result = invoke(*arguments)
    assert result.exit_code == 2, result.output
    assert words in result.stderr


def test_quiet_has_no_warnings(invoke, tmp_path):
    np.savez(tmp_path / "given.npz", X=np.eye(4), y=[0, 0, 1, 1], X_test=np.eye(4), y_test=[0, 1, 2, 2])
    result = invoke("knn", "--data", "given.npz", "--k", "1")
    assert result.stderr.startswith("Warning: 2 test rows of given are of classes that no training row has, 2: ")
    result = invoke("knn", "--data", "given.npz", "--k", "1", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
