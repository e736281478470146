"""scikit-learn's names of metrics, and ours for them."""

import math
import warnings
from typing import Any

from deeprob_fast import _kernels, _scalars

PRECOMPUTED = "precomputed"
_ALIASES = {
    "l2": "euclidean",
    "l1": "manhattan",
    "cityblock": "manhattan",
    "infinity": "chebyshev",
}
_OF_ORDER = {1.0: "manhattan", 2.0: "euclidean", math.inf: "chebyshev"}
_NAMES = (*_kernels.METRICS, "minkowski", *_ALIASES, PRECOMPUTED)
ALGORITHMS = ("auto", "ball_tree", "kd_tree", "brute")


def metric_of(metric: object, p: object, metric_params: object) -> str:
    """Return our name of a metric, or "precomputed".

    Raises
    ------
    ValueError
        If there is no such metric here.
    TypeError
        If `metric_params` is no dictionary.
    """
    if metric_params is not None and not isinstance(metric_params, dict):
        msg = f"metric_params must be a dictionary or None; got {metric_params!r}"
        raise TypeError(msg)
    order = p
    parameters: dict[str, Any] = metric_params or {}
    for name, value in parameters.items():
        if name != "p" or metric != "minkowski":
            msg = f"metric_params must be empty, or hold p for metric='minkowski'; got {name!r} for {metric!r}"
            raise ValueError(msg)
        if order != 2:
            msg = "metric_params holds p: the parameter p is ignored"
            warnings.warn(msg, SyntaxWarning, stacklevel=4)
        order = value
    if callable(metric):
        msg = f"metric must be one of {', '.join(_NAMES)}; got a function, which scikit-learn's estimators take"
        raise ValueError(msg)  # noqa: TRY004  # as for every other metric that cannot be had
    name = _scalars.check_choice("metric", metric, _NAMES)
    if name != "minkowski":
        return _ALIASES.get(name, name)
    exponent = math.inf if order == math.inf else _scalars.check_positive("p", order)
    if exponent not in _OF_ORDER:
        msg = f"p must be {' or '.join(f'{allowed:g}' for allowed in _OF_ORDER)} for metric='minkowski'; got {order!r}"
        raise ValueError(msg)
    return _OF_ORDER[exponent]


def check_tree_parameters(algorithm: object, leaf_size: object) -> None:
    """Refuse what scikit-learn refuses, too; neither changes a result, nor how it is found here."""
    _scalars.check_choice("algorithm", algorithm, ALGORITHMS)
    _scalars.check_integer("leaf_size", leaf_size, 1, 2**31 - 1, "rows of a leaf")
