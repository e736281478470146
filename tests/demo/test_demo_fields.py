"""What a page may send to the demo: each mistake gets a sentence that names the field, and none a failure."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.demo.demo_cases import client as client  # noqa: PLC0414  # a fixture
from tests.demo.demo_cases import lecture, neighbors, trained

pytest.importorskip("starlette", reason="needs the extra demo")
pytest.importorskip("uvicorn", reason="needs the extra demo")

VIEW, STEP, KNN = "/api/linear/view", "/api/linear/step", "/api/knn/view"
# The server lives as long as the module, and answers a few hundred requests a second.
UNHURRIED = [HealthCheck.too_slow, HealthCheck.data_too_large]


def numbered(rows):
    return [pytest.param(*row, id=str(i)) for i, row in enumerate(rows)]


MALFORMED = [
    (b"", "must be JSON"),
    (b"{", "must be JSON"),
    (b"nonsense", "must be JSON"),
    (b'{"state": NaN}', "no NaN"),
    (b'{"state": -Infinity}', "no -Infinity"),
    (b'{"state": 1, "state": 1}', 'got "state" twice'),
    (b'{"state": {"\\ud800": 1, "\\ud800": 2}}', "twice"),
    (b"{" + b",".join(b'"%d":0' % i for i in (*range(20_000), 0)) + b"}", 'got "0" twice'),
    (b"\xff", "must be UTF-8; got byte 0xff at 0"),
    ("\ufeff{}".encode(), "must be JSON"),
    (b"[" * 200_000, "too deeply"),
    (b'{"a":' * 50_000, "too deeply"),
    (b"[" * 900 + b"]" * 900, "must be an object"),
    (b'{"state": ' + b"1" * 10_000 + b"}", "more than"),
    (b"1", "the body must be an object; got 1"),
    (b"null", "the body must be an object; got null"),
    (b"[]", "the body must be an object; got a list of 0"),
    (b"{}", "the body must have the field state"),
    (b'{"state": {}, "x": 1}', 'must only have the fields state, regions; got "x"'),
    (b'{"state": {}, "\\ud800": 1}', 'got "\\ud800"'),
]


@pytest.mark.parametrize(("body", "words"), numbered(MALFORMED))
def test_malformed_json(client, body, words):
    status, answer = client.post(VIEW, body)
    assert status == 422
    assert words in answer["error"]
    assert len(answer["error"]) < 300


ROWS: list[tuple[str, object, str]] = [
    *(("points", value, "state.points must be a list of 1 to 200") for value in (None, 1, "x", [[0, 0, 0]] * 201)),
    ("points", [], "state.points must be a list of 1 to 200 lists of 3 numbers; got a list of 0"),
    ("points", {}, "state.points must be a list of 1 to 200 lists of 3 numbers; got an object with 0 fields"),
    ("points", [[0, 0]], "state.points[0] must be a list of 3 numbers; got a list of 2"),
    ("points", [[0, 0, 0], [0, "0", 0]], 'state.points[1][1] must be a number; got "0"'),
    ("points", [[0, True, 0]], "state.points[0][1] must be a number; got true"),
    ("points", [[0, 1000.1, 0]], "state.points[0][1] must be a number between -1000 and 1000; got 1000.1"),
    ("points", [[10**400, 0, 0]], "state.points[0][0] must be a number between -1000 and 1000; got 1000"),
    ("points", [[0, 0, 3]], "state.points[0][2] must be an integer between 0 and 2; got 3"),
    ("points", [[0, 0, -1]], "state.points[0][2] must be an integer between 0 and 2; got -1"),
    ("points", [[0, 0, 1.0]], "state.points[0][2] must be an integer between 0 and 2; got 1.0"),
    *(
        ("n_classes", value, "state.n_classes must be an integer between 2 and 8")
        for value in (1, 9, 3.0, True, None, "3", [3], 10**400)
    ),
    *(("version", value, "state.version must be an integer between 1 and 1") for value in (0, 2, "1", True)),
    ("page", "knn", 'state.page must be one of linear; got "knn"'),
    ("W", [[1, 2], [2, -4]], "state.W must be a list of 3 lists of 2 numbers; got a list of 2"),
    ("W", [[1, 2, 3]] * 3, "state.W[0] must be a list of 2 numbers; got a list of 3"),
    ("W", [[1, 2], [1, None], [1, 2]], "state.W[1][1] must be a number; got null"),
    ("W", [[1, 2], [1, 2], [1e13, 2]], "state.W[2][0] must be a number between -1e+12 and 1e+12"),
    ("b", [1, 2], "state.b must be a list of 3 numbers; got a list of 2"),
    ("b", [1, 2, False], "state.b[2] must be a number; got false"),
    ("b", 3, "state.b must be a list of 3 numbers; got 3"),
    ("loss", "hinge", "state.loss must be one of softmax"),
    ("loss", ["softmax"], "got a list of 1"),
    ("reg", -0.1, "state.reg must be a number between 0 and 1000; got -0.1"),
    ("reg", "0.1", "state.reg must be a number"),
    ("penalty", "elasticnet", "state.penalty must be one of l2, l1"),
    ("original_gradient", 1, "state.original_gradient must be true or false; got 1"),
    ("optimizer", "sgd", "state.optimizer must be an object"),
    ("optimizer", {"lr": 0.1}, "state.optimizer.name must be one of sgd, adagrad"),
    ("optimizer", {"name": "lbfgs", "lr": 0.1}, "state.optimizer.name must be one of sgd"),
    ("optimizer", {"name": "sgd"}, "state.optimizer must have the field lr"),
    ("optimizer", {"name": "sgd", "lr": 0.1, "beta1": 0.9}, "state.optimizer must only have the fields name, lr, momentum"),
    ("optimizer", {"name": "sgd", "lr": -1}, "state.optimizer: lr must be finite and at least 0; got -1"),
    ("optimizer", {"name": "sgd", "lr": 10**400}, "state.optimizer.lr must be a number that fits"),
    ("optimizer", {"name": "sgd", "lr": True}, "state.optimizer.lr must be a number; got true"),
    ("optimizer", {"name": "sgd", "lr": 0.1, "nesterov": 1}, "state.optimizer.nesterov must be true or false"),
    ("optimizer", {"name": "sgd", "lr": 0.1, "nesterov": True}, "state.optimizer: nesterov must come with momentum"),
    ("optimizer", {"name": "adam", "lr": 0.1, "beta2": 1}, "state.optimizer: betas[1] must be"),
    *(("batch_size", value, "state.batch_size must be an integer between 1 and 9") for value in (0, 10, 2.5, True, "all")),
    *(("seed", value, "state.seed must be an integer between 0 and") for value in (-1, 2**32, 0.5, None)),
    *(("step", value, "state.step must be an integer between 0 and") for value in (-1, 2**53, 1.5, "1")),
    *(("history", value, "state.history must be a list of 0 to 500") for value in (None, "", [[0, 1.0]] * 501)),
    ("history", [[0, 1.0], [1, None]], "state.history[1][1] must be a number; got null"),
    ("history", [[0.5, 1.0]], "state.history[0][0] must be an integer"),
    ("history", [[0, 10**400]], "state.history[0][1] must be a number that fits"),
    ("optimizer_state", [], "state.optimizer_state must be an object"),
    ("optimizer_state", {"rule": "sgd", "W": {"step": 1}}, "state.optimizer_state must have the field b"),
    ("optimizer_state", {"rule": "adam", "W": {"step": 1}, "b": {"step": 1}}, "state.optimizer_state.rule must be one of sgd"),
    ("optimizer_state", {"rule": "sgd", "W": {"step": 0}, "b": {"step": 1}}, "state.optimizer_state.W.step must be an integer"),
    (
        "optimizer_state",
        {"rule": "sgd", "W": {"step": 1, "exp_avg": [[0, 0]] * 3}, "b": {"step": 1}},
        "state.optimizer_state.W must only have the fields step, momentum_buffer",
    ),
    (
        "optimizer_state",
        {"rule": "sgd", "W": {"step": 1, "momentum_buffer": [[0, 0]] * 2}, "b": {"step": 1, "momentum_buffer": [0] * 3}},
        "state.optimizer_state.W.momentum_buffer must be a list of 3 lists of 2 numbers; got a list of 2",
    ),
    (
        "optimizer_state",
        {"rule": "sgd", "W": {"step": 1, "momentum_buffer": [[0, 0]] * 3}, "b": {"step": 1, "momentum_buffer": [0] * 2}},
        "state.optimizer_state.b.momentum_buffer must be a list of 3 numbers; got a list of 2",
    ),
]


@pytest.mark.parametrize(("field", "value", "words"), numbered(ROWS))
def test_every_field_of_a_linear_state_is_checked(client, field, value, words):
    status, answer = client.post(STEP, {"state": lecture(**{field: value})})
    # What a rule makes of its hyperparameters is an answer, no mistake of the page's.
    assert status == (200 if words.startswith("state.optimizer: ") else 422)
    assert words in answer["error"]
    assert len(answer["error"]) < 300


KNN_ROWS: list[tuple[str, object, str]] = [
    ("k", 0, "state.k must be an integer between 1 and 4; got 0"),
    ("k", 5, "state.k must be an integer between 1 and 4; got 5"),
    ("metric", "hamming", "state.metric must be one of euclidean"),
    ("weights", "votes", "state.weights must be one of uniform"),
    ("temperature", 0, "state.temperature must be a number between 1e-06 and 1000; got 0"),
    ("query", [0], "state.query must be a list of 2 numbers"),
    ("query", [0, 1e4], "state.query[1] must be a number between -1000 and 1000"),
    ("page", "linear", 'state.page must be one of knn; got "linear"'),
]


@pytest.mark.parametrize(("field", "value", "words"), numbered(KNN_ROWS))
def test_every_field_of_a_knn_state_is_checked(client, field, value, words):
    status, answer = client.post(KNN, {"state": neighbors(**{field: value})})
    assert status == 422
    assert words in answer["error"]


def test_a_product_is_no_distance(client):
    status, answer = client.post(KNN, {"state": neighbors(metric="inner_product", weights="distance")})
    assert status == 422
    assert answer["error"].startswith("state.weights must be 'uniform' or 'softmax' for the metric inner_product")


@pytest.mark.parametrize(("path", "state"), [(VIEW, lecture()), (KNN, neighbors())], ids=["linear", "knn"])
def test_every_field_is_needed(client, path, state):
    for name in state:
        rest = {field: value for field, value in state.items() if field != name}
        assert client.post(path, {"state": rest}) == (422, {"error": f"state must have the field {name}; it is missing"})
    status, answer = client.post(path, {"state": state | {"more": 1}})
    assert (status, answer["error"].endswith('; got "more"')) == (422, True)


REQUESTS = [
    (VIEW, {"regions": 0}, "regions must be an integer between 1 and 320; got 0"),
    (VIEW, {"regions": 321}, "regions must be an integer between 1 and 320"),
    (VIEW, {"regions": "160"}, "regions must be an integer"),
    (STEP, {"n_steps": 0}, "n_steps must be an integer between 1 and 1000; got 0"),
    (STEP, {"n_steps": 1001}, "n_steps must be an integer between 1 and 1000"),
    (VIEW, {"n_steps": 1}, "the body must only have the fields"),
]


@pytest.mark.parametrize(("path", "changes", "words"), numbered(REQUESTS))
def test_every_option_of_a_request_is_checked(client, path, changes, words):
    status, answer = client.post(path, {"state": lecture(), **changes})
    assert status == 422
    assert words in answer["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "must have the field name"),
        ({"name": "rings"}, "name must be one of lecture, screenshot"),
        ({"name": "xor", "seed": -1}, "seed must be an integer"),
        ({"name": "separable", "n_classes": 9}, "n_classes must be an integer between 2 and 8; got 9"),
    ],
)
def test_every_option_of_a_preset_is_checked(client, body, words):
    status, answer = client.post("/api/linear/preset", body)
    assert status == 422
    assert words in answer["error"]


def test_divergence_is_an_answer_without_state(client):
    """With status 200, so that no browser notes an error."""
    status, answer = client.post(STEP, {"state": lecture(optimizer={"name": "sgd", "lr": 1e13}), "n_steps": 3})
    assert status == 200
    assert set(answer) == {"error"}
    assert "update 1 diverged" in answer["error"]


def test_the_last_step_there_is(client):
    assert client.post(STEP, {"state": lecture(step=2**53 - 2)})[0] == 200
    status, answer = client.post(STEP, {"state": lecture(step=2**53 - 1)})
    assert (status, "state.step must be at most" in answer["error"]) == (422, True)


# What a JSON value can be replaced by.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.sampled_from([10**400, -(10**400), 2**53, 2**63, -1, 0, 1, 2]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([1e308, -1e308, 5e-324, 1e12, -1e12, 1e-300, 0.0, -0.0, 1000.0]),
    st.text(max_size=4),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)


def places(value, path=()):
    """Where something stands inside of a JSON value."""
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


@st.composite
def mutations(draw, content):
    """A request with a few values replaced, taken out, or doubled."""
    content = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, 3))):
        found = [path for path in places(content) if path]
        if not found:
            break
        *path, last = draw(st.sampled_from(found))
        inside = content
        for key in path:
            inside = inside[key]
        what = draw(st.sampled_from(["replace", "replace", "scale", "remove", "double"]))
        if what == "remove":
            del inside[last]
        elif what == "double" and isinstance(inside, list):
            inside.append(inside[last])
        elif what == "scale" and type(inside[last]) in (int, float) and abs(inside[last]) < 1e300:
            inside[last] *= draw(st.sampled_from([-1, 0, 10, 1e3, 1e6, 1e11]))
        else:
            inside[last] = draw(VALUES)
    return content


REQUESTS_OF_RULES = [{"state": state, "regions": 4, "n_steps": 3} for state in trained()]


@settings(suppress_health_check=UNHURRIED)
@given(st.sampled_from(REQUESTS_OF_RULES).flatmap(mutations))
def test_no_linear_request_fails(client, content):
    status, answer = client.post(STEP, content)
    assert status in (200, 422)
    if status == 422 or "error" in answer:
        assert set(answer) == {"error"}
    else:
        # What came back can be sent, and shows the same.
        assert client.post(VIEW, {"state": answer["state"], "regions": content.get("regions")}) == (200, answer)


@settings(suppress_health_check=UNHURRIED)
@given(mutations({"state": neighbors(weights="softmax"), "regions": 5}))
def test_no_knn_request_fails(client, content):
    status, answer = client.post(KNN, content)
    assert status in (200, 422)
    if status == 422:
        assert set(answer) == {"error"}
