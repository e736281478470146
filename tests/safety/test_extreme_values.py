"""Values at the ends of float64 and float32: right answers, or a ValueError that names the argument; warnings are errors here."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast._typing import AnyArray
from deeprob_fast.linear import scaling, step_size
from deeprob_fast.linear.data import TrainingData
from deeprob_fast.linear.optimum.certificate import DualBound
from deeprob_fast.linear.optimum.line_search import search
from deeprob_fast.linear.optimum.objective import SoftmaxObjective
from deeprob_fast.linear.optimum.problem import Penalized, Point
from tests.examples import blobs

X, Y = blobs(n=120)  # float64, three classes
N, D = X.shape
FUZZED = 25  # problems; a slow test takes a hundred times as many


def replaced(place, value, dtype=np.float64):
    rows = X.astype(dtype)
    rows[place] = value
    return rows


TOO_LARGE = {
    "all": X * 1e160,
    "one": replaced((3, 1), 1e308),
    "a constant": replaced(np.s_[:, 2], 1e200),
    "features of many sizes": X * 10.0 ** np.linspace(-300, 300, D),
}
SOLVERS = {
    "minimize_softmax": ("X", lambda rows: df.minimize_softmax(rows, Y, reg=0.1)),
    "lbfgs": ("X", lambda rows: df.minimize_softmax(rows, Y, reg=0.1, solver="lbfgs")),
    "without bias": ("X", lambda rows: df.minimize_softmax(rows, Y, reg=0.0, bias=False)),
    "softmax_path": ("X", lambda rows: df.softmax_path(rows, Y, regs=[0.1, 1.0])),
    "logistic": ("train", lambda rows: df.evaluate_probe(rows, Y, rows, Y)),
    "clip": ("train", lambda rows: df.evaluate_probe(rows, Y, rows, Y, protocol="clip")),
}


@pytest.mark.parametrize("rows", TOO_LARGE.values(), ids=TOO_LARGE)
@pytest.mark.parametrize(("name", "solve"), SOLVERS.values(), ids=SOLVERS)
def test_solvers_refuse_what_cannot_be_squared(name, solve, rows):
    words = rf"^{name} must hold features up to 1e\+75 in magnitude, to be squared; got \S*e\+\d+ for feature \d"
    with pytest.raises(ValueError, match=words):
        solve(rows)


SOLVED = {
    "large": X * 1e70,
    "small": X * 1e-160,
    "subnormal": X * 1e-320,
    "zeros": X * 0,
    "one": replaced((3, 1), 1e74),
    "a constant": replaced(np.s_[:, 2], 1e70),
    "features of many sizes": X * 10.0 ** np.linspace(-300, 70, D),
    "one of float32": replaced((3, 1), 3e38, np.float32),
    "a constant of float32": replaced(np.s_[:, 2], 3e38, np.float32),
    "large float32": (X * 1e37).astype(np.float32),
    "subnormal float32": (X * 1e-44).astype(np.float32),
    "large float16": np.clip(X * 1e5, -65504, 65504).astype(np.float16),
    "small float16": (X * 1e-7).astype(np.float16),
}


@pytest.mark.parametrize("rows", SOLVED.values(), ids=SOLVED)
@pytest.mark.parametrize("options", [{}, {"penalize_bias": True}, {"solver": "lbfgs"}, {"bias": False, "max_iter": 50}], ids=str)
def test_solvers_take_all_other_sizes(rows, options):
    found = df.minimize_softmax(rows, Y, reg=0.01, **options)
    assert np.isfinite(found.W).all()
    assert np.isfinite([found.loss, found.gradient_norm]).all()
    assert found.loss <= np.log(3) + 1e-12
    # A gap that is certified is one: nothing else is below the loss by more.
    other = df.minimize_softmax(rows, Y, reg=0.01, **{**options, "initial_weights": found.W * 0.9, "max_iter": 100})
    assert found.loss - found.gap <= other.loss * (1 + 1e-12)


def test_solvers_refuse_weights_and_penalties_that_cannot_be_squared():
    for bad in (np.inf, np.nan, 1e160):
        weights = np.zeros((D + 1, 3))
        weights[1, 1] = bad
        with pytest.raises(
            ValueError, match=r"^initial_weights must be finite, up to 1e\+75 in magnitude; got (inf|nan|1e\+160)"
        ):
            df.minimize_softmax(X, Y, reg=0.1, initial_weights=weights)
    with pytest.raises(ValueError, match=r"^reg must be at most 1e\+75; got 1e\+308"):
        df.minimize_softmax(X, Y, reg=1e308)
    with pytest.raises(ValueError, match=r"^regs\[1\] must be at most 1e\+75; got 1e\+100"):
        df.softmax_path(X, Y, regs=[1.0, 1e100])


def test_nothing_is_certified_by_what_is_not_a_number():
    objective = SoftmaxObjective(TrainingData(X, Y, None, True, None, None, None, None, None).examples, 3, 1)
    problem = Penalized(objective, 0.1, free_bias=True)
    point = problem(np.zeros((3, D + 1)))
    for bad in (np.nan, np.inf):
        gradient = point.gradient.copy()
        gradient[0, 0] = bad
        with np.errstate(all="ignore"):
            assert DualBound(objective, free_bias=True).gap(problem, point._replace(gradient=gradient)) == np.inf


@pytest.mark.parametrize("slope", [0.0, 1e30])
def test_a_line_search_ends_where_steps_cannot_be_told_apart(slope):
    steps = []

    def evaluate(weights):
        steps.append(float(weights[0]))
        inside = steps[-1] <= 1
        return Point(weights, -steps[-1] if inside else 1e9, np.array([-1.0 if inside else slope]))

    assert search(evaluate, evaluate(np.zeros(1)), np.ones(1), n_trials=500) is None
    assert len(steps) == len(set(steps))


def test_steps_that_overflow_are_turned_back():
    for found in (
        df.softmax_path(X * 1e20, Y, regs=[0.0, 0.0, 1e-3], max_iter=30)[1],
        df.minimize_softmax(X * 1e20, Y, reg=1e-300, max_iter=30, initial_weights=np.full((D + 1, 3), 1e74) * np.eye(D + 1, 3)),
    ):
        assert np.isfinite(found.W).all()
        assert not found.converged


SIZES = [2.0**530, 2.0**-530, 2.0**900, 2.0**-900]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [df.SoftmaxClassifier, df.LinearSVM])
def test_standardised_features_may_have_any_size(kind, size):
    plain, scaled = (kind(standardize=True, random_state=0, max_epochs=3).fit(rows, Y) for rows in (X, X * size))
    assert (scaled.coef_ * size).tobytes() == plain.coef_.tobytes()
    assert scaled.intercept_.tobytes() == plain.intercept_.tobytes()
    np.testing.assert_array_equal(scaled.predict(X * size), plain.predict(X))


@pytest.mark.parametrize("value", [1e200, 1e100, 1e17, 0.1, 1e-310])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_constant_feature_becomes_zero(value, dtype):
    if dtype == np.float32:
        value = min(value, 1e38)
    rows = replaced(np.s_[:, 2], value, dtype)
    mean, std = scaling.moments("X", rows, np.random.default_rng(0).random(N))
    assert (mean[2], std[2]) == (float(dtype(value)), 1.0)


STANDARDISED: dict[str, dict[str, Any]] = {
    "lsr": {"shots": None},
    "logistic": {"standardize": True},
    "dino-linear": {"standardize": True, "n_epochs": 2},
}


@pytest.mark.parametrize(("protocol", "options"), STANDARDISED.items(), ids=STANDARDISED)
@pytest.mark.parametrize("value", [1e200, 1e17, 0.1])
def test_a_constant_feature_has_no_weight(protocol, options, value):
    rows = replaced(np.s_[:, 2], value)
    found = df.evaluate_probe(rows, Y, rows, Y, protocol=protocol, **options)
    assert not found.W[2].any()
    assert np.abs(found.W[-1]).max() < 10


def test_features_that_cannot_be_standardised_are_refused():
    rows = replaced((3, 1), 1.5e308)
    for call, name in (
        (lambda: df.SoftmaxClassifier(standardize=True).fit(rows, Y), "X"),
        (lambda: df.evaluate_probe(rows, Y, X, Y, protocol="lsr"), "train"),
    ):
        with pytest.raises(
            ValueError, match=rf"^{name} must hold values up to 1e\+307 in magnitude to be standardised; got 1.5e\+308"
        ):
            call()


@pytest.mark.parametrize("size", SIZES[:2])
def test_normalised_rows_may_have_any_size(size):
    plain, scaled = (df.evaluate_probe(rows, Y, rows, Y, normalize=True) for rows in (X, X * size))
    assert scaled.W.tobytes() == plain.W.tobytes()


@pytest.mark.parametrize("exponent", [-400, -20, 20, 400])
def test_the_automatic_step_scales_with_the_features(exponent):
    def rate(rows):
        examples = TrainingData(rows, Y, None, False, None, None, None, None, None).examples
        return step_size.auto_learning_rate(examples, np.arange(N), 30, "softmax", 3, 0.0, 0.9, False)

    assert rate(X * 2.0**exponent) == pytest.approx(rate(X) * 2.0 ** (-2 * exponent), rel=0.06)


def test_the_automatic_step_refuses_features_whose_squares_overflow():
    words = r'^learning_rate="auto" needs features and a reg whose squares fit float(32|64); got up to .* in X and a reg of'
    for rows in (X * 1e200, replaced((0, 0), 1e308), (X * 1e37).astype(np.float32)):
        with pytest.raises(ValueError, match=words):
            df.SoftmaxClassifier().fit(rows, Y)
    with pytest.raises(ValueError, match=words):
        df.LinearSVM(reg=1e308).fit(X, Y)


@pytest.mark.parametrize("size", [2.0**1000, 2.0**-1060])
def test_only_ratios_of_sample_weights_count(size):
    weights = np.random.default_rng(0).integers(1, 4, N).astype(np.float64)
    for call in (
        lambda w: df.softmax_loss(np.eye(D, 3), X, Y, sample_weight=w).grad,
        lambda w: df.train(X, Y, n_epochs=2, sample_weight=w).W,
        lambda w: df.minimize_softmax(X, Y, reg=0.1, sample_weight=w).W,
        lambda w: df.SoftmaxClassifier(standardize=True, random_state=0, max_epochs=3).fit(X, Y, sample_weight=w).coef_,
    ):
        assert call(weights * size).tobytes() == call(weights).tobytes()


F32 = X.astype(np.float32)
NAN = replaced((5, 1), np.nan)
REFUSED = {
    "std and its inverse must fit float32; got 1e-44 for feature 0": lambda: df.train(F32, Y, std=np.full(D, 1e-44)),
    r"std and its inverse must fit float32; got 1e\+200": lambda: df.train(F32, Y, std=np.full(D, 1e200)),
    r"mean must fit float32; got 1e\+200 for feature 0": lambda: df.train(F32, Y, mean=np.full(D, 1e200)),
    "std and its inverse must fit float64; got 5e-324": lambda: df.train(X, Y, std=np.full(D, 5e-324)),
    "X must fit float32, in which is computed; got ": lambda: df.train(X * 1e160, Y, dtype="float32"),
    "X_val must fit float32, in which": lambda: df.train(X, Y, dtype="float32", X_val=X * 1e160, y_val=Y),
    "X must be finite; row 5 holds NaN": lambda: df.train(NAN, Y),
    "X must be finite; row 5 holds": lambda: df.sweep(NAN, Y, {"reg": [0.0, 1.0]}),
    "X must be finite; row 5 ": lambda: df.random_search(NAN, Y, n_candidates=3),
    "X must be finite; row 6 holds infinity": lambda: df.train(replaced((6, 1), np.inf), Y, dtype="float32"),
    "X_val must be finite; row 5 holds NaN": lambda: df.train(X, Y, X_val=NAN, y_val=Y),
    "initial_weights must be finite; it holds NaN": lambda: df.train(X, Y, initial_weights=np.full((D, 3), np.inf)),
    "w must be large enough for 2 / norm": lambda: df.Hyperplane([1e-320, 0.0], 0.0),
    "X must hold points .* got inf for row 1": lambda: df.Hyperplane([1e200], 0.0).decision_function([[1.0], [1e200]]),
    "X must be finite; row 0 holds NaN": lambda: df.Hyperplane([1.0], 0.0).distances([[np.nan]]),
    r"scores must be up to 1e\+300 in magnitude; got 1.7e\+308": lambda: df.fit_temperature([[1.7e308, -1.7e308]], [0]),
    "probabilities must not be negative": lambda: df.expected_calibration_error([[1e308, 1e308]], [0]),
    "h must be small enough to stay within float64": lambda: df.numerical_gradient(lambda x: x[0], np.full(2, 1.7e308), h=1e308),
    "x must be small enough to stay within float64": lambda: df.numerical_gradient(lambda x: x[0], np.full(2, 1.7976931e308)),
}


@pytest.mark.parametrize(("words", "call"), REFUSED.items(), ids=REFUSED)
def test_messages(words, call):
    with pytest.raises(ValueError, match=f"^{words}"):
        call()


@pytest.mark.parametrize("size", [2.0**510, 2.0**-510, 2.0**1000, 2.0**-1000])
def test_a_hyperplane_may_have_weights_of_any_size(size):
    points = X[:, :2]
    plain, scaled = df.Hyperplane([3.0, 4.0], 5.0), df.Hyperplane([3 * size, 4 * size], 5 * size)
    assert scaled.distances(points).tobytes() == plain.distances(points).tobytes()
    assert scaled.margin_width * size == plain.margin_width


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_float32_distances_of_any_size(metric):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((40, 5))
    for sizes in (1e-40, 1e-30, 1e-22, 1e18, 1e25, 1e37, 10.0 ** rng.uniform(-38, 37, (40, 1))):
        narrow = (rows * sizes).astype(np.float32)
        differences = np.abs(narrow[:, np.newaxis].astype(np.longdouble) - narrow)
        expected = np.sqrt((differences**2).sum(axis=-1)) if metric == "euclidean" else differences.sum(axis=-1)
        np.testing.assert_allclose(df.pairwise_distances(narrow, metric=metric), expected, rtol=1e-5, atol=1e-44)


def test_votes_of_any_size():
    for temperature in (5e-324, 1e-200, 1e300):
        for metric in ("euclidean", "inner_product"):
            model = df.KNeighborsClassifier(5, weights="softmax", temperature=temperature, metric=metric).fit(X * 1e60, Y)
            np.testing.assert_allclose(model.predict_proba(X * 1e60).sum(axis=1), 1)
    for value, words in (
        (0.0, "weights must return numbers with a finite sum above 0 for each query; got 0.0 for query 0"),
        (1e308, "weights must return numbers with a finite sum above 0 for each query; got inf for query 0"),
    ):
        model = df.KNeighborsClassifier(5, weights=partial(np.full_like, fill_value=value)).fit(X, Y)
        with pytest.raises(ValueError, match=words):
            model.predict_proba(X)


def test_probabilities_of_scores_far_apart():
    model = df.SoftmaxClassifier(random_state=0, max_epochs=2).fit(X, Y)
    model.coef_ = np.zeros_like(model.coef_)
    model.intercept_ = np.array([1.7e308, -1.7e308, 0.0])
    np.testing.assert_array_equal(model.predict_proba(X[:1]), [[1, 0, 0]])


class Problem(NamedTuple):
    """Rows of a random type and of sizes between the ends of float64."""

    rows: AnyArray
    labels: AnyArray
    weights: AnyArray
    reg: float

    @classmethod
    def draw(cls, seed):
        rng = np.random.default_rng(seed)
        n_rows, n_features = int(rng.integers(4, 60)), int(rng.integers(1, 7))
        widest = rng.choice([1, 20, 70, 74, 150, 300])
        sizes = 10.0 ** rng.uniform(-widest, widest, [(n_features,), (), (n_rows, 1)][rng.integers(0, 3)])
        dtype = rng.choice(["float64", "float64", "float32", "float16"])
        limit = float(np.finfo(dtype).max)
        rows = np.clip(rng.standard_normal((n_rows, n_features)) * sizes, -limit, limit)
        labels = np.concatenate([[0, 1], rng.integers(0, 2, n_rows - 2)])
        weights = (rng.random(n_rows) + 1e-3) * 10.0 ** rng.uniform(-300, 300)
        with np.errstate(all="ignore"):
            return cls(rows.astype(dtype), labels, weights, float(rng.choice([0, 1e-300, 1e-10, 1e-3, 1, 1e60])))


FITS: list[Callable[[Problem], Any]] = [
    lambda p: df.minimize_softmax(p.rows, p.labels, reg=p.reg, max_iter=30, sample_weight=p.weights),
    lambda p: df.minimize_softmax(p.rows, p.labels, reg=p.reg, max_iter=30, bias=False),
    lambda p: df.softmax_path(p.rows, p.labels, regs=[1e-3, p.reg], max_iter=20)[1],
    lambda p: df.evaluate_probe(p.rows, p.labels, p.rows, p.labels, protocol="lsr", shots=None),
    lambda p: df.evaluate_probe(p.rows, p.labels, p.rows, p.labels, standardize=True, max_iter=30),
    lambda p: df.evaluate_probe(p.rows, p.labels, p.rows, p.labels, normalize=True, max_iter=30),
]
FEW, MANY = range(FUZZED), pytest.param(range(FUZZED, 101 * FUZZED), marks=pytest.mark.slow)


@pytest.mark.parametrize("seeds", [FEW, MANY], ids=["few", "many"])
def test_any_sizes(seeds):
    refused = 0
    for seed in seeds:
        problem = Problem.draw(seed)
        for fit in FITS:
            try:
                found = fit(problem)
            except ValueError as error:
                words, kind = str(error), type(error)
            else:
                assert np.isfinite(found.W).all(), f"seed {seed}"
                continue
            refused += 1
            assert kind is ValueError, f"seed {seed}: {kind}: {words}"
            assert words.startswith(("X must hold features up to", "train must hold")), f"seed {seed}: {words}"
    assert 0 < refused < len(seeds) * len(FITS) / 3
