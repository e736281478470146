"""The report: one page of HTML that needs nothing else."""

from pathlib import Path
from typing import Any

from deeprob_fast.cli.report import _figures
from deeprob_fast.cli.report.model import Column, Figure, Result, Section, words

__all__ = ["Column", "Figure", "Result", "Section", "render"]

_FOLDER = Path(__file__).parent


def render(result: Result) -> str:
    """Write a result as a page.

    The page is one file without scripts: figures are inline SVG, nothing is requested from anywhere. Where matplotlib is missing
    the page says how to get the figures.

    Parameters
    ----------
    result : Result

    Returns
    -------
    str
        HTML.
    """
    import jinja2  # only pages need it

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    figures, note = _drawn(result)
    page = environment.get_template("page.html.jinja")
    return page.render(result=result, figures=figures, note=note, show=_show, words=words)


def _drawn(result: Result) -> tuple[dict[str, list[tuple[Figure, str, str]]], str]:
    """Draw the figures of each section: (figure, svg, why there is none); and say what is missing to draw any."""
    drawn: dict[str, list[tuple[Figure, str, str]]] = {}
    for number, section in enumerate(result.sections):
        drawn[section.name] = []
        for place, figure in enumerate(section.figures):
            try:
                drawn[section.name].append((figure, _figures.draw_svg(figure, f"s{number}f{place}-"), ""))
            except ModuleNotFoundError as error:
                return {section.name: [] for section in result.sections}, f"There are no figures: {error}"
            except ValueError as error:
                # A name can look like mathematics and not be any. The numbers must not be lost with it.
                drawn[section.name].append((figure, "", f"This figure could not be drawn: {error}"))
    return drawn, ""


def _show(value: Any) -> str:
    """Write a value of the settings or the provenance."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_show, value))
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
