"""How Sphinx makes the site of these pages: ``python -m sphinx -W --keep-going -n -b html docs docs/_build``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.ext.napoleon import Config, GoogleDocstring

from pytest_cloudtasks import __version__
from pytest_cloudtasks._ledger.reading import entries

if TYPE_CHECKING:
    from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "pytest-cloudtasks"
author = "The pytest-cloudtasks maintainers"
project_copyright = author
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "outside_pages",
    "reference_tables",
    "inline_diagrams",
    "stacked_tables",
]
exclude_patterns = ["_build", "_extensions"]

# The pages are read on the forge, too: headings have the anchors that it gives them, and links name files.
myst_heading_anchors = 4
myst_links_external_new_tab = False
highlight_language = "python"

default_role = "code"  # docstrings are plain text with names in backticks
add_module_names = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
# Long types are shown by their names, which the page explains.
autodoc_type_aliases = {
    name: name
    for name in ("Text", "Fields", "When", "WsgiApp", "AsgiApp", "OnException", "Duration", "AnyTask", "App", "Handler")
}
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
nitpicky = True
# There is no network, so no inventory of others: their names, and our private ones, are shown as they are.
nitpick_ignore_regex = [(r"py:.*", r"(?!pytest_cloudtasks\.[A-Z]).*")]

html_theme = "furo"
html_title = f"pytest-cloudtasks {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}


def plain(app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, result: str | None) -> Any:
    """Autodoc shows the names of types as they are, in unions too, where it wraps them."""
    return tuple(text and re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", text) for text in (signature, result))


LEDGER = re.compile(r"`([\w-]+/[\w-]+)`")
SUBJECTS = {entry.id: entry.subject for entry in entries()}


def linked(name: re.Match[str]) -> str:
    """Link an entry of the ledger to its section on the page about fidelity."""
    anchor = re.sub(r"[^\w\- ]", "", SUBJECTS[name[1]].lower()).replace(" ", "-")
    return f"`{name[1]} <fidelity.html#{anchor}>`__"


def sections(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Lay out Args and Raises. The extension itself would read attributes' docstrings as "type: description", too."""
    lines[:] = [LEDGER.sub(linked, line) if "Ledger: " in line else line for line in lines]
    if what in ("class", "function", "method"):
        lines[:] = GoogleDocstring(lines, Config(), app, what, name, obj, options).lines()


def public_titles(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Let links to public classes show the module that users import them from."""
    for link in doctree.findall(nodes.reference):
        if "reftitle" in link:
            link["reftitle"] = re.sub(r"\._\w+(\.\w+)*(?=\.[A-Z])", "", link["reftitle"])


def setup(app: Sphinx) -> None:
    """Sphinx calls it."""
    app.connect("doctree-resolved", public_titles)
    app.connect("autodoc-process-docstring", sections)
    app.connect("autodoc-process-signature", plain)
