"""`cs231n/optim.py`: update rules as functions of the weights, their gradient and a dict that holds the state.

As in the course, missing entries of `config` are filled in and the state is kept there; the arrays themselves are not changed.
"""

from typing import Any

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._docstrings import sharing
from deeprob_fast._typing import AnyArray
from deeprob_fast.compat._arrays import Arrays, floating_dtype, like, read
from deeprob_fast.optim import SGD, Adam, Optimizer, RMSprop
from deeprob_fast.optim.textbook import cs231n_momentum_step

Config = dict[str, Any]


_RETURNS_AND_RAISES = """
Returns
-------
next_w : array or tensor
config : dict
    Both as from `sgd`.

Raises
------
ValueError
    If a shape does not fit or a number is out of its range.
"""

_shared = sharing(returns_and_raises=_RETURNS_AND_RAISES)


def sgd(w: Arrays, dw: Arrays, config: Config | None = None) -> tuple[Arrays, Config]:
    """Take a step of stochastic gradient descent: w - learning_rate * dw.

    Parameters
    ----------
    w, dw : array or tensor
        Weights and their gradient, of one shape.
    config : dict, optional
        learning_rate (1e-2).

    Returns
    -------
    next_w : array or tensor
        Of the kind and dtype of w.
    config : dict
        That of the caller, filled in.

    Raises
    ------
    ValueError
        If a shape does not fit or a number is out of its range.
    TypeError
        If a value is not a number.

    Examples
    --------
    >>> import numpy as np
    >>> sgd(np.array([1.0]), np.array([5.0]), {"learning_rate": 0.125})
    (array([0.375]), {'learning_rate': 0.125})
    """
    config = _filled(config, learning_rate=1e-2)
    return _step(SGD(lr=_number(config, "learning_rate")), w, dw, config, 0, {}), config


def sgd_momentum(w: Arrays, dw: Arrays, config: Config | None = None) -> tuple[Arrays, Config]:
    """Take a step with momentum: v = momentum * v - learning_rate * dw, w + v.

    Parameters
    ----------
    w, dw : array or tensor
        Weights and their gradient, of one shape.
    config : dict, optional
        learning_rate (1e-2), momentum (0.9), velocity (zeros); the last one is replaced.

    Returns
    -------
    next_w : array or tensor
    config : dict
        Both as from `sgd`.

    Raises
    ------
    ValueError
        If a shape does not fit.

    Notes
    -----
    The learning rate is inside the velocity, which is -learning_rate times the lecture's and PyTorch's; the weights are the same
    as long as the learning rate stays. Computed by the formula, `deeprob_fast.optim.textbook.cs231n_momentum_step`.

    Examples
    --------
    >>> import numpy as np
    >>> w, config = sgd_momentum(np.array([1.0]), np.array([2.0]), {"learning_rate": 0.25, "velocity": np.array([1.0])})
    >>> w.round(3), config["velocity"].round(3)
    (array([1.4]), array([0.4]))
    """
    config = _filled(config, learning_rate=1e-2, momentum=0.9)
    weights, gradient = _read(w, dw)
    velocity = _state(config, "velocity", weights)
    moved = cs231n_momentum_step(
        weights,
        velocity,
        gradient,
        lr=_number(config, "learning_rate"),
        mu=_number(config, "momentum"),
    )
    dtype = floating_dtype(read("w", w))
    config["velocity"] = like(w, moved.v, dtype)
    return like(w, moved.w, dtype), config


@_shared
def rmsprop(w: Arrays, dw: Arrays, config: Config | None = None) -> tuple[Arrays, Config]:
    """Take a step of RMSprop: w - learning_rate * dw / (sqrt(cache) + epsilon), cache being a running mean of dw**2.

    Parameters
    ----------
    w, dw : array or tensor
        Weights and their gradient, of one shape.
    config : dict, optional
        learning_rate (1e-2), decay_rate (0.99), epsilon (1e-8), cache (zeros); the last one is replaced.

    {returns_and_raises}

    Notes
    -----
    PyTorch's rule, epsilon outside the root: computed by the kernel of `deeprob_fast.optim.RMSprop`.

    Examples
    --------
    >>> import numpy as np
    >>> w, config = rmsprop(np.array([1.0]), np.array([2.0]), {"learning_rate": 0.1, "decay_rate": 0.75})
    >>> w.round(3), config["cache"]
    (array([0.8]), array([1.]))
    """
    config = _filled(config, learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8)
    rule = RMSprop(lr=_number(config, "learning_rate"), alpha=_number(config, "decay_rate", 1), eps=_number(config, "epsilon"))
    return _step(rule, w, dw, config, 0, {"square_avg": "cache"}), config


@_shared
def adam(w: Arrays, dw: Arrays, config: Config | None = None) -> tuple[Arrays, Config]:
    """Take a step of Adam, with the correction of both means for their start at zero.

    Parameters
    ----------
    w, dw : array or tensor
        Weights and their gradient, of one shape.
    config : dict, optional
        learning_rate (1e-3), beta1 (0.9), beta2 (0.999), epsilon (1e-8); m and v (zeros), which are replaced; t (0), the number
        of steps taken, which is counted up.

    {returns_and_raises}

    Notes
    -----
    PyTorch's rule, epsilon outside the root: computed by the kernel of `deeprob_fast.optim.Adam`.

    Examples
    --------
    >>> import numpy as np
    >>> w, config = adam(np.array([1.0]), np.array([2.0]), {"learning_rate": 0.25})
    >>> w.round(6), config["t"]
    (array([0.75]), 1)
    """
    config = _filled(config, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, t=0)
    betas = _number(config, "beta1", 1, below=True), _number(config, "beta2", 1, below=True)
    rule = Adam(lr=_number(config, "learning_rate"), betas=betas, eps=_number(config, "epsilon"))
    steps = _scalars.check_integer("config['t']", config["t"], 0, 2**53, "steps taken")
    next_w = _step(rule, w, dw, config, steps, {"exp_avg": "m", "exp_avg_sq": "v"})
    config["t"] = steps + 1
    return next_w, config


def _filled(config: Any, **defaults: float) -> Config:
    """Return the caller's own dict, where the course keeps the state, with what it lacks."""
    filled: Config = {} if config is None else config
    if not isinstance(config, dict | None):
        msg = f"config must be a dict, in which the state is kept; got {type(config).__name__}"
        raise TypeError(msg)
    for name, value in defaults.items():
        filled.setdefault(name, value)
    return filled


def _number(config: Config, name: str, high: float = np.inf, *, below: bool = False) -> float:
    """Return a setting under the name that it has in the course."""
    return _scalars.check_real(f"config['{name}']", config[name], 0, high, below=below)


def _read(w: Arrays, dw: Arrays) -> tuple[AnyArray, AnyArray]:
    """Return weights and gradient in the dtype that is computed in, float32 or float64."""
    array = _validation.check_real_array("w", read("w", w))
    weights = array.astype(np.promote_types(floating_dtype(array), np.float32), copy=False)
    gradient = _validation.check_shaped_like("dw", read("dw", dw), weights.shape, "w")
    return weights, gradient.astype(weights.dtype)


def _state(config: Config, name: str, weights: AnyArray) -> AnyArray:
    """Return an array of the state, zeros before the first step."""
    if config.get(name) is None:
        return np.zeros_like(weights)
    entry = f"config['{name}']"
    return _validation.check_shaped_like(entry, read(entry, config[name]), weights.shape, "w").astype(weights.dtype)


def _step(rule: Optimizer, w: Arrays, dw: Arrays, config: Config, steps: int, slots: dict[str, str]) -> Arrays:
    """Take a step by the kernel, whose slots have other names in the course, and keep them in config."""
    weights, gradient = _read(w, dw)
    state = rule.state_dict()
    state["state"] = [{"step": steps, **{slot: _state(config, name, weights) for slot, name in slots.items()}}]
    rule.load_state_dict(state)
    rule.step(weights, gradient)
    after = rule.state_dict()["state"][0]
    dtype = floating_dtype(read("w", w))
    config.update({name: like(w, after[slot], dtype) for slot, name in slots.items()})
    return like(w, weights, dtype)
