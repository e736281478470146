"""Parts of docstrings that several functions and classes share, each written once."""

import re
from collections.abc import Callable
from typing import TypeVar

_Documented = TypeVar("_Documented")


def sharing(**parts: str) -> Callable[[_Documented], _Documented]:
    """Put shared parts into a docstring: each where a line holds its name in braces, and as far indented as that line.

    Parameters
    ----------
    **parts : str
        Lines of a docstring, from the left margin on.
    """

    def put(match: re.Match[str]) -> str:
        return "\n".join(match[1] + line if line else "" for line in parts[match[2]].strip("\n").split("\n"))

    def document(documented: _Documented) -> _Documented:
        if documented.__doc__ is not None:  # Python may run without docstrings
            documented.__doc__ = re.sub(r"^( *)\{(\w+)\}$", put, documented.__doc__, flags=re.MULTILINE)
        return documented

    return document
