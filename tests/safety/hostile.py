"""Arrays and scalars that people hand over by mistake, or to see what happens: drawn from a seed."""

import decimal
import fractions
import random
import tempfile
from typing import Any, NamedTuple

import numpy as np

NATIVE = ("float32", "float64", "float16", "uint8", "int8")
# Real numbers of other types, byte orders among them.
WIDENED = ("bool", "int16", "uint16", "int32", "uint32", "int64", "uint64", ">f4", ">f8", ">f2", ">i2", ">i4", ">i8")
STRANGE = ("complex64", "complex128", "longdouble", "O", "U3", "S3", "M8[s]", "m8[s]", "V4", "f4,f8", "i4,U2")


class Drawn(NamedTuple):
    """What was drawn.

    Attributes
    ----------
    value : object
        What the function gets.
    plain : array of float64, or None
        The numbers it stands for; None where it must be refused.
    mild : bool
        Whether the numbers are such that sums of their squares neither overflow nor underflow.
    """

    value: Any
    plain: Any
    mild: bool


class Source:
    """Everything random of one call."""

    def __init__(self, seed, number):
        self.random = random.Random(f"{seed} {number}")
        self.rng = np.random.default_rng([seed, number])
        # Half of the calls are strange in their layouts and values, but nothing about them is to be refused.
        self.tame = self.random.random() < 0.5

    def choice(self, *options):
        return self.random.choice(options)

    def happens(self, share):
        return self.random.random() < share

    def mixed(self, good, *bad):
        """Draw one of the good, or of the bad."""
        return self.choice(*good) if self.tame or self.happens(0.6) else self.choice(*bad)

    def shape(self):
        """Numbers of rows, of queries and of features."""
        n = self.choice(1, 2, 5, 31, 32, 33, 64, 65, 150)
        d = self.choice(1, 2, 3, 7, 8, 9, 13, 16, 31, 64, 65, 300)
        if self.happens(0.0 if self.tame else 0.08):
            n, d = self.choice((0, d), (n, 0), (0, 0), (1, 9000), (2000, 1))
        return n, self.choice(0, 1, 2, 13, 14, 15, 40), d

    def rows(self, n, d, hostility=0.4):
        """Draw rows; so often something is wrong with them."""
        name = self.choice(*_FAMILIES)
        values = _FAMILIES[name](self.rng, n, d) if n and d else np.zeros((n, d))
        mild = name not in ("tiny", "huge", "subnormal", "scales")
        if self.tame or not self.happens(hostility):
            dtype = self.choice(*NATIVE) if mild else "float64"
            return _layout(self, cast_within(values, dtype), mild)
        kind = self.choice("dtype", "dtype", "strange dtype", "value", "value", "container", "axes", "masked")
        if kind == "dtype":
            array = cast_within(values, self.choice(*WIDENED) if mild else ">f8")
            if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and array.size and self.happens(0.3):
                array.reshape(-1)[0] = 2**60
                return Drawn(array, None, mild)
            return _layout(self, array, mild)
        if kind == "strange dtype":
            return Drawn(_strange(values, self.choice(*STRANGE)), None, mild)
        if kind == "value" and values.size:
            array = cast_within(values, self.choice("float32", "float64", "float16"))
            array.reshape(-1)[self.random.randrange(array.size)] = self.choice(np.nan, np.inf, -np.inf)
            drawn = _layout(self, array, mild)
            return drawn if np.isfinite(drawn.plain).all() else drawn._replace(plain=None)
        if kind == "container":
            return self._container(cast_within(values, "float64"), mild)
        if kind == "axes":
            array = cast_within(values, "float32")
            return Drawn(
                self.choice(array[None], array.ravel(), array.sum(), array[:, :, None], np.zeros((0, d + 1))), None, mild
            )
        if kind == "masked":
            array = np.ma.masked_array(
                cast_within(values, "float64"), mask=self.rng.random(values.shape) < self.choice(0.0, 0.1, 1.0)
            )
            return Drawn(array, None if array.mask.any() else array.data, mild)
        return Drawn(values, values, mild)

    def _container(self, values, mild):
        good = (
            values.tolist(),
            tuple(map(tuple, values.tolist())),
            values.view(np.matrix),
            values.view(_Subclass),
            memoryview(values) if values.size else values,
            _Arraylike(values),
        )
        bad: tuple[object, ...] = (
            None,
            {},
            {"a": 1},
            "text",
            b"bytes",
            iter([]),
            object(),
            lambda: values,
            [[1.0], [1.0, 2.0]],
            [["a"]],
            [[None]],
            set(),
            3.0,
        )
        if self.happens(0.6):
            value = self.choice(*good)
            # A list does not say how many columns no rows have.
            return Drawn(value, values if values.size else None, mild)
        return Drawn(self.choice(*bad), None, mild)

    def k(self, n):
        """Draw a number of neighbours, and what it stands for, or None."""
        if (self.tame or self.happens(0.75)) and n:
            k = self.choice(1, 2, max(1, n // 2), n)
            return k, (k if k <= n else None)
        value = self.choice(
            0, -1, n + 1, 2**31, 2**63, 2**64, 10**18, 1.0, float("nan"), True, np.bool_(1), None, "1", b"1", [1], [], {}, 1j,
            np.int8(1), np.uint64(1), np.int64(1), np.float64(1), np.array(1), np.array([1]), np.array([[1]]), np.array(1.5),
            fractions.Fraction(1), decimal.Decimal(1), slice(1), np.datetime64(1, "s"),
        )  # fmt: skip
        allowed = isinstance(value, np.integer) or (
            isinstance(value, np.ndarray) and value.shape == () and value.dtype.kind == "i"
        )
        return value, (1 if allowed and n else None)

    def n_threads(self):
        """Draw a number of threads, and whether it is one."""
        if self.tame or self.happens(0.9):
            return self.choice(1, 2, 3, None, -1, np.int64(2)), True
        return self.choice(0, -2, 10**18, 2.0, float("nan"), True, "2", [1], [1, 2], np.array([1, 2]), {}, np.array(["a"])), False

    def number(self, *good):
        """Draw a real number: a good one, or one that must be refused."""
        if self.tame or self.happens(0.8):
            return self.choice(*good)
        return self.choice(
            float("nan"),
            float("inf"),
            -1.0,
            "0.1",
            None,
            [0.1],
            np.array([0.1]),
            1j,
            True,
            {},
            decimal.Decimal(1),
            -(10**400),
            10**400,
        )

    def name(self, *good):
        """Draw a name."""
        if self.tame or self.happens(0.9):
            return self.choice(*good)
        return self.choice(
            "",
            "rubbish",
            None,
            3,
            b"euclidean",
            ["euclidean"],
            np.array(["a", "b"]),
            "euclidean\0",
            np.str_(good[0]),
            {},
            float("nan"),
        )

    def labels(self, n, n_classes=3):
        """Draw labels, and the class numbers that they stand for, or None."""
        numbers = self.rng.integers(0, n_classes, n)
        if self.happens(0.6):
            return numbers.astype(self.choice("int64", "int32", "uint8", ">i4")), numbers
        if self.tame or self.happens(0.5):
            view = self.choice(numbers.tolist(), numbers[::-1].copy()[::-1], np.repeat(numbers, 2)[::2], _read_only(numbers))
            return view, numbers
        return self.choice(
            numbers.astype(float), numbers + 0.5, np.full(n, np.nan), numbers - 1, np.full(n, 2**62), np.full(n, -(2**63)),
            np.append(numbers, 0), numbers[:-1], numbers[:, None], numbers[None], np.array(["a", "b", "c"])[numbers % 3],
            numbers.astype(object), np.full(n, None), numbers.astype(complex), numbers.astype("M8[s]"), None, 3, "abc", {},
            np.ma.masked_array(numbers, mask=numbers == 0), np.zeros(n, "i4,i4"), numbers.astype("u8") + 2**63, np.array(1),
        ), None  # fmt: skip


class _Subclass(np.ndarray):
    pass


class _Arraylike:
    def __init__(self, values):
        self._values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self._values, dtype=dtype)


def cast_within(values, dtype):
    """Bring numbers into a dtype, within its range."""
    dtype = np.dtype(dtype)
    with np.errstate(all="ignore"):
        if dtype.kind in "iu":
            info = np.iinfo(dtype)
            limit = min(info.max, 2**52)
            return np.clip(np.rint(values), max(info.min, -(2**52)), limit).astype(dtype)
        if dtype.kind == "b":
            return values > 0
        largest = {2: 6e4, 4: 1e30}.get(dtype.itemsize, np.inf)
        return np.clip(values, -largest, largest).astype(dtype)


def _strange(values, dtype):
    if dtype == "O" and values.size:
        array = values.astype(object)
        array.reshape(-1)[0] = "x"
        return array
    if np.dtype(dtype).kind in "Mm":
        return np.clip(values, -1e6, 1e6).astype("i8").astype(dtype)
    if np.dtype(dtype).kind == "V":
        return np.zeros(values.shape, dtype=dtype)
    with np.errstate(all="ignore"):
        return values.astype(dtype)


def _read_only(array):
    array = array.copy()
    array.setflags(write=False)
    return array


def _layout(source, array, mild):
    """Lay the array out in another way; one of them changes what it stands for."""
    if array.size and source.happens(0.1):
        array = np.broadcast_to(source.choice(array[:1], array[:1, :1]), array.shape)
    elif source.happens(0.7):
        array = source.choice(*_LAYOUTS)(array)
    with np.errstate(all="ignore"):
        return Drawn(array, array.astype(np.float64), mild)


def _misaligned(array):
    memory = np.zeros(array.nbytes + 1, dtype=np.uint8)[1:]
    view = memory.view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


def _mapped(array):
    if not array.size:
        return array
    with tempfile.NamedTemporaryFile() as file:
        array.tofile(file.name)
        return np.memmap(file.name, dtype=array.dtype, mode="r", shape=array.shape)


_LAYOUTS = (
    np.asfortranarray,
    lambda array: np.repeat(array, 2, axis=1)[:, ::2],
    lambda array: np.repeat(array, 2, axis=0)[::2],
    lambda array: array[::-1].copy()[::-1],
    lambda array: array[:, ::-1].copy()[:, ::-1],
    lambda array: np.pad(array, ((1, 2), (3, 1)))[1 : len(array) + 1, 3 : array.shape[1] + 3],
    _misaligned,
    _read_only,
    _mapped,
)

_FAMILIES = {
    "normal": lambda rng, n, d: rng.standard_normal((n, d)),
    "integers": lambda rng, n, d: rng.integers(-3, 4, (n, d)).astype(float),
    "repeated": lambda rng, n, d: rng.standard_normal((max(1, n // 8), d))[rng.integers(0, max(1, n // 8), n)],
    "equal": lambda rng, n, d: np.full((n, d), rng.standard_normal()),
    "zeros": lambda rng, n, d: np.where(rng.random((n, d)) < 0.5, 0.0, -0.0),
    "one-hot": lambda rng, n, d: np.eye(d)[rng.integers(0, d, n)],
    "offset": lambda rng, n, d: 1e4 + rng.standard_normal((n, d)),
    "ulp": lambda rng, n, d: 1 + rng.integers(0, 3, (n, d)) * 2.0**-52,
    "bytes": lambda rng, n, d: rng.integers(0, 256, (n, d)).astype(float),
    "outlier": lambda rng, n, d: rng.standard_normal((n, d)) * np.where(np.arange(n) == n // 2, 1e12, 1.0)[:, None],
    "tiny": lambda rng, n, d: rng.standard_normal((n, d)) * 1e-160,
    "subnormal": lambda rng, n, d: rng.integers(-5, 6, (n, d)) * 5e-324,
    "huge": lambda rng, n, d: rng.standard_normal((n, d)) * rng.choice([1e70, 1e120, 1e200, 1e300]),
    "scales": lambda rng, n, d: rng.standard_normal((n, d)) * 10.0 ** rng.integers(-60, 60, (n, 1)),
}
