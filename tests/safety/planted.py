"""Faults to plant into a copy of the kernels: a sanitizer that does not see them proves nothing.

``python planted.py SOURCES KIND`` plants the faults of a kind into the C++ files of that folder; ``python planted.py KIND``
then calls what has been built of them, each fault in a process of its own, and fails unless each is reported.
"""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Fault(NamedTuple):
    """A line that is right, what it becomes, a call that reaches it, and what must be reported of it."""

    kinds: tuple[str, ...]
    file: str
    right: str
    wrong: str
    call: str
    report: str


PRELUDE = """
import numpy as np, deeprob_fast as df
from deeprob_fast import _kernels
rows = np.random.default_rng(0).standard_normal((300, 40))
squares = ((rows[:, None] - rows) ** 2).sum(axis=-1)
"""

FAULTS = {
    "a read out of bounds": Fault(
        ("address",),
        "knn/top_k.hpp",
        "for (Index i = 0; i < n; ++i) found |=",
        "for (Index i = 0; i <= n; ++i) found |=",
        "df.top_k(rows, 3, n_threads=1)",
        "heap-buffer-overflow",
    ),
    "an overflow": Fault(
        ("address",),
        "bind_linear.cpp",
        "const Index stride = linear::column_stride(n_columns);",
        "const Index stride = linear::column_stride(n_columns + std::numeric_limits<Index>::max());",
        "_kernels.column_slices(40)",
        "signed integer overflow",
    ),
    "a dangling reference": Fault(
        ("address", "optimized"),
        "knn/runs.hpp",
        "    Runs runs_;",
        "    const Runs& runs_;",
        "found = df.KNNIndex(rows, strategy='dense', n_threads=1).search(rows, 3)\n"
        "assert (found.indices == np.argsort(squares, axis=1, kind='stable')[:, :3]).all(), 'wrong neighbours'",
        "stack-use-after-return|wrong neighbours|ValueError|Segmentation fault",
    ),
    "a data race": Fault(
        ("thread",),
        "knn/top_k.hpp",
        "        Entry<T>* buffer = ",
        "        static Index planted = 0;\n        ++planted;\n        Entry<T>* buffer = ",
        "df.top_k(np.zeros((2000, 300)), 3, n_threads=2)",
        "data race",
    ),
}


def plant(sources: Path, kind: str) -> None:
    """Write the faults of a kind into C++ files."""
    for name, fault in FAULTS.items():
        if kind in fault.kinds:
            path = sources / fault.file
            text = path.read_text(encoding="utf-8")
            if text.count(fault.right) != 1:
                msg = f"{fault.file} must hold the line of {name} once: {fault.right!r}"
                raise SystemExit(msg)
            path.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")


def check(kind: str) -> None:
    """Fail unless each fault of a kind is reported."""
    for name, fault in FAULTS.items():
        if kind in fault.kinds:
            done = subprocess.run(
                [sys.executable, "-P", "-c", PRELUDE + fault.call], capture_output=True, text=True, check=False, timeout=120
            )
            report = done.stdout + done.stderr + ("Segmentation fault" if done.returncode < 0 else "")
            if done.returncode == 0 or not any(words in report for words in fault.report.split("|")):
                msg = f"nobody saw {name} ({fault.file}); exit code {done.returncode}:\n{report}"
                raise SystemExit(msg)
            print(f"{name}: seen")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        plant(Path(sys.argv[1]), sys.argv[2])
    else:
        check(sys.argv[1])
