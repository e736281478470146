"""Each check of a saved index by itself: a file that only this check tells from one that `save` wrote."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import deeprob_fast as df
from deeprob_fast import _kernels
from tests.safety.index_files import ALIGNMENT, N_ROWS, IndexFile, all_files, sealed

Change = Callable[[IndexFile], object]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, IndexFile]:
    return all_files(tmp_path_factory.mktemp("saved"))


def setting(name: str, value: Any) -> Change:
    """Put another value there."""

    def change(file: IndexFile) -> None:
        file[name] = value

    return change


def element(name: str, place: Any, value: Any) -> Change:
    """Change elements of an array; a place in the last panel or node is counted from the end."""

    def change(file: IndexFile) -> None:
        file[name].reshape(-1)[place] = value

    return change


def longer(name: str) -> Change:
    def change(file: IndexFile) -> None:
        file[name] = np.concatenate([file[name], file[name][-1:]])

    return change


def as_column(name: str) -> Change:
    def change(file: IndexFile) -> None:
        file[name] = file[name].reshape(-1, 1)

    return change


def as_dtype(dtype: str, *names: str) -> Change:
    def change(file: IndexFile) -> None:
        for name in names:
            file[name] = file[name].astype(dtype)

    return change


def swap_distinct_rows(file: IndexFile) -> None:
    """The first two groups change places, in all three arrays."""
    representatives, starts, members = (file[f"prepared.duplicates.{name}"] for name in ("representatives", "starts", "members"))
    first, second = members[: starts[1]].copy(), members[starts[1] : starts[2]].copy()
    members[: starts[2]] = np.concatenate([second, first])
    starts[1] = len(second)
    representatives[:2] = representatives[1::-1].copy()


def swap_in_first_repeated_row(file: IndexFile) -> None:
    """The last two rows of a group of at least three."""
    starts, members = file["prepared.duplicates.starts"], file["prepared.duplicates.members"]
    end = starts[1:][np.diff(starts) >= 3][0]
    members[[end - 2, end - 1]] = members[[end - 1, end - 2]]


def cosine(file: IndexFile) -> None:
    file["metric"] = file["prepared.metric"] = "cosine"


def first_twice(name: str) -> Change:
    def change(file: IndexFile) -> None:
        file[name][1] = file[name][0]

    return change


DUPLICATES = "prepared.duplicates"
PACKING = "prepared.packing"
ORDER = "prepared.order"
STRATEGY = "prepared.strategy"
PREFIX = f"{STRATEGY}.prefix"
PROJECTION = f"{PREFIX}.projection"
STAGES = f"{PREFIX}.stages"
TREE = f"{PREFIX}.tree"
BYTES = "prepared.bytes"
LAST_ROW = N_ROWS - 1

REFUSED: list[tuple[str, Change, str]] = [
    ("dense", setting("isa", "x86-64-v9"), "_Saved.isa must be one of baseline, x86-64-v3"),
    ("dense", setting("metric", "hamming"), "metric must be one of euclidean"),
    ("dense", setting("requested", "fast"), "strategy must be one of auto"),
    ("dense", setting("prepared.metric", "manhattan"), "the metric of prepared rows must be euclidean; got 'manhattan'"),
    ("dense", setting("prepared.train", np.zeros(12, np.float32)), "train must have rows and features; got shape (12,)"),
    ("dense", setting("prepared.train", np.zeros((0, 12), np.float32)), "train must have rows and features; got shape (0, 12)"),
    ("dense", setting("prepared.train", np.zeros((5, 0), np.float32)), "train must have rows and features; got shape (5, 0)"),
    ("dense", as_dtype("i4", "prepared.train"), "train must be of a dtype that kernels read; got int32"),
    ("dense", setting("prepared.first_row", 1), "Prepared.first_row must be 0; got 1"),
    ("dense", setting("prepared.largest_norm", -1.0), "Prepared.largest_norm must not be negative; got -1.0"),
    ("dense", setting("prepared.largest_norm", 1), "_Saved.prepared.largest_norm must be float; got 1"),
    ("dense", setting("prepared.largest_norm", float("inf")), "_Saved.prepared.largest_norm must be float; got inf"),
    ("dense", setting("prepared.integral", 1), "_Saved.prepared.integral must be bool; got 1"),
    ("dense", setting("prepared.first_row", False), "_Saved.prepared.first_row must be int; got False"),
    ("dense", setting("predicted_cost", -1.0), "_Saved.predicted_cost must not be negative; got -1.0"),
    ("dense", setting("predicted_cost", 1), "_Saved.predicted_cost must be float or NoneType; got 1"),
    # Duplicates
    ("dense", setting(f"{DUPLICATES}.starts", np.zeros(1, np.int64)), "Duplicates.starts must have shape (0,); got (1,)"),
    (
        "dense",
        setting(f"{DUPLICATES}.members", np.zeros((0, 3), np.int64)),
        "Duplicates.members must have shape (0,); got (0, 3)",
    ),
    ("dense repeated", longer(f"{DUPLICATES}.representatives"), "Duplicates.starts must have shape"),
    ("dense repeated", as_column(f"{DUPLICATES}.representatives"), "Duplicates.representatives must have shape"),
    ("dense repeated", longer(f"{DUPLICATES}.members"), f"Duplicates.members must have shape ({N_ROWS},)"),
    (
        "dense repeated",
        element(f"{DUPLICATES}.starts", 0, 1),
        f"Duplicates.starts must lead from 0 to {N_ROWS}; got 1 to {N_ROWS}",
    ),
    (
        "dense repeated",
        element(f"{DUPLICATES}.starts", -1, 10**9),
        f"Duplicates.starts must lead from 0 to {N_ROWS}; got 0 to 1000000000",
    ),
    ("dense repeated", element(f"{DUPLICATES}.starts", 1, 0), "Duplicates.starts must ascend; got 0 at 0"),
    ("dense repeated", element(f"{DUPLICATES}.starts", 5, 10**9), "Duplicates.starts must ascend; got 1000000000 at 5"),
    ("dense repeated", element(f"{DUPLICATES}.members", 5, 10**9), f"Duplicates.members must lie between 0 and {LAST_ROW}"),
    (
        "dense repeated",
        element(f"{DUPLICATES}.members", 5, -1),
        f"Duplicates.members must lie between 0 and {LAST_ROW}; got -1 to",
    ),
    (
        "dense repeated",
        first_twice(f"{DUPLICATES}.members"),
        f"Duplicates.members must hold each number below {N_ROWS} once; got no",
    ),
    ("dense repeated", swap_in_first_repeated_row, "Duplicates.members must ascend among equal rows; got"),
    (
        "dense repeated",
        element(f"{DUPLICATES}.representatives", 3, 10**9),
        "Duplicates.representatives must be the first of equal rows",
    ),
    ("dense repeated", swap_distinct_rows, "Duplicates.representatives must ascend; got 1 at 0"),
    # Filters
    ("dense", setting(f"{STRATEGY}.name", "boxes"), "Strategy.name must be one of dense, integer, prefix; got 'boxes'"),
    ("integer", setting(f"{STRATEGY}.name", "prefix"), "Strategy.name must be another one, as fewer than 64 features"),
    ("prefix", setting(PREFIX, None), "Strategy.prefix must be there for a prefix only; got prefix"),
    ("dense", setting(f"{STRATEGY}.centering.center", np.zeros(1)), "Centering.center must have shape (12,); got (1,)"),
    ("dense", element(f"{STRATEGY}.centering.center", 3, np.nan), "Centering.center must lie between"),
    ("dense", element(f"{STRATEGY}.centering.center", 3, 1e77), "Centering.center must lie between"),
    ("dense", setting(f"{STRATEGY}.centering.scale", -1.0), "Centering.scale must lie between 1e-153 and 1e+153; got -1.0"),
    ("dense", setting(f"{STRATEGY}.centering.scale", 0.75), "Centering.scale must be a power of two; got 0.75"),
    ("dense", setting(f"{STRATEGY}.centering.scale", 2.0**600), "Centering.scale must lie between 1e-153 and 1e+153; got"),
    ("integer", setting(f"{STRATEGY}.centering.scale", 1e80), "Centering.scale must lie between 1e-153 and 1e+28; got 1e+80"),
    ("prefix", setting(f"{STRATEGY}.centering.scale", 1e80), "Centering.scale must lie between 1e-153 and 1e+28; got 1e+80"),
    ("prefix", setting(f"{STRATEGY}.centering.center", np.zeros(1)), "Centering.center must have shape (96,); got (1,)"),
    ("prefix", setting(f"{STRATEGY}.centering.scale", 0.0), "Centering.scale must lie between"),
    ("prefix", setting(f"{PROJECTION}.basis", np.zeros((0, 96), np.float32)), "Projection.basis must have 1 to 96 directions"),
    ("prefix", setting(f"{PROJECTION}.basis", np.zeros((16, 1), np.float32)), "Projection.basis must have shape (16, 96)"),
    ("prefix", element(f"{PROJECTION}.basis", 3, 3.0), "Projection.basis must lie between -2.0 and 2.0; got"),
    ("prefix", setting(f"{PROJECTION}.defect", -1e-9), "Projection.defect must lie between 0 and 1; got -1e-09"),
    ("prefix", setting(f"{PROJECTION}.defect", 2.0), "Projection.defect must lie between 0 and 1; got 2.0"),
    ("prefix", setting(f"{PROJECTION}.ends", np.zeros(0, np.int64)), "Projection.ends must be 1 to 4 stages; got 0"),
    ("prefix", setting(f"{PROJECTION}.ends", np.arange(1, 6)), "Projection.ends must be 1 to 4 stages; got 5"),
    ("prefix", element(f"{PROJECTION}.ends", -1, 10**9), "Projection.ends must end with"),
    ("prefix", setting(f"{PROJECTION}.ends", np.array([0, 16])), "Projection.ends must ascend from 1; got 0 at 0"),
    ("prefix", element(f"{STAGES}.ends", 0, 1), "Stages.ends must be those of the projection; got"),
    ("prefix", longer(f"{STAGES}.scales"), "Stages.scales must have shape"),
    ("prefix", element(f"{STAGES}.scales", 0, np.nan), "Stages.scales must lie between"),
    ("prefix", longer(f"{STAGES}.center"), "Stages.center must have shape"),
    ("prefix", element(f"{STAGES}.center", 1, np.inf), "Stages.center must lie between"),
    ("prefix", setting(f"{TREE}.axes", np.zeros((2, 17), np.float32)), "AxisTree.axes must be a complete tree of 4095 nodes"),
    ("prefix", setting(f"{TREE}.axes", np.zeros((3, 1), np.float32)), "AxisTree.axes must have shape (3, "),
    ("prefix", longer(f"{TREE}.cuts"), "AxisTree.cuts must have shape"),
    ("prefix", element(f"{TREE}.axes", 3, np.nan), "AxisTree.axes must lie between"),
    ("prefix", element(f"{TREE}.cuts", 0, np.inf), "AxisTree.cuts must lie between"),
    # Packed rows
    *[("dense", longer(f"{PACKING}.{name}"), f"Packing.{name} must have shape") for name in ("panels", "bias", "norm", "slack")],
    ("dense", as_dtype("i4", f"{PACKING}.panels"), "Packing.panels must be of float32; got int32"),
    ("integer", as_dtype("f4", f"{PACKING}.bias"), "Packing.bias must be of int32; got float32"),
    ("dense", element(f"{PACKING}.bias", LAST_ROW, np.nan), "Packing.bias must lie between"),
    ("dense", element(f"{PACKING}.bias", LAST_ROW, -np.inf), "Packing.bias must lie between"),
    ("integer", element(f"{PACKING}.bias", LAST_ROW, 2**29 + 1), "Packing.bias must lie between"),
    ("integer", element(f"{PACKING}.bias", LAST_ROW, -(2**31)), "Packing.bias must lie between"),
    ("dense", element(f"{PACKING}.bias", N_ROWS, 0), "Packing.bias must be "),
    ("integer", element(f"{PACKING}.bias", -1, 0), "Packing.bias must be "),
    (
        "integer",
        element(f"{PACKING}.panels", -1, 0x01010101),
        "Packing.panels must be ",
    ),
    ("dense", element(f"{PACKING}.norm", 2, -1), "Packing.norm must lie between 0 and"),
    ("dense", element(f"{PACKING}.norm", 2, np.inf), "Packing.norm must lie between 0 and"),
    ("integer", element(f"{PACKING}.slack", 2, -1), "Packing.slack must lie between 0 and inf; got -1.0"),
    ("integer", element(f"{PACKING}.slack", 2, np.nan), "Packing.slack must lie between 0 and inf; got nan"),
    ("dense", setting(ORDER, np.arange(0)), f"Prepared.order must have shape ({N_ROWS},); got (0,)"),
    ("dense", element(ORDER, 2, N_ROWS), f"Prepared.order must lie between 0 and {LAST_ROW}"),
    ("dense", setting("prepared.strategy.scatters", value=False), f"Prepared.order must have shape (0,); got ({N_ROWS},)"),
    ("dense scattered groups", longer(ORDER), "Prepared.order must have shape ("),
    ("dense scattered groups", first_twice(ORDER), "Prepared.order must hold each representative once; got "),
    ("prefix", longer(ORDER), f"Prepared.order must have shape ({N_ROWS},)"),
    ("prefix", first_twice(ORDER), f"Prepared.order must hold each number below {N_ROWS} once"),
    ("prefix", element(ORDER, 2, N_ROWS), f"Prepared.order must lie between 0 and {LAST_ROW}"),
    *[
        ("prefix", longer(f"{PACKING}.{name}"), f"StagePacking.{name} must have shape")
        for name in ("words", "slack", "centers", "radii")
    ],
    ("prefix", element(f"{PACKING}.slack", 0, np.nan), "StagePacking.slack must lie between 0 and inf; got nan"),
    ("prefix", element(f"{PACKING}.centers", 0, np.nan), "StagePacking.centers must lie between"),
    ("prefix", element(f"{PACKING}.radii", 0, -1), "StagePacking.radii must lie between 0 and inf; got -1.0"),
    ("prefix", setting(BYTES, None), "Prepared.bytes must be there for a prefix only; got prefix"),
    ("prefix", longer(f"{BYTES}.bytes"), "ByteRows.bytes must have shape"),
    ("prefix", longer(f"{BYTES}.squares"), "ByteRows.squares must have shape"),
    ("prefix", longer(f"{BYTES}.residuals"), "ByteRows.residuals must have shape"),
    ("prefix", element(f"{BYTES}.squares", 2, 2**30), "ByteRows.squares must lie between"),
    ("prefix", element(f"{BYTES}.residuals", 2, -1), "ByteRows.residuals must lie between 0 and inf"),
    # Trees
    ("boxes", cosine, "there must be no tree, as boxes have no bound for metric cosine"),
    *[("boxes", longer(f"prepared.{name}"), f"Tree.{name} must have shape") for name in ("values", "rows", "boxes")],
    ("boxes", as_dtype("f8", "prepared.boxes"), "Tree.boxes must be of float32, as the values; got float64"),
    (
        "boxes float64",
        as_dtype("f4", "prepared.boxes", "prepared.values"),
        "Tree.values must be of float64, as the training rows",
    ),
    ("boxes", first_twice("prepared.rows"), f"Tree.rows must hold each number below {2 * N_ROWS} once"),
    ("boxes", element("prepared.rows", 3, 10**9), f"Tree.rows must lie between 0 and {2 * N_ROWS - 1}"),
    ("boxes repeated", element("prepared.rows", 3, 10**9), "Tree.rows must be the first of equal rows"),
    ("boxes repeated", element(f"{DUPLICATES}.members", 3, 10**9), "Duplicates.members must lie between"),
    ("boxes", element("prepared.rows", -1, 1), "Tree.rows must be 0 beyond the last row; got 1 at"),
    ("boxes", element("prepared.values", -1, 1), "Tree.values must be NaN beyond the last row or child; got 1.0 at (2, "),
    ("boxes", element("prepared.boxes", -1, 1), "Tree.boxes must be NaN beyond the last row or child; got 1.0 at (2, 1, "),
    ("boxes", element("prepared.boxes", 0, np.nan), "Tree.boxes must hold smallest values and largest; got nan at (0, 0, 0)"),
    ("boxes", element("prepared.boxes", 16, np.nan), "Tree.boxes must hold smallest values and largest"),
    ("boxes", element("prepared.boxes", 0, 99), "Tree.boxes must hold smallest values and largest; got 99.0 at (0, 0, 0)"),
    # Types
    (
        "dense",
        lambda file: file.tree["fields"].pop(),
        "_Saved must have the fields isa, metric, requested, reason, predicted_cost, prepared; got [",
    ),
    ("dense", lambda file: file.tree.update(more=1), "_Saved must have tuple, fields; got {"),
    ("dense", lambda file: file.tree.update(tuple="Prepared"), "_Saved must be _Saved; got {"),
    ("dense", setting("prepared.metric", 3), "_Saved.prepared.metric must be str; got 3"),
    ("dense", setting(PACKING, "x"), "_Saved.prepared.packing must be Packing or StagePacking; got 'x'"),
    ("dense", setting(f"{DUPLICATES}.starts", 1.5), "_Saved.prepared.duplicates.starts must be "),
    ("dense", as_dtype("i4", f"{DUPLICATES}.starts"), "_Saved.prepared.duplicates.starts must be of type"),
    ("integer", as_dtype("f8", f"{PACKING}.panels"), "_Saved.prepared.packing.panels must be of type"),
]


@pytest.mark.parametrize(
    ("name", "change", "message"), REFUSED, ids=[f"{i} {name}: {what[:50]}" for i, (name, _, what) in enumerate(REFUSED)]
)
def test_a_file_is_refused(files, tmp_path, name, change, message):
    file = files[name].copy()
    change(file)
    path = tmp_path / "index"
    path.write_bytes(file.to_bytes())
    with pytest.raises(ValueError, match=re.escape(f"{path} is damaged: {message}")):
        df.KNNIndex.load(path)


def test_arrays_that_no_field_names(files, tmp_path):
    facts, data = files["dense"].facts()
    data += b"\0" * (-len(data) % ALIGNMENT)
    facts["arrays"].append({"dtype": "|u1", "shape": [0], "offset": len(data)})
    facts["size"] = len(data)
    (tmp_path / "index").write_bytes(sealed(json.dumps(facts).encode(), data))
    n = len(facts["arrays"])
    with pytest.raises(ValueError, match=f"index is damaged: the content must name all {n} arrays; got {n - 1}"):
        df.KNNIndex.load(tmp_path / "index")


def test_rows_of_another_level_are_checked_as_rows(files, tmp_path):
    other = next(level for level in _kernels.LEVELS if level != _kernels.ISA)
    file = files["dense"].copy()
    file["isa"] = other
    (tmp_path / "index").write_bytes(file.to_bytes())
    assert df.KNNIndex.load(tmp_path / "index").n_train == N_ROWS
    file["prepared.train"][7, 3] = np.nan
    (tmp_path / "index").write_bytes(file.to_bytes())
    with pytest.raises(ValueError, match="index is damaged: train must be finite; row 7 holds NaN"):
        df.KNNIndex.load(tmp_path / "index")
