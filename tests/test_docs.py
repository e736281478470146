"""Every code block of the documentation runs, and every docstring shows what happens."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

import deeprob_fast

ROOT = Path(__file__).parent.parent
PACKAGE = Path(deeprob_fast.__file__).parent
PAGES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if "```python" in path.read_text("utf-8")]
MODULES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in sorted(PACKAGE.rglob("*.py"))
    if re.search(r"^ +>>> ", path.read_text("utf-8"), re.MULTILINE)
]


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in PAGES])
def test_code_blocks_run(path):
    code = "\n".join(re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL))
    exec(compile(code, str(path), "exec"), {})  # noqa: S102  # our own pages


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0


def test_each_idea_of_the_lecture_has_its_page_of_the_walk():
    # The build of the documentation runs these pages; here only that none is missing or out of order.
    link = re.compile(r"\(gallery/(plot_(\d+)_\w+\.py)\)")
    text = (ROOT / "docs/lecture.md").read_text("utf-8")
    pages = sorted(path.name for path in (ROOT / "docs/gallery").glob("*.py"))
    assert [int(page.split("_")[1]) for page in pages] == list(range(1, len(pages) + 1))
    assert {name for name, _ in link.findall(text)} == set(pages)
    rows = re.findall(r"^\| (\d+) \|(.*)", text, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 25))
    steps = [[int(step) for _, step in link.findall(row)] for _, row in rows]
    assert all(steps)
    assert steps == sorted(steps)
