"""The kernels for this machine: one extension module per instruction-set level, picked here and nowhere else.

``DEEPROB_FAST_ISA`` forces a level by name. Attributes of this module are those of the picked extension; `_kernels.pyi` types
them.
"""

import importlib
import os
from types import ModuleType

from deeprob_fast import _cpu

VARIABLE = "DEEPROB_FAST_ISA"
LEVELS = ("baseline", "x86-64-v3", "x86-64-v4", "x86-64-v4-vnni")


def pick_level(requested: str | None, runnable: list[str]) -> str:
    """Return the level to load: the requested one if it is known and runs here, else the fastest."""
    if not requested:
        if not runnable:
            msg = (
                "deeprob_fast was built for instruction sets that this machine lacks: build it again, for all of them or its own"
            )
            raise ImportError(msg)
        return runnable[-1]
    if requested not in LEVELS:
        msg = f"{VARIABLE} must be one of {', '.join(LEVELS)}; got {requested!r}"
        raise ImportError(msg)
    if requested not in runnable:
        msg = f"{VARIABLE} asks for {requested}, which this machine cannot run; it runs {', '.join(runnable)}"
        raise ImportError(msg)
    return requested


def load(level: str) -> ModuleType:
    """Import the extension module of a level."""
    return importlib.import_module(f"deeprob_fast._kernels_{level.replace('-', '_')}")


ISA = pick_level(os.environ.get(VARIABLE), _cpu.runnable())
_module = load(ISA)


def __getattr__(name: str) -> object:
    return getattr(_module, name)
