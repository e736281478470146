"""Files of indexes as an attacker writes them: anything in them may be changed, and their digests are right."""

import copy
import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast.knn import axes, boxes, centering, directions, duplicates, filters, packing, stages
from tests.limits import lower_limits
from tests.strategies import low_rank

MAGIC = b"deeprob_fast index 5\n"
ALIGNMENT = 64

_KINDS: list[Any] = [
    *(packing.Prepared, duplicates.Duplicates, packing.Packing, stages.StagePacking, directions.ByteRows, directions.Projection),
    *(filters.Strategy, centering.Centering, stages.Prefix, stages.Stages, axes.AxisTree, boxes.Tree),
]
_FIELDS = {kind.__name__: kind._fields for kind in _KINDS} | {
    "_Saved": ("isa", "metric", "requested", "reason", "predicted_cost", "prepared")
}

# The smallest files of every kind that have something in each array; the last panel, leaf and node have room left.
N_ROWS = 333


def sealed(header: bytes, data: bytes) -> bytes:
    """The bytes of a file, with the digest of whatever header."""
    start = MAGIC + len(header).to_bytes(8, "little") + hashlib.sha256(header).digest() + header
    return start + b"\0" * (-len(start) % ALIGNMENT) + data


class IndexFile:
    """The content of a file as a tree of JSON, with arrays in it where the file names them."""

    def __init__(self, tree: Any) -> None:
        self.tree = tree

    @classmethod
    def of(cls, index: df.KNNIndex, path: Path) -> "IndexFile":
        index.save(path)
        data = path.read_bytes()
        begin = len(MAGIC) + 8 + 32
        end = begin + int.from_bytes(data[len(MAGIC) : len(MAGIC) + 8], "little")
        facts = json.loads(data[begin:end])
        first = end + -end % ALIGNMENT

        def with_arrays(node: Any) -> Any:
            if not isinstance(node, dict):
                return node
            if "tuple" in node:
                return {"tuple": node["tuple"], "fields": list(map(with_arrays, node["fields"]))}
            place = facts["arrays"][node["array"]]
            shape, dtype = place["shape"], np.dtype(place["dtype"])
            size = int(np.prod(shape)) * dtype.itemsize
            return np.frombuffer(data[first + place["offset"] :][:size], dtype).reshape(shape).copy()

        return cls(with_arrays(facts["content"]))

    def copy(self) -> "IndexFile":
        return IndexFile(copy.deepcopy(self.tree))

    def parts(self) -> Iterator[tuple[str, list[Any], int]]:
        """The name of each tuple, array and value, and where it is: a list and a place in it."""

        def inside(name: str, node: Any) -> Iterator[tuple[str, list[Any], int]]:
            for place, field in enumerate(_FIELDS[node["tuple"]]):
                inner, value = f"{name}.{field}".lstrip("."), node["fields"][place]
                yield inner, node["fields"], place
                if isinstance(value, dict):
                    yield from inside(inner, value)

        return inside("", self.tree)

    def __getitem__(self, name: str) -> Any:
        return next(fields[place] for found, fields, place in self.parts() if found == name)

    def __setitem__(self, name: str, value: Any) -> None:
        fields, place = next((fields, place) for found, fields, place in self.parts() if found == name)
        fields[place] = value

    def facts(self) -> tuple[dict[str, Any], bytes]:
        """Header and arrays, laid out as they should be, with the right checksums."""
        places: list[Any] = []
        data = b""

        def named(node: Any) -> Any:
            nonlocal data
            if isinstance(node, np.ndarray):
                data += b"\0" * (-len(data) % ALIGNMENT)
                places.append({"dtype": node.dtype.str, "shape": list(node.shape), "offset": len(data)})
                data += node.tobytes()
                checksum = zlib.crc32(node.tobytes()) if node.dtype in (np.int64, np.int32) else None
                return {"array": len(places) - 1, "checksum": checksum}
            if isinstance(node, dict) and "fields" in node:
                return node | {"fields": list(map(named, node["fields"]))}
            return node

        content = named(self.tree)
        return {"content": content, "arrays": places, "size": len(data)}, data

    def to_bytes(self) -> bytes:
        facts, data = self.facts()
        return sealed(json.dumps(facts).encode(), data)


def indexes() -> dict[str, df.KNNIndex]:
    """Indexes of every kind."""
    rng = np.random.default_rng(20)
    normal = rng.standard_normal((N_ROWS, 12)).astype(np.float32)
    integers = rng.integers(-60, 60, (N_ROWS, 12)).astype(np.int8)
    groups = rng.integers(0, 75, N_ROWS)
    near_subspace = low_rank(rng, N_ROWS).astype(np.float32)
    return {
        "dense": df.KNNIndex(normal, strategy="dense"),
        "dense products": df.KNNIndex(normal.astype(np.float64), metric="inner_product", strategy="dense"),
        "dense repeated": df.KNNIndex(integers[groups], strategy="dense"),
        "dense scattered groups": df.KNNIndex(normal[groups], strategy="dense"),
        "integer": df.KNNIndex(normal, strategy="integer"),
        "integer cosine": df.KNNIndex(normal, metric="cosine", strategy="integer"),
        "integer manhattan groups": df.KNNIndex(integers[groups], metric="manhattan", strategy="integer"),
        "prefix": df.KNNIndex(near_subspace, strategy="prefix"),
        "prefix groups": df.KNNIndex(near_subspace.astype(np.float16)[groups], strategy="prefix"),
        "boxes": df.KNNIndex(rng.standard_normal((2 * N_ROWS, 3)).astype(np.float32), strategy="boxes"),
        "boxes float64": df.KNNIndex(rng.standard_normal((2 * N_ROWS, 5)), metric="manhattan", strategy="boxes"),
        "boxes repeated": df.KNNIndex(rng.integers(0, 9, (2 * N_ROWS, 2)).astype(np.uint8), strategy="boxes"),
    }


def all_files(folder: Path) -> dict[str, IndexFile]:
    """The files of these indexes."""
    with pytest.MonkeyPatch.context() as patch:
        lower_limits(patch, leaf_rows=10)
        return {name: IndexFile.of(index, folder / "index") for name, index in indexes().items()}
