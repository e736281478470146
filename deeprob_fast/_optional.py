"""Packages that only some of the library needs."""

import importlib
from types import ModuleType


def require(module: str, extra: str) -> ModuleType:
    """Import a package, or say which extra brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        msg = f"this needs {package}: pip install 'deeprob-fast[{extra}]'"
        raise ModuleNotFoundError(msg, name=error.name) from error
