"""Hostile calls of losses, training, solvers, optimizers and gradient checks."""

import contextlib
import io

import numpy as np

import deeprob_fast as df
from tests import reference
from tests.safety.answers import answer, flat, names_of, right
from tests.safety.hostile import cast_within

_FORMULATIONS = ("weston_watkins", "one_vs_all", "runner_up")
_OPTIMIZERS = ("sgd", "adagrad", "rmsprop", "adam", "adamw")


def _examples(source, n_classes=3, most=10**6):
    n, _, d = source.shape()
    d = min(d, most)
    X = source.rows(n, d, source.choice(0.0, 0.3))
    y, numbers = source.labels(n, n_classes)
    return X, y, numbers, n, d


def _some(source, options):
    return {name: value for name, value in options.items() if source.happens(0.3)}


def _per_row(source, n):
    good = (
        np.ones(n),
        source.rng.random(n) + 0.1,
        np.ones(n, "f2"),
        np.ones(n, ">f8"),
        [1] * n,
        source.rng.random(2 * n)[::2] + 0.1,
    )
    return source.mixed(
        good, np.zeros(n), -np.ones(n), np.full(n, np.nan), np.ones(n + 1), np.ones((n, 1)), "x", 3.0, np.full(n, 1e300),
        np.full(n, 5e-324), np.ones(n, complex), None, {}, np.ma.masked_array(np.ones(n), mask=np.ones(n)), np.full(n, 2**62),
    )  # fmt: skip


def _standardisation(source, d):
    return {"mean": _per_row(source, d), "std": _per_row(source, d)}


def loss(source):
    X, y, numbers, n, d = _examples(source)
    bias = source.choice(True, False)
    W = source.rows(d + bias, source.choice(3, 3, 3, 1, 0, 200), source.choice(0.0, 0.3))
    formulation = source.name(*_FORMULATIONS)
    softmax = source.choice(True, False)
    function = df.softmax_loss if softmax else df.svm_loss
    own = {"bias": bias}
    own |= _some(
        source, {"sample_weight": _per_row(source, n), "n_threads": source.n_threads()[0], "reg": source.number(0.0, 1e-3, 1e300)}
    )
    own |= _some(source, {"penalty": source.name("l2", "l1", "elasticnet"), "l1_ratio": source.number(0.0, 0.5, 1.0, 2.0)})
    own |= _some(source, _standardisation(source, d))
    plain = set(own) == {"bias"}
    if not softmax:
        own["formulation"] = formulation
        own |= _some(source, {"delta": source.number(0.0, 1.0, 1e300)})
    is_one = softmax or (isinstance(formulation, str) and formulation in _FORMULATIONS)
    good = right((X.plain, W.plain, numbers)) and n > 0 and d > 0 and W.plain.shape[1] > 2 and is_one
    must = good and plain and "delta" not in own and X.mild and W.mild
    names = names_of(function)
    found = answer(lambda: function(W.value, X.value, y, **own), names, must=must)
    if found is None:
        return
    assert right((X.plain, W.plain)), "answered what is wrong"
    assert flat(found) == flat(function(W.value, X.value, y, **own))
    assert found.grad.shape == W.plain.shape
    assert np.isfinite(found.loss) or np.isnan(found.grad).all(), "a gradient of a loss that is not finite"
    if must:
        _assert_loss(found, X.plain, W.plain, numbers, "softmax" if softmax else formulation, bias)


def _assert_loss(found, X, W, y, formula, bias):
    rows = np.hstack([X, np.ones((len(X), 1))]) if bias else X
    expected, gradient = reference.linear_loss(W, rows, y, formula)
    scores = np.abs(rows) @ np.abs(W)
    unit = np.finfo(found.grad.dtype).eps * (10 + rows.shape[1])
    np.testing.assert_allclose(found.loss, expected, rtol=1e-6, atol=10 * W.shape[1] * unit * (1 + scores.max()))
    # At a kink a sum in another order may fall to the other side.
    if formula == "softmax" and unit * scores.max() < 1e-3:
        np.testing.assert_allclose(found.grad, gradient, rtol=1e-3, atol=1e-2 * np.abs(rows).max() + 1e-6)


def _stream(source, n, d):
    """Draw options that `train` and `sweep` share."""
    pick = source.mixed
    shared = {
        "batch_size": pick((1, 7, 64, None, 10**18, np.int8(3)), 0, -1, 2.0, True, "x"),
        "n_epochs": pick((1, 2, 3, np.uint8(2)), 0, -1, 1.5, None),
        "replacement": source.choice(True, 1, "x", None),
        "n_classes": pick((3, 4), 1, 0, 2**31, 2**40, None, 3.0, True),
        "patience": pick((None,), 1, 0),
        "schedule_every": source.name("step", "epoch"),
        "initial_weights": pick((np.ones((d, 3)),), np.ones((d + 1, 3)), np.full((d, 3), np.nan), np.full((d, 3), 1e200), "x"),
        "initial_scale": source.number(0.0, 1e-3),
        "bias": pick((False,), True, None, "x"),
        "sample_weight": _per_row(source, n),
        **_standardisation(source, d),
        "dtype": source.name("float64"),
        "n_threads": source.n_threads()[0],
        "batches": pick((None,), [[0]], [[0], [n]], [[-1]], [], [[]], [[0.0]], "x", [["a"]], [np.arange(n)] * 2, 3, [[2**63]]),
    }
    validation = {"X_val": np.ones((2, d)), "y_val": pick(([0, 1],), [0, 9], [], None, [0.5, 1])} if source.happens(0.3) else {}
    return {"n_epochs": 1} | _some(source, shared) | validation


def _head(source):
    own = {
        "loss": source.name("softmax", *_FORMULATIONS),
        "delta": source.number(1.0, 0.0, 1e300),
        "reg": source.number(0.0, 1e-3, 1e300),
        "penalty": source.name("l2", "l1", "elasticnet"),
        "l1_ratio": source.number(0.5, 0.0),
        "learning_rate": source.number(0.1, 1e-3, 1e300, 0.0),
        "schedule": source.mixed((None, lambda optimizer: df.optim.StepLR(optimizer, 3)), "cosine", 3, id),
        "seed": source.mixed((0, 1, 2**40), -1, 2**64, 1.0, "x", None, True),
    }
    if source.happens(0.5):
        return own | {"momentum": source.number(0.9, 0.0), "nesterov": source.mixed((False,), True, "x")}
    return own | {"optimizer": source.mixed((*_OPTIMIZERS, df.optim.Adam(lr=0.1)), "rubbish", None, df.optim.SGD, 3)}


def train(source):
    X, y, _, n, d = _examples(source)
    own = _stream(source, n, d) | _some(source, _head(source))
    _trained(lambda: [df.train(X.value, y, **own)], names_of(df.train, df.sweep), X)


def sweep(source):
    X, y, _, n, d = _examples(source)
    grid = {
        name: source.choice(value, [value], [value, value])
        for name, value in _some(source, _head(source)).items()
        if not isinstance(value, (np.ndarray, list))
    }
    grids: tuple[object, ...] = (
        grid,
        [grid],
        [],
        {},
        {"learning_rate": []},
        {"rubbish": [1]},
        None,
        3,
        "x",
        [3],
        [None],
        {3: 4},
        [{"reg": [0.1]}],
    )
    chosen = source.choice(grid, grid, grid, grid, *grids)
    own = _stream(source, n, d)
    _trained(lambda: df.sweep(X.value, y, chosen, **own).trainings, names_of(df.train, df.sweep), X)


def _trained(call, names, X):
    found = answer(call, names)
    if found is not None:
        assert X.plain is not None or any(training.diverged_at is not None for training in found), "trained on what is wrong"
        assert flat(list(found)) == flat(list(call()))
        for training in found:
            assert len(training.loss_history) >= 1
            if training.diverged_at is not None:
                assert not (np.isfinite(training.loss_history[-1]) and np.isfinite(training.W).all())


def random_search(source):
    X, y, _, _, d = _examples(source)
    own = {"n_candidates": source.mixed((1, 3, 70), 0, -1, 2.0)} | _some(
        source,
        {
            "scale": source.number(1e-4, 0.0, 1e300),
            "loss": source.name("softmax", *_FORMULATIONS),
            "delta": source.number(1.0, 1e300),
            "bias": source.choice(True, False),
            "n_classes": source.mixed((3, 5, None), 2, 0, 2**40),
            "seed": source.mixed((0, 5), -1, 2**64, None, 1.0),
            **_standardisation(source, d),
            "n_threads": source.n_threads()[0],
        },
    )
    names = names_of(df.random_search)
    found = answer(lambda: df.random_search(X.value, y, **own), names)
    if found is not None:
        assert flat(found) == flat(df.random_search(X.value, y, **own))
        assert np.array_equal(found.loss, np.fmin.reduce(found.losses), equal_nan=True)


def optimum(source):
    # The solver takes the eigenvectors of a matrix of all features.
    X, y, _, n, d = _examples(source, most=300)
    own = {"reg": source.number(0.1, 1.0, 1e-3, 0.0), "max_iter": source.mixed((20,), 0, None, True)}
    own |= _some(
        source,
        {
            "solver": source.name("preconditioned", "lbfgs"),
            "tol": source.number(1e-3, 0.0),
            "n_classes": source.mixed((3,), 2, 0, 2**40, None),
            "initial_weights": source.mixed((np.zeros((d + 1, 3)), None), np.zeros((d, 3)), np.full((d + 1, 3), 1e200), "x"),
            "bias": source.mixed((True,), False),
            "penalize_bias": source.choice(True, False),
            "sample_weight": _per_row(source, n),
            **_standardisation(source, d),
            "n_threads": source.n_threads()[0],
        },
    )
    names = names_of(df.minimize_softmax)
    found = answer(lambda: df.minimize_softmax(X.value, y, **own), names)
    if found is not None:
        assert X.plain is not None, "minimised what is wrong"
        assert np.isfinite(found.loss)
        assert np.isfinite(found.W).all()
        assert flat(found) == flat(df.minimize_softmax(X.value, y, **own))


def path(source):
    X, y, _, _, _ = _examples(source, most=300)
    regs = source.mixed(([0.1], [1.0, 0.1], [], np.array([0.1, 1.0]), (0.1,)), 0.1, None, "x", [np.nan], [[0.1]], {0.1})
    found = answer(lambda: df.softmax_path(X.value, y, regs=regs, max_iter=20), names_of(df.softmax_path))
    if found is not None:
        assert X.plain is not None, "minimised what is wrong"
        assert len(found) == len(regs)


def step(source):
    n, _, d = source.shape()
    parameter, gradient = source.rows(n, d), source.rows(n, d)
    if source.tame:
        parameter = parameter._replace(
            value=source.choice(cast_within(parameter.plain, "f4"), parameter.plain.T.copy().T, parameter.plain[::-1])
        )
    rule = source.choice("SGD", "Adagrad", "RMSprop", "Adam", "AdamW")
    kind = getattr(df.optim, rule)
    own = {name: source.number(0.1, 0.9, 0.0) for name in names_of(kind) if source.happens(0.2)}
    writable = isinstance(parameter.value, np.ndarray) and parameter.value.flags.writeable
    start = np.array(parameter.value, subok=False) if writable else parameter.value
    good = (np.ones_like(start), start, gradient.value) if writable and parameter.plain is not None else (None,)
    grads = source.mixed(good, None, [gradient.value], 1.0, "x")

    def run(params):
        optimizer = kind(**own)
        for _ in range(2):
            optimizer.step(params, grads)
        return optimizer.state_dict()["state"]

    first = answer(lambda: run(parameter.value), {*names_of(kind), "params", "grads"})
    if first is not None:
        assert writable or not len(parameter.value), "changed what cannot be changed"
        if grads is not start:
            assert flat(first) == flat(run(start))
            assert np.array_equal(np.asarray(parameter.value), start, equal_nan=True)


def differences(source):
    n, _, d = source.shape()
    x = source.rows(min(n, 5), min(d, 5))
    if source.tame:
        x = x._replace(value=source.choice(cast_within(x.plain, "f4"), x.plain.T, x.plain[::-1]))
    returned = source.choice(None, "x", 1j, np.nan, np.ones(2), [1.0], np.float32(1), True, [])
    f = source.mixed((lambda at: np.sum(at**2),), np.sin, lambda at: np.ravel(at)[:0], lambda at: [at], lambda _: returned, 3)
    own = _some(source, {"method": source.name("central", "forward"), "h": source.number(1e-5, 1e-300, 1e300)})
    names = {*names_of(df.numerical_gradient, df.grad_check_sparse)}
    with np.errstate(all="ignore"):
        found = answer(lambda: df.numerical_gradient(f, x.value, **own), names)
        checks = {
            "num_checks": source.choice(1, 3, 0, -1, None),
            "h": source.number(1e-5, 1e-300),
            "seed": source.choice(0, -1, None),
        }
        with contextlib.redirect_stdout(io.StringIO()):
            answer(lambda: df.grad_check_sparse(f, x.value, x.value, **_some(source, checks)), names)
    if found is not None:
        assert np.isfinite(np.asarray(x.value, dtype=float)).all(), "differentiated at what is wrong"
        assert found.shape == np.shape(x.value)


def check(source):
    X, y, _, _, d = _examples(source)
    W = source.rows(d, 3, 0.2)
    function = source.choice(
        df.softmax_loss,
        df.svm_loss,
        lambda *inputs: inputs[0],
        None,
        lambda *inputs: (1.0, inputs[0]),
        lambda *inputs: (1.0, [inputs[0]]),
    )
    checker = source.choice(df.gradcheck, df.gradcheck, df.gradgradcheck)
    inputs = source.choice((W.value, X.value, y), (W.value, X.value, y), W.value, (), None, [1.0], "x", (W.value, "x"))
    own = {"num_checks": 3, "fast_mode": source.choice(True, False)} | _some(
        source,
        {
            "eps": source.number(1e-6, 1e-300, 1e300),
            "atol": source.number(1e-5),
            "kinks": source.name("report", "accept", "fail"),
        },
    )
    names = {*names_of(checker), *names_of(df.softmax_loss), "input"}
    with np.errstate(all="ignore"):
        answer(lambda: checker(function, inputs, raise_exception=False, **own), names)


CALLS = (loss, loss, loss, train, train, sweep, random_search, optimum, path, step, step, differences, check)
