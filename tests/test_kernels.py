"""The cranky layer: a kernel refuses what Python must not give it, and the stub names what is there."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import deeprob_fast
from deeprob_fast import _cpu, _kernels

STUB = Path(deeprob_fast.__file__).with_name("_kernels.pyi").read_text(encoding="utf-8")


def search_arguments(**changes):
    train = np.ones((32, 4), dtype=np.float32)
    none = np.empty(0, dtype=np.int64)
    rows = _kernels.panel_rows()
    n_panels = -(-32 // rows)
    facts = {
        "train": train,
        "positions": none,
        "center": np.zeros(4),
        "panels": np.zeros(n_panels * rows * 4, dtype=np.float32),
        "queries": train[:2],
        "tiles": np.zeros(_kernels.tile_queries() * 4, dtype=np.float32),
        "measures": np.zeros((2, 5)),
        "distances": np.empty((2, 3)),
        "indices": np.empty((2, 3), dtype=np.int64),
        "metric": "euclidean",
        **changes,
    }
    bias = np.zeros(n_panels * rows, dtype=np.float32)
    norm, slack = np.zeros((2, n_panels), dtype=np.float32)
    return {
        "rows": (facts["train"], facts["positions"], none, none, none, 0),
        "metric": facts["metric"],
        "centering": (facts["center"], 1.0),
        "packing": (facts["panels"], bias, norm, slack),
        "facts": (1.0, False),
        "queries": (facts["queries"], facts["tiles"], facts["measures"]),
        "output": (facts["distances"], facts["indices"]),
        "n_threads": 1,
    }


def read_only(array):
    array.setflags(write=False)
    return array


def test_search_takes_what_python_gives_it(isa):
    swept, passed, _, _, refined, _ = _kernels.search(**search_arguments())
    assert swept >= passed >= refined > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"train": np.ones((32, 4), dtype=np.int32)},
        {"train": np.ones(32, dtype=np.float32)},
        {"train": np.ones((4, 32), dtype=np.float32).T},
        {"train": np.ones((32, 4), dtype=">f4")},
        {"train": np.zeros(32 * 16 + 1, dtype=np.uint8)[1:].view(np.float32).reshape(32, 4)},
        {"queries": np.ones((2, 4), dtype=np.int64)},
        {"center": np.zeros(4, dtype=np.float32)},
        {"panels": np.zeros(128)},
        {"tiles": np.zeros(128)},
        {"measures": np.zeros((2, 5), dtype=np.float32)},
        {"distances": np.empty((2, 3), dtype=np.float32)},
        {"distances": np.empty((3, 2)).T},
        {"indices": np.empty((2, 3), dtype=np.int32)},
        {"distances": read_only(np.empty((2, 3)))},
        {"positions": np.empty(0, dtype=np.int32)},
    ],
)
def test_search_refuses_wrong_types_and_layouts(isa, changes):
    with pytest.raises(TypeError):
        _kernels.search(**search_arguments(**changes))


def test_unknown_metric(isa):
    with pytest.raises(ValueError, match="unknown metric hamming"):
        _kernels.search(**search_arguments(metric="hamming"))


def test_top_k_refuses_strided_rows(isa):
    out, columns = np.empty((2, 1)), np.empty((2, 1), dtype=np.int64)
    with pytest.raises(TypeError, match="contiguous"):
        _kernels.top_k(np.ones((2, 8))[:, ::2], 1, False, out, columns, 1)


@pytest.mark.parametrize("level", _cpu.runnable())
def test_stub_names_what_the_modules_hold(level):
    module = _kernels.load(level)
    own = {"VARIABLE", "LEVELS", "ISA", "pick_level", "load"}
    stubbed = set(re.findall(r"^def (\w+)", STUB, re.MULTILINE)) | set(re.findall(r"^([A-Z]\w*): ", STUB, re.MULTILINE))
    assert stubbed - own == {name for name in dir(module) if not name.startswith("_")}


def test_stub_names_the_parameters(isa):
    signatures = dict(re.findall(r"^def (\w+)\((.*?)\) ->", STUB, re.MULTILINE | re.DOTALL))
    for name, parameters in signatures.items():
        if name in ("pick_level", "load"):
            continue
        documented = inspect.getdoc(getattr(_kernels, name)) or ""
        stubbed = re.findall(r"(\w+): ", parameters)
        first = documented.splitlines()[0] if "Overloaded" not in documented else documented.split("1. ")[1].splitlines()[0]
        assert re.findall(r"[(,] ?(\w+): ", first) == stubbed, name
        assert len(stubbed) <= 10, f"{name} takes {len(stubbed)} arguments: facts that belong together cross as one record"
