"""Compare the derivatives that a function claims with its differences."""

from dataclasses import dataclass, field

import numpy as np

from deeprob_fast._typing import AnyArray, Float64
from deeprob_fast.gradients.claimed import ClaimedGradient, Line, Mismatch, Settings, precision_of, values_like
from deeprob_fast.gradients.kinks import at_kinks
from deeprob_fast.gradients.numerical import relative_error, steps_at
from deeprob_fast.gradients.precision import rounding_unit

_LISTED = 5


@dataclass
class Findings:
    """What the comparison of one input found."""

    number: int
    n_checked: int = 0
    n_wrong: int = 0
    worst: tuple[float, str, float, float] = (-1.0, "", 0.0, 0.0)
    kinks: list[str] = field(default_factory=list)
    flat: bool = True

    def message(self, settings: Settings) -> str:
        """Say how many entries are wrong, and which one most."""
        _, where, numerical, analytic = self.worst
        text = (
            f"input {self.number}: {self.n_wrong} of {self.n_checked} entries of the gradient disagree; the worst is at {where}: "
            f"numerical {numerical:.9g}, analytic {analytic:.9g}, absolute error {abs(numerical - analytic):.3g}, "
            f"relative error {relative_error(numerical, analytic):.3g}; "
            f"tolerated is {settings.atol:g} + {settings.rtol:g} |numerical|"
        )
        if self.kinks:
            text += f"; {self.kink_message()}"
        if self.flat:
            text += (
                "; all differences are 0: does the function read its arguments? It gets changed copies, "
                "and the arrays it was given first stay as they are"
            )
        return text

    def kink_message(self) -> str:
        """Say where the function has kinks."""
        listed = ", ".join(self.kinks[:_LISTED]) + (", ..." if len(self.kinks) > _LISTED else "")
        return (
            f"input {self.number}: {len(self.kinks)} of {self.n_checked} entries lie at kinks, where the differences to the left "
            f"and to the right differ and the gradient lies between them ({listed})"
        )


def where(value: int, shape: tuple[int, ...], coordinate: int, point_shape: tuple[int, ...]) -> str:
    """Name an entry of a gradient."""
    inner = tuple(int(part) for part in np.unravel_index(coordinate, point_shape))
    outer = tuple(int(part) for part in np.unravel_index(value, shape))
    return f"output {outer}, index {inner}" if shape else f"index {inner}"


def compare(claimed: ClaimedGradient, settings: Settings, notes: list[str]) -> list[str]:
    """Compare all inputs; return the notes and what else should be known though nothing is wrong, or raise `Mismatch`."""
    base = claimed.values()
    settings.must_repeat("the value of func", base, claimed.values())
    for number, point in claimed.points.items():
        expected = base.shape + point.shape
        if claimed.gradients[number].shape != expected:
            msg = (
                f"the gradient of input {number} must have shape {expected}, that of the output followed by that of the input; "
                f"got shape {claimed.gradients[number].shape}"
            )
            raise Mismatch(msg)
    unit = rounding_unit(base.dtype)
    failures, remarks = _compare_inputs(claimed, base, settings, unit)
    if failures and unit <= 2.0**-52:
        unit = precision_of(claimed, base)
        if unit > 2.0**-52:
            failures, remarks = _compare_inputs(claimed, base, settings, unit)
    notes = [*notes, *remarks]
    if failures:
        raise Mismatch("\n".join([*failures, *(f"note: {note}" for note in notes)]))
    return notes


def _compare_inputs(claimed: ClaimedGradient, base: AnyArray, settings: Settings, unit: float) -> tuple[list[str], list[str]]:
    """Compare all inputs of a function that rounds to a unit; return what is wrong, and notes."""
    size = float(np.abs(base.astype(np.float64)).max(initial=0.0, where=np.isfinite(base)))
    fitted = settings.fitted(unit, size)
    failures, notes = [], []
    if unit > 2.0**-52:
        is_stated = rounding_unit(base.dtype) > 2.0**-52
        how = f"returns {base.dtype}" if is_stated else f"computes in {'float32' if unit < 1e-4 else 'float16'}"
        notes.append(
            f"func {how} although its inputs are float64: eps is {fitted.eps:.2g}, and the absolute tolerance {fitted.atol:.2g}"
        )
    rng = np.random.default_rng(settings.seed)
    for number in claimed.points:
        coordinates = _coordinates(claimed.points[number].size, settings.num_checks, rng)
        if settings.fast_mode and _directions_agree(claimed, number, coordinates, base, fitted, rng):
            continue
        findings = _compare_entries(claimed, number, coordinates, base, fitted, unit)
        if findings.n_wrong:
            failures.append(findings.message(fitted))
        elif findings.kinks and settings.kinks == "report":
            notes.append(findings.kink_message())
    return failures, notes


def _coordinates(size: int, num_checks: int | None, rng: np.random.Generator) -> AnyArray:
    if num_checks is None or num_checks >= size:
        return np.arange(size)
    return np.sort(rng.choice(size, num_checks, replace=False))


def _directions_agree(
    claimed: ClaimedGradient, number: int, coordinates: AnyArray, base: AnyArray, settings: Settings, rng: np.random.Generator
) -> bool:
    """Compare v' J u for a random direction u of the input and v of the output."""
    point = claimed.points[number]
    if coordinates.size == 0 or base.size == 0:
        return True
    u = np.zeros(point.size)
    u[coordinates] = _unit(rng.standard_normal(coordinates.size))
    v = _unit(rng.standard_normal(base.size)) if base.ndim else np.ones(1)
    step = settings.eps * max(1.0, float(np.abs(point).max()))
    ahead, behind = point + step * u.reshape(point.shape), point - step * u.reshape(point.shape)
    # The direction that was really taken: small entries of u are rounded beside large ones of the point.
    taken = (ahead - behind).reshape(-1) / (2 * step)
    if not taken.any():
        return False
    with np.errstate(invalid="ignore"):
        change = values_like(claimed, {number: ahead}, base.shape) - values_like(claimed, {number: behind}, base.shape)
        numerical = float(v @ change) / (2 * step)
        analytic = float(v @ (claimed.gradients[number].reshape(base.size, point.size).astype(np.float64) @ taken))
    # Every entry may differ by atol: in the sum each counts by its weight.
    tolerated = settings.atol * float(np.abs(u).sum() * np.abs(v).sum()) + settings.rtol * abs(numerical)
    return abs(analytic - numerical) <= tolerated


def _unit(vector: Float64) -> Float64:
    return vector / np.linalg.norm(vector)


def _compare_entries(
    claimed: ClaimedGradient, number: int, coordinates: AnyArray, base: AnyArray, settings: Settings, unit: float
) -> Findings:
    """Compare entry by entry."""
    point = claimed.points[number]
    gradient = claimed.gradients[number].reshape(base.size, point.size)
    steps = steps_at("eps", point, settings.eps * np.maximum(1.0, np.abs(point)).reshape(-1))
    findings = Findings(number, n_checked=coordinates.size * base.size)
    for coordinate in coordinates.tolist():
        position, step = float(point.reshape(-1)[coordinate]), float(steps[coordinate])
        line = Line(claimed, number, coordinate, base.shape, seen={position: base.astype(np.float64).reshape(-1)})
        analytic = gradient[:, coordinate].astype(np.float64)
        with np.errstate(invalid="ignore"):
            numerical = (line(position + step) - line(position - step)) / ((position + step) - (position - step))
            errors, tolerance = np.abs(analytic - numerical), settings.tolerance(numerical)
            wrong = ~(errors <= tolerance)
            findings.flat &= not numerical.any()
            if wrong.any() and settings.kinks != "fail":
                kinks = wrong & at_kinks(line, position, step, analytic, tolerance=tolerance, unit=unit)
                findings.kinks += [where(value, base.shape, coordinate, point.shape) for value in np.flatnonzero(kinks).tolist()]
                wrong &= ~kinks
        for value in np.flatnonzero(wrong).tolist():
            findings.n_wrong += 1
            excess = float(np.nan_to_num(errors[value] - tolerance[value], nan=np.inf))
            if excess > findings.worst[0]:
                place = where(value, base.shape, coordinate, point.shape)
                findings.worst = (excess, place, float(numerical[value]), float(analytic[value]))
    return findings
