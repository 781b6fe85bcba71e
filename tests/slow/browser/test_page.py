"""Tests of the emulator's page in a real browser, against a server in another process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests
from playwright.sync_api import expect

from tests.patience import PATIENCE
from tests.server.emulator.running import BASE, QUEUE, Emulator, Worker, running_emulator, working

from .conftest import DESKTOP, PHONE, Open

if TYPE_CHECKING:
    from playwright.sync_api import Page

OVERFLOW = "document.documentElement.scrollWidth - innerWidth"
expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """Yield a worker that tasks go to."""
    with working() as one:
        yield one


@pytest.fixture
def server(worker: Worker) -> Iterator[Emulator]:
    """Yield a server with the queues ``emails`` and ``reports``."""
    worker.forget()
    forward = f"{BASE}={worker.url}"
    with running_emulator(
        "--queue", "emails", "--queue", "reports", "--forward", forward, "--log-format", "none"
    ) as one:
        yield one


def create(server: Emulator, name: str, **task: Any) -> None:
    """Create a task over REST, which needs no thread in this process."""
    body = {"task": {"name": f"{QUEUE}/tasks/{name}", "httpRequest": {"url": f"{BASE}/send"}, **task}}
    answer = requests.post(f"{server.url}/v2/{QUEUE}/tasks", json=body, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text


def opened(open_page: Open, server: Emulator, size: tuple[int, int] = DESKTOP, **options: Any) -> Page:
    """Return the page once it shows queues."""
    page = open_page("", url=f"{server.url}/", size=size, **options)
    page.locator(".queue-card").first.wait_for()
    return page


def card(page: Page, queue: str) -> Any:
    """Return the card of a queue."""
    return page.locator(".queue-card", has=page.get_by_role("heading", name=queue))


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_shows_what_happens(server: Emulator, open_page: Open, worker: Worker, size: tuple[int, int]) -> None:
    """Queues, tasks and the timeline follow without a reload, and a click shows request and response."""
    page = opened(open_page, server, size)
    worker.answers(503)
    create(server, "one")

    expect(card(page, "emails").locator(".counts")).to_have_text("1 succeeded")
    expect(page.locator(".task-rows li .state")).to_have_text("succeeded")
    expect(page.locator(".lane.task .a")).to_have_text(["503", "200"])
    page.locator(".lane.task .a").first.click()
    headings = page.locator("aside.details h4").all_inner_texts()
    assert headings[:2] == ["Attempt", "Response: 503"]
    assert page.evaluate(OVERFLOW) <= 0


def test_a_task_is_created_run_and_deleted(server: Emulator, open_page: Open, worker: Worker) -> None:
    """The form takes headers, a body and a delay; the buttons of the task's row run and delete it."""
    page = opened(open_page, server)
    for _ in range(2):
        card(page, "emails").get_by_role("button", name="New task").click()
        page.get_by_label("URL").fill(f"{BASE}/send")
        page.get_by_label("Body").fill('{"größe": 1}')
        page.get_by_label("Delay in seconds").fill("3600")
        page.get_by_role("button", name="Create", exact=True).click()
        expect(page.locator("dialog")).not_to_be_visible()
    expect(page.locator(".task-rows li")).to_have_count(2)
    page.get_by_role("button", name="Delete").first.click()
    expect(page.locator(".task-rows .state").first).to_have_text("deleted")
    page.get_by_role("button", name="Run").click()

    expect(card(page, "emails").locator(".counts")).to_have_text("1 succeeded1 deleted")
    (received,) = worker.received
    assert received.body.decode() == '{"größe": 1}'
    assert dict(received.headers)["Content-Type"] == "application/json"


def test_a_rejected_task_is_told_in_the_servers_words(server: Emulator, open_page: Open) -> None:
    """The form stays open and shows the server's message."""
    page = opened(open_page, server, problems_are=("400 (Bad Request)",))
    card(page, "emails").get_by_role("button", name="New task").click()
    page.get_by_label("URL").fill("no url")
    with page.expect_response("**/tasks") as answer:
        page.get_by_role("button", name="Create", exact=True).click()
    assert answer.value.status == 400

    expect(page.locator("dialog .problem")).to_have_text(answer.value.json()["error"]["message"])


def test_queues_are_paused_resumed_and_purged(server: Emulator, open_page: Open) -> None:
    """The button names its current action; a purge asks for confirmation."""
    page = opened(open_page, server)
    page.on("dialog", lambda dialog: dialog.accept())
    emails = card(page, "emails")
    emails.get_by_role("button", name="Pause").click()
    expect(emails.locator(".head .state")).to_have_text("paused")
    create(server, "held")
    expect(emails.locator(".counts")).to_have_text("1 waiting")
    emails.get_by_role("button", name="Purge").click()
    expect(emails.locator(".counts")).to_have_text("1 deleted")
    emails.get_by_role("button", name="Resume").click()
    expect(emails.locator(".head .state")).to_have_text("running")


def test_time_is_jumped_drained_and_reset(server: Emulator, open_page: Open, worker: Worker) -> None:
    """A jump dispatches a later task, drain dispatches all tasks, and reset removes them."""
    page = opened(open_page, server, problems_are=("400 (Bad Request)",))
    page.on("dialog", lambda dialog: dialog.accept())
    now = server.get("/healthz")["now"]
    create(server, "soon", scheduleTime=now[:11] + "23:59:59Z")
    expect(card(page, "emails").locator(".counts")).to_have_text("1 waiting")
    page.get_by_label("Jump").first.fill("1 fortnight")
    page.get_by_role("button", name="Jump", exact=True).click()
    expect(page.locator("header .problem")).to_have_text(
        "by takes a duration such as 90s, 10m, 1h or 7d, but got '1 fortnight'."
    )
    page.get_by_label("Jump").first.fill("1d")
    page.get_by_role("button", name="Jump", exact=True).click()
    expect(card(page, "emails").locator(".counts")).to_have_text("1 succeeded")
    assert page.locator("header .problem").inner_text() == ""
    worker.answers(500, 500)
    create(server, "retried")
    page.get_by_role("button", name="Drain").click()
    expect(card(page, "emails").locator(".counts")).to_have_text("2 succeeded")
    page.get_by_role("button", name="Reset").click()
    expect(card(page, "emails").locator(".counts")).to_have_text("no tasks")
    expect(page.locator(".lane.task")).to_have_count(0)


def test_twenty_thousand_finished_tasks(server: Emulator, open_page: Open) -> None:
    """The page shows fifty, turns to older ones, finds one by its name, and still follows new events."""
    names = [f"t{number}" for number in range(20_000)]
    with requests.Session() as session:
        session.post(f"{server.url}/v2/{QUEUE}:pause", json={}, timeout=PATIENCE)
        for first in range(0, len(names), 100):
            tasks = [
                {"name": f"{QUEUE}/tasks/{name}", "httpRequest": {"url": f"{BASE}/send"}}
                for name in names[first : first + 100]
            ]
            batch = {"requests": [{"parent": QUEUE, "task": task} for task in tasks]}
            answer = session.post(f"{server.url}/v2/{QUEUE}/tasks:batchCreate", json=batch, timeout=PATIENCE)
            assert answer.status_code == 200, answer.text
        session.post(f"{server.url}/v2/{QUEUE}:purge", json={}, timeout=PATIENCE)
        session.post(f"{server.url}/v2/{QUEUE}:resume", json={}, timeout=PATIENCE)
    page = opened(open_page, server)

    expect(page.locator(".pager [role=status]")).to_have_text("1 to 50 of 20,000")
    assert page.locator(".task-rows li").count() == 50
    page.get_by_role("button", name="Older").click()
    expect(page.locator(".pager [role=status]")).to_have_text("51 to 100 of 20,000")
    page.get_by_label("Find").fill("tasks/t777")
    expect(page.locator(".pager [role=status]")).to_have_text("1 to 11 of 11")
    create(server, "fresh")
    page.locator("cloud-tasks-timeline input[type=search]").fill("fresh")
    expect(page.locator(".lane.task .a")).to_have_text(["200"])
    assert page.evaluate("document.querySelectorAll('*').length") < 10_000
    page.get_by_label("Find").fill("")
    expect(page.locator(".pager [role=status]")).to_have_text("1 to 50 of 20,000; older tasks not kept: 1")


COUNTS_LAYOUTS = """
  const define = customElements.define.bind(customElements);
  customElements.define = (name, kind) => {
    const update = kind.prototype.update;
    if (name === "cloud-tasks-timeline") kind.prototype.update = function () {
      window.layouts = (window.layouts ?? 0) + 1;
      return update.call(this);
    };
    define(name, kind);
  };
"""


def stream_of(batches: int) -> str:
    """Return the beginning of a stream, with ten new tasks in each batch."""
    now = {"now": 0, "at": "2030-01-01T00:00:00+00:00"}
    blocks = [("begin", {**now, "origin": "2030-01-01T00:00:00+00:00", "left_out": 0})]
    for batch in range(batches):
        names = [f"{QUEUE}/tasks/t{batch * 10 + number}" for number in range(10)]
        common = {"event": "task_created", "queue": QUEUE, "offset": 0, "method": "POST", "url": f"{BASE}/send"}
        blocks.append(("events", {**now, "events": [{**common, "task": name, "text": "created"} for name in names]}))
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in blocks)


def test_batches_of_events_are_drawn_together(server: Emulator, open_page: Open) -> None:
    """500 batches cost few layouts, since the page draws by a timer, and only visible parts are in the document."""
    page = opened(open_page, server)
    streams = [stream_of(500)]
    page.add_init_script(COUNTS_LAYOUTS)
    # Only the first stream is answered; the page's next attempt to connect waits.
    page.route("**/control/events", lambda route: route.fulfill(body=streams.pop()) if streams else None)
    page.reload()
    expect(page.locator(".events .more")).to_have_text("Show 300 more of 4,700")

    assert page.evaluate("layouts") < 50
    assert page.evaluate("document.querySelectorAll('*').length") < 5_000


def test_the_page_asks_for_a_token(open_page: Open) -> None:
    """It asks again after a wrong token; it keeps the right one for the tab, and nowhere else."""
    with running_emulator("--queue", "emails", "--token", "s3cret", "--log-format", "none") as server:
        page = open_page("", url=f"{server.url}/", problems_are=("401 (Unauthorized)",))
        page.get_by_label("token").fill("wrong")
        page.get_by_role("button", name="Open").click()
        expect(page.locator("form.token")).to_be_visible()
        page.get_by_label("token").fill("s3cret")
        page.get_by_role("button", name="Open").click()
        expect(card(page, "emails")).to_be_visible()
        page.reload()
        expect(card(page, "emails")).to_be_visible()
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        page.close()


def test_another_origin_reaches_nothing(browser: Any, server: Emulator, worker: Worker) -> None:
    """A page on another port can neither read, nor change, nor frame the emulator."""
    worker.reply = lambda _: (200, [("Content-Type", "text/html")], b"<title>evil</title>")
    page = browser.new_page()
    page.goto(worker.url.replace("127.0.0.1", "localhost"))
    for path, options in [
        ("/control/events", "{}"),
        ("/control/overview", "{}"),
        ("/control/reset", "{method: 'POST'}"),
        ("/control/reset", "{method: 'POST', mode: 'no-cors'}"),
        (f"/v2/{QUEUE}:pause", "{method: 'POST', mode: 'no-cors'}"),
    ]:
        page.evaluate(f"fetch('{server.url}{path}', {options}).then(one => one.type, error => error.message)")
    page.evaluate(f"document.body.innerHTML = '<iframe src=\"{server.url}/\"></iframe>'")
    page.wait_for_timeout(500)
    frames = [frame for frame in page.frames if frame != page.main_frame]

    assert server.get("/control/overview")["queues"][0]["state"] == "running"
    assert [event["event"] for event in server.get("/control/timeline")["timeline"]] == ["queue_created"] * 2
    assert not [frame for frame in frames if frame.locator("#emulator").count()]
    page.close()


def test_hostile_texts_of_tasks_are_texts(server: Emulator, open_page: Open) -> None:
    """The service limits names, but URLs, headers and bodies may contain anything."""
    page = opened(open_page, server)
    evil = "<img src=x onerror=boom()>"
    create(server, "evil", httpRequest={"url": f"{BASE}/?q={evil}", "headers": {"X-Evil": evil}})

    expect(page.locator(".lane.task .title")).to_have_text(f"POST /?q={evil}")
    expect(page.locator(".task-rows .title")).to_have_text(f"POST /?q={evil}")
    assert page.locator("img").count() == 0
