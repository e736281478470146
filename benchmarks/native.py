"""C++ with Eigen that is compiled for this machine when it is first asked for."""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

_KERNELS = Path(__file__).resolve().parent.parent / "src" / "cpp"
# The threads of an OpenMP library, as many as the processors that NumPy's BLAS takes. The last flags are those of the kernels.
_FLAGS = ("-std=c++20", "-O3", "-march=native", "-fopenmp", "-DNDEBUG", "-shared", "-fPIC")
_KERNEL_FLAGS = ("-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi")


def _headers() -> list[Path]:
    """Return where Eigen may be: the wheel among the build requirements, or the system's."""
    wheel = importlib.util.find_spec("cmeel")
    folders = [] if wheel is None or wheel.origin is None else [Path(wheel.origin).parent.parent / "cmeel.prefix" / "include"]
    return [folder / "eigen3" for folder in [*folders, Path("/usr/include"), Path("/usr/local/include")]]


@cache
def compiled(source: Path) -> ctypes.CDLL | str:
    """Compile a file into a library, or say why it cannot be."""
    compiler = os.environ.get("CXX") or shutil.which("c++")
    if compiler is None:
        return "no C++ compiler was found"
    headers = next((folder for folder in _headers() if (folder / "Eigen" / "Core").is_file()), None)
    if headers is None:
        return "Eigen's headers were not found: pip install cmeel-eigen"
    library = Path(tempfile.mkdtemp()) / f"{source.stem}.so"
    includes = (f"-I{headers}", f"-I{_KERNELS}")
    command = [compiler, *_FLAGS, *_KERNEL_FLAGS, *includes, str(source), "-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return ctypes.CDLL(str(library)) if done.returncode == 0 else f"it could not be compiled: {done.stderr[-500:]}"
