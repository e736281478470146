"""The outputs of a command: a table for people, JSON, CSV and a page. Each is made here and nowhere else."""

import csv
import io
import json
import math
import sys
import textwrap
import unicodedata
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from deeprob_fast._atomic import replacing
from deeprob_fast.cli import report
from deeprob_fast.cli._places import STDOUT
from deeprob_fast.cli._progress import waiting
from deeprob_fast.cli.report.model import Result, Section, plain, words

SCHEMA = 1
_WIDTH = 100


def as_text(result: Result) -> str:
    """Write the tables for a terminal."""
    data = result.data
    sizes = [f"{value} {words(name)}" for name, value in data.items() if name.startswith("n_") and value is not None]
    lines = [_printable(f"{data['name']}: {', '.join(sizes)}, {data['dtype']}")]
    if data.get("taken"):
        lines.append(_printable(data["taken"]))
    if data.get("split"):
        lines.append(_printable(f"split: {data['split']}"))
    settings = [
        f"{words(name)} {value}"
        for name, value in result.settings.items()
        if isinstance(value, (str, int, float)) and value is not False
    ]
    if settings:
        lines += textwrap.wrap(_printable(", ".join(settings)), _WIDTH, break_long_words=False, break_on_hyphens=False)
    for section in result.sections:
        lines += ["", _printable(section.title), *_table(section)]
    return "\n".join(line.rstrip() for line in lines)


def _table(section: Section) -> list[str]:
    marks = [f" <- {section.mark}" if number == section.best else "" for number in range(len(section.rows))]
    shown = [[_printable(c.show(value)) for c, value in zip(section.columns, row, strict=True)] for row in section.rows]
    cells = [[column.title for column in section.columns], *shown]
    left = [all(isinstance(row[i], str) for row in section.rows) for i in range(len(section.columns))]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row, mark in zip(cells, ["", *marks], strict=True):
        parts = [
            cell + " " * (width - _width(cell)) if is_left else " " * (width - _width(cell)) + cell
            for cell, width, is_left in zip(row, widths, left, strict=True)
        ]
        lines.append("  " + "  ".join(parts) + mark)
    return lines


def _printable(text: str) -> str:
    """Replace what would steer a terminal: names come from files."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _width(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def as_json(result: Result) -> str:
    """Write everything in full precision; numbers that are not finite become null."""
    content = {
        "schema": SCHEMA,
        "command": result.command,
        "data": result.data,
        "settings": result.settings,
        **{
            section.name: [dict(zip((c.name for c in section.columns), row, strict=True)) for row in section.rows]
            for section in result.sections
        },
        "best": {section.name: section.best for section in result.sections if section.best is not None},
        "best_on": {section.name: section.best_on for section in result.sections if section.best is not None},
        "provenance": result.provenance,
    }
    return json.dumps(_finite(plain(content)), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_csv(result: Result) -> str:
    """Write one line for each score: the data set, the table, what the score was found for, its name and its value."""
    sections = [section for section in result.sections if section.scores]
    names = dict.fromkeys(column.name for section in sections for column in section.columns if not column.measured)
    page = io.StringIO()
    writer = csv.DictWriter(page, ["data", "table", *names, "score", "value"], restval="", lineterminator="\n")
    writer.writeheader()
    for section in sections:
        for row in section.rows:
            cells = list(zip(section.columns, row, strict=True))
            fixed = {column.name: value for column, value in cells if not column.measured}
            for column, value in cells:
                if column.measured and _finite(value) is not None:
                    score = {"score": column.name, "value": value}
                    writer.writerow({"data": result.data["name"], "table": section.name, **fixed, **score})
    return page.getvalue()


@dataclass(frozen=True)
class Outputs:
    """Where the result goes.

    Attributes
    ----------
    json, csv, page : Path or None
        Files, or "-" for the standard output.
    quiet : bool
        Whether nothing is said that nobody asked for.
    """

    json: Path | None = None
    csv: Path | None = None
    page: Path | None = None
    quiet: bool = False

    def write(self, result: Result) -> None:
        """Print the table and write the files."""
        to_stdout = STDOUT in (self.json, self.csv, self.page)
        if not self.quiet:
            say(as_text(result), err=to_stdout)
        written = []
        for path, make in ((self.json, as_json), (self.csv, as_csv), (self.page, report.render)):
            if path == STDOUT:
                click.echo(_encoded(make(result)), nl=False)
            elif path is not None:
                with waiting("writing", quiet=self.quiet):
                    write_text(path, make(result))
                written.append(str(path))
        if written and not self.quiet:
            say(f"\nwritten to {', '.join(written)}{self._lack(result)}", err=to_stdout)

    def _lack(self, result: Result) -> str:
        """Say in few words that a page has no figures, where it could have some."""
        lacks = self.page is not None and any(section.figures for section in result.sections) and not find_spec("matplotlib")
        return "; pip install 'deeprob-fast[plot]' for its figures" if lacks else ""


def say(text: str, *, err: bool = False) -> None:
    """Print a line; what the terminal's encoding lacks is written as an escape."""
    stream = sys.stderr if err else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), err=err)


def write_text(path: Path, text: str) -> None:
    """Write a file, or leave what was there: never half a file."""
    with replacing(path) as file:
        file.write(_encoded(text))


def _encoded(text: str) -> bytes:
    r"""Return text in UTF-8; a byte of a name that is not, \xe9, is written as \udce9, which JSON reads as Python has it."""
    return text.encode("utf-8", "backslashreplace")
