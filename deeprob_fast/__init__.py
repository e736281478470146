"""Exact k-nearest neighbours, proven exact, and linear classifiers, at the speed of the machine.

Importing the package imports nothing else: each name is fetched when it is first used.
"""

import ast
import importlib
import sys
from pathlib import Path


def _refuse_other_interpreters() -> None:
    """Raise where this is not the main interpreter of the process: an extension module of pybind11 may wait there for ever."""
    try:
        interpreters = importlib.import_module("_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters")
    except ImportError:  # a Python without them
        return
    if interpreters.get_current() != interpreters.get_main():
        msg = (
            "deeprob_fast must be imported in the main interpreter of a process; got a sub-interpreter "
            "(for mod_wsgi set WSGIApplicationGroup %{GLOBAL})"
        )
        raise ImportError(msg)


_refuse_other_interpreters()


def _homes() -> dict[str, str]:
    """Return the module in which each public name lives, from the stub beside this file, which is their one list."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


_HOMES = _homes()
__all__ = sorted(_HOMES)  # noqa: PLE0605  # the stub spells it out


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    if _HOMES[name] == __name__:
        return importlib.import_module(f"{__name__}.{name}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
