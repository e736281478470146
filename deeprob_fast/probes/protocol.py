"""What all probe protocols share."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from deeprob_fast import _scalars
from deeprob_fast._typing import Float64, Int64
from deeprob_fast.probes.data import ProbeData
from deeprob_fast.scoring.accuracy import accuracy, mean_per_class_accuracy

Report = Callable[[dict[str, Any]], object]
Progress = Callable[[float], object] | None
METRICS = ("accuracy", "mean_per_class")
_LONG = 14  # longer tuples are shown by their ends
_OWN = ("name", "source")


@dataclass(frozen=True)
class Selection:
    """The weights that a protocol has chosen, and how.

    Attributes
    ----------
    weights : array of float64, shape (n_features + 1, n_classes)
        Of the features as they are; the bias of classes without training rows is -inf.
    before_refit : array of float64
        The weights of the same setting that have not seen the validation rows.
    losses : array of float64 or None
        The loss of each step, where there are steps.
    """

    weights: Float64
    before_refit: Float64
    candidates: tuple[dict[str, Any], ...]
    selected: dict[str, Any]
    losses: Float64 | None = None


def merit(metric: str, truth: Int64, predictions: Int64, n_classes: int) -> float:
    """Return the accuracy by which settings are chosen."""
    if metric == "mean_per_class":
        return mean_per_class_accuracy(truth, predictions, n_classes)
    return accuracy(truth, predictions)


def shown(value: Any) -> str:
    """Return a value in few words."""
    if isinstance(value, tuple) and len(value) > _LONG:
        return f"{len(value)} values, {value[0]:g}, {value[1]:g}, ..., {value[-1]:g}"
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))})"
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, kw_only=True)
class ProbeProtocol(ABC):
    """A way to train, choose and judge a linear probe.

    Attributes
    ----------
    name, source : str
        What it is called, and where it comes from.
    normalize : bool
        Divide each row by its Euclidean norm first. The weights are those of normalised rows.
    standardize : bool
        Subtract means and divide by deviations of the training rows. The weights are those of the features as they are.
    metric : {"accuracy", "mean_per_class"}
        By which a candidate is chosen on the validation rows; of equal ones the first.
    validation_fraction : float
        Share of the training rows that is held out if there is something to choose and no validation is given.
    refit : bool
        Whether the chosen setting is fitted again to training and validation rows together.
    """

    name: str
    source: str
    normalize: bool = False
    standardize: bool = False
    metric: str = "accuracy"
    validation_fraction: float = 0.1
    refit: bool = False

    probabilistic = True  # whether softmax of the scores is meant to be probabilities

    def __post_init__(self) -> None:
        _scalars.check_choice("metric", self.metric, METRICS)
        _scalars.check_real("validation_fraction", self.validation_fraction, 0, 1, below=True)

    def parameters(self) -> dict[str, Any]:
        """Return everything but the name and the source."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name not in _OWN}

    def changed(self, overrides: dict[str, Any]) -> Self:
        """Return the protocol with other parameters."""
        unknown = sorted(set(overrides) - set(self.parameters()))
        if unknown:
            msg = f"overrides must be parameters of {self.name}, {', '.join(self.parameters())}; got {', '.join(unknown)}"
            raise TypeError(msg)
        return dataclasses.replace(self, **overrides)

    def __str__(self) -> str:
        lines = [f"{self.name}: {self.source}", *(f"  {name} = {shown(value)}" for name, value in self.parameters().items())]
        return "\n".join(lines)

    @property
    @abstractmethod
    def n_settings(self) -> int:
        """How many settings there are to choose from."""

    @abstractmethod
    def choose(self, data: ProbeData, *, seed: int, n_threads: int, report: Report, progress: Progress = None) -> Selection:
        """Train, and choose by the validation rows, if there are any; report every candidate, and the fraction done."""

    def _check_integer(self, name: str, low: int) -> None:
        value = _scalars.check_integer(name, getattr(self, name), low, 2**53, "a count")
        object.__setattr__(self, name, value)

    def _check_flags(self, *names: str) -> None:
        for name in names:
            if not isinstance(getattr(self, name), (bool, np.bool_)):
                msg = f"{name} must be True or False; got {getattr(self, name)!r}"
                raise TypeError(msg)

    def _check_positive(self, name: str) -> None:
        """Make a parameter a tuple of numbers above 0."""
        object.__setattr__(self, name, tuple(_scalars.check_positive(name, value) for value in self._values(name)))

    def _values(self, name: str) -> tuple[Any, ...]:
        """Return at least one value; one that stands alone stands for itself."""
        value = getattr(self, name)
        values = tuple(value) if isinstance(value, (tuple, list, np.ndarray)) else (value,)
        if not values:
            msg = f"{name} must hold at least one number; got none"
            raise ValueError(msg)
        return values
