"""Functions that give values and gradients, in the forms in which people write them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeprob_fast import _scalars, _validation
from deeprob_fast._typing import AnyArray, Float64
from deeprob_fast.gradients.points import check_point


def as_inputs(inputs: object) -> tuple[Any, ...]:
    """Return the inputs; what is not a tuple is the only one, and lists are arrays."""
    parts = inputs if isinstance(inputs, tuple) else (inputs,)
    if not parts:
        msg = "inputs must hold at least one array; got ()"
        raise ValueError(msg)
    if len(parts) == 1:
        check_point("input 0 of inputs", parts[0])
    return tuple(
        _validation.as_array(f"input {number} of inputs", value) if isinstance(value, list) or len(parts) == 1 else value
        for number, value in enumerate(parts)
    )


@dataclass(frozen=True)
class Function:
    """A function that returns (value, gradients), or only the value where `grad` returns the gradients."""

    func: Callable[..., Any]
    grad: Callable[..., Any] | None
    may_add_hessian: bool = False

    def __post_init__(self) -> None:
        _scalars.check_callable("func", self.func)
        if self.grad is not None:
            _scalars.check_callable("grad", self.grad)

    def parts(self, *inputs: Any) -> tuple[Any, ...]:
        """Return value and gradients, and the Hessian if it is there."""
        result = self.func(*inputs)
        if not isinstance(result, tuple) or len(result) not in ((2, 3) if self.may_add_hessian else (2,)):
            came = f"a tuple of {len(result)}" if isinstance(result, tuple) else type(result).__name__
            msg = (
                f"func must return (value, gradients), gradients of several inputs in a tuple, or grad must be given; got {came}"
            )
            raise TypeError(msg)
        return result

    def value(self, *inputs: Any) -> AnyArray:
        """Return the value as an array."""
        if self.grad is None:
            value = self.parts(*inputs)[0]
        else:
            value = self.func(*inputs)
            if isinstance(value, tuple):
                msg = f"func must return only a value where grad is given; got a tuple of {len(value)}"
                raise TypeError(msg)
        return _validation.check_real_array("the value of func", value)

    def gradients(self, *inputs: Any) -> dict[int, AnyArray]:
        """Return the gradients, by the numbers of their inputs."""
        arguments = tuple(owned(value) for value in inputs)
        gradient = self.parts(*arguments)[1] if self.grad is None else self.grad(*arguments)
        return by_input("gradient", gradient, len(inputs))


def owned(value: Any) -> Any:
    """Copy a floating-point array, for a function that may write on it; hand over all else."""
    return value.copy() if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def by_input(what: str, values: object, n_inputs: int) -> dict[int, AnyArray]:
    """Return what belongs to the inputs by number: one array is that of the first, a tuple has one, or None, for each."""
    parts = values if isinstance(values, tuple) else (values,)
    if isinstance(values, tuple) and len(parts) != n_inputs:
        msg = f"func must give one {what}, or None in its place, for each of the {n_inputs} inputs; got a tuple of {len(parts)}"
        raise TypeError(msg)
    numbered = {
        number: _validation.check_real_array(f"the {what} of input {number}", part)
        for number, part in enumerate(parts)
        if part is not None
    }
    if not numbered:
        msg = f"func must give at least one {what}; got None"
        raise TypeError(msg)
    return numbered


def points_of(inputs: tuple[Any, ...], gradients: dict[int, AnyArray]) -> tuple[dict[int, Float64], list[str]]:
    """Return the inputs that have gradients, in float64, and notes on those that came otherwise."""
    points = {number: check_point(f"input {number} of inputs", inputs[number]) for number in gradients}
    notes = [
        f"input {number} is {np.asarray(inputs[number]).dtype}: its gradient there is compared with differences at float64 copies"
        for number in points
        if np.asarray(inputs[number]).dtype.itemsize < 8
    ]
    return points, notes
