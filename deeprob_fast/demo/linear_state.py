"""The state of the linear page: what it sends with each request, checked, and back."""

from dataclasses import dataclass
from typing import Any, Self

from deeprob_fast._typing import Float64, Int64
from deeprob_fast.demo import _fields, rules
from deeprob_fast.demo._points import MOST, VERSION, check_header, check_points, points_to_json
from deeprob_fast.linear.settings import LOSSES

PENALTIES = ("l2", "l1")
MOST_HISTORY = 500  # as many as a curve has room for; with each request they travel twice
LARGEST_REG = 1000.0
# Squares of numbers this large, times anything else a state may hold, are far from overflow.
LARGEST_WEIGHT = 1e12
# Random seeds wrap around here.
N_SEEDS = 2**32

_FIELDS = (
    "version",
    "page",
    "points",
    "n_classes",
    "W",
    "b",
    "loss",
    "reg",
    "penalty",
    "original_gradient",
    "optimizer",
    "batch_size",
    "seed",
    "step",
    "optimizer_state",
    "history",
)


@dataclass(frozen=True, eq=False)
class LinearState:
    """Points, a linear classifier, and how it is trained.

    Attributes
    ----------
    points : array of float64, shape (n_points, 2)
    labels : array of int64, shape (n_points,)
    W : array of float64, shape (n_classes, 2)
    b : array of float64, shape (n_classes,)
    loss : {"softmax", "weston_watkins", "one_vs_all", "runner_up"}
    reg : float
    penalty : {"l2", "l1"}
    original_gradient : bool
        Whether the gradient of the penalty is a quarter of what it is, as on the page that this one follows; False with "l1".
    optimizer : dict
        `name`, `lr` and the hyperparameters of the rule.
    batch_size : int or None
    seed, step : int
    memory : dict or None
        What the rule keeps for W and b.
    history : list of [int, float]
        Total losses before updates, at even distances.
    """

    points: Float64
    labels: Int64
    W: Float64
    b: Float64
    loss: str
    reg: float
    penalty: str
    original_gradient: bool
    optimizer: dict[str, Any]
    batch_size: int | None
    seed: int
    step: int
    memory: dict[str, Any] | None
    history: list[list[float]]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.b)

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Check every field of what a page sent; `FieldError` names the one that is wrong."""
        state = _fields.record("state", value, _FIELDS)
        check_header(state, "linear")
        points, labels, n_classes = check_points(state)
        penalty = _fields.choice("state.penalty", state["penalty"], PENALTIES)
        optimizer = rules.check(state["optimizer"])
        batch_size = state["batch_size"]
        if batch_size is not None:
            batch_size = _fields.integer("state.batch_size", batch_size, 1, len(points))
        return cls(
            points,
            labels,
            W=_fields.table("state.W", state["W"], n_classes, n_classes, 2, LARGEST_WEIGHT),
            b=_fields.vector("state.b", state["b"], n_classes, LARGEST_WEIGHT),
            loss=_fields.choice("state.loss", state["loss"], LOSSES),
            reg=_fields.number("state.reg", state["reg"], 0, LARGEST_REG),
            penalty=penalty,
            original_gradient=_fields.flag("state.original_gradient", state["original_gradient"]) and penalty == "l2",
            optimizer=optimizer,
            batch_size=batch_size,
            seed=_fields.integer("state.seed", state["seed"], 0, N_SEEDS - 1),
            step=_fields.integer("state.step", state["step"], 0, MOST),
            memory=rules.check_memory(state["optimizer_state"], optimizer, n_classes),
            history=_check_history(state["history"]),
        )

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        values = (
            VERSION,
            "linear",
            points_to_json(self.points, self.labels),
            self.n_classes,
            self.W.tolist(),
            self.b.tolist(),
            self.loss,
            self.reg,
            self.penalty,
            self.original_gradient,
            self.optimizer,
            self.batch_size,
            self.seed,
            self.step,
            rules.memory_to_json(self.memory),
            self.history,
        )
        return dict(zip(_FIELDS, values, strict=True))


def _check_history(value: object) -> list[list[float]]:
    _fields.table("state.history", value, 0, MOST_HISTORY, 2)
    history: list[list[float]] = value  # type: ignore[assignment]  # or the table had been refused
    for i, (step, _) in enumerate(history):
        _fields.integer(f"state.history[{i}][0]", step, 0, MOST)
    return history
