"""The lecture's figures, drawn from what the library itself computes. Needs matplotlib.

Each figure is a module: `compute` returns its numbers, `draw` makes a matplotlib figure of them, and the docstring begins with
its title. All that is drawn at random has a fixed seed.
"""

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deeprob_fast import _optional, _scalars
from deeprob_fast._atomic import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FORMATS", "NAMES", "draw", "save", "title"]

# In the lecture's order.
NAMES: tuple[str, ...] = (
    "knn_regions",
    "cross_validation",
    "curse_of_dimensionality",
    "equal_distance_images",
    "linear_viewpoints",
    "svm_margin",
    "svm_and_softmax",
    "regularisation",
    "l1_l2",
    "random_search",
    "numeric_gradient_error",
    "learning_rate",
    "batch_size",
    "ill_conditioned",
    "local_minimum",
    "saddle_point",
)

# Each with what keeps a file free of the date, so that equal figures are equal files.
FORMATS: dict[str, dict[str, None]] = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}

_PIXELS_PER_INCH = 150


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{_scalars.check_choice('name', name, NAMES)}")


def title(name: str) -> str:
    """Return what a figure is about, in one line.

    Parameters
    ----------
    name : str
        Of `NAMES`.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is no such figure.

    Examples
    --------
    >>> from deeprob_fast import figures
    >>> figures.title("learning_rate")
    'The learning rate: too low, good, too high'
    """
    documentation: str = _module(name).__doc__
    return documentation.partition("\n")[0].removesuffix(".")


def draw(name: str) -> "Figure":
    """Compute a figure and draw it.

    Parameters
    ----------
    name : str
        Of `NAMES`.

    Returns
    -------
    matplotlib.figure.Figure
        Known to pyplot, whose `show` shows it.

    Raises
    ------
    ValueError
        If there is no such figure.
    ModuleNotFoundError
        If there is no matplotlib.

    Examples
    --------
    >>> from deeprob_fast import figures
    >>> figures.draw("learning_rate").axes[0].get_xlabel()
    'step'
    """
    module = _module(name)
    _optional.require("matplotlib.pyplot", "plot")
    figure: Figure = module.draw(module.compute())
    return figure


def save(directory: str | Path, names: Iterable[str] | None = None, format: str = "png") -> list[Path]:
    """Draw figures into files.

    Parameters
    ----------
    directory : str or Path
        Made where it does not exist.
    names : iterable of str, optional
        Of `NAMES`; by default all of them.
    format : {"png", "svg", "pdf"}

    Returns
    -------
    list of Path
        The files, named as their figures.

    Raises
    ------
    ValueError
        If there is no such figure or format; nothing is written then.
    TypeError
        If names is one string.
    ModuleNotFoundError
        If there is no matplotlib.
    OSError
        If a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from deeprob_fast import figures
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in figures.save(folder, ["learning_rate"], "svg")]
    ['learning_rate.svg']
    """
    if isinstance(names, str):
        msg = f"names must be several names of figures, as a list; got the string {names!r}"
        raise TypeError(msg)
    chosen = [_scalars.check_choice("name", name, NAMES) for name in (NAMES if names is None else names)]
    metadata = FORMATS[_scalars.check_choice("format", format, tuple(FORMATS))]
    pyplot = _optional.require("matplotlib.pyplot", "plot")
    folder = _scalars.check_path("directory", directory)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in chosen:
        path = folder / f"{name}.{format}"
        figure = draw(name)
        try:
            with replacing(path) as file, pyplot.rc_context({"svg.hashsalt": name}):
                figure.savefig(file, format=format, dpi=_PIXELS_PER_INCH, metadata=metadata)
        finally:
            pyplot.close(figure)
        written.append(path)
    return written
