"""The numbers of the lecture's figures, computed once for all tests."""

from functools import cache
from importlib import import_module


def module(name):
    """Return the module of a figure."""
    return import_module(f"deeprob_fast.figures.{name}")


@cache
def numbers(name):
    """Compute the numbers of a figure."""
    return module(name).compute()
