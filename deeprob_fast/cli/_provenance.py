"""Where a result comes from: the data set, the command, the versions and the machine."""

import datetime as dt
import importlib.metadata
import platform
import shlex
from pathlib import Path
from typing import Any

import click
import numpy as np

from deeprob_fast import _kernels, _threads
from deeprob_fast.datasets import Dataset

ARGUMENTS = "deeprob_fast.arguments"


def provenance(n_threads: int | None) -> dict[str, Any]:
    """Return the command line, the versions and the machine."""
    context = click.get_current_context(silent=True)
    arguments = context.meta.get(ARGUMENTS, []) if context else []
    return {
        "command_line": shlex.join(["deeprob-fast", *arguments]),
        "deeprob_fast": importlib.metadata.version("deeprob-fast"),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "processor": _processor(),
        "instruction_set": _kernels.ISA,
        "threads": n_threads or _threads.available_threads(),
        "system": platform.platform(),
        "made": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def describe(data: Dataset, *, n_queries: int | None) -> dict[str, Any]:
    """Return the data set in numbers."""
    return {
        "name": data.name,
        "n_train": len(data.train),
        "n_queries": n_queries,
        "n_features": int(data.train.shape[1]),
        "n_classes": data.n_classes,
        "dtype": str(data.train.dtype),
        "taken": data.taken,
        "split": data.split,
    }
