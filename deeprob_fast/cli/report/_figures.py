"""Figures as SVG that can stand beside others in one HTML page."""

import io
import re
import warnings
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

from deeprob_fast._optional import require
from deeprob_fast.cli.report.model import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure

# Text stays text: it can be searched and takes the fonts that the reader has. The salt makes the page reproducible.
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "deeprob_fast",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # control characters in names
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


def draw_svg(figure: Figure, prefix: str) -> str:
    """Draw a figure and return an <svg> element, whose ids begin with `prefix`.

    Raises
    ------
    ModuleNotFoundError
        If there is no matplotlib.
    """
    matplotlib: Any = require("matplotlib", "plot")
    require("matplotlib.figure", "plot")
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        # The browser has fonts for other scripts.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        canvas: MatplotlibFigure = matplotlib.figure.Figure(figsize=figure.size, layout="constrained")
        figure.draw(canvas.subplots())
        page = io.StringIO()
        canvas.savefig(page, format="svg", metadata={"Date": None})
    return standalone(page.getvalue(), prefix)


def standalone(svg: str, prefix: str) -> str:
    """Rewrite an SVG document as an element of HTML whose ids are its own and which styles nothing but itself."""
    root = ET.fromstring(_NOT_XML.sub("\ufffd", svg))
    for parent in list(root.iter()):
        for child in list(parent):
            if _local(child.tag) in ("metadata", "style", "script"):
                parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        attributes = {_local(name): value for name, value in element.attrib.items()}
        for name, value in attributes.items():
            if name == "id":
                attributes[name] = prefix + value
            elif name == "href" and value.startswith("#"):
                attributes[name] = f"#{prefix}{value[1:]}"
            else:
                attributes[name] = _REFERENCE.sub(rf"url(#{prefix}\1)", value)
        element.attrib = attributes
    # The page says how large it is and what it shows.
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("aria-hidden", "true")
    return ET.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    """Return a name without its namespace: HTML knows where SVG begins."""
    return name.rpartition("}")[2]
