"""Every code block of the documentation runs, and every docstring shows what happens."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if "```python" in path.read_text("utf-8")]


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in PAGES])
def test_code_blocks_run(path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL))
    exec(compile(code, str(path), "exec"), {})  # noqa: S102  # our own pages


@pytest.mark.parametrize(
    "name",
    [
        "distances",
        "evaluation",
        "knn",
        "neighbors",
        "optim.adagrad",
        "optim.adam",
        "optim.one_cycle",
        "optim.plateau",
        "optim.rmsprop",
        "optim.schedules",
        "optim.sequential",
        "optim.sgd",
        "optim.textbook",
    ],
)
def test_docstrings(name):
    results = doctest.testmod(importlib.import_module(f"deeprob_fast.{name}"))
    assert results.attempted > 0
    assert results.failed == 0
