"""The report: one page of HTML that needs nothing else."""

import html.parser
import re
import sys

import pytest

from deeprob_fast.cli.report import Column, Figure, Result, Section, render
from deeprob_fast.cli.report._figures import standalone
from tests.cli.cli_cases import HOSTILE

pytest.importorskip("matplotlib")

_VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(html.parser.HTMLParser):
    """The elements of a page, which must be nested as they should."""

    open: list[str]
    elements: list[tuple[str, dict[str, str]]]
    text: list[str]

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.elements = []
        self.text = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def _line(axes):
    axes.plot([0, 1], [1, 2], "o-", label="a < b & c")
    axes.legend()
    axes.imshow([[0, 1]])


def _result(*, names=("a", "b"), draw=_line, n_figures=2, name="data"):
    figures = [Figure(f"Figure {i}", f"It shows {names[0]}.", draw) for i in range(n_figures)]
    columns = [Column("name", "name", measured=False), Column("top1", "top-1", ".1%")]
    rows = [(name, i / 8) for i, name in enumerate(names)]
    sections = [
        Section("one", "One", "A text.", columns, rows, 1, figures),
        Section("two", "Two", "", columns, rows, None, figures),
    ]
    data = {"name": name, "n_train": 12345, "n_queries": None, "dtype": "uint8"}
    settings = {"reg": 0.5, "k": [1, 2], "source": names[0], "n_epochs": 3, "validation": None}
    return Result(
        "knn", f"Title {names[0]}", data, settings, sections, {"command_line": f"deeprob-fast {names[0]}"}, {"best": "12.5%"}
    )


@pytest.fixture(scope="module")
def text():
    return render(_result())


def test_the_page_says_it_all(text):
    page = Page(text)
    said = " ".join(" ".join(page.text).split())
    for words in ("Title a", "training rows 12,345", "best 12.5%", "A text.", "reg 0.5", "k 1, 2", "epochs 3", "deeprob-fast a"):
        assert words in said
    assert "None" not in said
    assert "a 0.0% best b 12.5%" in said
    assert [row for row in page.all("tr") if row.get("class") == "best"] == [{"class": "best"}]


def test_the_page_asks_for_nothing(text):
    page = Page(text)
    assert not {"script", "link", "iframe", "object", "base", "form"} & {tag for tag, _ in page.elements}
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "action", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png"))
    assert "@import" not in text
    assert re.findall(r"url\((?!#)", text) == []
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_the_page_serves_everybody(text):
    page = Page(text)
    assert page.all("html") == [{"lang": "en"}]
    assert any(a.get("name") == "viewport" for a in page.all("meta"))
    assert len(page.all("caption")) == len(page.all("table")) == 2
    assert all(a.get("scope") in ("col", "row") for a in page.all("th"))
    drawings = [a for a in page.all("div") if a.get("role") == "img"]
    assert [a["aria-label"] for a in drawings] == ["It shows a."] * 4
    assert len(page.all("figcaption")) == len(page.all("svg")) == 4
    regions = [a for _, a in page.elements if a.get("role") == "region"]
    assert all(a.get("aria-label") and a.get("tabindex") == "0" for a in regions)
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_ids_do_not_clash(text):
    page = Page(text)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids)) > 20
    used = re.findall(r"url\(#([^)]+)\)", text) + re.findall(r'href="#([^"]+)"', text) + re.findall(r'labelledby="([^"]+)"', text)
    assert used
    assert set(used) <= set(ids)


def test_the_page_is_reproducible(text):
    assert render(_result()) == text


def _names(axes):
    axes.set_xticks(range(len(HOSTILE)), [name.replace("$", "") for name in HOSTILE])
    axes.set_title(HOSTILE[0])


def test_hostile_names_are_text():
    text = render(_result(names=HOSTILE, name=HOSTILE[1], draw=_names))
    page = Page(text)
    tags = {tag for tag, _ in page.elements}
    assert not {"script", "img"} & tags
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    said = "".join(page.text)
    for name in HOSTILE:
        assert name in said
    assert "49" not in said.replace("{{ 7 * 7 }}", "")


def test_a_thousand_classes():
    text = render(_result(names=[f"class {i}" for i in range(1000)], n_figures=0))
    assert text.count("<tr") == 2 * 1001


def test_without_matplotlib(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = Page(render(_result()))
    assert "There are no figures: this needs matplotlib: pip install 'deeprob-fast[plot]'" in "".join(page.text)
    assert page.all("figure") == []
    assert len(page.all("table")) == 2


def test_a_figure_that_cannot_be_drawn_leaves_the_numbers():
    page = Page(render(_result(draw=lambda axes: axes.set_title("$\\frac{$"))))
    assert "This figure could not be drawn" in "".join(page.text)
    assert page.all("figure") == []
    assert len(page.all("table")) == 2


def test_svg_stands_alone():
    source = """<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
    width="9pt" height="9pt" version="1.1" viewBox="0 0 9 9"><metadata>who</metadata><defs><style>*{color: red}</style>
    <path id="m"/></defs><g clip-path="url(#c)"><use xlink:href="#m" style="fill: url(#c)"/><script>1</script>
    <text>id="m" &lt;b&gt;</text></g><clipPath id="c"/></svg>"""
    found = standalone(source, "p-")
    assert found.startswith('<svg viewBox="0 0 9 9" aria-hidden="true">')
    assert '<use href="#p-m" style="fill: url(#p-c)" />' in found
    assert '<path id="p-m" />' in found
    assert '<g clip-path="url(#p-c)">' in found
    assert '<text>id="m" &lt;b&gt;</text>' in found
    assert not re.search("who|color: red|script|xmlns", found)
