"""Random search: the best of all candidates, whose losses are right."""

import numpy as np
import pytest

import deeprob_fast as df
from tests import reference


@pytest.mark.parametrize("loss", reference.LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_the_best_weights_have_the_smallest_loss(isa, loss, dtype):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 9, (300, 70)).astype(dtype), rng.integers(0, 5, 300)
    found = df.random_search(X, y, n_candidates=150, scale=0.1, loss=loss)
    assert found.losses.shape == (150,)
    assert found.loss == found.losses.min()
    expected = reference.linear_loss(found.W, np.hstack([X, np.ones((300, 1))]), y, loss)[0]
    assert found.loss == pytest.approx(expected, rel=1e-12 if dtype == "float64" else 1e-6)


def test_candidates_are_normal_and_differ():
    X, y = np.eye(40), np.arange(40) % 2
    found = df.random_search(X, y, n_candidates=130, scale=1e-4, bias=False, seed=4)
    assert len(set(found.losses)) == 130
    assert found.W.std() == pytest.approx(1e-4, rel=0.3)
    assert df.random_search(X, y, n_candidates=130, scale=1e-4, bias=False, seed=4).W.tobytes() == found.W.tobytes()
    assert df.random_search(X, y, n_candidates=130, scale=1e-4, bias=False, seed=5).loss != found.loss


def test_more_candidates_begin_with_the_same():
    X, y = np.eye(10), np.arange(10) % 3
    few, many = (df.random_search(X, y, n_candidates=n, n_threads=t).losses for n, t in ((64, 1), (200, 2)))
    assert many[:64].tobytes() == few.tobytes()


def test_the_log_of_the_lecture(capsys):
    found = df.random_search(np.eye(3), [0, 1, 2], n_candidates=3, scale=1.0, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    bests = np.minimum.accumulate(found.losses)
    assert lines == [
        f"in attempt {i} the loss was {loss:f}, best {best:f}"
        for i, (loss, best) in enumerate(zip(found.losses, bests, strict=True))
    ]


def test_weights_that_overflow_are_never_the_best():
    found = df.random_search([[1e300]], [0], n_candidates=3, scale=1e300, n_classes=2)
    assert found.losses.shape == (3,)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_candidates": 0}, "n_candidates must be between 1"),
        ({"scale": -1}, "scale must be finite and at least 0"),
        ({"loss": "hinge"}, "loss must be one of"),
    ],
)
def test_messages(options, words):
    with pytest.raises(ValueError, match=words):
        df.random_search([[1.0]], [0], **options)
