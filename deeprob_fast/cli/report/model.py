"""What a command found: sections of text, tables and figures, from which all outputs are made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
        For machines.
    title : str
        For people.
    format : str
        Format specification of its numbers, for people.
    measured : bool
        Whether its values were found; those of the other columns say what they were found for.
    """

    name: str
    title: str
    format: str = ""
    measured: bool = True

    def show(self, value: object) -> str:
        """Write a value for people."""
        if value is None or value != value:  # noqa: PLR0124  # NaN: there is none
            return "-"
        return value if isinstance(value, str) else format(value, self.format)


@dataclass(frozen=True)
class Figure:
    """A figure that is drawn only if somebody will see it.

    Attributes
    ----------
    title : str
    description : str
        What it shows, for those who cannot see it.
    draw : callable
        Draws on the matplotlib axes that it is given.
    size : tuple of float
        Width and height in inches.
    """

    title: str
    description: str
    draw: Callable[[Any], object]
    size: tuple[float, float] = (5.2, 3.2)


@dataclass(frozen=True)
class Section:
    """A part of a result.

    Attributes
    ----------
    name : str
        For machines.
    title : str
    text : str
        One or two sentences, or nothing.
    columns : sequence of Column
    rows : sequence of sequences
        As many values as there are columns: strings, numbers or None.
    best : int, optional
        Number of the row to mark.
    figures : sequence of Figure
    scores : bool
        Whether its rows are scores; others are left out where scores are listed.
    best_on : str
        By what the best row is the best, in words for people.
    """

    name: str
    title: str
    text: str = ""
    columns: Sequence[Column] = ()
    rows: Sequence[Sequence[Any]] = ()
    best: int | None = None
    figures: Sequence[Figure] = ()
    scores: bool = True
    best_on: str = ""

    @property
    def mark(self) -> str:
        """What stands beside the best row."""
        return f"best on {self.best_on}" if self.best_on else "best"

    def __post_init__(self) -> None:
        rows = tuple(tuple(plain(value) for value in row) for row in self.rows)
        if any(len(row) != len(self.columns) for row in rows):
            msg = f"rows must hold one value for each of the {len(self.columns)} columns of {self.name}"
            raise ValueError(msg)
        object.__setattr__(self, "rows", rows)


@dataclass(frozen=True)
class Result:
    """What a command found.

    Attributes
    ----------
    command : str
        Its name.
    title : str
    data : mapping
        The data set in numbers: name, n_train, n_queries, n_features, n_classes, dtype.
    settings : mapping
        What it was found with.
    sections : sequence of Section
    provenance : mapping
        The command line, versions, machine and time.
    highlights : mapping, optional
        What readers look for first, in words for people.
    """

    command: str
    title: str
    data: Mapping[str, Any]
    settings: Mapping[str, Any]
    sections: Sequence[Section]
    provenance: Mapping[str, Any]
    highlights: Mapping[str, str] = field(default_factory=dict)


def plain(value: Any) -> Any:
    """Turn what NumPy returns into plain numbers and lists."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


_WORDS = {
    "deeprob_fast": "deeprob_fast",
    "n_train": "training rows",
    "n_queries": "queries",
    "n_features": "features",
    "n_classes": "classes",
    "n_settings": "settings",
    "n_held_out": "rows held out",
    "n_validation": "validation rows",
    "n_epochs": "epochs",
    "n_folds": "folds",
}


def words(name: str) -> str:
    """Write the name of a fact for people."""
    return _WORDS.get(name, name.replace("_", " "))
