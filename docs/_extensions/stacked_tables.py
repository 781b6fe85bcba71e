"""A table of three columns or more is a list of its rows on a phone: every cell says which column it is of.

``site.css`` shows these words there, and nowhere else. A table of two columns fits a phone as it is.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform


class StackedTables(SphinxPostTransform):
    """Writes the heading of its column into every cell but the first of its row."""

    default_priority = 6
    formats = ("html",)

    def run(self) -> None:
        """Sphinx calls it, for each page."""
        for table in self.document.findall(nodes.tgroup):
            headings = [entry.astext() for head in table.findall(nodes.thead) for entry in head.findall(nodes.entry)]
            if len(headings) < 3:
                continue
            table.parent["classes"].append("stacked")
            for body in table.findall(nodes.tbody):
                for row in body.findall(nodes.row):
                    self.label(row, headings)

    def label(self, row: nodes.row, headings: list[str]) -> None:
        """Put the headings of a row's cells before what they say; an empty cell says nothing."""
        for cell, heading in list(zip(row.findall(nodes.entry), headings, strict=True))[1:]:
            paragraph = next(cell.findall(nodes.paragraph), None)
            if heading and paragraph is not None and cell.astext():
                paragraph.insert(0, nodes.inline("", f"{heading}: ", classes=["column"]))


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls it."""
    app.add_post_transform(StackedTables)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
