"""What the tests of the demo share: states as a page sends them, and a server on a free port."""

import base64
import contextlib
import http.client
import json
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

from deeprob_fast.demo import linear_model
from deeprob_fast.demo.linear_state import LinearState
from tests.nine_points import BIAS, KNOWN, LABELS, POINTS, WEIGHTS

LOSSES = tuple(KNOWN)
OPTIMIZERS = {
    "sgd": {"momentum": 0.9, "nesterov": True},
    "adagrad": {"lr_decay": 0.01, "initial_accumulator_value": 0.1},
    "rmsprop": {"momentum": 0.5, "centered": True},
    "adam": {"amsgrad": True, "weight_decay": 0.01},
    "adamw": {"beta1": 0.8},
}


def again(content):
    """What arrives of what was sent."""
    return json.loads(json.dumps(content, allow_nan=False))


def lecture(**changes):
    """The default state of the lecture's page."""
    state = {
        "version": 1,
        "page": "linear",
        "points": [[*point, label] for point, label in zip(POINTS.tolist(), LABELS.tolist(), strict=True)],
        "n_classes": 3,
        "W": WEIGHTS.tolist(),
        "b": BIAS.tolist(),
        "loss": "weston_watkins",
        "reg": 0.1,
        "penalty": "l2",
        "original_gradient": False,
        "optimizer": {"name": "sgd", "lr": 0.1},
        "batch_size": None,
        "seed": 0,
        "step": 0,
        "optimizer_state": None,
        "history": [],
    }
    return again(state | changes)


def neighbors(**changes):
    """A state of the k-NN page."""
    state = {
        "version": 1,
        "page": "knn",
        "points": [[0, 0, 0], [1, 0, 1], [0, 1, 1], [0, 0, 2]],
        "n_classes": 3,
        "k": 2,
        "metric": "euclidean",
        "weights": "uniform",
        "temperature": 0.07,
        "query": [0.9, 0.0],
    }
    return again(state | changes)


def decode(runs):
    """The class of each cell."""
    pairs = np.frombuffer(base64.b64decode(runs), dtype=np.uint8).reshape(-1, 2)
    assert (pairs[:, 1] > 0).all()
    return np.repeat(pairs[:, 0], pairs[:, 1])


def trained():
    """States in the middle of a training, one for each update rule."""
    for name, hyperparameters in OPTIMIZERS.items():
        start = LinearState.from_json(lecture(optimizer={"name": name, "lr": 0.1, **hyperparameters}, batch_size=5))
        yield again(linear_model.step(start, 2).to_json())


class Client:
    """Requests to a server on this machine, one connection each.

    Parameters
    ----------
    port : int
    """

    def __init__(self, port):
        self.port = port

    def request(self, method, path, body=None, headers=None, **options):
        """Return the answer's status, headers and body."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, body, headers or {}, **options)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def post(self, path, content, **headers):
        """Send JSON; return the answer's status and content."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        status, _, answer = self.request("POST", path, body, {"Content-Type": "application/json"} | headers)
        return status, json.loads(answer)


@pytest.fixture(scope="module")
def client():
    """A server that runs while the tests of a module do."""
    pytest.importorskip("starlette", reason="needs the extra demo")
    pytest.importorskip("uvicorn", reason="needs the extra demo")
    from deeprob_fast.demo import serving

    ready = threading.Event()
    with serving.listen(0) as listener:
        server = serving.make_server(ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        assert ready.wait(10)
        yield Client(listener.getsockname()[1])
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


START = "import sys; from deeprob_fast.cli import main; main(sys.argv[1:])"


@contextlib.contextmanager
def running(*arguments, code=START):
    """Start the command; yield its process and the port that it tells."""
    command = [sys.executable, "-P", "-c", code, "demo", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            told = [process.stdout.readline() for _ in range(3)]
            address = re.fullmatch(r"linear classifiers: http://127\.0\.0\.1:(\d+)/\n", told[0])
            assert address, told
            assert told[1:] == [f"nearest neighbours: http://127.0.0.1:{address[1]}/knn\n", "Ctrl-C ends the server.\n"]
            yield process, int(address[1])
        finally:
            process.kill()


__all__ = ["LOSSES", "OPTIMIZERS", "START", "again", "client", "decode", "lecture", "neighbors", "running", "trained"]
