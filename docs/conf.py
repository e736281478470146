"""How Sphinx builds the documentation: ``nox -s docs``. Nothing here needs the network."""

import re
import sys
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parent
# Examples import the installed package: the one beside this folder has no compiled modules.
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != DOCS.parent]
sys.path.append(str(DOCS / "_ext"))

import public_names  # noqa: E402  # found on the path that was just set

PROJECT = tomllib.loads((DOCS.parent / "pyproject.toml").read_text("utf-8"))["project"]

project = "deeprob_fast"
author = "the deeprob_fast contributors"
project_copyright = author
version = release = PROJECT["version"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "api_pages",
    "mathml",
    "name_links",
]
exclude_patterns = ["gallery"]
templates_path = ["_templates"]
nitpicky = True

# One backtick in a docstring is code, as two are.
default_role = "literal"
autodoc_typehints = "none"  # the docstrings say more
autosummary_ignore_module_all = False
autosummary_context = {"own_methods": public_names.own_methods, "own_properties": public_names.own_properties}
smartquotes = False  # "euclidean" is to be typed
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

myst_heading_anchors = 3  # as GitHub makes them

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"plot_",
    "doc_module": ("deeprob_fast",),
    "backreferences_dir": "api/generated/examples",
    "capture_repr": (),
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "min_reported_time": 60,
    "show_memory": False,
    "write_computation_times": False,
}
suppress_warnings = ["config.cache"]  # functions in autosummary_context cannot be pickled; they change nothing between builds

toc_object_entries_show_parents = "hide"

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "deeprob_fast"
html_static_path = ["_static"]
html_css_files = ["house.css"]
html_show_sourcelink = False
html_copy_source = False
# These have no pages below them.
ALONE = ("conventions", "developer", "exactness", "index", "lecture", "performance", "quickstart")
html_sidebars: dict[str, list[str]] = {name: [] for name in ALONE}
html_theme_options = {
    "github_url": PROJECT["urls"]["Homepage"],
    "header_links_before_dropdown": 6,
    "navbar_align": "left",
    "show_toc_level": 2,
}


def link_examples(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Let links to the source of an example, as they are of use on GitHub, lead to its page."""
    source[0] = re.sub(r"\]\(((?:\.\./)*)gallery/(plot_\w+)\.py\)", r"](\1examples/\2.rst)", source[0])


def setup(app: Sphinx) -> None:
    """Let Sphinx call the function above for every page."""
    app.connect("source-read", link_examples)
