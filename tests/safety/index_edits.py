"""What an attacker may change in the file of an index: each array, each value, and how the header says where arrays lie."""

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from deeprob_fast import _kernels
from tests.safety.index_files import ALIGNMENT, IndexFile, sealed


class Edit(NamedTuple):
    """A name, what makes the bytes of another file of a file, and whether no such file may open."""

    name: str
    apply: Callable[[IndexFile], bytes]
    refused: bool


_DTYPES = ("f2", "f4", "f8", "u1", "i1", "i4", "i8")
_NUMBERS: list[Any] = [0, 1, -1, 2, 10**30, 0.0, 0.5, 1.0, -1.0, 1e-300, 1e300, 1e80, float("nan"), float("inf"), float("-inf")]
_OTHERS: list[Any] = [
    "",
    "x",
    [],
    [1],
    {},
    None,
    True,
    False,
    {"tuple": "Duplicates", "fields": []},
    {"array": 0, "checksum": None},
]
_WORDS = ["euclidean", "cosine", "inner_product", "manhattan", "dense", "integer", "prefix", "boxes", "auto", *_kernels.LEVELS]


def put(file: IndexFile, name: str, value: Any) -> bytes:
    """The bytes of a file that has another array or value there."""
    other = file.copy()
    other[name] = value
    return other.to_bytes()


def _shapes(array: np.ndarray) -> dict[str, np.ndarray]:
    """The array in other shapes and sizes."""
    other = {
        "one element": array.reshape(-1)[:1].reshape((1,) * array.ndim),
        "twice": np.concatenate([array, array]),
        "empty": array[:0],
        "one less": array[:-1],
        "one more": np.concatenate([array, array[-1:]]),
        "other dimensions": array.reshape(-1) if array.ndim == 2 else array.reshape(1, -1),
        "two columns": array.reshape(-1)[: array.size // 2 * 2].reshape(-1, 2),
    }
    return {what: changed for what, changed in other.items() if changed.shape != array.shape}


def contents(array: np.ndarray) -> dict[str, np.ndarray]:
    """The array with other elements: the first, one in the middle, the last, all."""
    special: list[Any]
    if array.dtype.kind == "f":
        special = [0, -1, 1e9, np.nan, np.inf, -np.inf, float(np.finfo(array.dtype).max)]
    else:
        info = np.iinfo(array.dtype)
        special = [n for n in (0, -1, 1, 1000, 10**9, info.min, info.max) if info.min <= n <= info.max]
    rng = np.random.default_rng(21)
    noise = rng.integers(0, 256, array.nbytes, dtype=np.uint8)
    other = {"reversed": array[::-1].copy(), "shuffled": rng.permutation(array)}
    for what, share in {"noise": 1.0, "some noise": 0.02}.items():
        places = rng.random(array.nbytes) < share
        other[what] = (array.view(np.uint8).reshape(-1) ^ noise * places).view(array.dtype).reshape(array.shape)
    where: dict[str, int | slice] = {"first": 0, "middle": array.size // 2, "last": -1, "all": slice(None)}
    for value in special:
        for which, place in where.items():
            changed = array.copy()
            with np.errstate(over="ignore"):
                changed.reshape(-1)[place] = value
            other[f"{which} {value}"] = changed
    return other


class Change(NamedTuple):
    """Another array in the place of one, and whether no file with it may open."""

    name: str
    what: str
    array: np.ndarray
    refused: bool

    def apply(self, file: IndexFile) -> bytes:
        return put(file, self.name, self.array)


def array_changes(file: IndexFile) -> Iterator[Change]:
    """Each array in other shapes, of other dtypes, with other elements."""
    for name, fields, place in file.parts():
        array = fields[place]
        if not isinstance(array, np.ndarray):
            continue
        for dtype in _DTYPES:
            if array.dtype != dtype:
                with np.errstate(all="ignore"):
                    changed = array.astype(dtype)
                # Rows of another dtype are rows.
                yield Change(name, dtype, changed, refused=not name.endswith(".train") or dtype in ("i4", "i8"))
        if array.size:
            for what, changed in _shapes(array).items():
                # There may be cells that no row lies in.
                yield Change(name, what, changed, refused=not name.endswith(".centers") or changed.ndim != 2)
            for what, changed in contents(array).items():
                yield Change(name, what, changed, refused=False)


def array_edits(file: IndexFile) -> Iterator[Edit]:
    """One array changed."""
    for change in array_changes(file):
        yield Edit(f"{change.name}: {change.what}", change.apply, change.refused)


def together(changes: list[Change]) -> Edit:
    """Several arrays changed at once; of changes of the same array, the last."""

    def apply(file: IndexFile) -> bytes:
        other = file.copy()
        for change in changes:
            other[change.name] = change.array
        return other.to_bytes()

    return Edit("; ".join(f"{change.name}: {change.what}" for change in changes), apply, refused=False)


def value_edits(file: IndexFile) -> Iterator[Edit]:
    """Each value, array and tuple replaced by values of every type."""
    for name, fields, place in file.parts():
        old = fields[place]
        for value in [*_NUMBERS, *_OTHERS, *(_WORDS if isinstance(old, str) else [])]:
            same_type = type(value) is type(old) and not isinstance(old, dict)
            optional = (value is None and name.endswith(".prefix")) or (
                name == "predicted_cost" and isinstance(value, float | None)
            )
            kept = same_type or optional
            if not (same_type and value == old):
                edit = functools.partial(put, name=name, value=value)
                yield Edit(f"{name}: {json.dumps(value)}", edit, refused=not kept)


def grafts(file: IndexFile, other: IndexFile) -> Iterator[Edit]:
    """Each array and tuple in the place of that of another file."""
    theirs = {name: fields[place] for name, fields, place in other.parts()}
    for name, fields, place in file.parts():
        if name in theirs and isinstance(fields[place], (dict, np.ndarray)):
            yield Edit(f"{name} of another", functools.partial(put, name=name, value=theirs[name]), refused=False)


_NO_SIZES: list[Any] = [-1, -64, 64, 1, 10**12, 2**63, 2**64, 10**30, 1.5, True, "0", None, [], {}]
_NO_SHAPES: list[Any] = [
    [-1, 12],
    [2**62, 4],
    [2**63, 2],
    [0, 2**70],
    [1] * 3,
    [1] * 70,
    [],
    [1.0],
    ["1"],
    [[1]],
    [True],
    1,
    None,
]
_NO_DTYPES: list[Any] = ["|O", "<U4", "<c16", "<M8[s]", "|V8", "|b1", "f4", "float32", "rubbish", "", None, 4, ["<f4"], "<f4,<f4"]
_NO_NUMBERS: list[Any] = [-1, 10**9, 0.0, "0", None, True, [0]]
_NO_CHECKSUMS: list[Any] = [-1, 0.5, "0", [], True, 2**60]
_NO_TUPLES: list[Any] = ["_Saved", "os.system", "tuple", "", None, 3, []]
_NO_HEADERS = ["", "{", "null", "[]", "1", "NaN", '"x"', "[" * 60_000, '{"a":' * 12_000, "9" * 5000, "\x00", "\udcff"]

_HeaderChange = Callable[[dict[str, Any]], str | None]


def _with_header(file: IndexFile, change: _HeaderChange) -> bytes:
    facts, data = file.facts()
    header = change(facts) or json.dumps(facts)
    return sealed(header.encode(errors="surrogateescape"), data)


def _set(facts: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    functools.reduce(lambda inner, key: inner[key], path[:-1], facts)[path[-1]] = value


def _delete(facts: dict[str, Any], path: tuple[Any, ...]) -> None:
    del functools.reduce(lambda inner, key: inner[key], path[:-1], facts)[path[-1]]


def _node_changes(node: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], list[Any]]]:
    """Places in the content, and values that are wrong there."""
    if "array" in node:
        yield (*path, "array"), [value for value in [node["array"] + 1, *_NO_NUMBERS] if type(value) is not int or value != 0]
        yield (*path, "checksum"), _NO_CHECKSUMS
    else:
        yield (*path, "tuple"), [value for value in _NO_TUPLES if value != node["tuple"]]
        yield (*path, "fields"), [node["fields"][:-1], [*node["fields"], 1], {}, None, "ab", 3]
        for number, field in enumerate(node["fields"]):
            if isinstance(field, dict):
                yield from _node_changes(field, (*path, "fields", number))


def header_edits(file: IndexFile) -> Iterator[Edit]:
    """Wrong claims of the header about arrays, tuples and sizes, and headers that are none."""
    facts, _ = file.facts()
    wrong: dict[tuple[Any, ...], list[Any]] = {
        ("content",): [*_NO_SIZES, *_OTHERS],
        ("arrays",): [*_NO_SIZES, *_OTHERS, facts["arrays"][:-1]],
        ("size",): _NO_SIZES,
    }
    for number, place in enumerate(facts["arrays"]):
        wrong["arrays", number] = [None, [], "x"]
        wrong["arrays", number, "offset"] = [v for v in [*_NO_SIZES, place["offset"] + ALIGNMENT] if v != place["offset"]]
        wrong["arrays", number, "shape"] = _NO_SHAPES
        wrong["arrays", number, "dtype"] = _NO_DTYPES
    wrong |= dict(_node_changes(facts["content"], ("content",)))
    changes: dict[str, _HeaderChange] = {}
    for path, values in wrong.items():
        name = ".".join(map(str, path))
        changes |= {f"{name} is {json.dumps(value)[:50]}": functools.partial(_set, path=path, value=value) for value in values}
        changes[f"{name} is missing"] = functools.partial(_delete, path=path)
        if isinstance(path[-1], str):
            changes[f"something beside {name}"] = functools.partial(_set, path=(*path[:-1], "more"), value=1)
    for number, text in enumerate(_NO_HEADERS):
        changes[f"header {number}"] = functools.partial(lambda _, text: text or " ", text=text)
    changes["long header"] = lambda facts: json.dumps(facts) + " " * (1 << 17)
    for name, change in changes.items():
        yield Edit(name, functools.partial(_with_header, change=change), refused=True)


def _with_text(file: IndexFile, text: bytes) -> bytes:
    return sealed(text, file.facts()[1])


def text_edits(file: IndexFile, n_files: int) -> Iterator[Edit]:
    """Some characters of the header changed."""
    facts, _ = file.facts()
    header = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
    for seed in range(n_files):
        rng = np.random.default_rng(seed)
        changed = header.copy()
        places = rng.integers(0, len(header), rng.integers(1, 4))
        changed[places] = rng.choice(np.frombuffer(b'0123456789-.eE"[]{},: nulltrefas\\', dtype=np.uint8), len(places))
        yield Edit(f"header with seed {seed}", functools.partial(_with_text, text=changed.tobytes()), refused=False)
