"""Cases on which the optimizers and schedules are compared with PyTorch: shared by the recording and the tests. NumPy only."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

RECORDED = Path(__file__).parent / "data" / "torch_optim.json"

N_STEPS = 1000
KEPT_STEPS = (1, 10, 1000)

# Name: class, arguments.
OPTIMIZERS = {
    "sgd": ("SGD", {"lr": 0.01}),
    "sgd_decay": ("SGD", {"lr": 0.01, "weight_decay": 0.1}),
    "sgd_momentum": ("SGD", {"lr": 0.01, "momentum": 0.9}),
    "sgd_dampening": ("SGD", {"lr": 0.01, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01}),
    "sgd_nesterov": ("SGD", {"lr": 0.01, "momentum": 0.99, "nesterov": True, "weight_decay": 0.01}),
    "sgd_maximize": ("SGD", {"lr": 0.01, "momentum": 0.5, "weight_decay": 0.01, "maximize": True}),
    "adagrad": ("Adagrad", {}),
    "adagrad_all": ("Adagrad", {"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3}),
    "adagrad_maximize": ("Adagrad", {"maximize": True}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop_momentum": ("RMSprop", {"lr": 1e-3, "momentum": 0.9, "weight_decay": 0.1}),
    "rmsprop_centered": ("RMSprop", {"lr": 1e-3, "centered": True, "eps": 1e-6}),
    "rmsprop_near_end": ("RMSprop", {"lr": 1e-3, "alpha": 0.4, "centered": True, "momentum": 0.5, "eps": 1e-2, "maximize": True}),
    "adam": ("Adam", {}),
    "adam_decay": ("Adam", {"lr": 0.01, "weight_decay": 0.1, "eps": 1e-3}),
    "adam_amsgrad": ("Adam", {"lr": 0.01, "betas": (0.9, 0.6), "amsgrad": True}),
    "adam_near_end": ("Adam", {"lr": 0.01, "betas": (0.3, 0.9), "weight_decay": 0.01}),
    "adam_decoupled": ("Adam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    "adamw": ("AdamW", {}),
    "adamw_all": ("AdamW", {"lr": 0.01, "betas": (0.5, 0.99), "weight_decay": 0.3, "amsgrad": True, "maximize": True}),
}


def start(dtype):
    """Return eight parameters."""
    return np.array([3.0, -2.5, 2.0, -1.5, 1.25, -5.0, 8.0, -10.0], dtype=dtype)


def gradients(dtype, n_steps=N_STEPS, size=8):
    """Return gradients in [-1, 1) that lean to one side: from integers alone, the same everywhere."""
    numbers = np.arange(n_steps * size, dtype=np.uint64) * np.uint64(2654435761) % np.uint64(2**32)
    noise = numbers.astype(np.float64).reshape(n_steps, size) / 2**31 - 1
    return (0.75 * noise + 0.25 * (-1.0) ** np.arange(1, size + 1)).astype(dtype)


def metrics(n_steps):
    """Return values that fall, rise and stall."""
    return [math.floor(100 * (1 + math.cos(step / 7)) / (1 + step / 20)) / 100 for step in range(n_steps)]


# Name: steps, first learning rate, class, arguments. In a sequence, the classes and arguments of its parts.
SCHEDULES: dict[str, tuple[int, float, str, dict[str, Any]]] = {
    "lambda": (8, 0.5, "LambdaLR", {"lr_lambda": lambda epoch: 1 / (1 + epoch)}),
    "step": (40, 0.5, "StepLR", {"step_size": 7}),
    "step_gamma": (40, 0.5, "StepLR", {"step_size": 3, "gamma": 0.9}),
    "multi_step": (40, 0.5, "MultiStepLR", {"milestones": [30, 10, 12, 12], "gamma": 0.3}),
    "exponential": (40, 0.5, "ExponentialLR", {"gamma": 0.93}),
    "linear": (12, 0.5, "LinearLR", {}),
    "linear_down": (40, 0.5, "LinearLR", {"start_factor": 1.0, "end_factor": 0.1, "total_iters": 30}),
    "cosine": (75, 0.5, "CosineAnnealingLR", {"T_max": 20}),
    "cosine_floor": (75, 0.5, "CosineAnnealingLR", {"T_max": 17, "eta_min": 0.01}),
    "one_cycle": (40, 0.5, "OneCycleLR", {"max_lr": 2.0, "total_steps": 41}),
    "one_cycle_linear": (40, 0.5, "OneCycleLR", {"max_lr": 2.0, "epochs": 4, "steps_per_epoch": 11, "anneal_strategy": "linear"}),
    "one_cycle_three": (
        40,
        0.5,
        "OneCycleLR",
        {
            "max_lr": 2.0,
            "total_steps": 41,
            "three_phase": True,
            "pct_start": 0.4,
            "div_factor": 10.0,
            "final_div_factor": 100.0,
            "base_momentum": 0.7,
            "max_momentum": 0.9,
        },
    ),
    "one_cycle_fixed": (40, 0.5, "OneCycleLR", {"max_lr": 2.0, "total_steps": 41, "cycle_momentum": False}),
    "plateau": (90, 0.5, "ReduceLROnPlateau", {"patience": 3}),
    "plateau_rel": (90, 0.5, "ReduceLROnPlateau", {"factor": 0.5, "patience": 1, "threshold": 0.3}),
    "plateau_max_rel": (90, 0.5, "ReduceLROnPlateau", {"mode": "max", "factor": 0.5, "patience": 1, "threshold": 0.05}),
    "plateau_max": (90, 0.5, "ReduceLROnPlateau", {"mode": "max", "factor": 0.5, "patience": 2, "cooldown": 4, "min_lr": 0.01}),
    "plateau_abs": (90, 0.5, "ReduceLROnPlateau", {"factor": 0.3, "patience": 0, "threshold": 0.05, "threshold_mode": "abs"}),
    "plateau_max_abs": (
        90,
        0.5,
        "ReduceLROnPlateau",
        {"mode": "max", "factor": 0.9, "patience": 1, "threshold": 0.05, "threshold_mode": "abs", "eps": 0.01},
    ),
    "sequence": (
        40,
        0.5,
        "SequentialLR",
        {
            "schedulers": [
                ("LinearLR", {"start_factor": 0.1, "total_iters": 5}),
                ("CosineAnnealingLR", {"T_max": 20}),
                ("ExponentialLR", {"gamma": 0.9}),
            ],
            "milestones": [5, 25],
        },
    ),
}

# Of the linear probes, on 300 rows: first learning rates, class and arguments of the schedule, steps in all, steps from one
# advance of the schedule to the next, which steps are kept.
PROBES: dict[str, tuple[list[float], str, dict[str, Any], int, int, range]] = {
    "dino-linear": ([0.001 * 128 / 256], "CosineAnnealingLR", {"T_max": 100, "eta_min": 0}, 300, 3, range(300)),
    "dinov2-linear": (
        [lr * 128 / 256 for lr in (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1)],
        "CosineAnnealingLR",
        {"T_max": 12500, "eta_min": 0},
        12500,
        1,
        range(0, 12500, 250),
    ),
    "moco-linear": ([30.0], "MultiStepLR", {"milestones": [60, 80], "gamma": 0.1}, 200, 2, range(200)),
}


def run_schedule(schedulers, make_sgd, name, values):
    """Return what `values` reads of an optimizer before each step of a schedule, one of the classes of `schedulers`."""
    n_steps, lr, kind, arguments = SCHEDULES[name]
    momentum = {"momentum": 0.9} if kind == "OneCycleLR" else {}
    optimizer = make_sgd(lr=lr, **momentum)
    arguments = {**arguments}
    if kind == "SequentialLR":
        arguments["schedulers"] = [getattr(schedulers, part)(optimizer, **own) for part, own in arguments["schedulers"]]
    schedule = getattr(schedulers, kind)(optimizer, **arguments)
    seen = [values(optimizer, schedule)]
    for metric in metrics(n_steps):
        schedule.step(*[metric] * (kind == "ReduceLROnPlateau"))
        seen.append(values(optimizer, schedule))
    return seen


def recorded():
    """Return what PyTorch computed."""
    return json.loads(RECORDED.read_text(encoding="utf-8"))
