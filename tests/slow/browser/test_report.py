"""Tests of a report in a real browser."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.report.stories import EVIL, a_page

from .conftest import DESKTOP, PHONE, Open

if TYPE_CHECKING:
    from playwright.sync_api import Page

Stories = dict[str, Any]
HINT = "Tasks are due and nothing has driven the queue."
MARKS = ".lanes [role=gridcell]"
OVERFLOW = "document.documentElement.scrollWidth - innerWidth"


def focused(page: Page) -> str:
    """Return the accessible name of the focused element."""
    return str(page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"))


def lane(page: Page, name: str) -> Any:
    """Return the lane of a task, by its ID."""
    return page.locator(f'.lane.task:has(.open[aria-label*="/{name},"])')


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_lanes_are_drawn_and_nothing_overflows(
    stories: Stories, open_page: Open, size: tuple[int, int], scheme: str
) -> None:
    """Every class of attempt has its mark, and the page is no wider than the window."""
    page = open_page(a_page(stories["all"], message="assert 1 == 2", hints=[HINT]), size=size, scheme=scheme)

    labels = lane(page, "hook-1").locator(".a").all_inner_texts()
    assert labels == ["302", "404", "429", "late", "none", "200"][: len(labels)]
    assert len(labels) >= 2
    assert page.evaluate(OVERFLOW) <= 0
    assert page.locator(".hints li").all_inner_texts() == [HINT]
    assert lane(page, "hook-1").locator(".title").inner_text() == "POST /v1/orders?shop=9"
    assert lane(page, "hook-1").locator(".below").inner_text() == "succeededhooks.test · hook-1"


def test_the_legend_has_only_what_is_drawn(stories: Stories, open_page: Open) -> None:
    """For a test with one success the legend doesn't explain failures and pauses."""
    page = open_page(a_page(stories["short"]))

    assert page.locator(".legend li").all_inner_texts() == ["200\n2xx", "created", "end of the test"]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_details_have_request_and_response(stories: Stories, open_page: Open, size: tuple[int, int]) -> None:
    """A click on a mark shows the request and the response, readable within the window."""
    page = open_page(a_page(stories["all"]), size=size)
    lane(page, "receipt-42").locator(".a").first.click()
    panel = page.locator("aside.details")

    assert panel.locator("h3").inner_text() == "receipts/receipt-42, attempt 1"
    assert panel.locator("h4").all_inner_texts() == [
        "Attempt",
        "Response: 503",
        "Request: POST https://mailer.test/send",
        "Request body",
    ]
    assert '"order": 42' in panel.locator("pre").inner_text()
    assert "hunter2" not in page.content()
    box = panel.bounding_box()
    assert box is not None
    assert box["width"] >= 330
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size[0]
    assert panel.evaluate("panel => panel.scrollWidth - panel.clientWidth") <= 0
    mark = page.locator(f"{MARKS}.selected").bounding_box()
    assert mark is not None
    assert mark["x"] + mark["width"] <= box["x"] or mark["y"] + mark["height"] <= box["y"]
    assert page.evaluate(OVERFLOW) <= 0


def test_a_failure_is_selected_at_once_on_a_desktop(stories: Stories, open_page: Open) -> None:
    """The page opens with the last attempt of the exhausted task."""
    page = open_page(a_page(stories["all"]))

    assert page.locator("aside.details h3").inner_text() == "receipts/receipt-42, attempt 2"
    mark = page.locator(f"{MARKS}.selected")
    assert mark.inner_text() == "503"
    box, lanes = mark.bounding_box(), page.locator(".lanes").bounding_box()
    assert box is not None
    assert lanes is not None
    assert lanes["x"] < box["x"] < lanes["x"] + lanes["width"]


def test_a_walk_by_keyboard(stories: Stories, open_page: Open) -> None:
    """The lanes are one Tab stop; arrow keys move between marks and lanes; Enter opens details, Escape closes them."""
    page = open_page(a_page(stories["all"]), size=PHONE)
    page.locator(".tools input[type=checkbox]").focus()
    page.keyboard.press("Tab")  # the scrolling lanes may take the focus themselves
    if "task" not in focused(page) and "Calls" not in focused(page):
        page.keyboard.press("Tab")
    names = [focused(page)]
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "Home", "ArrowRight", "ArrowRight", "End"):
        page.keyboard.press(key)
        names.append(focused(page))
    assert names == [
        "Calls and faults",
        "get_queue → UNAVAILABLE by fail_rpc()",
        "queue receipts created",
        "receipts/receipt-42, attempt 1: 503 at +0:00:00",
        "task receipts/receipt-42, POST https://mailer.test/send, exhausted, 2 attempts",
        "receipts/receipt-42, attempt 1: 503 at +0:00:00",
        "receipts/receipt-42, attempt 2: 503 at +0:00:10",
        "exhausted: max_attempts 2",
    ]
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    assert focused(page) == "receipts/receipt-42, attempt 2"
    page.keyboard.press("Escape")
    assert focused(page) == "receipts/receipt-42, attempt 2: 503 at +0:00:10"
    assert not page.locator("aside.details").is_visible()


def test_screen_readers_have_a_grid_and_a_list(stories: Stories, open_page: Open) -> None:
    """Rows have a header, marks have names, and the list has every event of the timeline's text."""
    data = stories["all"]
    page = open_page(a_page(data))

    assert page.locator("[role=grid]").get_attribute("aria-rowcount") == "9"
    assert page.locator("[role=row]").count() == page.locator("[role=row] > [role=rowheader]").count()
    assert all(one.get_attribute("aria-label") for one in page.locator("[role=gridcell]").all())
    lines = page.locator(".events li .text").all_inner_texts()
    assert "receipts/receipt-42 attempt 2 → 503, exhausted: max_attempts 2" in lines
    assert "reports/wednesday blocked: the queue is paused" in lines
    page.locator(".events button", has_text="receipts/receipt-42 attempt 1").click()
    assert focused(page) == "receipts/receipt-42, attempt 1"


def test_filters_leave_what_matches(stories: Stories, open_page: Open) -> None:
    """The filter takes words of a task's name, URL and state, or failures only, and also applies to the list."""
    page = open_page(a_page(stories["all"]))

    page.locator("input[type=search]").fill("reports succeeded")
    assert page.locator(".lane .title").all_inner_texts() == ["reportspaused3 tasks", *["POST /daily"] * 2]
    page.locator("input[type=search]").fill("")
    page.locator("input[type=checkbox]").check()
    assert page.locator(".lane .title bdi").all_inner_texts() == [
        "receipts",
        "POST /send",
        "hooks",
        "POST /v1/orders?shop=9",
    ]
    assert not [line for line in page.locator(".events li").all_inner_texts() if "monday" in line]


def test_only_a_new_state_ends_the_span_of_a_paused_queue(stories: Stories, open_page: Open) -> None:
    """An event of the queue that sets no state, be it of a later version, leaves the span open."""
    timeline = stories["all"]["timeline"]
    events = timeline["events"]
    paused = next(event for event in events if event["event"] == "queue_paused")
    offset = max(event["offset"] for event in events)
    spans = (
        "[...document.querySelector('cloud-tasks-timeline').model.queues.values()]"
        ".flatMap((queue) => queue.spans.map((span) => [queue.id, span.look, span.open]))"
    )

    def spans_after(*later: dict[str, Any]) -> Any:
        page = open_page(a_page({**stories["all"], "timeline": {**timeline, "events": [*events, *later]}}))
        return page.evaluate(spans)

    changed = [{**paused, "event": name, "offset": offset} for name in ("queue_updated", "queue_renamed")]
    assert spans_after(*changed) == [["reports", "paused", True]]
    assert spans_after({**paused, "event": "queue_resumed", "offset": offset}) == [["reports", "paused", False]]


def test_hostile_texts_are_texts(stories: Stories, open_page: Open) -> None:
    """A test's texts create no element and no script, and don't change the text direction."""
    data = stories["hostile"]
    heading = {"test": f"test_it.py::test[{EVIL}]", "message": EVIL, "hints": [EVIL]}
    page = open_page(a_page(data, **heading))
    lane(page, "one").locator(".a").first.click()

    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2
    shown = "</script><script>boom()</script><img src=x onerror=boom()><!--\\u202e\\x1b[31m\\x00"
    assert page.locator("h1").inner_text() == f"test_it.py::test[{shown}]"
    bodies = page.locator("aside.details pre").all_inner_texts()
    assert len(bodies) == 2
    assert all(body.startswith("</script><script>boom()</script>") or "not text" in body for body in bodies)
    assert "\u202e" not in page.locator("body").inner_text()
    assert "<b>bold</b>" in page.locator("aside.details dd").all_inner_texts()
    lane(page, "three").locator(".open").click()
    assert page.evaluate(OVERFLOW) <= 0


def test_no_script_runs_but_the_viewers(stories: Stories, open_page: Open, browser: Any, tmp_path: Path) -> None:
    """The policy blocks a script that somebody added to the page, and requests to the network."""
    html = a_page(stories["all"]).replace("</body>", "<script>window.ran = true</script></body>")
    path = tmp_path / "changed.html"
    path.write_text(html, "utf-8", newline="\n")
    page = browser.new_page()
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]", state="attached")

    assert page.evaluate("window.ran") is None
    assert page.evaluate("fetch('http://127.0.0.1:9/').catch(error => error.message)") == "Failed to fetch"
    assert [one.partition(" violates ")[0] for one in messages] == [
        "Executing inline script",
        "Connecting to 'http://127.0.0.1:9/'",
        "Fetch API cannot load http://127.0.0.1:9/. Refused to connect because it",
    ]
    page.close()


def test_the_timeline_is_text_without_scripts(stories: Stories, open_page: Open) -> None:
    """A browser without JavaScript shows the failure, the hints and every line."""
    data = stories["all"]
    page = open_page(a_page(data, message="assert 1 == 2", hints=[HINT]), scripts=False)

    assert page.locator(".timeline-text").inner_text() == data["text"]
    assert page.locator(".message").inner_text() == "assert 1 == 2"
    assert page.locator(".hints li").inner_text() == HINT


def events_of(attempts: int, tasks: int) -> list[dict[str, Any]]:
    """Return the timeline's events of so many attempts at so many tasks."""
    queue = "projects/p/locations/l/queues/many"
    events: list[dict[str, Any]] = [
        {"offset": 0, "event": "queue_created", "text": "queue many created", "queue": queue}
    ]
    names = [f"{queue}/tasks/t{number}" for number in range(tasks)]
    for name in names:
        about = {"queue": queue, "task": name, "method": "POST", "url": f"https://a.test/{name[-5:]}"}
        events.append({"offset": 0, "event": "task_created", "text": f"{name} created", "schedule_offset": 0, **about})
    numbers = itertools.count(1)
    for number in range(attempts // tasks):
        for name in names:
            about = {"queue": queue, "task": name, "attempt": number + 1, "text": f"{name} attempt {number + 1}"}
            offset = next(numbers) * 0.5
            request = {"method": "POST", "url": "https://a.test/", "headers": [["Host", "a.test"]], "body": "{}"}
            events.append({**about, "offset": offset, "event": "task_dispatched", "request": request})
            retry = {"result": 500, "succeeded": False, "dropped": False, "duration": 0, "retry_offset": offset + 1}
            events.append({**about, "offset": offset, "event": "task_answered", **retry})
    return events


FRAMES = """async () => {
    const lanes = document.querySelector(".lanes");
    let frames = 0, slowest = 0, last = performance.now();
    for (let step = 1; step <= 40; step++) {
        lanes.scrollLeft = lanes.scrollWidth * step / 40;
        lanes.scrollTop = lanes.scrollHeight * step / 40;
        await new Promise(requestAnimationFrame);
        frames++;
        slowest = Math.max(slowest, performance.now() - last);
        last = performance.now();
    }
    return [frames, document.querySelectorAll(".lanes *").length, slowest];
}"""


@pytest.mark.parametrize("tasks", [1, 100, 5_000])
def test_ten_thousand_attempts_scroll(open_page: Open, tasks: int) -> None:
    """Only the visible part is in the document at any scroll position, and every attempt can be reached."""
    data = {
        "timeline": {"now": 6_000, "events": events_of(10_000, tasks)},
        "text": "",
        "counts": {"tasks": tasks, "attempts": 10_000, "classes": {}},
        "seed": "",
    }
    page = open_page(a_page(data))
    frames, elements, _ = page.evaluate(FRAMES)

    assert frames == 40
    assert elements < 3_000
    page.locator(".events .more").click()
    assert page.locator(".events li").count() == 600
    page.locator("input[type=search]").fill(f"t{tasks - 1}")
    page.locator(".lane.task .open").first.focus()
    page.keyboard.press("End")
    assert focused(page).startswith(f"many/t{tasks - 1}, attempt {10_000 // tasks}: 500")


def test_the_index_leads_to_every_page(pytester: pytest.Pytester, open_page: Open) -> None:
    """Its links are files in the same directory, and each page links back."""
    pytester.makepyfile(
        """
        import pytest
        from pytest_cloudtasks import FakeCloudTasks

        @pytest.mark.parametrize("number", [1, 2])
        def test_fails(cloud_tasks, number):
            with FakeCloudTasks(queues=["inner"]):
                pass
            cloud_tasks.create_queue("receipts")
            assert not number
        """
    )
    pytester.runpytest_subprocess("--cloud-tasks-report=report", "-p", "no:randomly")
    page = open_page(pytester.path / "report" / "index.html", ready=False)
    links = [one.get_attribute("href") for one in page.locator("a").all()]

    assert len(links) == 4
    for link in links:
        page.goto((pytester.path / "report" / str(link)).as_uri())
        page.wait_for_selector("html[data-ready]", state="attached")
        page.get_by_role("link", name="All tests").click()
        assert page.title() == "Cloud Tasks report"


def test_dark_and_light_by_button(stories: Stories, open_page: Open) -> None:
    """The button overrides the system's setting, also on the next page."""
    page = open_page(a_page(stories["all"]), scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    page.get_by_role("button", name="Light colours").click()

    assert page.evaluate(colour) != dark
    page.reload()
    assert page.get_by_role("button", name="Dark colours").is_visible()
