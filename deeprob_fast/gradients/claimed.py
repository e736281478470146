"""What a function claims of its derivatives, and how it is to be tested."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from deeprob_fast import _scalars
from deeprob_fast._typing import AnyArray, Float64
from deeprob_fast.gradients.numerical import moved
from deeprob_fast.gradients.precision import precision

KINKS = ("report", "accept", "fail")

_ERRORS = 10  # of a difference at the best step, in units of unit^(2/3), at most


class Mismatch(Exception):  # noqa: N818  # never leaves the package
    """What was claimed of a function is not so; the message says where."""


@dataclass(frozen=True)
class Settings:
    """How to compare; the arguments of `gradcheck`, checked."""

    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    fast_mode: bool
    num_checks: int | None
    seed: int
    kinks: str

    def __post_init__(self) -> None:
        _scalars.check_positive("eps", self.eps)
        for name in ("atol", "rtol", "nondet_tol"):
            _scalars.check_real(name, getattr(self, name), 0)
        if self.num_checks is not None:
            _scalars.check_integer("num_checks", self.num_checks, 1, 2**62, "a number of coordinates, or None for all")
        _scalars.check_integer("seed", self.seed, 0, 2**128, "a seed of NumPy's generators")
        _scalars.check_choice("kinks", self.kinks, KINKS)

    def fitted(self, unit: float, size: float) -> "Settings":
        """Return settings for values up to `size` that are rounded to a unit: the best step, and the errors that it leaves."""
        if unit <= 2.0**-52:
            return self
        return replace(self, eps=max(self.eps, unit ** (1 / 3)), atol=self.atol + _ERRORS * unit ** (2 / 3) * max(1.0, size))

    def tolerance(self, numerical: Float64) -> Float64:
        """Return the largest difference that passes."""
        return np.asarray(self.atol + self.rtol * np.abs(numerical))

    def must_repeat(self, what: str, first: AnyArray, second: AnyArray) -> None:
        """Refuse two evaluations at one point that differ."""
        if first.shape != second.shape:
            msg = f"{what} must not change between two evaluations at one point; the shapes were {first.shape} and {second.shape}"
            raise Mismatch(msg)
        a, b = first.astype(np.float64), second.astype(np.float64)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        with np.errstate(invalid="ignore"):
            differences = np.where(same, 0.0, np.abs(a - b))
        if not (differences <= self.nondet_tol).all():
            msg = (
                f"{what} must not change between two evaluations at one point; it changed by {np.max(differences):g}, "
                f"more than nondet_tol={self.nondet_tol:g}"
            )
            raise Mismatch(msg)


@dataclass(frozen=True)
class ClaimedGradient:
    """A function, a point, and what is claimed of the derivatives there.

    `points` holds the inputs that are differentiated, by their number, and `gradients` what is claimed of them, of shape
    output + input; all others are handed over as they are in `inputs`.
    """

    evaluate: Callable[..., AnyArray]
    inputs: Sequence[Any]
    points: dict[int, Float64]
    gradients: dict[int, AnyArray]

    def values(self, changed: dict[int, Float64] | None = None) -> AnyArray:
        """Call the function on copies, some of them changed."""
        changed = changed or {}
        arguments = [
            changed[number] if number in changed else self.points[number].copy() if number in self.points else other
            for number, other in enumerate(self.inputs)
        ]
        return self.evaluate(*arguments)


def precision_of(claimed: ClaimedGradient, base: AnyArray) -> float:
    """Return the rounding unit of the function."""

    def evaluate(points: list[Float64]) -> AnyArray:
        return values_like(claimed, dict(zip(claimed.points, points, strict=True)), base.shape)

    return precision(evaluate, base, list(claimed.points.values()))


def values_like(claimed: ClaimedGradient, changed: dict[int, Float64], shape: tuple[int, ...]) -> Float64:
    """Evaluate, flat and in float64; the shape must not depend on the values of the inputs."""
    values = claimed.values(changed)
    if values.shape != shape:
        msg = f"func must return values of one shape; got {shape}, and {values.shape} at another point"
        raise Mismatch(msg)
    return values.astype(np.float64).reshape(-1)


@dataclass(frozen=True)
class Line:
    """The values of a function as one coordinate of one input moves; it is called once for each position."""

    claimed: ClaimedGradient
    number: int
    coordinate: int
    shape: tuple[int, ...]
    seen: dict[float, Float64] = field(default_factory=dict)

    def __call__(self, position: float) -> Float64:
        """Return the values of the function with the coordinate at a position."""
        if position not in self.seen:
            changed = moved(self.claimed.points[self.number], self.coordinate, position)
            self.seen[position] = values_like(self.claimed, {self.number: changed}, self.shape)
        return self.seen[position]
