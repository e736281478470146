"""What a public function may do with hostile arguments: answer, or say which argument it refuses."""

import inspect
import re

import numpy as np


def answer(call, names, *, must=False):
    """Return what a call gives, or None if it refuses its arguments in a proper way.

    Parameters
    ----------
    call : callable
    names : iterable of str
        Of the arguments, one of which a refusal names.
    must : bool
        Whether there is nothing to refuse.
    """
    try:
        return call()
    except MemoryError:
        refusal = "MemoryError"
    except (TypeError, ValueError) as error:
        refusal = f"{type(error).__name__}: {error}"
    assert not must, f"refused what is right: {refusal}"
    assert refusal == "MemoryError" or re.search(rf"\b({'|'.join(names)})\b", refusal), f"names no argument: {refusal}"
    return None


def names_of(*functions):
    """Return the names of the parameters of functions."""
    return {name for function in functions for name in inspect.signature(function).parameters}


def flat(value):
    """Return the bytes of everything in a result, to be compared."""
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, (tuple, list)):
        return b"|".join(map(flat, value))
    if isinstance(value, dict):
        return flat(list(value.items()))
    if hasattr(value, "__dataclass_fields__"):
        return flat(list(vars(value).values()))
    return repr(value).encode()


def right(given):
    """Whether nothing that was drawn must be refused."""
    return all(value is not None for value in given)
