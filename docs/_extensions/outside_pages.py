"""Pages of the site for what lies outside of ``docs``, and links that lead there.

On the forge ``../CHANGELOG.md`` and ``../examples/saga/booking.py`` are files to look at. On the site the first is the
page that includes it, and the second a place on the page of its example, which is written here from the files.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

INCLUDED = {"../CHANGELOG.md": "changelog.md", "../ARCHITECTURE.md": "architecture.md"}
INCLUDED["../CONTRIBUTING.md"] = "contributing.md"
LANGUAGES = {".py": "python", ".ini": "ini", ".yaml": "yaml"}
LINK = re.compile(r"\]\((?P<path>[^)#\s:]+)(?P<anchor>#[^)]*)?\)")


def page_of_example(directory: Path) -> str:
    """The README of an example, and every file of it."""
    text = (directory / "README.md").read_text("utf-8").rstrip()
    text = LINK.sub(lambda link: f"]({_from_example(link['path'])}{link['anchor'] or ''})", text)
    parts = [text, ""]
    for path in sorted(path for path in directory.rglob("*") if path.suffix in LANGUAGES):
        code = path.read_text("utf-8")
        if code.strip():
            name = path.relative_to(directory).as_posix()
            parts += [f"## {name}", "", f"````{LANGUAGES[path.suffix]}", code.rstrip(), "````", ""]
    return "\n".join(parts)


def _from_example(path: str) -> str:
    """A link of an example's README, seen from its page."""
    return "../index.md" if path == "../../README.md" else path.replace("../../docs/", "../")


def write_examples(app: Sphinx) -> None:
    """Write ``docs/examples`` anew, and leave alone what is as it was, so that Sphinx does, too."""
    into = Path(app.srcdir) / "examples"
    into.mkdir(exist_ok=True)
    directories = [path.parent for path in sorted((Path(app.srcdir).parent / "examples").glob("*/README.md"))]
    pages = {f"{directory.name}.md": page_of_example(directory) for directory in directories}
    for old in into.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        page = into / name
        if not page.exists() or page.read_text("utf-8") != text:
            page.write_text(text, "utf-8")


def lead_links(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let the links of a page that leave ``docs`` lead to pages of the site."""
    if "/" not in docname:
        source[0] = LINK.sub(lambda link: f"]({_on_site(link['path'], link['anchor'] or '')})", source[0])


def _on_site(path: str, anchor: str) -> str:
    path = path.rstrip("/")
    if path in INCLUDED:
        return INCLUDED[path] + anchor
    if not path.startswith("../examples/"):
        return path + anchor
    example, _, file = path.removeprefix("../examples/").partition("/")
    if file and file != "README.md":
        anchor = "#" + re.sub(r"[^\w-]", "", file.lower())
    return f"examples/{example}.md{anchor}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls it."""
    app.connect("builder-inited", write_examples)
    app.connect("source-read", lead_links)
    return {"parallel_read_safe": os.name != "nt", "parallel_write_safe": True}
