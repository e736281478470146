"""What a probe makes of one argument of a kernel."""

import math
from functools import partial

import numpy as np

_DTYPES = ("float32", "float64", "float16", "int8", "uint8", "int32", "int64", "uint64", "bool", "complex128", ">f8", "O", "U3")
_INTEGERS = (-(2**63), -(2**31), -1, 0, 1, 10**8, 2**31 - 1, 2**62, 2**64)
_FLOATS = (math.nan, math.inf, -math.inf, -1.0, 0.0, 1e300, 1e-320)
_NAMES = ("", "rubbish", "x" * 10**6, "manhattan", "inner_product", "softmax", "one_vs_all", "adam", "adagrad", "sgd")
_STRANGERS = {"None": None, "a list": [1], "text": "1", "a number": 1.5, "an object": object()}


def changes(value):
    """Yield what to call each change, and a function that makes it: of the value, and of a `Guard` that places arrays."""
    if isinstance(value, np.ndarray):
        yield from _of_array(value)
    elif isinstance(value, (list, tuple)):
        yield from _of_sequence(value)
    elif isinstance(value, bool):
        yield "the other", partial(_replaced, not value)
    else:
        others = _NAMES if isinstance(value, str) else (value - 1, value + 1, *(_INTEGERS if isinstance(value, int) else _FLOATS))
        for new in dict.fromkeys(others):
            yield str(new)[:20], partial(_replaced, new)
    for name, new in _STRANGERS.items():
        yield name, partial(_replaced, new)


def _replaced(new, old, guard):
    return new


def _of_sequence(value):
    kind = list if isinstance(value, list) else tuple
    yield "emptied", partial(_replaced, kind())
    yield "shorter", partial(_replaced, kind(value[:-1]))
    yield "longer", partial(_replaced, kind((*value, *value[-1:])))
    for i, item in enumerate(value):
        for name, change in changes(item):
            yield f"[{i}] {name}", partial(_with_item, kind, i, change)


def _with_item(kind, i, change, old, guard):
    return kind(change(item, guard) if number == i else guard.place_all(item) for number, item in enumerate(old))


def _of_array(value):
    for name, change in _SIZES.items():
        yield name, partial(_placed, change)
    if value.size:
        yield from _LAYOUTS.items()
        for name in _DTYPES:
            if np.dtype(name) != value.dtype:
                yield f"as {name}", partial(_placed, partial(_as, name))
    if value.size and value.dtype.kind in "iu":
        limits = np.iinfo(value.dtype)
        for number in (len(value), -1, 2**31, 2**63 - 1, -(2**63)):
            if limits.min <= number <= limits.max:
                for where in (0, value.size // 2, -1):
                    yield f"[{where}] = {number}", partial(_placed, partial(_with_value, where, number))
                yield f"all {number}", partial(_placed, partial(_filled, number))
    if value.size and value.dtype.kind == "f":
        for real in (math.nan, math.inf, -1e30, 0.0):
            yield f"[0] = {real}", partial(_placed, partial(_with_value, 0, real))
            yield f"all {real}", partial(_placed, partial(_filled, real))


def _placed(change, old, guard):
    return guard.place(change(old))


def _as(name, old):
    with np.errstate(all="ignore"):
        return old.astype("f8").astype(name)


def _with_value(where, number, old):
    new = old.copy()
    new.reshape(-1)[where] = number
    return new


def _filled(number, old):
    return np.full_like(old, number)


def _more(old, axis):
    """One more row or column, of zeros."""
    return np.concatenate([old, np.zeros_like(old, shape=[1 if i == axis else n for i, n in enumerate(old.shape)])], axis=axis)


_SIZES = {
    "one less": lambda old: old[:-1],
    "one more": lambda old: _more(old, 0),
    "emptied": lambda old: old[:0],
    "the first half": lambda old: old[: len(old) // 2],
    "twice": lambda old: np.concatenate([old, old]),
    "one column less": lambda old: old[..., :-1],
    "one column more": lambda old: _more(old, old.ndim - 1),
    "no columns": lambda old: old[..., :0],
    "the first row": lambda old: old[:1],
    "one column": lambda old: old[..., :1],
    "flat": lambda old: old.reshape(-1),
    "a row": lambda old: old.reshape(1, -1),
    "a column": lambda old: old.reshape(-1, 1),
    "transposed": lambda old: old.T,
    "three axes": lambda old: old[None, None] if old.ndim == 1 else old[None],
    "a scalar": lambda old: np.zeros((), dtype=old.dtype),
}


def _fortran(old, guard):
    return guard.place(old.T).T


def _backwards(old, guard):
    return guard.place(old[::-1])[::-1]


def _backward_columns(old, guard):
    return guard.place(old[..., ::-1])[..., ::-1]


def _every_other(old, guard):
    """Columns with gaps between them, which nobody may write."""
    wide = guard.place(np.repeat(old, 2, axis=-1))
    guard.watch(wide[..., 1::2])
    return wide[..., ::2]


def _rows_apart(old, guard):
    """Rows with gaps between them, which nobody may write."""
    wide = guard.place(np.repeat(old[:, None], 2, axis=1))
    guard.watch(wide[:, 1])
    return wide[:, 0]


def _one_for_all(old, guard):
    """All strides are zero."""
    return np.lib.stride_tricks.as_strided(guard.place(old.reshape(-1)[:1]), old.shape, [0] * old.ndim)


def _same_rows(old, guard):
    return np.lib.stride_tricks.as_strided(guard.place(old[:1]), old.shape, [0, *old.strides[1:]])


def _misaligned(old, guard):
    memory = guard.place(np.zeros(old.nbytes + 1, dtype=np.uint8))[1:]
    array = memory.view(old.dtype).reshape(old.shape)
    array[...] = old
    return array


def _read_only(old, guard):
    array = guard.place(old)
    array.setflags(write=False)
    return array


_LAYOUTS = {
    "Fortran order": _fortran,
    "backwards": _backwards,
    "columns backwards": _backward_columns,
    "every other": _every_other,
    "rows apart": _rows_apart,
    "one for all": _one_for_all,
    "same rows": _same_rows,
    "misaligned": _misaligned,
    "read-only": _read_only,
    "swapped bytes": partial(_placed, lambda old: old.byteswap().view(old.dtype.newbyteorder())),
}
