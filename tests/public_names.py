"""Every public name and how it is called: `python tests/public_names.py` records it anew, where it is to change."""

import inspect
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import deeprob_fast

RECORDED = Path(__file__).with_suffix(".json")


def _parameters(function: Any) -> str:
    """Return names, kinds and defaults; annotations change with NumPy's release."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of a built-in class
        return "(...)"
    plain = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=signature.empty))


def _members(cls: type) -> dict[str, str]:
    """Return what this package gives a class: base classes of others change with their releases."""
    ours = [base for base in cls.__mro__ if base.__module__.startswith("deeprob_fast")]
    members = {name: value for base in reversed(ours) for name, value in vars(base).items() if not name.startswith("_")}
    return {name: _parameters(value) if inspect.isfunction(value) else "" for name, value in sorted(members.items())}


def _of_module(module: ModuleType) -> list[str]:
    here = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return getattr(module, "__all__", [name for name in here if not name.startswith("_")])


def public_names() -> dict[str, Any]:
    """Return the parameters of each public function and class, and the members of each class."""
    found: dict[str, Any] = {}

    def visit(prefix: str, module: ModuleType) -> None:
        for name in sorted(_of_module(module)):
            value = getattr(module, name)
            if inspect.ismodule(value):
                visit(f"{prefix}{name}.", value)
            elif inspect.isclass(value):
                found[prefix + name] = {"": _parameters(value), **_members(value)}
            else:
                found[prefix + name] = _parameters(value) if callable(value) else type(value).__name__

    visit("", deeprob_fast)
    return found


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(public_names(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
