"""Update rules as the linear page sends them: their hyperparameters by name, and what they keep between steps."""

import inspect
import math
from functools import cache
from typing import Any

from deeprob_fast._typing import Float64
from deeprob_fast.demo import _fields
from deeprob_fast.demo._points import MOST
from deeprob_fast.linear.settings import OPTIMIZERS
from deeprob_fast.optim import Optimizer

# A page that shows how a loss falls does not climb; decoupled weight decay is another rule of the list.
_NOT_OFFERED = ("lr", "maximize", "decoupled_weight_decay")
_PARAMETERS = ("W", "b")


@cache
def _arguments(name: str) -> dict[str, Any]:
    """Return the hyperparameters of a rule with their defaults, as its class has them."""
    parameters = inspect.signature(OPTIMIZERS[name]).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters if parameter.name not in _NOT_OFFERED}


def _split(argument: str, default: Any) -> dict[str, Any]:
    """Make beta1 and beta2 of betas."""
    if isinstance(default, tuple):
        return {f"{argument.removesuffix('s')}{i + 1}": value for i, value in enumerate(default)}
    return {argument: default}


@cache
def defaults(name: str) -> dict[str, Any]:
    """Return the hyperparameters of a rule with their defaults, beside the learning rate; of a pair each number by itself."""
    return {field: value for argument, default in _arguments(name).items() for field, value in _split(argument, default).items()}


def make(chosen: dict[str, Any]) -> Optimizer:
    """Return the optimizer that a checked choice describes."""
    arguments = {"lr": chosen["lr"]}
    for argument, default in _arguments(chosen["name"]).items():
        values = tuple(chosen[field] for field in _split(argument, default))
        arguments[argument] = values if isinstance(default, tuple) else values[0]
    made: Optimizer = OPTIMIZERS[chosen["name"]](**arguments)
    return made


def check(value: object) -> dict[str, Any]:
    """Return a rule by name with its learning rate and all its hyperparameters, defaults for those not named."""
    where = "state.optimizer"
    name = _fields.choice(f"{where}.name", _fields.mapping(where, value).get("name"), tuple(OPTIMIZERS))
    default_values = defaults(name)
    record = _fields.record(where, value, ("name", "lr"), tuple(default_values))
    chosen: dict[str, Any] = {"name": name, "lr": _fields.number(f"{where}.lr", record["lr"])}
    for field, default in default_values.items():
        check_one = _fields.flag if isinstance(default, bool) else _fields.number
        chosen[field] = check_one(f"{where}.{field}", record.get(field, default))
    try:
        make(chosen)
    except (ValueError, TypeError) as error:
        msg = f"{where}: {error}"
        raise _fields.ModelError(msg) from error
    return chosen


@cache
def _memory_names(name: str) -> frozenset[str]:
    """Return the names of all arrays that a rule may keep: those with momentum and every switch on."""
    optimizer = OPTIMIZERS[name]()
    for field, default in defaults(name).items():
        if isinstance(default, bool):
            setattr(optimizer, field, True)
        elif field == "momentum":
            setattr(optimizer, field, 0.5)
    return frozenset(optimizer.slot_names)


def check_memory(value: object, chosen: dict[str, Any], n_classes: int) -> dict[str, Any] | None:
    """Return what a rule keeps for W and b, or None if it keeps nothing."""
    if value is None:
        return None
    where = "state.optimizer_state"
    record = _fields.record(where, value, ("rule", *_PARAMETERS))
    rule = make(chosen).rule
    _fields.choice(f"{where}.rule", record["rule"], (rule,))
    names = _memory_names(chosen["name"])
    memory: dict[str, Any] = {"rule": rule}
    for parameter in _PARAMETERS:
        inside = f"{where}.{parameter}"
        entry = _fields.record(inside, record[parameter], ("step",), sorted(names))
        memory[parameter] = {"step": _fields.integer(f"{inside}.step", entry["step"], 1, MOST)}
        for name in entry:
            if name == "step":
                continue
            if parameter == "W":
                memory["W"][name] = _fields.table(f"{inside}.{name}", entry[name], n_classes, n_classes, 2)
            else:
                memory["b"][name] = _fields.vector(f"{inside}.{name}", entry[name], n_classes)
    return memory


def restore(optimizer: Optimizer, memory: dict[str, Any] | None) -> None:
    """Let an optimizer continue where another one of its rule was."""
    if memory is not None:
        states = [memory[parameter] for parameter in _PARAMETERS]
        optimizer.load_state_dict(optimizer.state_dict() | {"state": states})


def memory_of(optimizer: Optimizer) -> dict[str, Any] | None:
    """Return what an optimizer of W and b keeps; None if that is nothing."""
    states = optimizer.state_dict()["state"]
    if not optimizer.slot_names or not states:
        return None
    return {"rule": optimizer.rule, **dict(zip(_PARAMETERS, states, strict=True))}


def memory_to_json(memory: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what `check_memory` reads."""
    if memory is None:
        return None
    plain = {
        parameter: {name: value if name == "step" else value.tolist() for name, value in memory[parameter].items()}
        for parameter in _PARAMETERS
    }
    return {"rule": memory["rule"], **plain}


def arrays_of(memory: dict[str, Any] | None) -> list[Float64]:
    """Return all arrays that a rule keeps."""
    if memory is None:
        return []
    return [value for parameter in _PARAMETERS for name, value in memory[parameter].items() if name != "step"]


def describe(name: str) -> list[dict[str, Any]]:
    """Return what a page needs to offer the hyperparameters of a rule."""
    return [
        {"name": field, "label": field.replace("_", " "), "default": default}
        | ({"kind": "flag"} if isinstance(default, bool) else {"kind": "number", **_range(name, field, default)})
        for field, default in defaults(name).items()
    ]


def _range(name: str, field: str, default: float) -> dict[str, float | None]:
    """Find out which numbers a rule takes, and by which steps to offer them."""

    def taken(value: float) -> bool:
        try:
            make({"name": name, "lr": 0.1, **defaults(name), field: value})
        except ValueError:
            return False
        return True

    below = min(gap for gap in (abs(default), abs(1 - default), 0.1) if gap > 0)
    highest = next((high for high in (1.0, math.nextafter(1.0, 0.0)) if not taken(2.0) and taken(high)), None)
    return {"min": None if taken(-1.0) else 0.0, "max": highest, "step": 10.0 ** math.floor(math.log10(below) + 1e-9)}
