"""Tests of a report's pages as HTML: they are complete, self-contained and readable without scripts."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from html.parser import HTMLParser
from typing import Any

import pytest

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._report.documents import WEB
from pytest_cloudtasks._report.index import index

from .stories import EVIL, Enqueue, a_hostile_story, a_page, a_story, data_of

VOID = {"meta", "link", "br", "hr", "img", "input"}
ESCAPED = EVIL.replace("\u202e", "\\u202e").replace("\x1b", "\\x1b").replace("\x00", "\\x00")


class Page(HTMLParser):
    """Parses a page into its elements, and fails if one is not closed in its place."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self._open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self._open.pop() == name

    def handle_data(self, data: str) -> None:
        for name in self._open[-1:]:
            self.texts.setdefault(name, []).append(data)

    def all(self, element: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a name."""
        return [found for one, found in self.elements if one == element]


def unpacked(html: str) -> Any:
    """Return the data in a page."""
    return json.loads(zlib.decompress(base64.b64decode(Page(html).texts["script"][0])))


def test_a_page_is_whole_and_needs_nothing_else(enqueue: Enqueue) -> None:
    """Every element is closed, and nothing is loaded: no source, no style sheet, no import."""
    html = a_page(a_story(enqueue), message="assert 1 == 2")
    parsed = Page(html)

    assert html.startswith("<!DOCTYPE html>\n")
    assert not [found for _, found in parsed.elements if "src" in found or "onclick" in found or "style" in found]
    assert [found["href"] for found in parsed.all("link")] == ["data:,"]
    assert [found["href"] for found in parsed.all("a")] == ["index.html"]
    assert "@import" not in html
    assert "url(" not in html
    assert [found["lang"] for found in parsed.all("html")] == ["en"]
    assert parsed.texts["title"] == ["failed: test_it.py::test"]


def test_a_page_has_its_timeline_as_data_and_as_text(enqueue: Enqueue) -> None:
    """The viewer reads the data; a browser without scripts shows the text."""
    data = a_story(enqueue)
    html = a_page(data)

    assert unpacked(html) == data["timeline"]
    assert Page(html).texts["pre"] == [data["text"]]
    assert html.index("<noscript>") < html.index('<pre class="timeline-text">') < html.index("</noscript>")


def test_no_script_runs_but_the_viewers(enqueue: Enqueue) -> None:
    """The policy names the script by its hash, and allows the page no requests."""
    parsed = Page(a_page(a_story(enqueue)))
    script = "".join(parsed.texts["script"][1:])
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    assert [found.get("type") for found in parsed.all("script")] == ["text/plain", "module"]
    assert [found["content"] for found in parsed.all("meta") if "http-equiv" in found] == [
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:;"
        " connect-src 'none'; base-uri 'none'; form-action 'none'"
    ]


def test_the_viewer_makes_no_markup_of_texts() -> None:
    """Its scripts never parse a text as HTML or as a script, and don't contain a closing script tag."""
    sources = {path.name: path.read_text("utf-8") for path in WEB.glob("*.js")}

    for unsafe in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "</script"):
        assert [name for name, source in sources.items() if unsafe in source] == []


def test_texts_of_the_test_are_texts(enqueue: Enqueue) -> None:
    """Markup in a node ID, message, hint, body or header makes no element; invisible characters become escapes."""
    html = a_page(a_hostile_story(enqueue), test=f"test_it.py::test[{EVIL}]", message=EVIL, hints=[EVIL])
    parsed = Page(html)

    assert len(parsed.all("script")) == 2
    assert not parsed.all("img")
    assert EVIL not in html
    assert "".join(parsed.texts["h1"]) == f"test_it.py::test[{ESCAPED}]"
    assert parsed.texts["li"] == [ESCAPED]
    assert parsed.texts["pre"][0] == ESCAPED


def test_secrets_are_masked_unless_they_are_to_be_shown(enqueue: Enqueue) -> None:
    """Neither the data nor the text contains them, unless the option shows them."""

    def told(**options: Any) -> str:
        with FakeCloudTasks(queues=["receipts"], **options) as cloud_tasks:
            cloud_tasks.route("https://a.test/")
            enqueue("one", "https://a.test/", headers={"X-Api-Key": "hunter2", "Authorization": "Bearer hunter2"})
            cloud_tasks.drain()
            data = data_of(cloud_tasks)
            return json.dumps(unpacked(a_page(data)), ensure_ascii=False)

    assert "hunter2" not in told()
    assert '["X-Api-Key", "•••"]' in told()
    assert '["Authorization", "Bearer •••"]' in told()
    assert '["X-Api-Key", "hunter2"]' in told(show_secrets=True)


def test_both_sets_of_colours_are_complete() -> None:
    """Every colour has a value for light, for dark, and for dark by the system's setting."""
    style = (WEB / "viewer.css").read_text("utf-8")
    light, dark, dark_by_system = (
        {one.partition(":")[0].strip() for one in block.partition("}")[0].split(";") if one.strip().startswith("--")}
        for block in (
            style.partition(":root {")[2],
            style.partition(':root[data-theme="dark"] {')[2],
            style.partition(':root:not([data-theme="light"]) {')[2],
        )
    )

    assert light == dark == dark_by_system


def test_a_page_has_hints_and_links_to_the_tests_other_fakes() -> None:
    """Hints are below the failure; each of two fakes has a page, and the links mark the current one."""
    with FakeCloudTasks() as cloud_tasks:
        pages = ["a.html", "a-2.html"]
        parsed = Page(a_page(data_of(cloud_tasks), message="no", hints=["One", "Two"], pages=pages, number=1))

    assert parsed.texts["li"] == ["One", "Two"]
    assert [(link["href"], link.get("aria-current")) for link in parsed.all("a")] == [
        ("index.html", None),
        ("a.html", None),
        ("a-2.html", "page"),
    ]
    assert parsed.texts["a"] == ["All tests", "Fake 1", "Fake 2"]


def test_the_index_lists_tests_by_name() -> None:
    """Entries come in any order; each has outcome, link, first line and counts, all escaped."""
    counts: dict[str, Any] = {"tasks": 1, "attempts": 2, "classes": {"2xx": 1, "5xx": 1}}
    entries = [
        {"test": f"b.py::test[{EVIL}]", "pages": ["b.html"], "outcome": "failed", "message": f"{EVIL}\nmore"},
        {"test": "a.py::test", "pages": ["a.html", "a-2.html"], "outcome": "passed", "message": ""},
    ]
    entries = [{**one, "counts": [counts] * len(one["pages"])} for one in entries]
    html = index(entries, "all")
    parsed = Page(html)

    assert html == index(reversed(entries), "all")
    assert [found["href"] for found in parsed.all("a")] == ["a.html", "a-2.html", "b.html"]
    assert "".join(parsed.texts["a"]) == f"a.py::testFake 2b.py::test[{ESCAPED}]"
    assert parsed.texts["p"] == ["1 failed and 1 passed"]
    assert ESCAPED in parsed.texts["div"]
    assert "1 task, 2 attempts: 1 × 2xx; 1 × 5xx" in parsed.texts["div"]
    assert len(parsed.all("script")) == 2


@pytest.mark.parametrize(
    ("wanted", "told"),
    [("failed", "No test that used a fake has failed."), ("all", "No test has used a fake.")],
)
def test_an_empty_index_says_so(wanted: str, told: str) -> None:
    """A run without pages still has an index."""
    assert Page(index([], wanted)).texts["p"] == [told]
