"""The solvers reach the minimum, and what they say of the distance to it is true."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from deeprob_fast.linear.optimum import line_search
from deeprob_fast.linear.optimum.certificate import DualBound
from deeprob_fast.linear.optimum.history import History
from deeprob_fast.linear.optimum.lbfgs import minimize_lbfgs
from deeprob_fast.linear.optimum.preconditioned import PreconditionedSolver
from deeprob_fast.linear.optimum.preconditioner import Preconditioner
from deeprob_fast.linear.optimum.problem import Penalized, Point, Solution
from tests.reference import SoftmaxData


def minimize_preconditioned(objective, start, reg, *, free_bias, rough=None, callback=None, **options):
    """Minimise under one penalty."""
    solver = PreconditionedSolver(objective, free_bias=free_bias, rough=rough, callback=callback)
    return solver.minimize(start, reg, **{"tol": 1e-6, "max_iter": 1000, "certified": True, **options})


def minimize_path(objective, start, regs, *, free_bias, **options):
    """Minimise under one penalty after the other with one solver, each from the solution before."""
    solver = PreconditionedSolver(objective, free_bias=free_bias)
    for reg in regs:
        solution = solver.minimize(start, reg, **{"tol": 1e-6, "max_iter": 1000, "certified": True, **options})
        start = solution.weights
        yield solution


SOLVERS: dict[str, Callable[..., Solution]] = {"lbfgs": minimize_lbfgs, "preconditioned": minimize_preconditioned}


@dataclass(frozen=True)
class Case:
    n_rows: int = 200
    n_features: int = 6
    n_classes: int = 4
    reg: float = 1e-3
    kind: str = "noisy"
    weighted: bool = False

    def data(self, *, free_bias):
        rng = np.random.default_rng(self.n_rows + 1000 * self.n_classes + self.n_features)
        labels = np.arange(self.n_rows) % self.n_classes
        rows = rng.standard_normal((self.n_rows, self.n_features)) + 1.0
        if self.kind == "separable":
            rows += 10 * rng.standard_normal((self.n_classes, self.n_features))[labels]
        else:
            rows += rng.standard_normal((self.n_classes, self.n_features))[labels]
        if self.kind == "constant":
            rows[:, 2] = 3.0
        if self.kind == "degenerate":
            rows[:, 3:] = rows[:, :3] @ rng.standard_normal((3, self.n_features - 3))
        if self.kind == "scaled":
            rows *= 10.0 ** np.linspace(-2, 2, self.n_features)
        if self.kind == "zero":
            rows[:] = 0
        if self.kind == "unbalanced":
            labels = np.where(rng.random(self.n_rows) < 0.95, 0, labels)
            labels[: self.n_classes] = np.arange(self.n_classes)
        weight = rng.exponential(3.0, self.n_rows) * (rng.random(self.n_rows) < 0.8) if self.weighted else None
        if free_bias:
            rows = np.concatenate([rows, np.ones((self.n_rows, 1))], axis=1)
        return SoftmaxData(rows, labels, self.n_classes, weight)


CASES = {
    "plain": Case(),
    "two classes": Case(n_classes=2),
    "weights": Case(weighted=True),
    "fewer rows than features": Case(n_rows=12, n_features=30),
    "constant feature": Case(kind="constant"),
    "degenerate": Case(kind="degenerate"),
    "badly scaled": Case(kind="scaled"),
    "separable": Case(kind="separable", reg=1e-7),
    "unbalanced": Case(kind="unbalanced"),
    "strong penalty": Case(reg=1e3),
    "weak penalty": Case(reg=1e-8),
    "all rows zero": Case(kind="zero"),
    "one row of each class": Case(n_rows=4),
}


@pytest.fixture(params=[pytest.param(False, id="all penalised"), pytest.param(True, id="free bias")])
def free_bias(request):
    return request.param


@pytest.fixture(params=[pytest.param(case, id=name) for name, case in CASES.items()])
def case(request):
    return request.param


def zeros(data):
    return np.zeros((data.n_classes, data.n_features))


def tight_value(data, reg, *, free_bias):
    """The lowest value that SciPy's Newton method with the whole Hessian reaches."""
    from scipy.optimize import minimize

    shape = zeros(data).shape
    penalty = np.full(shape, 2 * reg)
    if free_bias:
        penalty[:, -1] = 0

    def function(flat):
        value, gradient = data.value_and_gradient(flat.reshape(shape))
        return value + float((penalty * flat.reshape(shape) ** 2).sum()) / 2, gradient.ravel() + penalty.ravel() * flat

    def hessian(flat):
        p, _ = data.probabilities(flat.reshape(shape))
        covariances = (p[:, :, None] * np.eye(shape[0]) - p[:, :, None] * p[:, None, :]) * data.weight[:, None, None]
        blocks = np.einsum("ikl,ij,im->kjlm", covariances, data.rows, data.rows)
        return blocks.reshape(penalty.size, penalty.size) + np.diag(penalty.ravel())

    options = {"gtol": 1e-13, "maxiter": 500}
    return minimize(function, zeros(data).ravel(), jac=True, hess=hessian, method="trust-exact", options=options).fun


@pytest.mark.parametrize("name", SOLVERS)
def test_reaches_the_minimum(name, case, free_bias):
    data = case.data(free_bias=free_bias)
    lowest = tight_value(data, case.reg, free_bias=free_bias)
    solution = SOLVERS[name](data, zeros(data), case.reg, free_bias=free_bias, tol=1e-5, max_iter=5000)
    assert solution.converged, solution.message
    assert solution.gap <= 1e-5 * solution.value
    assert lowest - 1e-12 <= solution.value <= lowest + solution.gap + 1e-12
    point = Penalized(data, case.reg, free_bias=free_bias)(solution.weights)
    assert solution.value == point.value
    assert solution.gradient_norm == pytest.approx(np.linalg.norm(point.gradient))


def test_the_certificate_holds_all_along(case, free_bias):
    data = case.data(free_bias=free_bias)
    lowest = tight_value(data, case.reg, free_bias=free_bias)
    solver = PreconditionedSolver(data, free_bias=free_bias)
    for max_iter in (0, 1, 2, 4, 8, 16):
        solution = solver.minimize(zeros(data), case.reg, tol=0.0, max_iter=max_iter)
        assert solution.value - solution.gap <= lowest + 1e-12 * (1 + lowest)
        assert not solution.converged or solution.gap <= 0


@pytest.mark.parametrize("spread", [0.01, 1.0, 30.0])
def test_the_certificate_holds_anywhere(case, free_bias, spread):
    data = case.data(free_bias=free_bias)
    lowest = tight_value(data, case.reg, free_bias=free_bias)
    problem = Penalized(data, case.reg, free_bias=free_bias)
    bound = DualBound(data, free_bias=free_bias)
    rng = np.random.default_rng(3)
    for _ in range(10):
        point = problem(spread * rng.standard_normal(zeros(data).shape))
        assert point.value - bound.gap(problem, point) <= lowest + 1e-10 * (1 + lowest)


@pytest.mark.parametrize("spread", [0.01, 0.3, 3.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_bound_is_the_dual_at_distributions_that_respect_the_free_bias(spread, weighted):
    data = Case(weighted=weighted).data(free_bias=True)
    reg = 0.02
    point = Penalized(data, reg, free_bias=True)(spread * np.random.default_rng(2).standard_normal(zeros(data).shape))
    p, _ = data.probabilities(point.weights)
    frequencies = data.weight @ data.targets
    kept = min(1.0, (frequencies / (data.weight @ p)).min())
    share = frequencies - kept * (data.weight @ p)
    share = np.maximum(share / share.sum(), 0)
    q = kept * p + (1 - kept) * share
    np.testing.assert_allclose(data.weight @ q, frequencies)

    def entropy(distribution):
        return -np.sum(distribution * np.log(np.maximum(distribution, 1e-300)), axis=-1)

    gradient = ((q - data.targets) * data.weight[:, None]).T @ data.rows[:, :-1]
    dual = data.weight @ (kept * entropy(p) + (1 - kept) * entropy(share)) - (gradient**2).sum() / (4 * reg)
    gap = DualBound(data, free_bias=True).gap(Penalized(data, reg, free_bias=True), point)
    assert gap == pytest.approx(point.value - dual, rel=1e-9)


def test_the_certificate_is_the_gradient_over_the_curvature_where_the_bias_is_right():
    data = CASES["plain"].data(free_bias=True)
    problem = Penalized(data, 0.01, free_bias=True)
    weights = zeros(data)
    weights[:, :-1] = np.random.default_rng(0).standard_normal((4, 6)) / 10
    for _ in range(100):  # the bias alone, by steps that are always short enough
        weights[:, -1] -= 2 * problem(weights).gradient[:, -1]
    point = problem(weights)
    inside = point.gradient[:, :-1]
    assert DualBound(data, free_bias=True).gap(problem, point) == pytest.approx((inside**2).sum() / 0.04, rel=1e-6)


def test_no_penalty_no_certificate():
    data = CASES["plain"].data(free_bias=True)
    solution = minimize_preconditioned(data, zeros(data), 0.0, free_bias=True, certified=False, tol=1e-10)
    assert solution.gap == np.inf
    assert solution.converged
    assert solution.message == "the estimated gap is within the tolerance"
    assert solution.value <= tight_value(data, 0.0, free_bias=True) + 1e-9


def test_a_class_without_rows_has_no_minimum_but_a_small_gradient():
    rows = np.concatenate([np.random.default_rng(0).standard_normal((50, 3)), np.ones((50, 1))], axis=1)
    data = SoftmaxData(rows, np.arange(50) % 2, 3)
    solution = minimize_preconditioned(data, zeros(data), 1e-2, free_bias=True, tol=1e-9, max_iter=200)
    fewer = SoftmaxData(rows, np.arange(50) % 2, 2)
    lowest = tight_value(fewer, 1e-2, free_bias=True)
    assert solution.value - solution.gap <= lowest <= solution.value
    assert solution.value == pytest.approx(lowest, abs=1e-3)


@pytest.mark.parametrize("name", SOLVERS)
def test_a_warm_start_saves_iterations(name, free_bias):
    data = CASES["plain"].data(free_bias=free_bias)
    cold = SOLVERS[name](data, zeros(data), 1e-3, free_bias=free_bias)
    start = cold.weights.copy()
    warm = SOLVERS[name](data, start, 1e-3, free_bias=free_bias)
    assert warm.n_iterations <= 1 < cold.n_iterations
    assert np.array_equal(start, cold.weights)


@pytest.mark.parametrize("name", SOLVERS)
def test_stops_at_max_iter_and_says_so(name):
    data = CASES["plain"].data(free_bias=True)
    solution = SOLVERS[name](data, zeros(data), 1e-6, free_bias=True, max_iter=2)
    assert (solution.n_iterations, solution.converged, solution.message) == (2, False, "max_iter is reached")
    assert solution.n_evaluations >= 3


@pytest.mark.parametrize("name", SOLVERS)
def test_an_impossible_tolerance_ends_in_an_honest_report(name, free_bias):
    data = CASES["plain"].data(free_bias=free_bias)
    solution = SOLVERS[name](data, zeros(data), 1e-4, free_bias=free_bias, tol=-1.0, max_iter=10_000)
    assert not solution.converged
    assert "float64" in solution.message
    assert solution.n_iterations < 500
    assert solution.gap < 1e-9


def test_a_path_finds_what_single_runs_find(free_bias):
    data = CASES["plain"].data(free_bias=free_bias)
    regs = 10.0 ** np.linspace(1, -5, 13)
    path = list(minimize_path(data, zeros(data), regs, free_bias=free_bias, tol=1e-7))
    singles = [minimize_preconditioned(data, zeros(data), reg, free_bias=free_bias, tol=1e-7) for reg in regs]
    assert all(s.converged for s in path + singles)
    np.testing.assert_allclose([s.value for s in path], [s.value for s in singles], rtol=1e-7)
    assert sum(s.n_evaluations for s in path) < sum(s.n_evaluations for s in singles)
    backward = list(minimize_path(data, path[-1].weights, regs[::-1], free_bias=free_bias, tol=1e-7))
    np.testing.assert_allclose([s.value for s in backward[::-1]], [s.value for s in path], rtol=1e-7)


class Float32Data(SoftmaxData):
    def value_and_gradient(self, weights):
        value, gradient = super().value_and_gradient(weights.astype(np.float32).astype(np.float64))
        return float(np.float32(value)), gradient.astype(np.float32).astype(np.float64)


def test_rough_evaluations_come_first_and_exact_ones_decide(case, free_bias):
    data = case.data(free_bias=free_bias)
    rough = Float32Data(data.rows, data.targets.argmax(axis=1), data.n_classes, data.weight * len(data.rows))
    exact = []
    evaluate = data.value_and_gradient

    def counted(weights):
        exact.append(weights)
        return evaluate(weights)

    data.value_and_gradient = counted
    solution = minimize_preconditioned(data, zeros(data), case.reg, free_bias=free_bias, rough=rough, tol=1e-5)
    assert solution.converged, solution.message
    assert solution.n_evaluations > len(exact) > 0
    lowest = tight_value(data, case.reg, free_bias=free_bias)
    assert lowest - 1e-12 <= solution.value <= lowest + solution.gap + 1e-12
    assert solution.value == Penalized(data, case.reg, free_bias=free_bias)(solution.weights).value


def test_weights_count_as_repetitions(free_bias):
    data = CASES["plain"].data(free_bias=free_bias)
    counts = np.arange(200) % 3
    labels = data.targets.argmax(axis=1)
    weighted = SoftmaxData(data.rows, labels, 4, counts * 200 / counts.sum())
    repeated = SoftmaxData(data.rows.repeat(counts, axis=0), labels.repeat(counts), 4)
    a, b = (minimize_preconditioned(d, zeros(d), 1e-3, free_bias=free_bias, tol=1e-9) for d in (weighted, repeated))
    assert a.value == pytest.approx(b.value, rel=1e-9)


def test_classes_share_the_weights_evenly(free_bias):
    data = CASES["plain"].data(free_bias=free_bias)
    start = np.random.default_rng(0).standard_normal(zeros(data).shape)
    solution = minimize_preconditioned(data, start, 1e-3, free_bias=free_bias, tol=1e-12)
    np.testing.assert_allclose(solution.weights[:, :6].sum(axis=0), 0, atol=1e-4)


def test_the_model_is_the_hessian_where_all_probabilities_are_equal(free_bias):
    data = CASES["weights"].data(free_bias=free_bias)
    problem = Penalized(data, 0.1, free_bias=free_bias)
    model = Preconditioner(free_bias=free_bias)
    model.take_rows(problem, zeros(data))
    model.take_classes(problem, zeros(data))
    direction = np.random.default_rng(0).standard_normal(zeros(data).shape)
    direction -= direction.mean(axis=0)
    product = (problem(1e-5 * direction).gradient - problem(-1e-5 * direction).gradient) / 2e-5
    np.testing.assert_allclose(model.solve(product), direction, rtol=1e-6, atol=1e-6)


def test_the_history_is_the_recursion_of_bfgs():
    rng = np.random.default_rng(1)
    factor = rng.standard_normal((12, 12))
    hessian = factor @ factor.T + np.eye(12)
    history = History(5, (3, 4))
    steps = [rng.standard_normal((3, 4)) for _ in range(8)]
    pairs = [(s, (hessian @ s.ravel()).reshape(3, 4)) for s in steps]
    for pair in pairs:
        history.append(*pair)
    history.append(steps[0], -steps[0])  # curvature that no convex function has

    def check():
        step, change = (a.ravel() for a in pairs[-1])
        inverse = np.eye(12) * (step @ change) / (change @ (3 * change)) * 3
        for step, change in [(s.ravel(), y.ravel()) for s, y in pairs[-5:]]:
            left = np.eye(12) - np.outer(step, change) / (step @ change)
            inverse = left @ inverse @ left.T + np.outer(step, step) / (step @ change)
        right = rng.standard_normal((3, 4))
        found = history.solve(right, lambda r: 3 * r)
        np.testing.assert_allclose(found.ravel(), inverse @ right.ravel(), rtol=1e-9, atol=1e-9)

    check()
    history.add_curvature(0.5, slice(0, 3))
    pairs = [(s, y + 0.5 * s * (np.arange(4) < 3)) for s, y in pairs]
    check()


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1.0, 30.0, 1e6])
def test_the_line_search_finds_the_wolfe_conditions(scale):
    def evaluate(x):
        return Point(x, float(np.logaddexp(x, -2 * x).sum()), 1 - 3 / (1 + np.exp(3 * np.clip(x, -200, 200))))

    start = evaluate(np.full((1, 1), 3.0))
    direction = -scale * start.gradient
    found = line_search.search(evaluate, start, direction)
    assert found.value < start.value
    assert np.vdot(found.gradient, direction) >= 0.9 * np.vdot(start.gradient, direction)
    assert line_search.search(evaluate, start, -direction) is None


def test_the_line_search_leaves_what_is_not_finite():
    def evaluate(x):
        with np.errstate(invalid="ignore"):
            return Point(x, float(np.sum(x - np.log(x))), 1 - 1 / x)

    found = line_search.search(evaluate, evaluate(np.full((1, 1), 5.0)), np.full((1, 1), -40.0))
    assert 0 < found.weights < 5
