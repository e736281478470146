"""The settings of a classifier by the names that users give them."""

import inspect
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from deeprob_fast import _scalars, optim
from deeprob_fast.linear.checks import FORMULATIONS, check_penalty
from deeprob_fast.linear.classifiers import Classifier
from deeprob_fast.optim import Optimizer

LOSSES = ("softmax", *FORMULATIONS)
OPTIMIZERS = {"sgd": optim.SGD, "adagrad": optim.Adagrad, "rmsprop": optim.RMSprop, "adam": optim.Adam, "adamw": optim.AdamW}

DEFAULTS: dict[str, Any] = {
    "loss": "softmax",
    "delta": 1.0,
    "reg": 0.0,
    "penalty": "l2",
    "l1_ratio": 0.5,
    "optimizer": "sgd",
    "learning_rate": None,
    "momentum": None,
    "nesterov": None,
    "schedule": None,
    "seed": 0,
}
NAMES = tuple(DEFAULTS)


def make_optimizer(optimizer: object, **changes: Any) -> Optimizer:
    """Return an optimizer by name or by example, with some of its hyperparameters changed; None changes nothing."""
    wanted = {name: value for name, value in changes.items() if value is not None}
    if isinstance(optimizer, Optimizer):
        kind: Any = type(optimizer)
        arguments = {name: getattr(optimizer, name) for name in inspect.signature(kind).parameters}
    elif isinstance(optimizer, str) and optimizer in OPTIMIZERS:
        kind, arguments = OPTIMIZERS[optimizer], {}
    else:
        msg = f"optimizer must be one of {', '.join(OPTIMIZERS)} or an optimizer of deeprob_fast.optim; got {optimizer!r}"
        msg += _scalars.did_you_mean(optimizer, OPTIMIZERS)
        raise ValueError(msg)
    unknown = set(wanted) - set(inspect.signature(kind).parameters)
    if unknown:
        msg = f"{', '.join(sorted(unknown))} is no hyperparameter of {kind.__name__}"
        raise ValueError(msg)
    made: Optimizer = kind(**{**arguments, **wanted})
    return made


def classifier_of(setting: Mapping[str, Any]) -> Classifier:
    """Check a complete setting and return what the kernels need."""
    loss = _scalars.check_choice("loss", setting["loss"], LOSSES)
    l2, l1 = check_penalty(setting["reg"], setting["penalty"], setting["l1_ratio"])
    if setting["learning_rate"] is not None:
        _scalars.check_real("learning_rate", setting["learning_rate"], 0)
    changes = {"lr": setting["learning_rate"], "momentum": setting["momentum"], "nesterov": setting["nesterov"]}
    schedule = setting["schedule"]
    if schedule is not None and not callable(schedule):
        msg = f"schedule must be a function that makes a schedule for an optimizer, or None; got {schedule!r}"
        raise TypeError(msg)
    delta = _scalars.check_real("delta", setting["delta"], 0)
    return Classifier(loss, delta, l2, l1, make_optimizer(setting["optimizer"], **changes), schedule)


def expand(grid: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the settings of a grid: the product of its lists, or the settings listed; single values stand for themselves."""
    if isinstance(grid, Mapping):
        lists = [_scalars.one_or_several(value) for value in grid.values()]
        settings = [dict(zip(grid, values, strict=True)) for values in itertools.product(*lists)]
    else:
        several = _scalars.check_sequence("grid", grid, "dicts, or a dict of lists")
        wrong = [setting for setting in several if not isinstance(setting, Mapping)]
        if wrong:
            msg = f"grid must hold dicts; got {wrong[0]!r}"
            raise TypeError(msg)
        settings = [dict(setting) for setting in several]
    for setting in settings:
        unknown = set(setting) - set(NAMES)
        if unknown:
            msg = f"grid must hold settings among {', '.join(NAMES)}; got {', '.join(sorted(map(str, unknown)))}"
            raise ValueError(msg)
    if not settings:
        msg = "grid must hold at least one setting; got none"
        raise ValueError(msg)
    return settings
