"""Write a page for each public module before Sphinx looks for pages; autosummary then writes one for each name on it."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType

import public_names
from sphinx.application import Sphinx
from sphinx.config import Config

FOLDER = Path("api", "generated")


def write_pages(app: Sphinx, _config: Config) -> None:
    """Write what has changed, and remove pages of modules that are gone."""
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    pages = {f"{module.__name__}.rst": _page(module) for module in public_names.public_modules()}
    for path in folder.glob("*.rst"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _page(module: ModuleType) -> str:
    """Give the page of a module: what it offers, by the files that offer it, under their docstrings."""
    name = module.__name__
    lines = [*_heading(name, "="), f".. automodule:: {name}", "", f".. currentmodule:: {name}", ""]
    things = public_names.names_of(module)
    homes = _imports(module)
    for home in sorted({homes.get(thing, name) for thing in things}):
        own = {thing: value for thing, value in things.items() if homes.get(thing, name) == home}
        lines += _introduction(home) if home != name else []
        lines += _table(thing for thing, value in own.items() if callable(value))
        for thing, value in own.items():
            lines += [] if callable(value) else [f".. data:: {thing}", "", f"   {_value(value)}", ""]
    return "\n".join(lines)


def _imports(module: ModuleType) -> dict[str, str]:
    """Say from where a module has its names, by its import statements: those for the type checker too, whose names are lazy."""
    statements = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name: node.module or "" for node in statements for alias in node.names}


def _heading(title: str, line: str) -> list[str]:
    return [title, line * len(title), ""]


def _introduction(home: str) -> list[str]:
    """Make a heading of the first line of a file's docstring, and a paragraph of what follows a colon or its first sentence."""
    title, *rest = re.split(r"[.:] ", (importlib.import_module(home).__doc__ or home).splitlines()[0], maxsplit=1)
    return [*_heading(title.rstrip("."), "-"), *(line[0].upper() + line[1:] for line in rest), ""]


def _table(names: Iterable[str]) -> list[str]:
    rows = [f"   {name}" for name in names]
    return [".. autosummary::", "   :toctree: objects", "   :nosignatures:", "", *rows, ""] if rows else []


def _value(thing: object) -> str:
    """Say what a constant holds."""
    if isinstance(thing, Mapping):
        return f"A {type(thing).__name__} with the keys {', '.join(f'``{key!r}``' for key in thing)}."
    return f"``{thing}``"


def setup(app: Sphinx) -> dict[str, bool]:
    """Let Sphinx call this when it is configured."""
    app.connect("config-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
