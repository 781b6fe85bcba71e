"""Pages of the site for files outside ``docs``, links to them, and the site's navigation.

On the forge ``../CHANGELOG.md``, ``../examples/saga/booking.py`` and ``../tests/data/recorded_2026/queues.json`` are
files. Before the site is built they are written into ``docs/project``, ``docs/examples`` and ``docs/recorded``: the
first as a page, the second as a section of a page, the third as a page with a section for each recorded case.
"""

from __future__ import annotations

import json
import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PAGES = ("README.md", "CHANGELOG.md", "ARCHITECTURE.md", "CONTRIBUTING.md")
RECORDED = "tests/data/recorded_2026/"
LANGUAGES = {".py": "python", ".ini": "ini", ".yaml": "yaml"}
ITEM = re.compile(r"^- \[([^]]*)\]\(([^)]*)\)", re.MULTILINE)
LINK = re.compile(r"\]\((?P<path>[^)#\s:]+)(?P<anchor>#[^)]*)?\)")


def on_site(path: str, anchor: str) -> str:
    """Where on the site, from its root, a file of the project is to be seen."""
    if path in PAGES:
        return f"project/{path.lower()}{anchor}"
    if path.startswith(RECORDED):
        return f"recorded/{path.removeprefix(RECORDED).lower().replace('.json', '.md')}{anchor}"
    if not path.startswith("examples/"):
        return path.removeprefix("docs/") + anchor
    example, _, file = path.removeprefix("examples/").partition("/")
    if file and file != "README.md":
        anchor = "#" + re.sub(r"[^\w-]", "", file.lower())
    return f"examples/{example}.md{anchor}"


def led(text: str, file: str) -> str:
    """``text``, that of a file of the project, with its links as they are on the site."""
    page = posixpath.dirname(on_site(file, ""))

    def target(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(file), link["path"]))
        return f"]({posixpath.relpath(on_site(path, link['anchor'] or ''), page or '.')})"

    return LINK.sub(target, text)


def page_of_example(directory: Path) -> str:
    """The README of an example, and every file of it."""
    name = f"examples/{directory.name}/README.md"
    parts = [led((directory / "README.md").read_text("utf-8"), name)]
    for path in sorted(path for path in directory.rglob("*") if path.suffix in LANGUAGES):
        if code := path.read_text("utf-8").strip():
            heading = path.relative_to(directory).as_posix()
            parts.append(f"## {heading}\n\n````{LANGUAGES[path.suffix]}\n{code}\n````\n")
    return "\n".join(parts)


def page_of_recordings(path: Path) -> str:
    """The recorded cases of a file, each with its steps as JSON."""
    recordings = json.loads(path.read_text("utf-8"))
    parts = [f"---\norphan: true\n---\n\n# Recorded: {recordings['subject']}\n"]
    for case in recordings["cases"]:
        steps = case.get("steps", [case])
        texts = (json.dumps(_without_title(step), indent=1, ensure_ascii=False) for step in steps)
        blocks = "\n\n".join(f"````javascript\n{text}\n````" for text in texts)
        parts.append(f"## {case['id']}\n\n{case['title']}.\n\n{blocks}\n")
    return "\n".join(parts)


def _without_title(step: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in step.items() if key not in ("id", "title")}


def write_pages(app: Sphinx) -> None:
    """Write the pages anew, and leave alone what is as it was, so that Sphinx does, too."""
    site = Path(app.srcdir)
    root = site.parent
    pages = {site / on_site(name, ""): led((root / name).read_text("utf-8"), name) for name in PAGES}
    for readme in sorted((root / "examples").glob("*/README.md")):
        pages[site / "examples" / f"{readme.parent.name}.md"] = page_of_example(readme.parent)
    for path in sorted((root / RECORDED).glob("*.json")):
        pages[site / on_site(f"{RECORDED}{path.name}", "")] = page_of_recordings(path)
    pages[site / on_site(f"{RECORDED}README.md", "")] = (
        f"---\norphan: true\n---\n\n{(root / RECORDED / 'README.md').read_text('utf-8')}"
    )
    for old in [path for folder in ("project", "examples", "recorded") for path in site.glob(f"{folder}/*.md")]:
        if old not in pages:
            old.unlink()
    for page, text in pages.items():
        page.parent.mkdir(exist_ok=True)
        if not page.exists() or page.read_text("utf-8") != text:
            page.write_text(text, "utf-8")


def lead_links(app: Sphinx, docname: str, source: list[str]) -> None:
    """Let the links of a page that leave ``docs`` lead to pages of the site; the index has all pages."""
    if "/" not in docname:
        source[0] = led(source[0], f"docs/{docname}.md")
    if docname == "index":
        source[0] += toctrees(source[0])


def toctrees(index: str) -> str:
    """What Sphinx needs to know of the index: of each heading with a list of links below it."""
    trees = ""
    for part in index.split("\n## ")[1:]:
        heading, *groups = part.split("\n### ")
        trees += toctree(heading)
        caption = heading.partition("\n")[0]
        trees += "".join(toctree(f"{caption}: {group}") for group in groups)
    return trees


def toctree(part: str) -> str:
    """The tree of a heading and its list of links; none where it has no list."""
    caption, _, items = part.partition("\n")
    pages = "\n".join(f"{item[1]} <{item[2]}>" for item in ITEM.finditer(items))
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n" if pages else ""


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls it."""
    app.connect("builder-inited", write_pages)
    app.connect("source-read", lead_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
