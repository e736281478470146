"""The routes: pages, and what they ask for. Nothing is kept between two requests."""

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from deeprob_fast.demo import _fields, guards, knn_model, linear_model, presets, regions
from deeprob_fast.demo._points import N_CLASSES
from deeprob_fast.demo.knn_model import KNNState
from deeprob_fast.demo.linear_state import N_SEEDS, LinearState
from deeprob_fast.demo.options import options

_STATIC = Path(__file__).parent / "static"

Answer = Callable[[dict[str, Any]], dict[str, Any]]


def _linear(state: LinearState, body: dict[str, Any]) -> dict[str, Any]:
    return {"state": state.to_json(), "view": linear_model.view(state, regions.check_size(body.get("regions")))}


def linear_view(body: dict[str, Any]) -> dict[str, Any]:
    """Show a state."""
    _fields.record("the body", body, ("state",), ("regions",))
    return _linear(LinearState.from_json(body["state"]), body)


def linear_step(body: dict[str, Any]) -> dict[str, Any]:
    """Update the parameters."""
    _fields.record("the body", body, ("state",), ("regions", "n_steps"))
    state = LinearState.from_json(body["state"])
    n_steps = _fields.integer("n_steps", body.get("n_steps", 1), 1, linear_model.MOST_STEPS)
    return _linear(linear_model.step(state, n_steps), body)


def linear_randomize(body: dict[str, Any]) -> dict[str, Any]:
    """Draw other parameters."""
    _fields.record("the body", body, ("state",), ("regions",))
    return _linear(linear_model.randomize(LinearState.from_json(body["state"])), body)


def _preset(body: dict[str, Any], names: Any) -> tuple[str, int, int]:
    _fields.record("the body", body, ("name",), ("seed", "n_classes", "regions"))
    name = _fields.choice("name", body["name"], tuple(names))
    seed = _fields.integer("seed", body.get("seed", 0), 0, N_SEEDS - 1)
    n_classes = body.get("n_classes")
    return name, seed, presets.DEFAULT_N_CLASSES if n_classes is None else _fields.integer("n_classes", n_classes, *N_CLASSES)


def linear_preset(body: dict[str, Any]) -> dict[str, Any]:
    """Start with given points."""
    return _linear(presets.linear(*_preset(body, presets.LINEAR)), body)


def _knn(state: KNNState, body: dict[str, Any]) -> dict[str, Any]:
    return {"state": state.to_json(), "view": knn_model.view(state, regions.check_size(body.get("regions")))}


def knn_view(body: dict[str, Any]) -> dict[str, Any]:
    """Show a state."""
    _fields.record("the body", body, ("state",), ("regions",))
    return _knn(KNNState.from_json(body["state"]), body)


def knn_preset(body: dict[str, Any]) -> dict[str, Any]:
    """Start with given points."""
    return _knn(presets.knn(*_preset(body, presets.KNN)), body)


def _json(content: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(content, allow_nan=False, separators=(",", ":")), status, headers, media_type=guards.JSON)


def _answering(answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    def work(body: bytes) -> Response:
        try:
            return _json(answer(_fields.mapping("the body", _fields.parse(body))))
        except _fields.FieldError as error:
            return _json({"error": str(error)}, 422)
        except _fields.ModelError as error:
            # People's choices lead here, and shall leave nothing in the browser's console.
            return _json({"error": str(error)})

    async def endpoint(request: Request) -> Response:
        guards.check_origin(request)
        guards.check_type(request)
        try:
            body = await guards.read_body(request)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        # Off the event loop: a request that takes long holds no other one up.
        return await run_in_threadpool(work, body)

    return endpoint


async def _show_options(request: Request) -> Response:  # noqa: ARG001  # all get the same
    return _json(options())


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:  # noqa: ARG001  # all get the same
        return FileResponse(_STATIC / name)

    return endpoint


async def _refuse(request: Request, error: Exception) -> Response:  # noqa: ARG001  # the path says nothing new
    refusal = cast("HTTPException", error)  # it is called for no others
    return _json({"error": refusal.detail}, refusal.status_code, refusal.headers)


async def _fail(request: Request, error: Exception) -> Response:  # noqa: ARG001  # the server writes it on the terminal
    # This answer passes by the middleware.
    return _json({"error": "this is a defect of the server, which says more on its terminal"}, 500, guards.HEADERS)


ANSWERS: dict[str, Answer] = {
    "/api/linear/view": linear_view,
    "/api/linear/step": linear_step,
    "/api/linear/preset": linear_preset,
    "/api/linear/randomize": linear_randomize,
    "/api/knn/view": knn_view,
    "/api/knn/preset": knn_preset,
}


def create_app() -> Starlette:
    """Make the application."""
    routes = [
        Route("/", _file("linear.html")),
        Route("/knn", _file("knn.html")),
        Route("/api/options", _show_options),
        *(Route(path, _answering(answer), methods=["POST"]) for path, answer in ANSWERS.items()),
        # Whatever a path says, no other file is looked for.
        *(Route(f"/static/{file.name}", _file(file.name)) for file in _STATIC.iterdir()),
    ]
    middleware = [
        Middleware(guards.HeadersMiddleware),
        Middleware(TrustedHostMiddleware, allowed_hosts=guards.HOSTS, www_redirect=False),
    ]
    return Starlette(routes=routes, middleware=middleware, exception_handlers={HTTPException: _refuse, Exception: _fail})
