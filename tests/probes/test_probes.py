"""evaluate_probe: what it finds, what it holds out, what it refuses."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, top_k_accuracy_score

import deeprob_fast as df
from deeprob_fast.probes import data as probe_data

# Small versions of the long ones.
SHORT: dict[str, dict[str, Any]] = {name: {} for name in df.PROBE_PROTOCOLS} | {
    "dino-linear": {"n_epochs": 3, "lr": 1.0},
    "dinov2-linear": {"n_epochs": 2, "epoch_steps": 50, "lr": (1e-3, 0.1, 1.0)},
    "moco-linear": {"n_epochs": 10, "lr": 1.0},
    "ssl-transfer": {"C": (10.0, 1.0, 0.1)},
    "lsr": {"shots": (5, 20)},
}
EMBEDDINGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "pypi-minilm-384.npz"


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:1000].astype(np.float32) / 16, y[:1000], X[1000:].astype(np.float32) / 16, y[1000:]


def blobs(n=200, n_classes=3, n_features=5, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n)
    return (rng.standard_normal((n_classes, n_features))[y] * 2 + rng.standard_normal((n, n_features))).astype(np.float32), y


def penalized_loss(W, X, y, strength):
    scores = X.astype(np.float64) @ W[:-1] + W[-1]
    scores -= scores.max(axis=1, keepdims=True)
    losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(y)), y]
    return losses.mean() + (W[:-1] ** 2).sum() / (2 * strength * len(y))


@pytest.mark.parametrize("strength", [0.1, 1.0, 10.0])
def test_the_default_is_scikit_learns(digits, strength):
    X, y, X_test, y_test = digits
    X, y = X[:400], y[:400]
    found = df.evaluate_probe(X, y, X_test, y_test, C=strength)
    peer = LogisticRegression(C=strength, tol=1e-6, max_iter=10000).fit(X.astype(np.float64), y)
    theirs = np.vstack([peer.coef_.T, peer.intercept_])
    assert penalized_loss(found.W, X, y, strength) <= penalized_loss(theirs, X, y, strength) + 1e-6
    np.testing.assert_allclose(found.W[:-1], theirs[:-1], atol=0.01 * np.abs(theirs).max())
    assert found.top1 >= peer.score(X_test, y_test) - 1 / len(y_test)
    usual = LogisticRegression(C=strength, max_iter=10000).fit(X, y)
    theirs = np.vstack([usual.coef_.T, usual.intercept_])
    assert penalized_loss(found.W, X, y, strength) <= penalized_loss(theirs, X, y, strength) + 1e-6


@pytest.mark.parametrize("protocol", list(SHORT))
def test_what_is_reported_belongs_together(digits, protocol):
    _, _, X_test, y_test = digits
    reported: list[Any] = []
    found = df.evaluate_probe(*digits, protocol=protocol, callback=reported.append, **SHORT[protocol])
    scores = X_test.astype(np.float64) @ found.W[:-1] + found.W[-1]
    assert found.W.shape == (65, 10)
    assert (found.predictions == scores.argmax(axis=1)).all()
    assert (found.truth == y_test).all()
    assert found.top1 == np.mean(found.predictions == y_test) > 0.8
    assert found.top5 == pytest.approx(top_k_accuracy_score(y_test, scores, k=5))
    assert found.mean_per_class == pytest.approx(balanced_accuracy_score(y_test, found.predictions))
    assert (found.confusion_matrix() == confusion_matrix(y_test, found.predictions)).all()
    assert sorted(map(str, reported)) == sorted(map(str, found.candidates))
    assert any(found.selected.items() <= {**candidate, "seed": 0}.items() for candidate in found.candidates)
    assert (found.protocol, found.source) == (protocol, df.PROBE_PROTOCOLS[protocol].source)
    assert found.settings["n_train"] + found.settings["n_validation"] == 1000
    assert found.settings["n_validation"] == int(1000 * (found.settings["validation"] or 0))
    assert (found.settings["validation"] is None) == (len(found.candidates) == 1 or protocol == "lsr")
    for name, value in SHORT[protocol].items():
        assert found.settings[name] == (value if isinstance(value, (tuple, int)) else (value,))
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    if protocol == "lsr":
        assert found.ece is None
    else:
        probabilities = powers / powers.sum(axis=1, keepdims=True)
        assert found.ece == pytest.approx(df.expected_calibration_error(probabilities, y_test), abs=1e-9)
    assert (found.temperature is None) == (found.scaled_ece is None) == (protocol == "lsr" or len(found.candidates) == 1)
    assert (found.losses is None) == (not protocol.endswith("-linear"))


@pytest.mark.parametrize("protocol", ["clip", "ssl-transfer", "dinov2-linear"])
def test_the_best_on_the_validation_rows_is_taken(digits, protocol):
    found = df.evaluate_probe(*digits, protocol=protocol, **SHORT[protocol])
    merits = [candidate["val_accuracy"] for candidate in found.candidates]
    name = "lr" if protocol == "dinov2-linear" else "C"
    assert found.selected[name] == found.candidates[int(np.argmax(merits))][name]
    assert len(set(merits)) > 1
    # The queries decide nothing: other labels for them change no choice and no weight.
    X, y, X_test, y_test = digits
    again = df.evaluate_probe(X, y, X_test, np.roll(y_test, 1), protocol=protocol, **SHORT[protocol])
    assert (again.W == found.W).all()
    assert again.candidates == found.candidates


def test_the_refit_is_the_fit_to_everything(digits):
    X, y, X_test, y_test = digits
    found = df.evaluate_probe(X[:700], y[:700], X_test, y_test, protocol="clip", validation=(X[700:], y[700:]))
    whole = df.evaluate_probe(*digits, C=found.selected["C"])
    assert abs(penalized_loss(found.W, X, y, *whole.settings["C"]) - penalized_loss(whole.W, X, y, *whole.settings["C"])) < 1e-5
    part = df.evaluate_probe(X[:700], y[:700], X_test, y_test, C=found.selected["C"], tol=1e-4)
    assert penalized_loss(part.W, X, y, *whole.settings["C"]) > penalized_loss(whole.W, X, y, *whole.settings["C"]) + 1e-3
    scores = X[700:].astype(np.float64) @ part.W[:-1] + part.W[-1]
    assert found.temperature == pytest.approx(df.fit_temperature(scores, y[700:]), rel=0.02)  # before the refit
    assert found.settings["validation"] == "given"


def test_the_split_is_that_of_ssl_transfer():
    X, y = np.arange(57.0)[:, np.newaxis], np.arange(57)
    split = probe_data.probe_data(X, y, X, y, validation=0.2, seed=0, normalize=False)
    indices = list(range(57))
    np.random.RandomState(0).shuffle(indices)
    assert split.validation.numbers.tolist() == sorted(indices[:11])
    assert split.train.numbers.tolist() == sorted(indices[11:])
    assert (split.train.rows[:, 0] == split.train.numbers).all()


def test_of_equal_candidates_the_first():
    X, y = blobs(n_features=8)
    found = df.evaluate_probe(X, y, X, y, protocol="ssl-transfer", C=(1.0, 1.0 + 1e-9, 1.0 - 1e-9))
    assert len({c["val_accuracy"] for c in found.candidates}) == 1
    assert found.selected == {"C": 1.0}


def test_mean_per_class_can_choose():
    X, y = blobs(400, seed=3)
    rare = np.concatenate([np.flatnonzero(y < 2), np.flatnonzero(y == 2)[:12]])
    X, y = X[rare], y[rare]
    grid: dict[str, Any] = {"protocol": "ssl-transfer", "C": (1e-5, 1.0), "validation": (X, y)}
    by_class = df.evaluate_probe(X, y, X, y, metric="mean_per_class", **grid)
    assert by_class.candidates[0]["val_accuracy"] < 0.7 < df.evaluate_probe(X, y, X, y, **grid).candidates[0]["val_accuracy"]


@pytest.mark.parametrize("protocol", list(SHORT))
def test_threads_change_nothing(protocol):
    X, y = blobs(300)
    one, two = (df.evaluate_probe(X, y, X, y, protocol=protocol, n_threads=n, **SHORT[protocol]) for n in (1, 2))
    assert one.W.tobytes() == two.W.tobytes()
    assert (one.ece, one.temperature, one.candidates) == (two.ece, two.temperature, two.candidates)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.uint8, np.int8])
@pytest.mark.parametrize("protocol", list(SHORT))
def test_rows_of_any_type(dtype, protocol):
    X, y = blobs(300)
    X = np.clip(X * 8 + (64 if dtype == np.uint8 else 0), -120, 250).astype(dtype)
    options = {**SHORT[protocol], **({"lr": 0.01} if protocol.endswith("-linear") else {})}
    found = df.evaluate_probe(X, y, X, y, protocol=protocol, standardize=True, **options)
    wide = df.evaluate_probe(X.astype(np.float32), y, X.astype(np.float32), y, protocol=protocol, standardize=True, **options)
    np.testing.assert_allclose(found.W, wide.W, rtol=1e-3, atol=1e-3 * np.abs(wide.W).max())
    assert found.top1 > 0.85


@pytest.mark.parametrize("protocol", list(SHORT))
def test_standardisation_is_folded_in(protocol):
    X, y = blobs(300)
    X = X * np.float32([1, 10, 100, 1, 1]) + np.float32([0, 50, 0, 3, 0])
    mean, std = X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64)
    folded = df.evaluate_probe(X, y, X, y, protocol=protocol, standardize=True, validation=(X, y), **SHORT[protocol])
    explicit = (X - mean) / std
    other = df.evaluate_probe(
        explicit, y, explicit, y, protocol=protocol, validation=(explicit, y), standardize=protocol == "lsr", **SHORT[protocol]
    )
    scores, expected = (rows.astype(np.float64) @ found.W[:-1] + found.W[-1] for rows, found in ((X, folded), (explicit, other)))
    np.testing.assert_allclose(scores, expected, atol=2e-3 * np.abs(expected).max())


def test_rows_can_be_normalised():
    X, y = blobs(300)
    X *= np.random.default_rng(0).uniform(0.01, 100, (300, 1)).astype(np.float32)
    X[:3] = 0
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    explicit = X / np.where(norms > 0, norms, 1)
    found = df.evaluate_probe(X, y, X, y, normalize=True, C=100)
    expected = df.evaluate_probe(explicit, y, explicit, y, C=100)
    np.testing.assert_allclose(found.W, expected.W, rtol=1e-3, atol=1e-3)
    assert found.top1 == expected.top1 > df.evaluate_probe(X, y, X, y, C=1e-6).top1
    assert probe_data.normalized(X.astype(np.float16)).dtype == np.float32


@pytest.mark.parametrize("protocol", list(SHORT))
def test_strings_and_labels_that_nobody_trained(protocol):
    X, y = blobs(300)
    names = np.array(["fox", "ant", "bee"])[y]
    with pytest.warns(df.datasets.SplitWarning, match="^1 queries are of classes that no training row has, 'cat'"):
        found = df.evaluate_probe(X, names, X[:50], ["cat", *names[1:50]], protocol=protocol, **SHORT[protocol])
    assert found.classes.tolist() == ["ant", "bee", "cat", "fox"]
    assert np.isneginf(found.W[-1]).tolist() == [False, False, True, False]
    assert found.truth[0] == "cat" != found.predictions[0]
    assert found.top5 == pytest.approx(49 / 50)  # of the three known classes any, but never the fourth
    assert found.confusion_matrix()[2].sum() == 1
    assert found.confusion_matrix()[:, 2].sum() == 0


@pytest.mark.filterwarnings("ignore::deeprob_fast.datasets.SplitWarning")
@pytest.mark.parametrize("protocol", list(SHORT))
def test_one_class(protocol):
    X, _ = blobs(40)
    found = df.evaluate_probe(X, ["a"] * 40, X[:4], ["a", "a", "a", "b"], protocol=protocol, **SHORT[protocol])
    assert (found.top1, found.top5, found.mean_per_class) == (0.75, 0.75, 0.5)
    assert set(found.predictions) == {"a"}


@pytest.mark.parametrize("protocol", list(SHORT))
@pytest.mark.parametrize("n", [1, 2, 12])
def test_few_rows(protocol, n):
    """Fewer than a batch, and than features; with so few, validation rows have to be given."""
    X, y = blobs(n)
    found = df.evaluate_probe(X, y, X, y, protocol=protocol, validation=(X, y), **SHORT[protocol])
    assert 0 <= found.top1 <= found.top5 == 1


def test_a_class_that_only_validation_has():
    X, y = blobs(90)
    part = y < 2
    found = df.evaluate_probe(X[part], y[part], X, y, protocol="ssl-transfer", C=(1.0, 0.1), validation=(X, y))
    assert found.top1 > 0.8  # fitted again to all
    assert found.candidates[0]["val_accuracy"] < 0.8
    assert np.isfinite(found.W).all()
    assert found.temperature is not None  # by the validation rows of known classes
    only = y == 2
    stranger = df.evaluate_probe(X[part], y[part], X, y, validation=(X[only], y[only]))  # whose class is known so
    assert stranger.temperature is None


def test_divergence():
    X, y = blobs(50)
    with pytest.raises(ValueError, match=r"lr must suit the features; got \(30\), and a loss that is not finite at step"):
        df.evaluate_probe(X * np.float32(1e19), y, X, y, protocol="moco-linear")
    found = df.evaluate_probe(X, y, X, y, protocol="moco-linear", lr=(1e38, 0.1), n_epochs=10, validation=0.2)
    assert "diverged_at" in found.candidates[0]
    assert found.selected == {"lr": 0.1}


BAD = [
    ({"protocol": "dino"}, "protocol must be one of logistic, dino-linear"),
    ({"protocol": 3}, "protocol must be one of"),
    ({"n_epochs": 3}, "overrides must be parameters of logistic, .*; got n_epochs"),
    ({"name": "mine"}, "overrides must be parameters"),
    ({"C": 0.0}, "C must be finite and above 0; got 0.0"),
    ({"C": ()}, "C must hold at least one number; got none"),
    ({"validation": 0.001}, "validation must leave and hold out rows; got 0.001 of 200 rows, which is 0"),
    ({"validation": 1.5}, "validation must be finite and at least 0 and at most 1"),
    ({"validation": (np.ones((2, 5)),)}, r"validation must be a share of the training rows or \(X_val, y_val\); got 1"),
    ({"validation": (np.ones((2, 4)), [0, 1])}, r"validation\[0\] must have 5 features"),
    ({"validation": (np.ones((2, 5)), [0])}, r"validation\[1\] must be 1-D with one label for each of the 2 rows"),
    ({"queries": np.ones((3, 4))}, "queries must have 5 features"),
    ({"queries": np.ones((0, 5)), "query_labels": []}, "queries must have at least one row"),
    ({"train": np.full((200, 5), np.nan)}, "train must be finite; row 0 holds NaN"),
    ({"query_labels": ["a"] * 200}, "query_labels must be labels of the same kind as train_labels, numbers; got text"),
    ({"seed": -1}, "seed must be between 0"),
    ({"callback": 3}, "callback must be callable"),
    ({"normalize": "l2"}, "normalize must be True or False; got 'l2'"),
    ({"metric": "f1"}, "metric must be one of accuracy, mean_per_class; got 'f1'"),
    ({"protocol": "dino-linear", "refit": True}, "refit must be False for SGD"),
    ({"protocol": "dino-linear", "schedule": "step"}, "schedule must be one of cosine, multistep"),
    ({"protocol": "moco-linear", "milestones": (60, 80)}, "milestones must be finite and at least 0 and at most 1; got 60"),
    ({"protocol": "lsr", "shots": (0,)}, "shots must be between 1"),
    ({"protocol": "lsr", "standardize": False}, "standardize must be True for least squares"),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_what_is_refused(changes, message):
    X, y = blobs()
    arguments = {"train": X, "train_labels": y, "queries": X, "query_labels": y, **changes}
    with pytest.raises((ValueError, TypeError), match=message):
        df.evaluate_probe(**arguments)


def test_a_protocol_by_value():
    X, y = blobs()
    protocol = df.PROBE_PROTOCOLS["clip"].changed({"C": 0.316})
    assert df.evaluate_probe(X, y, X, y, protocol=protocol).settings["C"] == (0.316,)
    assert df.PROBE_PROTOCOLS["clip"].n_settings == 97


def test_scikit_learn_is_not_imported():
    code = (
        "import sys, deeprob_fast as df\n"
        "df.evaluate_probe([[0.0], [1.0]], [0, 1], [[2.0]], [1])\n"
        "assert 'sklearn' not in sys.modules and 'scipy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


@pytest.mark.slow
@pytest.mark.skipif(not EMBEDDINGS.is_file(), reason="needs the embeddings in ../shared/data")
@pytest.mark.parametrize(
    ("protocol", "least"),
    [
        ("logistic", 0.93),
        ("dino-linear", 0.55),
        ("dinov2-linear", 0.915),
        ("moco-linear", 0.91),
        ("clip", 0.925),
        ("ssl-transfer", 0.925),
        ("lsr", 0.89),
    ],
)
def test_accuracies_on_real_embeddings(protocol, least):
    with np.load(EMBEDDINGS) as file:
        X, y = file["X"], file["y"]
    found = df.evaluate_probe(X[:18000], y[:18000], X[18000:], y[18000:], protocol=protocol)
    assert found.top1 >= least


@pytest.mark.parametrize("options", [{}, {"C": (0.1, 1.0), "validation": 0.2}])
def test_a_probe_that_ends_before_its_minimum_says_so(options):
    from sklearn.datasets import load_wine
    from sklearn.exceptions import ConvergenceWarning

    x, y = load_wine(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="ended before its minimum: after max_iter=2 .* larger max_iter or") as told:
        df.evaluate_probe(x, y, x, y, max_iter=2, **options)
    assert [warning.filename for warning in told] == [__file__]
    assert df.evaluate_probe(x, y, x, y, **options).top1 > 0.95  # and silent
