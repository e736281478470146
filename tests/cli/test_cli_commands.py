"""What each command finds, and where it says so."""

import csv
import importlib.util
import io
import json
import re
import sys

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast.bench import sizes
from deeprob_fast.cli import _output
from tests.cli.cli_cases import HOSTILE, write_blobs
from tests.cli.cli_cases import blobs as blobs  # noqa: PLC0414  # a fixture
from tests.cli.cli_cases import invoke as invoke  # noqa: PLC0414  # a fixture


@pytest.fixture
def run(invoke):
    """Run a command that must succeed; return its JSON."""

    def command(*arguments):
        result = invoke(*arguments, "--json", "-", "--quiet")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return command


def _parts(blobs, **options):
    data = df.datasets.load(blobs, **options)
    return data.train, data.train_labels, data.test, data.test_labels


def test_bare_evaluate(invoke, tmp_path):
    pytest.importorskip("matplotlib")
    result = invoke("evaluate")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("\nwritten to report.html\n")
    data = df.datasets.load_digits()
    expected = df.evaluate_knn(data.train, data.train_labels, data.test, data.test_labels, k=(1, 3, 5, 10, 20))
    for k, accuracy in expected.accuracies.items():
        assert f"{k:>4}  {accuracy:.2%}" in result.stdout
    assert "Linear probe" in result.stdout
    assert "Speed of the search\n" in result.stdout
    assert "queries/s" in result.stdout
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"{expected.best.top1:.2%}" in page
    assert page.count("<svg") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_no_report_is_forced_on_those_who_ask_for_another(invoke, blobs, tmp_path):
    assert invoke("evaluate", "--data", blobs, "--k", 1, "--csv", "x.csv").exit_code == 0
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("metric", ["manhattan", "chebyshev", "cosine", "inner_product"])
def test_evaluate(run, blobs, metric):
    found = run("evaluate", "--data", blobs, "--k", "7,1", "--metric", metric)
    expected = df.evaluate_knn(*_parts(blobs), k=(7, 1), metric=metric)
    assert [(row["k"], row["top1"]) for row in found["knn"]] == list(expected.accuracies.items())
    assert [row["implementation"] for row in found["speed"]] == ["deeprob_fast", "NumPy"]
    fast, numpy = found["speed"]
    for row in (fast, numpy):
        assert (row["n_train"], row["n_queries"]) == (160, 40)
        assert row["queries_per_second"] == 40 / row["seconds"]
    assert fast["ratio"] in (None, numpy["seconds"] / fast["seconds"])
    assert (numpy["rows_equal"], numpy["rows_equal_up_to_ties"]) == (1.0, 1.0)
    assert 0 < found["probe"][0]["top1"] <= 1
    assert found["data"] == {
        "name": "blobs",
        "n_train": 160,
        "n_queries": 40,
        "n_features": 4,
        "n_classes": 3,
        "dtype": "float64",
        "taken": "features: X; labels: y",
        "split": "stratified, 20 %, seed 0",
    }


def test_a_page_without_figures_says_how_to_get_them(invoke, blobs, monkeypatch):
    hint = "; pip install 'deeprob-fast[plot]' for its figures"
    arguments = ("knn", "--data", blobs, "--k", 1, "--report", "x.html")
    assert hint not in invoke(*arguments).stdout
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr(_output, "find_spec", lambda _: None)
    assert f"written to x.html{hint}\n" in invoke(*arguments).stdout
    assert hint not in invoke(*arguments[:-2], "--json", "x.json").stdout


@pytest.mark.parametrize(
    ("command", "title"), [("evaluate", "Speed of the search, on copies of"), ("bench", "Search, on [0-9]+ copies of")]
)
def test_copies_are_told_in_the_table(invoke, blobs, monkeypatch, command, title):
    monkeypatch.setattr(sizes, "LEAST_STEPS", 1e6)
    assert re.search(f"^{title} the rows with noise", invoke(command, "--data", blobs, "--csv", "x.csv").stdout, re.MULTILINE)


def test_few_rows_are_evaluated_with_fewer_neighbors(run, tmp_path):
    np.savez(tmp_path / "few.npz", X=np.arange(12.0)[:, None], y=np.arange(12) // 6)
    assert [row["k"] for row in run("evaluate", "--data", "few.npz")["knn"]] == [1, 3, 5, 10]


def test_bench(run, blobs):
    found = run("bench", "--data", blobs, "--k", 3, "--rounds", 2, "--peers", "numpy", "--peers", "sklearn", "--threads", 1)
    assert [row["contestant"] for row in found["search"]] == ["deeprob_fast", "scikit-learn", "NumPy tiles"]
    assert [row["contestant"] for row in found["gradient"]] == ["deeprob_fast", "NumPy"]
    for row in (*found["search"], *found["gradient"]):
        assert row["min"] <= row["median"] <= row["max"]
    assert found["search"][1]["ratio"] in (None, found["search"][1]["median"] / found["search"][0]["median"])
    assert found["settings"]["threads"] == 1


def test_bench_needs_the_peers_it_is_asked_for(invoke, blobs, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "faiss" else True)
    result = invoke("bench", "--data", blobs, "--peers", "faiss")
    assert result.exit_code == 2
    assert "--peers asks for faiss, which is not installed" in result.output


def test_knn(run, blobs):
    options = ["--weights", "softmax", "--temperature", "0.1,2", "--k", "1,9", "--metric", "cosine"]
    found = run("knn", "--data", blobs, *options, "--n-per-class", "1,2", "--n-tries", 3)
    expected = df.evaluate_knn(
        *_parts(blobs), k=(1, 9), weights="softmax", temperature=(0.1, 2), metric="cosine", n_per_class=(1, 2), n_tries=3
    )
    assert found["knn"] == [score._asdict() for score in expected.scores]
    assert found["best"]["knn"] == expected.scores.index(expected.best)
    assert found["few_shot"] == [score._asdict() for score in expected.few_shot]
    assert found["settings"]["weights"] == "softmax"
    matrix = expected.confusion_matrix()
    counts = [row["count"] for row in found["confusions"]]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == matrix.sum() - np.trace(matrix)
    for row in found["confusions"]:
        actual, predicted = int(row["actual"]), int(row["predicted"])
        assert row["count"] == matrix[actual, predicted]
        assert row["share"] == matrix[actual, predicted] / matrix[actual].sum()


def test_knn_by_protocol(run, blobs):
    found = run("knn", "--data", blobs, "--protocol", "dino")
    expected = df.evaluate_knn(*_parts(blobs), protocol="dino")
    assert [row["top1"] for row in found["knn"]] == [score.top1 for score in expected.scores]
    assert found["settings"]["source"] == df.KNN_PROTOCOLS["dino"].source


def test_leave_one_out(run, blobs):
    """Of all rows: none need be set apart."""
    data = df.datasets.load(blobs, split="none")
    found = run("knn", "--data", blobs, "--leave-one-out", "--k", 3)
    assert found["knn"][0]["top1"] == df.evaluate_knn(data.train, data.train_labels, k=3).accuracies[3]
    assert found["data"]["n_queries"] == 200


def test_one_try_has_no_deviation(invoke, blobs):
    result = invoke("knn", "--data", blobs, "--k", 1, "--n-per-class", 2, "--csv", "-")
    scores = [row["score"] for row in csv.DictReader(io.StringIO(result.stdout)) if row["table"] == "few_shot"]
    assert scores == ["top1", "top5"] * 2
    assert "nan" not in result.output


def test_no_test_rows(invoke, tmp_path):
    np.savez(tmp_path / "few.npz", X=np.eye(3), y=[0, 1, 2])
    for name in ("evaluate", "knn", "probe"):
        for options, words in (
            ([], "few must have several rows of some class to be split"),
            (["--split", "last"], "few must have test rows, or --test and --test-labels must name them"),
        ):
            result = invoke(name, "--data", "few.npz", *options)
            assert result.exit_code == 1
            assert words in result.output
    assert invoke("knn", "--data", "few.npz", "--leave-one-out", "--k", 1).exit_code == 0
    assert invoke("sweep", "--data", "few.npz").exit_code == 1


def test_classes_have_their_names(run, blobs, monkeypatch):
    data = df.datasets.load(blobs)
    named = type("Named", (), {**vars(data), "n_classes": 3, "class_names": ("red", "green", "blue")})
    monkeypatch.setattr(df.datasets, "load", lambda _: named)
    found = run("knn", "--data", blobs, "--k", 1)
    assert {row["actual"] for row in found["confusions"]} <= {"red", "green", "blue"}


def test_probe(run, blobs):
    found = run("probe", "--data", blobs, "--validation", 0.25, "--seed", 7)
    expected = df.evaluate_probe(*_parts(blobs, seed=7), validation=0.25, seed=7)
    names = ("protocol", "top1", "top5", "mean_per_class", "ece", "scaled_ece", "temperature")
    assert found["probe"] == [{name: getattr(expected, name) for name in names}]
    assert found["settings"]["source"] == expected.source
    assert found["settings"]["validation"] == expected.settings["validation"]
    assert "candidates" not in found


def test_probe_shows_what_was_tried(run, blobs):
    found = run("probe", "--data", blobs, "--protocol", "clip")
    expected = df.evaluate_probe(*_parts(blobs), protocol="clip")
    assert found["candidates"] == [dict(candidate) for candidate in expected.candidates]
    chosen = found["candidates"][found["best"]["candidates"]]
    assert {name: chosen[name] for name in expected.selected} == expected.selected
    assert "losses" not in found


def test_probe_with_few_examples(run, blobs):
    found = run("probe", "--data", blobs, "--protocol", "lsr")
    expected = df.evaluate_probe(*_parts(blobs), protocol="lsr")
    assert found["probe"][0]["top1"] == expected.top1
    assert len(found["candidates"]) == len(expected.candidates)
    assert "ece" not in found["probe"][0]


def test_probe_by_gradients_shows_its_losses(run, blobs):
    found = run("probe", "--data", blobs, "--protocol", "moco-linear")
    losses = np.asarray(df.evaluate_probe(*_parts(blobs), protocol="moco-linear").losses)
    assert found["losses"] == [{"steps": len(losses), "first": losses[0], "last": losses[-1]}]


@pytest.mark.parametrize("standardize", [False, True])
def test_sweep(run, blobs, standardize):
    options = ["--learning-rate", "0.1,0.5", "--reg", "0,0.01", "--momentum", "0.9", "--optimizer", "sgd", "--epochs", 3]
    options += ["--loss", "softmax,weston_watkins", "--batch-size", 50, "--seed", 3]
    found = run("sweep", "--data", blobs, *options, *["--standardize"] * standardize)
    train, labels, test, test_labels = _parts(blobs, seed=3)
    order = np.random.default_rng(3).permutation(160)
    held_out, kept = order[:32], order[32:]
    plan = {"n_epochs": 3, "batch_size": 50, "bias": True, "penalize_bias": False}
    if standardize:
        plan |= {"mean": train[kept].mean(axis=0), "std": train[kept].std(axis=0)}
    grid = {"loss": ["softmax", "weston_watkins"], "optimizer": ["sgd"], "learning_rate": [0.1, 0.5], "reg": [0.0, 0.01]}
    grid |= {"momentum": [0.9], "seed": 3}
    expected = df.sweep(train[kept], labels[kept], grid, X_val=train[held_out], y_val=labels[held_out], **plan)
    assert len(found["sweep"]) == 8
    for row, setting, training in zip(found["sweep"], expected.settings, expected.trainings, strict=True):
        assert {name: row[name] for name in setting if name != "seed"} == {n: v for n, v in setting.items() if n != "seed"}
        np.testing.assert_allclose(row["train_loss"], training.loss_history[-3:].mean(), rtol=1e-6)
        np.testing.assert_allclose(row["val_loss"], training.val_losses[training.best_epoch], rtol=1e-6)
        assert row["val_accuracy"] == training.val_accuracies[training.best_epoch]
    assert found["best"]["sweep"] == expected.best
    again = {**plan, "n_epochs": expected.trainings[expected.best].best_epoch + 1}
    best = df.train(train[kept], labels[kept], **expected.settings[expected.best], **again)
    mean, std = plan.get("mean", 0), plan.get("std", 1)
    scores = (test - mean) / std @ best.W[:-1] + best.W[-1]
    assert found["test"][0]["top1"] == np.mean(scores.argmax(axis=1) == test_labels)


def test_sweep_of_settings_that_diverge(invoke, run, blobs):
    options = ["--data", blobs, "--reg", "1e6", "--batch-size", 10]
    found = run("sweep", *options, "--learning-rate", "1e-7,1")
    assert found["sweep"][0]["diverged_at"] is None
    assert found["sweep"][1]["diverged_at"] >= 0
    assert found["sweep"][1]["val_accuracy"] is None
    assert found["best"]["sweep"] == 0
    result = invoke("sweep", *options, "--learning-rate", "1", "--report", "r.html")
    assert result.exit_code == 0, result.output
    assert "On the test rows" not in result.output


def test_sweep_counts_unknown_test_labels_as_wrong(invoke, tmp_path):
    rng = np.random.default_rng(0)
    labels = np.repeat(["left", "right"], 50)
    rows = np.where(labels == "left", -5.0, 5.0)[:, np.newaxis] + rng.standard_normal((100, 1))
    np.savez(tmp_path / "x.npz", X=rows, y=labels, X_test=rows[[0, 99]], y_test=["left", "elsewhere"])
    result = invoke("sweep", "--data", "x.npz", "--json", "-")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["test"] == [{"top1": 0.5}]
    words = "1 test rows of x are of classes that no training row has, 'elsewhere': they count as wrong"
    assert f"Warning: {words}\n" in result.stderr


@pytest.mark.parametrize("rule", ["chunk", "array_split", "stratified"])
def test_cross_validate(run, blobs, rule):
    found = run("cross-validate", "--data", blobs, "--folds", 3, "--fold-rule", rule, "--k", "1,5,9", "--metric", "manhattan")
    data = df.datasets.load(blobs, split="none")
    expected = df.knn_cross_validate(data.train, data.train_labels, 3, (1, 5, 9), rule, metric="manhattan")
    for row, k in zip(found["cross_validation"], (1, 5, 9), strict=True):
        assert row["k"] == k
        assert (row["fold_1"], row["fold_2"], row["fold_3"]) == expected.accuracies[k]
        assert (row["mean"], row["std"]) == (expected.mean[k], expected.std[k])
    assert found["best"]["cross_validation"] == (1, 5, 9).index(expected.best_k)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["evaluate", "--k", "one"], 2, "'one' is not a valid integer range"),
        (["evaluate", "--k", "3,0"], 2, "0 is not in the range x>=1"),
        (["evaluate", "--k", ""], 2, "'' is not a valid integer range"),
        (["evaluate", "--k", "5000"], 1, "Error: k must be between 1 and 1438"),
        (["evaluate", "--metric", "hamming"], 2, "'hamming' is not one of"),
        (["knn", "--protocol", "unknown"], 2, "'unknown' is not one of 'dino'"),
        (["knn", "--temperature", "cold"], 2, "'cold' is not a valid float range"),
        (["knn", "--weights", "softmax", "--temperature", "0"], 1, "Error: temperature must be"),
        (["knn", "--weights", "heavy"], 2, "'heavy' is not one of"),
        (["knn", "--weights", "distance", "--metric", "inner_product"], 1, "Error: weights must be"),
        (["knn", "--n-per-class", "0"], 2, "0 is not in the range x>=1"),
        (["knn", "--n-tries", "0"], 2, "0 is not in the range x>=1"),
        (["knn", "--leave-one-out", "--n-per-class", "1"], 1, "Error: n_per_class needs queries"),
        (["probe", "--protocol", "unknown"], 2, "'unknown' is not one of"),
        (["probe", "--validation", "1"], 2, "1.0 is not in the range 0<x<1"),
        (["probe", "--seed", "-1"], 2, "-1 is not in the range x>=0"),
        (["sweep", "--learning-rate", "-1"], 2, "-1.0 is not in the range x>=0"),
        (["sweep", "--optimizer", "magic"], 2, "'magic' is not one of"),
        (["sweep", "--loss", "softmax,none"], 2, "'none' is not one of"),
        (["sweep", "--optimizer", "adam", "--momentum", "0.9"], 1, "Error: momentum is no hyperparameter of Adam"),
        (["sweep", "--epochs", "0"], 2, "0 is not in the range x>=1"),
        (["sweep", "--batch-size", "none"], 2, "'none' is not a valid integer range"),
        (["cross-validate", "--folds", "1"], 2, "1 is not in the range x>=2"),
        (["cross-validate", "--fold-rule", "other"], 2, "'other' is not one of"),
        (["cross-validate", "--k", "2000"], 1, "Error: k_choices must be between 1 and"),
        (["cross-validate", "--test", "x.npy"], 2, "No such option"),
    ],
)
def test_mistakes_end_with_a_message(invoke, arguments, code, words):
    result = invoke(*arguments)
    assert (result.exit_code, "Traceback" in result.output) == (code, False), result.output
    assert words in result.output


@pytest.mark.parametrize("command", ["evaluate", "knn", "sweep", "cross-validate"])
def test_hostile_names_do_no_harm(invoke, tmp_path, command):
    pytest.importorskip("matplotlib")
    write_blobs(tmp_path / "<b>x.npz", HOSTILE)
    options = ["--k", "1,5"] if command != "sweep" else ["--epochs", 2]
    outputs = ["--json", "x.json", "--csv", "x.csv", "--report", "x.html"]
    result = invoke(command, "--data", "<b>x.npz", *options, *outputs)
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>" not in page
    assert "&lt;b&gt;x" in page
    found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert found["data"]["name"] == "<b>x"
    assert {row["actual"] for row in found.get("confusions", [])} <= set(HOSTILE)
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["data"] for row in rows} == {"<b>x"}


def test_many_classes(invoke, tmp_path):
    rng = np.random.default_rng(0)
    names = [f"class {i}" for i in range(1000)]
    np.savez(tmp_path / "x.npz", X=rng.standard_normal((3000, 3)), y=np.repeat(names, 3))
    result = invoke("knn", "--data", "x.npz", "--k", 1, "--leave-one-out", "--report", "x.html")
    assert result.exit_code == 0, result.output
    assert len((tmp_path / "x.html").read_text(encoding="utf-8")) < 100_000
