"""Links lead somewhere: those of Markdown pages as GitHub follows them; and what the checker of built pages says of others."""

import importlib.util
import inspect
import re
import subprocess
import sys
from functools import cache
from operator import attrgetter
from pathlib import Path

import pytest

import deeprob_fast as df
from deeprob_fast.cli import main

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
LECTURE = DOCS / "lecture.md"
CHECKER = DOCS / "check_links.py"

pytestmark = pytest.mark.skipif(not CHECKER.is_file(), reason="needs the source tree")

PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])


def prose(path):
    """A page without its blocks of code."""
    return re.sub(r"^( *)```.*?^\1```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@cache
def anchors(path):
    """What GitHub calls the headings of a page: their words in lower case, joined by dashes."""
    titles = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def fault(link, page):
    """Say what is wrong with a link of a page, or nothing."""
    if re.match(r"https?://", link):
        return "" if link.startswith("https://") else "not https"
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.is_file():
        return "no such file"
    return f"no heading {anchor}" if anchor and anchor not in anchors(target) else ""


def links(text):
    return re.findall(r"(?<!`)\]\(([^)\s]+)\)", text)


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_links_of_pages(page):
    wrong = {link: fault(link, page) for link in links(prose(page))}
    assert not any(wrong.values()), {link: text for link, text in wrong.items() if text}


def rows_of_the_lecture():
    found = re.findall(r"^\| (\d+) \| (.*) \| (.*) \|$", LECTURE.read_text(encoding="utf-8"), re.MULTILINE)
    return {int(number): home for number, _, home in found}


def test_the_lecture_has_all_its_rows():
    assert list(rows_of_the_lecture()) == list(range(1, 25))


def resolves(name):
    """Whether code in a row is a name of the library, a command or a keyword with its equals sign or value."""
    if name.startswith("df."):
        return attrgetter(name.removeprefix("df."))(df) is not None
    if name.startswith("deeprob-fast "):
        return name.split()[1] in main.commands
    return re.fullmatch(r"\w+=\w*", name)


@pytest.mark.parametrize(("number", "home"), rows_of_the_lecture().items() if LECTURE.is_file() else [])
def test_a_row_of_the_lecture_leads_somewhere(number, home):
    assert links(home), f"row {number} has no link"
    for name in re.findall(r"`([^`]+)`", home):
        assert resolves(name), name


@pytest.fixture
def built(tmp_path):
    (tmp_path / "outside.html").touch()
    folder = tmp_path / "built"
    (folder / "below").mkdir(parents=True)
    (folder / "other.html").write_text('<h2 id="place">x</h2>')
    (folder / "below" / "page.html").write_text('<a href="../other.html#place">x</a><a href="https://example.org/a">x</a>')
    return folder


def run_checker(folder):
    return subprocess.run([sys.executable, CHECKER, folder], capture_output=True, text=True, check=False)


def test_checker_passes_links_that_hold(built):
    done = run_checker(built)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ("../none.html", "no such file"),
        ("../other.html#elsewhere", "no such place in the page"),
        ("#elsewhere", "no such place in the page"),
        ("http://example.org", "not an https address"),
        ("file:///root", "not an https address"),
        ("/root.html", "no such file"),
        ("../../outside.html", "no such file"),
    ],
)
def test_checker_names_links_that_do_not_hold(built, link, text):
    with (built / "below" / "page.html").open("a") as page:
        page.write(f'<a href="{link}">x</a>')
    done = run_checker(built)
    assert done.returncode == 1
    assert f"{Path('below', 'page.html')}: {link}: {text}" in done.stderr


def test_checker_wants_pages(tmp_path):
    assert "holds no page" in run_checker(tmp_path).stderr


def test_every_public_name_has_a_page():
    spec = importlib.util.spec_from_file_location("public_names", DOCS / "_ext" / "public_names.py")
    public_names = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(public_names)
    listed = {f"{module.__name__}.{name}" for module in public_names.public_modules() for name in public_names.names_of(module)}
    for module in (df, df.optim, df.datasets, df.plots):
        names = {f"{module.__name__}.{name}" for name in module.__all__ if not inspect.ismodule(getattr(module, name))}
        assert names <= listed
    assert "deeprob_fast.optim.textbook.momentum_step" in listed
    assert public_names.own_methods("deeprob_fast", "KNNIndex") == ["load", "save", "search", "search_radius"]
    assert "train" in public_names.own_properties("deeprob_fast", "KNNIndex")


def test_tests_that_the_readme_names_exist():
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", readme)
    assert len(named) > 10
    for file, name in named:
        assert f"def {name}(" in (DOCS.parent / "tests" / "knn" / file).read_text(encoding="utf-8")
