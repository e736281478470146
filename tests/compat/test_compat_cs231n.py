"""The names and conventions of CS231n's first assignment, on arrays and on tensors."""

import inspect
import re
import tracemalloc
from typing import Any

import numpy as np
import pytest

from deeprob_fast import optim
from deeprob_fast.compat import cs231n, deeprob
from deeprob_fast.compat._arrays import read
from tests.compat.kinds import digits, with_ones
from tests.compat.kinds import kind as kind  # noqa: PLC0414  # a fixture
from tests.nine_points import KNOWN, LABELS, POINTS, WITH_BIAS


def trained(kind, X, y):
    classifier = cs231n.KNearestNeighbor()
    classifier.train(kind.make(X), kind.make(y))
    return classifier


@pytest.mark.parametrize("n_loops", ["two_loops", "one_loop", "no_loops"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_distances_are_true_ones_and_test_by_train(kind, n_loops, dtype):
    rng = np.random.default_rng(0)
    X_train, X = rng.integers(0, 256, (30, 12)).astype(dtype), rng.integers(0, 256, (20, 12)).astype(dtype)
    classifier = trained(kind, X_train, np.zeros(30, dtype=int))
    found = getattr(classifier, f"compute_distances_{n_loops}")(kind.make(X))
    assert kind.is_own(found)
    assert found.dtype == kind.dtype("float64")
    expected = [[np.sqrt(((a - b) ** 2).sum()) for b in X_train.astype(float)] for a in X.astype(float)]
    assert np.linalg.norm(read("found", found) - expected) < 1e-9


def test_distances_copy_no_training_set():
    X_train = np.random.default_rng(0).integers(0, 256, (2000, 1000), dtype=np.uint8)
    classifier = cs231n.KNearestNeighbor()
    classifier.train(X_train, np.zeros(2000, dtype=int))
    tracemalloc.start()
    try:
        found = classifier.compute_distances_no_loops(X_train[:3])
        assert tracemalloc.get_traced_memory()[1] < 3 * X_train.nbytes  # in double precision it has 8 times as many
    finally:
        tracemalloc.stop()
    classifier.train(X_train.astype(float), np.zeros(2000, dtype=int))
    assert (classifier.compute_distances_no_loops(X_train[:3]) == found).all()


def test_distances_are_deeprobs_transposed_and_rooted(kind):
    rng = np.random.default_rng(1)
    X_train, X = kind.make(rng.standard_normal((9, 4))), kind.make(rng.standard_normal((5, 4)))
    squared = read("squared", deeprob.compute_distances_no_loops(X_train, X))
    classifier = cs231n.KNearestNeighbor()
    classifier.train(X_train, kind.make(np.zeros(9, dtype=int)))
    assert np.allclose(classifier.compute_distances_no_loops(X), np.sqrt(squared.T))


def test_predictions(kind):
    X, y = digits(400)
    classifier = trained(kind, X[:300], y[:300])
    test = kind.make(X[300:])
    for k in (1, 5):
        predicted = classifier.predict(test, k=k)
        assert kind.is_own(predicted)
        assert predicted.dtype == kind.dtype("float64")
        assert np.mean(np.asarray(predicted) == y[300:]) > 0.85
        assert classifier.predict(test, k, num_loops=2).tolist() == predicted.tolist()
        assert classifier.predict_labels(classifier.compute_distances_two_loops(test), k=k).tolist() == predicted.tolist()
    assert deeprob.KnnClassifier(classifier.X_train, classifier.y_train).predict(test, 5).tolist() == predicted.tolist()


def test_ties(kind):
    """Equal votes go to the smallest label, equal distances to the first row."""
    classifier = trained(kind, np.zeros((5, 1)), np.array([1, 2, 1, 2, 3]))
    assert classifier.predict_labels(kind.make(np.arange(5.0)[None]), k=5).tolist() == [1]
    assert classifier.predict(kind.make(np.zeros((1, 1))), k=5).tolist() == [1]
    assert trained(kind, np.zeros((3, 1)), np.array([2, 0, 1])).predict(kind.make(np.ones((1, 1)))).tolist() == [2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: model.predict(np.ones((1, 2)), num_loops=3), "num_loops must be 0, 1 or 2; got 3"),
        (lambda model: model.predict(np.ones((1, 3))), r"X must hold samples of shape \(2,\), as X_train does; got \(3,\)"),
        (lambda model: model.predict(np.ones((1, 2)), k=5), "k must be between 1 and 4"),
        (lambda model: model.predict_labels(np.ones((4, 3))), r"\(num_test, num_train\).*got \(4, 3\); it looks transposed"),
        (lambda model: model.predict_labels(np.ones((3, 5))), r"with num_train = 4, one for each label; got \(3, 5\)$"),
        (lambda _: cs231n.Softmax().predict(np.ones((3, 5))), "W must be trained first"),
        (lambda _: cs231n.sgd(np.ones(3), np.ones(2)), r"dw must have shape \(3,\), that of w; got shape \(2,\)"),
        (lambda _: cs231n.sgd_momentum(np.ones(3), np.ones(3), {"velocity": np.ones(2)}), r"config\['velocity'\] must"),
        (lambda _: cs231n.adam(np.ones(3), np.ones(3), {"t": -1}), r"config\['t'\] must be between"),
        (lambda _: cs231n.rmsprop(np.ones(3), np.ones(3), {"decay_rate": 2}), r"config\['decay_rate'\] must be"),
        (lambda _: cs231n.rel_error(np.ones(3), np.ones(2)), "x and y must have the same shape"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(call, message):
    model = cs231n.KNearestNeighbor()
    model.train(np.ones((4, 2)), np.arange(4))
    with pytest.raises(ValueError, match=message):
        call(model)


@pytest.mark.parametrize(("name", "loss"), [("svm", "weston_watkins"), ("softmax", "softmax")])
def test_losses_are_those_of_the_page(kind, name, loss):
    known = KNOWN[loss]
    for variant in ("naive", "vectorized"):
        function = getattr(cs231n, f"{name}_loss_{variant}")
        value, dW = function(kind.make(WITH_BIAS), kind.make(with_ones(POINTS)), kind.make(LABELS), 0.0)
        assert value.item() == pytest.approx(known.data_loss, abs=5e-5)
        assert np.allclose(dW, np.column_stack([known.by_weights, known.by_bias]).T, atol=1e-4)


@pytest.mark.parametrize(("cls", "chance"), [(cs231n.LinearSVM, 9.0), (cs231n.Softmax, np.log(10))])
def test_classifiers(kind, cls, chance, capsys):
    X, y = digits(500)
    np.random.seed(0)  # noqa: NPY002  # as a notebook does
    if kind.type is not np.ndarray:
        kind.dtypes.manual_seed(0)
    model = cls()
    history = model.train(kind.make(X[:400]), kind.make(y[:400]), learning_rate=0.1, reg=1e-4, num_iters=201, verbose=True)
    assert history[0] == pytest.approx(chance, rel=0.01)
    assert np.mean(history[-10:]) < history[0] / 3
    assert capsys.readouterr().out.splitlines() == [f"iteration {i} / 201: loss {history[i]:f}" for i in (0, 100, 200)]
    predicted = model.predict(kind.make(X[400:]))
    assert kind.is_own(predicted, model.W)
    assert predicted.dtype == kind.dtype("int64")
    assert np.mean(np.asarray(predicted) == y[400:]) > 0.8
    loss, dW = model.loss(kind.make(X), kind.make(y), 0.0)
    function = cs231n.svm_loss_vectorized if cls is cs231n.LinearSVM else cs231n.softmax_loss_vectorized
    assert loss == function(model.W, kind.make(X), kind.make(y), 0.0)[0]
    assert dW.shape == model.W.shape


def test_training_is_the_loop_of_the_course():
    """Weights and batches from the seed of the notebook, in the order of the course."""
    X, y = digits(300)
    np.random.seed(7)  # noqa: NPY002  # as a notebook does
    model = cs231n.LinearSVM()
    history = model.train(X, y, learning_rate=0.05, reg=1e-2, num_iters=40, batch_size=30)
    np.random.seed(7)  # noqa: NPY002
    W = 0.001 * np.random.randn(65, 10)  # noqa: NPY002
    for expected in history:
        chosen = np.random.choice(300, 30)  # noqa: NPY002
        loss, dW = cs231n.svm_loss_vectorized(W, X[chosen], y[chosen], 1e-2)
        assert expected == pytest.approx(loss, rel=1e-10)
        W = W - 0.05 * dW
    assert np.allclose(model.W, W, atol=1e-12)


def test_an_own_loss_is_used():
    class Doubled(cs231n.Softmax):
        def loss(self, X_batch, y_batch, reg):
            loss, dW = super().loss(X_batch, y_batch, reg)
            return 2 * loss, 2 * dW

    class Free(cs231n.LinearClassifier):
        def loss(self, X_batch, y_batch, reg):
            return cs231n.softmax_loss_naive(self.W, X_batch, y_batch, reg)

    X, y = digits(100)
    runs = []
    for cls, rate in ((Doubled, 0.05), (Free, 0.1), (cs231n.Softmax, 0.1)):
        np.random.seed(0)  # noqa: NPY002  # as a notebook does
        model = cls()
        history = model.train(X, y, learning_rate=rate, num_iters=20)
        runs.append((model.W, np.array(history)))
    assert np.allclose(runs[0][1], 2 * runs[2][1], rtol=1e-10)
    assert np.allclose(runs[1][1], runs[2][1], rtol=1e-10)
    assert np.allclose(runs[0][0], runs[2][0], atol=1e-12)
    assert np.allclose(runs[1][0], runs[2][0], atol=1e-12)


def course_sgd(w, g, c):
    return w - c["learning_rate"] * g


def course_momentum(w, g, c):
    c["velocity"] = c["momentum"] * c.get("velocity", np.zeros_like(w)) - c["learning_rate"] * g
    return w + c["velocity"]


def course_rmsprop(w, g, c):
    c["cache"] = c["decay_rate"] * c.get("cache", np.zeros_like(w)) + (1 - c["decay_rate"]) * g**2
    return w - c["learning_rate"] * g / (np.sqrt(c["cache"]) + c["epsilon"])


def course_adam(w, g, c):
    c["t"] = c.get("t", 0) + 1
    c["m"] = c["beta1"] * c.get("m", np.zeros_like(w)) + (1 - c["beta1"]) * g
    c["v"] = c["beta2"] * c.get("v", np.zeros_like(w)) + (1 - c["beta2"]) * g * g
    mean, square = c["m"] / (1 - c["beta1"] ** c["t"]), c["v"] / (1 - c["beta2"] ** c["t"])
    return w - c["learning_rate"] * mean / (np.sqrt(square) + c["epsilon"])


RULES = {
    "sgd": (cs231n.sgd, course_sgd, {"learning_rate": 1e-2}),
    "sgd_momentum": (cs231n.sgd_momentum, course_momentum, {"learning_rate": 1e-2, "momentum": 0.9}),
    "rmsprop": (cs231n.rmsprop, course_rmsprop, {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8}),
    "adam": (cs231n.adam, course_adam, {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("given", [{}, {"learning_rate": 0.1, "epsilon": 0.5}])
def test_update_rules_are_the_formulas(kind, name, given):
    """Several steps, with the defaults and with an epsilon whose place shows."""
    rule, formula, defaults = RULES[name]
    rng = np.random.default_rng(4)
    start = rng.standard_normal((4, 5))
    w = kind.make(start)
    config: Any = dict(given) or None
    expected, course_config = start, {**defaults, **given}
    for step in range(6):
        g = rng.standard_normal(start.shape)
        if step == 3:  # where the conventions of momentum part
            config["learning_rate"] = course_config["learning_rate"] = 0.02
        before = np.asarray(w).copy()
        gradient = kind.make(g)
        next_w, returned = rule(w, gradient, config)
        assert (np.asarray(w) == before).all()
        assert (np.asarray(gradient) == g).all()
        assert config is None or returned is config
        config, w = returned, next_w
        expected = formula(expected, g, course_config)
        assert kind.is_own(w)
        assert np.allclose(w, expected, rtol=1e-12, atol=1e-14)
    assert set(config) == set(course_config)
    for entry, value in course_config.items():
        assert np.allclose(config[entry], value, rtol=1e-12, atol=1e-14)
        assert np.ndim(value) == 0 or kind.is_own(config[entry])


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_update_rules_keep_the_dtype(kind, name, dtype):
    rule, _, defaults = RULES[name]
    w = kind.make(np.array([1.0, -2.0], dtype=dtype))
    next_w, config = rule(w, w, None)
    assert next_w.dtype == kind.dtype(dtype)
    assert all(config[entry].dtype == kind.dtype(dtype) for entry in config if entry not in {*defaults, "t"})


def test_update_rules_have_the_bits_of_the_kernels():
    rng = np.random.default_rng(5)
    start, gradients = rng.standard_normal(50).astype(np.float32), rng.standard_normal((3, 50)).astype(np.float32)
    for rule, optimizer in ((cs231n.adam, optim.Adam()), (cs231n.rmsprop, optim.RMSprop()), (cs231n.sgd, optim.SGD(lr=1e-2))):
        w, expected, config = start, start.copy(), None
        for gradient in gradients:
            w, config = rule(w, gradient, config)
            optimizer.step(expected, gradient)
        assert w.tolist() == expected.tolist()


def test_update_rules_take_layouts_that_are_not_contiguous_and_leave_state_arrays_alone(kind):
    w = kind.make(np.arange(6.0).reshape(2, 3))
    w = w.T if kind.type is np.ndarray else w.t()
    cache = kind.make(np.ones((3, 2)))
    next_w, config = cs231n.rmsprop(w, w, {"cache": cache})
    assert np.allclose(next_w, course_rmsprop(np.asarray(w), np.asarray(w), {**RULES["rmsprop"][2], "cache": np.ones((3, 2))}))
    assert (np.asarray(cache) == 1).all()
    assert config["cache"] is not cache


def test_gradients_by_differences(kind, capsys):
    x = kind.make(np.array([[1.0, 2.0], [3.0, 4.0]]))
    found = cs231n.eval_numerical_gradient(lambda v: (v**2).sum(), x)
    assert kind.is_own(found)
    assert np.allclose(found, [[2, 4], [6, 8]])
    assert [line.rpartition(" ")[0] for line in capsys.readouterr().out.splitlines()] == ["(0, 0)", "(0, 1)", "(1, 0)", "(1, 1)"]
    cs231n.eval_numerical_gradient(lambda v: (v**2).sum(), x, verbose=False)
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="must return one number"):
        cs231n.eval_numerical_gradient(lambda v: v**2, x)
    upstream = kind.make(np.array([[1.0, 0.0], [0.0, 10.0]]))
    assert np.allclose(cs231n.eval_numerical_gradient_array(lambda v: v**2, x, upstream), [[2, 0], [0, 80]])
    assert np.asarray(x).tolist() == [[1, 2], [3, 4]]


class Network:
    """Weights that a loss reads from itself, as the notebook's network of two layers has them."""

    def __init__(self, W):
        self.params = {"W": W}

    def loss(self):
        return (self.params["W"] ** 3).sum()


def test_functions_that_read_x_from_outside_as_a_notebook_does(kind, capsys):
    net = Network(kind.make(np.array([[1.0, 2.0], [3.0, 4.0]])))
    x, expected = net.params["W"], [[3, 12], [27, 48]]
    assert np.allclose(cs231n.eval_numerical_gradient(lambda _: net.loss(), x, verbose=False), expected)
    assert np.allclose(deeprob.compute_numeric_gradient(lambda _: net.loss(), x), expected, rtol=1e-5)
    for module in (cs231n, deeprob):
        module.grad_check_sparse(lambda _: net.loss(), x, kind.make(np.array(expected, dtype=float)), num_checks=3)
    errors = [float(line.rpartition(" ")[2]) for line in capsys.readouterr().out.splitlines()]
    assert len(errors) == 6
    assert max(errors) < 1e-5
    assert x is net.params["W"]
    assert x.tolist() == [[1, 2], [3, 4]]


def test_x_is_put_back_where_a_function_fails(kind):
    x, calls = kind.make(np.array([1.0, 2.0])), []

    def fails(_):
        calls.append(x.tolist())
        if x.tolist() != [1.0, 2.0]:
            raise ArithmeticError
        return 0.0

    with pytest.raises(ArithmeticError):
        cs231n.eval_numerical_gradient(fails, x, verbose=False)
    assert x.tolist() == [1, 2] != calls[-1]


def test_grad_check_sparse_draws_from_the_seed_of_the_notebook(kind, capsys):
    x = kind.make(np.arange(1.0, 200.0))
    outputs = []
    for seed in (1, 1, 2):
        np.random.seed(seed)  # noqa: NPY002  # as a notebook does
        cs231n.grad_check_sparse(lambda v: (v**2).sum(), x, 2 * x, num_checks=5)
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] != outputs[2]
    pattern = r"^numerical: \S+ analytic: \S+, relative error: (\S+)$"
    errors = [float(error) for error in re.findall(pattern, outputs[0], re.MULTILINE)]
    assert len(errors) == 5
    assert max(errors) < 1e-5


def test_relative_error_is_that_of_the_notebook(kind):
    x, y = kind.make(np.array([1.0, 1e-3, 0.0])), kind.make(np.array([1.0, 3e-3, 0.0]))
    assert cs231n.rel_error(x, y) == pytest.approx(0.5)


@pytest.mark.parametrize("module", [deeprob, cs231n], ids=["deeprob", "cs231n"])
def test_all_names_are_documented(module):
    for name in module.__all__:
        thing = getattr(module, name)
        assert thing.__doc__, name
        if inspect.isfunction(thing):
            assert re.search(r"\n    (Returns|Raises)\n    ---", thing.__doc__), name
            assert "Examples\n    ---" in thing.__doc__, name
            for parameter in inspect.signature(thing).parameters:
                assert re.search(rf"\b{parameter}\b.* : ", thing.__doc__), f"{name} does not document {parameter}"
        else:
            methods = inspect.getmembers(thing, inspect.isfunction)
            assert all(method.startswith("_") or inspect.getdoc(function) for method, function in methods)
