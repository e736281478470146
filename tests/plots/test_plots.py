"""What all displays promise: an import that costs nothing, axes of theirs or mine, no surprises."""

import inspect
import re
import subprocess
import sys
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

import deeprob_fast as df
from deeprob_fast import plots

pytestmark = pytest.mark.usefixtures("figures")

NAMES = sorted(plots.__all__)


def example(name, **options):
    """Draw something small."""
    x, y = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([0, 1, 0, 1])
    if name == "CrossValidationDisplay":
        result = SimpleNamespace(accuracies={1: [0.5, 0.7]}, mean={1: 0.6}, std={1: 0.1}, best_k=1)
        return plots.CrossValidationDisplay.from_results(result, **options)
    if name == "KNNAccuracyDisplay":
        return plots.KNNAccuracyDisplay.from_evaluation(
            SimpleNamespace(scores=[SimpleNamespace(k=1, temperature=None, top1=0.5)]), **options
        )
    if name == "LossCurveDisplay":
        return plots.LossCurveDisplay.from_training(df.train(x, y, n_epochs=2), **options)
    if name == "SweepDisplay":
        return plots.SweepDisplay.from_sweep(df.sweep(x, y, {"learning_rate": [0.1], "reg": [0.0]}, n_epochs=2), **options)
    if name == "TemplatesDisplay":
        return plots.TemplatesDisplay.from_weights(np.eye(4), (2, 2), **options)
    if name == "DecisionRegionsDisplay":
        return plots.DecisionRegionsDisplay.from_weights(np.eye(2), x, y, **options)
    if name == "NeighborsDisplay":
        rows = np.arange(12.0).reshape(3, 4)
        return plots.NeighborsDisplay.from_neighbors(df.nearest_neighbors(rows, rows, 2), rows, rows, (2, 2), **options)
    if name == "ConfusionMatrixDisplay":
        return plots.ConfusionMatrixDisplay.from_matrix([[3, 1], [0, 2]], **options)
    return plots.ReliabilityDisplay.from_probabilities(y, [[0.9, 0.1]] * 4, **options)


def test_importing_costs_nothing(tmp_path):
    code = (
        "import sys, deeprob_fast as df, deeprob_fast.plots\n"
        "assert df.plots is deeprob_fast.plots\n"
        "assert not {'matplotlib', 'sklearn', 'skops', 'safetensors'} & set(sys.modules), sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_the_package_does_not_import_them(tmp_path):
    code = "import sys, deeprob_fast\nassert 'deeprob_fast.plots' not in sys.modules\nassert deeprob_fast.plots.SweepDisplay\n"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_own_figure_or_given_axes(name):
    display = example(name)
    assert display.figure_ is display.ax_.figure
    assert plt.get_fignums() == [1]
    _, ax = plt.subplots()
    assert display.plot(ax=ax) is display
    assert display.ax_ is ax
    assert len(plt.get_fignums()) == 2
    assert ax.has_data()
    again = example(name, ax=ax)
    assert again.ax_ is ax
    assert len(plt.get_fignums()) == 2


@pytest.mark.parametrize("name", NAMES)
def test_drawn_without_warnings_and_never_shown(name, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("shown"))
    display = example(name)
    display.figure_.canvas.draw()
    assert mpl.get_backend().lower() == "agg"


@pytest.mark.parametrize("name", NAMES)
def test_displays_are_documented(name):
    thing = getattr(plots, name)
    for parameter in inspect.signature(thing).parameters:
        assert re.search(rf"^    (\w+, )*{parameter}\b.* : ", thing.__doc__, re.MULTILINE), parameter
    for section in ("Parameters", "Attributes", "Examples"):
        assert f"{section}\n    ---" in thing.__doc__
    methods = [m for m, f in inspect.getmembers(thing) if not m.startswith("_") and callable(f)]
    assert "plot" in methods
    assert len(methods) >= 2
    for method in methods:
        for parameter in set(inspect.signature(getattr(thing, method)).parameters) - {"self"}:
            assert parameter in (inspect.getdoc(getattr(thing, method)) or ""), f"{method} lacks {parameter}"


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot")
    with pytest.raises(ImportError, match=r"needs matplotlib: pip install 'deeprob-fast\[plot\]'"):
        example("ReliabilityDisplay")
