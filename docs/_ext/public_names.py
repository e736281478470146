"""What is public: modules, their names, and what a class adds to bases from elsewhere."""

import importlib
import inspect
from types import FunctionType, ModuleType

PACKAGE = "deeprob_fast"
# Besides what the package's `__all__` names.
ENTRIES = (PACKAGE,)


def public_modules() -> list[ModuleType]:
    """Give the entries and every module that the `__all__` of one of them lists."""
    found: list[ModuleType] = []
    waiting = [importlib.import_module(name) for name in ENTRIES]
    while waiting:
        module = waiting.pop(0)
        found.append(module)
        waiting += [thing for thing in _things(module).values() if inspect.ismodule(thing) and thing not in found]
    return found


def names_of(module: ModuleType) -> dict[str, object]:
    """Give what a module offers, other modules left out."""
    return {name: thing for name, thing in _things(module).items() if not inspect.ismodule(thing)}


def _things(module: ModuleType) -> dict[str, object]:
    """Give what `__all__` lists, or else what is defined in the module."""
    defined = [name for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__]
    return {name: getattr(module, name) for name in vars(module).get("__all__", defined) if not name.startswith("_")}


def own_methods(module: str, name: str) -> list[str]:
    """Give the methods that a class has from this package."""
    return [found for found, thing in _own(module, name).items() if not isinstance(thing, property)]


def own_properties(module: str, name: str) -> list[str]:
    """Give the properties that a class has from this package."""
    return [found for found, thing in _own(module, name).items() if isinstance(thing, property)]


def _own(module: str, name: str) -> dict[str, object]:
    bases = getattr(importlib.import_module(module), name).__mro__
    members = {found: thing for base in bases if base.__module__.startswith(PACKAGE) for found, thing in vars(base).items()}
    kinds = (FunctionType, property, classmethod, staticmethod)
    return {
        found: thing for found, thing in sorted(members.items()) if found[0] != "_" and thing.__doc__ and isinstance(thing, kinds)
    }
