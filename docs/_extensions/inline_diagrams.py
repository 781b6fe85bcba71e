"""Diagrams as part of the page, so that they follow its dark and light themes.

On the forge, and in the Markdown, they are images like any other.
"""

from __future__ import annotations

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform


class InlineDiagrams(SphinxPostTransform):
    """Puts the text of a ``.svg`` in place of the image."""

    default_priority = 5
    formats = ("html",)

    def run(self) -> None:
        """Sphinx calls it, for each page."""
        for image in list(self.document.findall(nodes.image)):
            if image["uri"].endswith(".svg"):
                svg = (Path(self.app.srcdir) / image["uri"]).read_text("utf-8")
                image.replace_self(nodes.raw("", f'<span class="diagram">{svg}</span>', format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls it."""
    app.add_post_transform(InlineDiagrams)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
