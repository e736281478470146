"""Eigen's matrix product alone, compiled for this machine when it is first asked for."""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from deeprob_fast.bench.numpy_search import TILE, Array

_SOURCE = Path(__file__).with_suffix(".cpp")
# The threads of an OpenMP library, as many as the processors that NumPy's BLAS takes.
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-fopenmp", "-DNDEBUG", "-shared", "-fPIC")


def _headers() -> list[Path]:
    """Return where Eigen may be: the wheel among the build requirements, or the system's."""
    wheel = importlib.util.find_spec("cmeel")
    folders = [] if wheel is None or wheel.origin is None else [Path(wheel.origin).parent.parent / "cmeel.prefix" / "include"]
    return [folder / "eigen3" for folder in [*folders, Path("/usr/include"), Path("/usr/local/include")]]


@cache
def _library() -> ctypes.CDLL | str:
    """Compile it, or say why it cannot be."""
    compiler = os.environ.get("CXX") or shutil.which("c++")
    if compiler is None:
        return "no C++ compiler was found"
    headers = next((folder for folder in _headers() if (folder / "Eigen" / "Core").is_file()), None)
    if headers is None:
        return "Eigen's headers were not found: pip install cmeel-eigen"
    library = Path(tempfile.mkdtemp()) / "eigen_product.so"
    done = subprocess.run(
        [compiler, *_FLAGS, f"-I{headers}", str(_SOURCE), "-o", str(library)], capture_output=True, text=True, check=False
    )
    return ctypes.CDLL(str(library)) if done.returncode == 0 else f"it could not be compiled: {done.stderr[-500:]}"


def _pointer(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def eigen_product_alone(train: Array, queries: Array) -> Callable[[], None] | str:
    """Return the products of all queries and rows and nothing else, tile by tile as NumPy's, or why there are none."""
    library = _library()
    if isinstance(library, str):
        return library
    height, width = TILE
    tile = np.zeros(height * width, dtype=np.float32)
    train, queries = (np.ascontiguousarray(rows, dtype=np.float32) for rows in (train, queries))
    size = ctypes.c_ssize_t

    def multiply(left: Array, right: Array) -> None:
        library.eigen_product(
            _pointer(left),
            size(len(left)),
            _pointer(right),
            size(len(right)),
            size(right.shape[1]),
            _pointer(tile),
            size(height),
            size(width),
        )

    few, some = queries[:3], train[:5]
    multiply(few, some)
    np.testing.assert_allclose(tile[: len(few) * len(some)].reshape(len(few), len(some)), few @ some.T, rtol=1e-3, atol=1e-3)
    return lambda: multiply(queries, train)
