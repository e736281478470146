"""What is claimed of second derivatives: by a Hessian, by its products, or by the symmetry of every Hessian."""

from collections.abc import Callable
from typing import Any

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._typing import AnyArray, Float64
from deeprob_fast.gradients.claimed import ClaimedGradient, Mismatch, Settings, precision_of
from deeprob_fast.gradients.functions import Function, by_input, owned, points_of


def claimed_second(
    function: Function,
    inputs: tuple[Any, ...],
    grad_outputs: object,
    *,
    hessian: Callable[..., Any] | None,
    hvp: Callable[..., Any] | None,
    settings: Settings,
) -> tuple[ClaimedGradient, list[str]]:
    """Return the weighted sum of the gradient, with what is claimed of its derivatives, and notes."""
    if hessian is not None and hvp is not None:
        msg = "hessian and hvp must not both be given"
        raise ValueError(msg)
    for name, second in (("hessian", hessian), ("hvp", hvp)):
        if second is not None:
            _scalars.check_callable(name, second)
    value = function.value(*(owned(part) for part in inputs))
    if value.shape != ():
        msg = f"func must return one number for gradgradcheck; got shape {value.shape}"
        raise ValueError(msg)
    gradients = function.gradients(*inputs)
    points, notes = points_of(inputs, gradients)
    for number, point in points.items():
        if gradients[number].shape != point.shape:
            msg = f"the gradient of input {number} must have shape {point.shape}, as the input; got {gradients[number].shape}"
            raise Mismatch(msg)
    weights = _weights(grad_outputs, points, len(inputs), settings.seed)

    def weighted(*arguments: Any) -> AnyArray:
        gradients = function.gradients(*arguments)
        total = sum(weights[number].astype(gradient.dtype).ravel() @ gradient.ravel() for number, gradient in gradients.items())
        return np.asarray(total)

    def products() -> dict[int, AnyArray]:
        if hvp is not None:
            direction = weights[0] if set(weights) == {0} else tuple(weights.get(number) for number in range(len(inputs)))
            return by_input("product with the Hessian", hvp(*map(owned, inputs), direction), len(inputs))
        if hessian is not None:
            return _times_hessian(hessian(*map(owned, inputs)), weights)
        if function.grad is None and len(parts := function.parts(*map(owned, inputs))) == 3:
            return _times_hessian(parts[2], weights)
        sums = ClaimedGradient(weighted, inputs, points, {})
        unit = precision_of(sums, sums.values())
        return _along(function, inputs, points, weights, settings.fitted(unit, 0.0).eps)

    claimed, again = products(), products()
    for number in points:
        if number not in claimed:
            msg = f"there must be a second derivative for input {number}, as there is a gradient; got none"
            raise Mismatch(msg)
        settings.must_repeat(f"the second derivative of input {number}", claimed[number], again[number])
    return ClaimedGradient(weighted, inputs, points, claimed), notes


def _weights(grad_outputs: object, points: dict[int, Float64], n_inputs: int, seed: int) -> dict[int, Float64]:
    if grad_outputs is None:
        # Another stream than that of the directions in fast mode: along the weights themselves no asymmetry shows.
        rng = np.random.default_rng([seed, 1])
        return {number: rng.standard_normal(point.shape) for number, point in points.items()}
    parts = grad_outputs if isinstance(grad_outputs, tuple) else (grad_outputs,)
    if isinstance(grad_outputs, tuple) and len(parts) != n_inputs:
        msg = f"grad_outputs must hold weights, or None, for each of the {n_inputs} inputs; got a tuple of {len(parts)}"
        raise ValueError(msg)
    return {
        number: _validation.check_shaped_like(
            f"grad_outputs of input {number}", parts[number] if number < len(parts) else None, point.shape, "the gradient"
        )
        for number, point in points.items()
    }


def _times_hessian(hessian: object, weights: dict[int, Float64]) -> dict[int, AnyArray]:
    """Sum the weighted rows of a Hessian, or of a tuple of tuples of blocks."""
    if not isinstance(hessian, tuple):
        if set(weights) != {0}:
            msg = "hessian must be a tuple of tuples of blocks where there are several gradients; got one array"
            raise TypeError(msg)
        hessian = ((hessian,),)
    products: dict[int, AnyArray] = {}
    for column, other in weights.items():
        total = np.zeros(other.shape)
        for row, weight in weights.items():
            block = _block(hessian, row, column)
            if block.shape != weight.shape + other.shape:
                msg = (
                    f"block ({row}, {column}) of the Hessian must have shape {weight.shape + other.shape}, that of the "
                    f"gradient followed by that of the input; got shape {block.shape}"
                )
                raise Mismatch(msg)
            total += np.tensordot(weight, block, axes=weight.ndim)
        products[column] = total
    return products


def _block(hessian: tuple[Any, ...], row: int, column: int) -> AnyArray:
    try:
        block = hessian[row][column]
    except (IndexError, TypeError) as error:
        msg = f"hessian must be a tuple of tuples of blocks, one for each pair of inputs; there is none at ({row}, {column})"
        raise TypeError(msg) from error
    return _validation.check_real_array(f"block ({row}, {column}) of the Hessian", block)


def _along(
    function: Function, inputs: tuple[Any, ...], points: dict[int, Float64], weights: dict[int, Float64], eps: float
) -> dict[int, AnyArray]:
    """Return the difference of the gradient along the weights."""
    size = max((float(np.abs(point).max()) for point in points.values() if point.size), default=1.0)
    longest = max((float(np.abs(weight).max()) for weight in weights.values() if weight.size), default=1.0)
    step = eps * max(1.0, size) / (longest or 1.0)

    def at(distance: float) -> dict[int, AnyArray]:
        changed = [points[n] + distance * weights[n] if n in points else other for n, other in enumerate(inputs)]
        return {n: gradient.astype(np.float64) for n, gradient in function.gradients(*changed).items()}

    ahead, behind = at(step), at(-step)
    return {number: (ahead[number] - behind[number]) / (2 * step) for number in points}
