"""The pages of a report: whole, closed, readable without colour, mouse or script."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import Any

import pytest
from pytest_cloudtasks._report.html import KINDS, tag

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._report.index import index
from pytest_cloudtasks._report.page import Heading, page

from .test_report_data import data_of

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
EVIL = "</script><script>boom()</script><img src=x onerror=boom()>"
Enqueue = Callable[..., str]
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """A page as its elements; fails for one that is not closed in its place."""

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

    def all(self, element: str, **attributes: str) -> list[dict[str, str | None]]:
        """The attributes of all elements like this; ``class_`` is one of an element's classes."""
        wanted = attributes.pop("class_", None)
        return [
            found
            for one, found in self.elements
            if one == element
            and (wanted is None or wanted in (found.get("class") or "").split())
            and all(found.get(key) == value for key, value in attributes.items())
        ]


def story(enqueue: Enqueue) -> str:
    """The page of a test with everything in it, in a fake of its own."""
    retries = {"retry_config": {"min_backoff": "10s", "max_attempts": 2}}
    with FakeCloudTasks(start=START, queues={"receipts": retries, "reports": {}}) as cloud_tasks:
        cloud_tasks.route("https://a.test/").returns(503)
        cloud_tasks.route("https://slow.test/").takes(timedelta(minutes=20))
        enqueue("one", "https://a.test/", body=EVIL.encode(), headers={"X-Evil": EVIL})
        enqueue("slow", "https://slow.test/", queue="reports")
        cloud_tasks.drain(until=timedelta(minutes=5))
        cloud_tasks.client().pause_queue(name=cloud_tasks.queue_path("reports"))
        return page(data_of(cloud_tasks), Heading(f"test_it.py::test[{EVIL}]", "failed", f"E  {EVIL}"))


def test_a_page_is_whole_and_needs_nothing_else(enqueue: Enqueue) -> None:
    """Every element is closed, and nothing is loaded: no source, no style sheet, no import."""
    html = story(enqueue)
    parsed = Page(html)

    assert html.startswith("<!DOCTYPE html>\n")
    assert not [found for _, found in parsed.elements if "src" in found or "onclick" in found]
    assert [found["href"] for found in parsed.all("link")] == ["data:,"]
    assert {found["href"] for found in parsed.all("a")} == {"index.html", "#lanes", "#table"}
    assert "@import" not in html
    assert "url(" not in html
    assert [found["lang"] for found in parsed.all("html")] == ["en"]
    assert parsed.all("meta", name="viewport")


def test_texts_of_the_test_are_texts(enqueue: Enqueue) -> None:
    """A script in a node ID, a message, a body or a header makes no element, and none but the page's own may run."""
    html = story(enqueue)
    parsed = Page(html)

    assert [found.get("type") for found in parsed.all("script")] == ["application/json", None]
    assert not parsed.all("img")
    assert EVIL not in html
    assert "".join(parsed.texts["h1"]) == f"test_it.py::test[{EVIL}]"
    assert "".join(parsed.texts["pre"]) == f"E  {EVIL}"
    data, script = parsed.texts["script"][0], parsed.texts["script"][-1]
    assert EVIL in {part[2] for part in json.loads(data)["parts"]}
    (policy,) = (found["content"] for found in parsed.all("meta") if "http-equiv" in found)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; base-uri 'none';"
        " form-action 'none'"
    )


def test_marks_are_told_apart_without_colour(enqueue: Enqueue) -> None:
    """Each kind has a class of its own for its shape, and each mark a label and a spoken name."""
    parsed = Page(story(enqueue))
    lanes = [found for found in parsed.all("button", class_="a") if found.get("aria-label")]

    assert [(found["class"], found["aria-label"]) for found in lanes] == [
        ("a server", "receipts/one, attempt 1: 503 at +0:00:00"),
        ("a server", "receipts/one, attempt 2: 503 at +0:00:10"),
        ("a open", "reports/slow, attempt 1: under way at +0:00:00"),
    ]
    assert {"503", "…"} <= set(parsed.texts["button"])
    assert len({label for label, _ in KINDS.values()}) == len({name for _, name in KINDS.values()}) == len(KINDS)
    assert [found["title"] for found in parsed.all("div", class_="s")] == ["paused from +0:05:00 to +0:05:00"]


def test_everything_is_reached_by_keyboard(enqueue: Enqueue) -> None:
    """What has details is a button; the panel has a heading to go to and a button to close it."""
    parsed = Page(story(enqueue))
    data = json.loads(parsed.texts["script"][0])

    with_details = [(name, found) for name, found in parsed.elements if "data-d" in found]
    assert {name for name, _ in with_details} == {"button"}
    assert {int(found["data-d"] or "") for _, found in with_details} == set(range(len(data["panels"])))
    (panel,) = parsed.all("aside", id="details")
    assert panel["aria-labelledby"] == "details-title"
    assert "hidden" in panel
    assert [found["tabindex"] for found in parsed.all("h2", id="details-title")] == ["-1"]
    assert "Close" in parsed.texts["button"]


def test_the_timeline_is_a_table_too(enqueue: Enqueue) -> None:
    """Rows of a real table say what the lanes draw, under column headings."""
    parsed = Page(story(enqueue))

    assert len(parsed.all("table")) == 1
    assert [found.get("scope") for found in parsed.all("th")] == ["col", "col", "col"]
    rows = "".join(parsed.texts["td"])
    assert "receipts/one attempt 2 → 503, exhausted: max_attempts 2" in rows
    assert "queue reports paused" in rows


def test_dark_and_light_follow_the_system_and_a_button(enqueue: Enqueue) -> None:
    """Both sets of colours are there, and every colour has a value in both."""
    style = "".join(Page(story(enqueue)).texts["style"])
    light, dark, dark_by_system = (
        {one.partition(":")[0].strip() for one in block.partition("}")[0].split(";") if one.strip().startswith("--")}
        for block in (
            style.partition(":root {")[2],
            style.partition(':root[data-theme="dark"] {')[2],
            style.partition(':root:not([data-theme="light"]) {')[2],
        )
    )

    assert light == dark == dark_by_system
    assert "@media (prefers-color-scheme: dark)" in style


def test_the_same_test_gives_the_same_bytes(enqueue: Enqueue) -> None:
    """Nothing of a page depends on the run."""
    assert story(enqueue) == story(enqueue)


def test_another_start_gives_the_same_bytes(enqueue: Enqueue) -> None:
    """A test without a date of its own starts at another instant in every run, and its page is the same."""

    def told(start: datetime) -> str:
        with FakeCloudTasks(start=start, queues=["receipts"]) as cloud_tasks:
            cloud_tasks.route("https://a.test/").returns(503, 200)
            token = {"service_account_email": "tasks@shop.test"}
            enqueue("one", "https://a.test/", oidc_token=token, schedule_time=start + timedelta(hours=1))
            cloud_tasks.drain()
            return page(data_of(cloud_tasks), Heading("test_it", "failed", ""))

    assert told(START) == told(START + timedelta(days=1, seconds=7))


def test_a_test_without_a_story_says_so() -> None:
    """The page of a fake that nobody touched has no lanes."""
    with FakeCloudTasks() as cloud_tasks:
        parsed = Page(page(data_of(cloud_tasks), Heading("test_it", "failed", "assert 1 == 2")))

    assert parsed.texts["p"].count("Nothing has happened in this test.") == 2
    assert not parsed.all("table")


def test_a_page_has_hints_and_links_to_the_tests_other_fakes() -> None:
    """Hints are below the failure; of two fakes each has a page, and the links say which is shown."""
    with FakeCloudTasks() as cloud_tasks:
        heading = Heading("test_it", "failed", "assert 1 == 2", [f"One {EVIL}", "Two"], ["a.html", "a-2.html"], 1)
        parsed = Page(page(data_of(cloud_tasks), heading))

    assert parsed.texts["li"] == [f"One {EVIL}", "Two"]
    links = [(link["href"], link.get("aria-current")) for link in parsed.all("a")]
    assert links[-2:] == [("a.html", None), ("a-2.html", "page")]
    assert parsed.texts["a"][-2:] == ["Fake 1", "Fake 2"]


def test_the_index_lists_tests_by_name() -> None:
    """Whatever the order they came in: outcome, link, first line, counts; all escaped."""
    counts: dict[str, Any] = {"tasks": 1, "attempts": 2, "kinds": {"ok": 1, "server": 1}}
    entries = [
        {"test": f"b.py::test[{EVIL}]", "pages": ["b.html"], "outcome": "failed", "message": f"{EVIL}\nmore"},
        {"test": "a.py::test", "pages": ["a.html", "a-2.html"], "outcome": "passed", "message": ""},
    ]
    entries = [{**one, "counts": [counts] * len(one["pages"])} for one in entries]
    html = index(entries, "all")
    parsed = Page(html)

    assert html == index(reversed(entries), "all")
    assert [found["href"] for found in parsed.all("a")] == ["a.html", "a-2.html", "b.html"]
    assert "".join(parsed.texts["a"]) == f"a.py::testfake 2b.py::test[{EVIL}]"
    assert parsed.texts["p"] == ["1 failed and 1 passed"]
    assert EVIL in parsed.texts["div"]
    assert "1 task, 2 attempts: 1 × 2xx; 1 × 5xx" in parsed.texts["div"]
    assert len(parsed.all("script")) == 2


@pytest.mark.parametrize(
    ("wanted", "told"),
    [("failed", "No test that used a fake has failed."), ("all", "No test has used a fake.")],
)
def test_an_empty_index_says_so(wanted: str, told: str) -> None:
    """A run without pages has an index nevertheless."""
    assert Page(index([], wanted)).texts["p"] == [told]


def test_attributes_are_escaped() -> None:
    """Quotes do not end an attribute, None and False are no attribute, and True has no value."""
    made = tag("b", "x", class_='a"b', aria_label="<", hidden=True, title=None, draggable=False, tabindex=0)

    assert made == '<b class="a&quot;b" aria-label="&lt;" hidden tabindex="0">x</b>'
