"""Names that come from files do nothing in a page, on a terminal or in JSON: scripts, templates, formulas, control characters."""

import html.parser
import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.cli_cases import HOSTILE
from tests.cli.cli_cases import invoke as invoke  # noqa: PLC0414  # a fixture
from tests.safety.commands import Output, call, leaves, places

REPORTING = {" ".join(words): (words, command) for words, command in leaves() if any(p.name == "report" for p in command.params)}
CLASSES = (
    *HOSTILE,
    "javascript:alert(1)",
    "{{7*7}}{% import os %}${7*7}",
    "]]> --> </style></svg><svg onload=alert(1)>",
    "\u202eright to left",
    "\x1b]0;title\x07",
    "&lt;img src=x onerror=alert(1)&gt;",
)
FILE = "a\"><svg onload=alert(1)>&lt;$\\frac$' {{7*7}}\u202e\x1b[31m.npz"
ACTIVE = {"script", "iframe", "object", "embed", "img", "link", "base", "form", "a", "foreignobject", "image", "use"}


class Page(html.parser.HTMLParser):
    """Notes what could do something, and the text."""

    def __init__(self, text):
        super().__init__()
        self.active, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        # matplotlib's figures repeat their own marks, and hold the colours of a scale as pixels.
        of_a_figure = {"use": "#", "image": "data:image/png;base64,"}.get(tag)
        is_of_a_figure = of_a_figure is not None and values.get("href", "").startswith(of_a_figure)
        if (tag in ACTIVE and not is_of_a_figure) or values.get("http-equiv") == "refresh":
            self.active.append((tag, attributes))
        for name, value in attributes:
            is_address = (
                not is_of_a_figure
                and re.match(r"\s*(javascript|data|https?):", value or "", re.IGNORECASE)
                and not name.startswith("xmlns")
            )
            if name.startswith("on") or is_address:
                self.active.append((tag, name, value))

    def handle_data(self, data):
        self.texts.append(data)


def test_the_parser_sees_what_is_active():
    for text in (
        "<p onclick=x>",
        "<script>",
        "<a href=' javascript:x'>",
        "<svg:image>",
        "<use href='http://x'>",
        "<img>",
        "<meta http-equiv=refresh>",
    ):
        assert Page(text.replace("svg:", "")).active, text
    assert Page("<meta charset='utf-8'><p class='x'>on</p><use href='#mark'>").active == []


@pytest.mark.parametrize("command", REPORTING)
def test_hostile_names(invoke, tmp_path, command):
    pytest.importorskip("matplotlib")
    words, leaf = REPORTING[command]
    numbers = np.arange(420) % len(CLASSES)
    rng = np.random.default_rng(0)
    features = rng.standard_normal((420, 4)) + 0.7 * rng.standard_normal((len(CLASSES), 4))[numbers]
    np.savez(tmp_path / FILE, X=features, y=np.array(CLASSES)[numbers])
    outputs = {parameter.name: tmp_path / f"x.{parameter.name}" for parameter in places(leaf, Output)}
    few = {name: value for name, value in {"n_epochs": 2, "rounds": 1}.items() if any(p.name == name for p in leaf.params)}
    result = invoke(*call(words, leaf, tmp_path, data=FILE, **outputs, **few))
    assert result.exit_code == 0, result.output
    for text in (result.stdout, result.stderr):
        # matplotlib's remarks on glyphs it does not have end in a line feed.
        assert [character for character in text if not character.isprintable() and character not in "\n\r\t"] == []
    page = (tmp_path / "x.report").read_text(encoding="utf-8")
    parsed = Page(page)
    assert parsed.active == []
    text = "".join(parsed.texts)
    assert "{{7*7}}" in text
    found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert found["data"]["name"] == Path(FILE).stem
    mistaken = {row["actual"] for row in found.get("confusions", ())}
    assert mistaken <= set(CLASSES)
    assert bool(mistaken) == (leaf.name in ("evaluate", "knn", "probe"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("option", ["--json", "--csv", "--report"])
def test_a_device_without_room(invoke, option):
    result = invoke("knn", "--k", 1, option, "/dev/full")
    assert (result.exit_code, result.stderr) == (1, "Error: /dev/full: No space left on device\n"), result.output
    assert Path("/dev/full").is_char_device()
