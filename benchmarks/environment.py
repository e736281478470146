"""The machine as every contestant finds it: a clean environment, equal threads, the best kernels that each BLAS has.

Nothing here may import NumPy before `settle` has run: a BLAS reads its environment once, when it is loaded.
"""

import importlib
import importlib.util
import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NoReturn

STATE = "DEEPROB_FAST_BENCHMARK_STATE"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# Left over in a shell, these make a library choose other kernels than its own best, or pin threads to one core.
STALE_VARIABLES = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "MKL_CBWR",
    "MKL_ENABLE_INSTRUCTIONS",
    "FAISS_SIMD_LEVEL",
    "FAISS_OPT_LEVEL",
    "ATEN_CPU_CAPABILITY",
    "NPY_DISABLE_CPU_FEATURES",
    "OMP_PROC_BIND",
    "OMP_PLACES",
    "OMP_DYNAMIC",
    "OMP_THREAD_LIMIT",
    "GOMP_CPU_AFFINITY",
    "KMP_AFFINITY",
)
# Import name of each library and the distribution that holds it; the order is the order of loading.
LIBRARIES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "sklearnex": "scikit-learn-intelex",
    "faiss": "faiss-cpu",
    "torch": "torch",
}
# OpenBLAS architectures whose sgemm uses the whole vector unit of a processor of that level.
FULL_WIDTH = {
    "x86-64-v4": {"SkylakeX", "Cooperlake", "SapphireRapids"},
    "x86-64-v4-vnni": {"SkylakeX", "Cooperlake", "SapphireRapids"},
    "x86-64-v3": {"Haswell", "Zen", "SkylakeX", "Cooperlake", "SapphireRapids"},
}


def settle(n_threads: int) -> dict[str, Any]:
    """Restart Python until every BLAS runs its best kernels, then give all libraries the same number of threads.

    Parameters
    ----------
    n_threads : int
        Threads of every contestant.

    Returns
    -------
    dict
        `removed`: variables taken out of the environment; `fell_back`: OpenBLAS libraries that had chosen kernels below the
        processor, with the architecture they had chosen; `forced`: the OPENBLAS_CORETYPE set for that reason, or None.
    """
    if STATE not in os.environ:
        removed = {name: os.environ.pop(name) for name in STALE_VARIABLES if name in os.environ}
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(n_threads)))
        _restart({"removed": removed, "fell_back": {}, "forced": None})
    state: dict[str, Any] = json.loads(os.environ[STATE])
    _load_libraries()
    level = processor_level()
    fell_back = {
        blas["file"]: blas["architecture"]
        for blas in blas_libraries()
        if blas["api"] == "openblas" and blas["architecture"] not in FULL_WIDTH.get(level, {blas["architecture"]})
    }
    if fell_back and state["forced"] is None:
        os.environ["OPENBLAS_CORETYPE"] = _best_coretype(level)
        _restart({**state, "fell_back": fell_back, "forced": os.environ["OPENBLAS_CORETYPE"]})
    _set_threads(n_threads)
    return state


def _restart(state: dict[str, Any]) -> NoReturn:
    """Run this very command line again in the environment as it is now."""
    os.environ[STATE] = json.dumps(state)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def installed() -> set[str]:
    """Return the import names of the libraries that are there."""
    return {name for name in LIBRARIES if importlib.util.find_spec(name)}


def _load_libraries() -> None:
    """Import every library that is installed, and what loads the remaining BLAS and OpenMP libraries."""
    importlib.import_module("deeprob_fast")
    importlib.import_module("threadpoolctl")
    importlib.import_module("scipy.linalg")
    for name in LIBRARIES:
        if name in installed():
            importlib.import_module(name)
    importlib.import_module("sklearn.neighbors")


def processor_level() -> str:
    """Return the best instruction-set level that this processor runs, as deeprob_fast names it."""
    from deeprob_fast import _cpu

    return str(_cpu.runnable()[-1])


def _best_coretype(level: str) -> str:
    """Return the OpenBLAS architecture that every dynamic build has for a processor of this level."""
    if level.startswith("x86-64-v4"):
        return "SkylakeX"
    return "Zen" if "AMD" in cpu_model() else "Haswell"


def _set_threads(n_threads: int) -> None:
    """Tell each library by its own control; the limits hold to the end of the process."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=n_threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(n_threads)
    if "faiss" in sys.modules:
        sys.modules["faiss"].omp_set_num_threads(n_threads)
    if "daal4py" in sys.modules:  # the engine of sklearnex; its threads are those of TBB
        sys.modules["daal4py"].daalinit(n_threads)


def blas_libraries() -> list[dict[str, Any]]:
    """Return what each BLAS and OpenMP library that is visible to threadpoolctl has detected."""
    from threadpoolctl import threadpool_info

    return [
        {
            "api": info["internal_api"],
            "architecture": info.get("architecture", "-"),
            "num_threads": info["num_threads"],
            "version": info["version"] or "-",
            "file": "/".join(Path(info["filepath"]).parts[-2:]),
        }
        for info in threadpool_info()
    ]


def cpu_model() -> str:
    """Return the processor's name, with family and model where Linux tells them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = fields.get("model name", platform.machine())
    return f"{name} (family {fields['cpu family']}, model {fields['model']})" if "cpu family" in fields else name


def _own_version() -> str:
    """Return the version of deeprob_fast, which may have been imported from a build tree."""
    try:
        return version("deeprob-fast")
    except PackageNotFoundError:
        return "not installed, imported from a path"


def describe(n_threads: int, state: dict[str, Any]) -> dict[str, Any]:
    """Return the machine and the libraries, as they go into the report."""
    from deeprob_fast import _kernels

    own_kernels = {}
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        mkl = "MKL" if torch.backends.mkl.is_available() else "no MKL"
        own_kernels["torch"] = f"{torch.backends.cpu.get_cpu_capability()}, {mkl}, {torch.get_num_threads()} threads"
    if "faiss" in sys.modules:
        faiss = sys.modules["faiss"]
        own_kernels["faiss"] = f"{faiss.SIMDConfig.get_level_name()}, {faiss.omp_get_max_threads()} threads"
    if "daal4py" in sys.modules:
        own_kernels["sklearnex"] = f"oneDAL with MKL, {sys.modules['daal4py'].num_threads()} threads"
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "level": processor_level(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "threads": n_threads,
        "deeprob_fast": {"version": _own_version(), "isa": _kernels.ISA},
        "libraries": {name: version(LIBRARIES[name]) for name in LIBRARIES if name in installed()},
        "blas": blas_libraries(),
        "own_kernels": own_kernels,
        "environment": state,
    }
