"""Libraries that only some tests need; these are skipped where one is missing."""

from typing import Any

import pytest


def pandas() -> Any:
    """Return pandas."""
    return pytest.importorskip("pandas")


def pyarrow() -> Any:
    """Return pyarrow."""
    return pytest.importorskip("pyarrow")
