"""The table, JSON and CSV of a result."""

import csv
import io
import json

import numpy as np
import pytest

from deeprob_fast.cli._output import as_csv, as_json, as_text
from deeprob_fast.cli.report import Column, Result, Section


def _result(*sections, **settings):
    data = {"name": "data", "n_train": 10, "n_queries": None, "n_features": 2, "n_classes": 3, "dtype": "uint8"}
    return Result("knn", "Title", data, settings, sections, {"command_line": "deeprob-fast"})


K, TOP1 = Column("k", "k", measured=False), Column("top1", "top-1", ".1%")


def test_text():
    section = Section("knn", "Neighbours", "", [K, TOP1], [(1, np.float64(0.5)), (10, None)], best=0)
    assert as_text(_result(section, metric="cosine", leave_one_out=False, grid=[1, 2])) == (
        "data: 10 training rows, 2 features, 3 classes, uint8\n"
        "metric cosine\n"
        "\n"
        "Neighbours\n"
        "   k  top-1\n"
        "   1  50.0% <- best\n"
        "  10      -"
    )


def test_text_cannot_steer_the_terminal():
    name = Column("name", "name", measured=False)
    section = Section("names", "Names", "", [name, TOP1], [("\x1b[31mred\r\n\u202e", 0.5), ("網絡", 0.25), ("word", 1.0)])
    lines = as_text(_result(section)).splitlines()[-3:]
    assert lines[0] == "  ?[31mred???   50.0%"
    assert lines[1] == "  網絡          25.0%"  # twice as wide on a terminal
    assert lines[2] == "  word         100.0%"


def test_json_has_full_precision():
    value = 0.1 + 0.2
    section = Section("knn", "Neighbours", "", [K, TOP1], [(np.int64(1), np.float64(value)), (2, np.nan), (3, np.inf)], best=0)
    content = json.loads(as_json(_result(section, reg=np.float32(0.5), k=(1, 2))))
    assert content["schema"] == 1
    assert content["knn"] == [{"k": 1, "top1": value}, {"k": 2, "top1": None}, {"k": 3, "top1": None}]
    assert content["best"] == {"knn": 0}
    assert content["settings"] == {"reg": 0.5, "k": [1, 2]}


def test_csv_has_a_line_for_each_score():
    name = Column("name", "name", measured=False)
    sections = [
        Section("knn", "", "", [K, TOP1, Column("top5", "")], [(1, 0.1 + 0.2, 1.0), (5, None, np.nan)]),
        Section("probe", "", "", [name, TOP1], [('a,b"c\nd', 0.5)]),
        Section("confusions", "", "", [Column("actual", "", measured=False), TOP1], [("x", 1.0)], scores=False),
    ]
    rows = list(csv.DictReader(io.StringIO(as_csv(_result(*sections)))))
    assert rows == [
        {"data": "data", "table": "knn", "k": "1", "name": "", "score": "top1", "value": "0.30000000000000004"},
        {"data": "data", "table": "knn", "k": "1", "name": "", "score": "top5", "value": "1.0"},
        {"data": "data", "table": "probe", "k": "", "name": 'a,b"c\nd', "score": "top1", "value": "0.5"},
    ]


def test_rows_fit_the_columns():
    with pytest.raises(ValueError, match="one value for each of the 2 columns of knn"):
        Section("knn", "", "", [K, TOP1], [(1,)])
