"""Text that can be read on any colour."""

from typing import Any


def legible(background: Any) -> str:
    """Return black or white, whichever is farther in brightness from a background (red, green, blue, ... in [0, 1])."""
    red, green, blue = background[:3]
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
