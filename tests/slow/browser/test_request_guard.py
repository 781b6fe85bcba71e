"""Pages of other origins, in a real browser, can't read or drive an emulator on the same machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.server.emulator.running import QUEUE, Emulator, running_emulator
from tests.targets.servers import Received, Reply, serving

from .conftest import Launch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CREATE = f"/v2/{QUEUE}/tasks"
TASK = '{"task": {"httpRequest": {"url": "http://127.0.0.1:9/"}}}'


def blank(_: Received) -> Reply:
    """Answer with a page of another site."""
    return 200, [("Content-Type", "text/html")], b"<!doctype html><title>other</title>"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    """Yield an emulator with one task that is never due."""
    with running_emulator("--queue", "emails", "--log-format", "none") as server:
        with server.client() as client:
            client.pause_queue(name=QUEUE)
        server.create()
        yield server


@pytest.fixture(scope="module")
def other_site() -> Iterator[str]:
    """Yield the address of another server on this machine, under another host name."""
    with serving(blank) as server:
        yield server.url.replace("127.0.0.1", "other.test")


@pytest.fixture(scope="module")
def rebinding_browser(launch: Launch) -> Iterator[Browser]:
    """Yield a browser that resolves other sites' names to this machine, as after DNS rebinding."""
    names = "--host-resolver-rules=MAP other.test 127.0.0.1, MAP evil.test 127.0.0.1"
    # Without local network checks only our own guard is left.
    browser = launch(names, "--disable-features=LocalNetworkAccessChecks")
    yield browser
    browser.close()


@pytest.fixture
def page(rebinding_browser: Browser) -> Iterator[Page]:
    """Yield a new tab."""
    context = rebinding_browser.new_context()
    yield context.new_page()
    context.close()


def tasks(emulator: Emulator) -> int:
    """Return the number of tasks; while it is one, no page has reset the emulator or created a task."""
    found: list[Any] = emulator.get("/control/tasks")["tasks"]
    return len(found)


FETCH = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options);
        return answer.type === "opaque" ? "opaque" : answer.status;
    } catch (error) { return error.name; }
}"""


@pytest.mark.parametrize(
    ("path", "options", "seen"),
    [
        ("/control/tasks", {}, "TypeError"),
        ("/control/reset", {"method": "POST"}, "TypeError"),
        ("/control/reset", {"method": "POST", "mode": "no-cors"}, "opaque"),
        (CREATE, {"method": "POST", "body": TASK, "mode": "no-cors"}, "opaque"),
        (CREATE, {"method": "POST", "body": TASK, "headers": {"Content-Type": "application/json"}}, "TypeError"),
    ],
)
def test_fetch_from_another_origin(
    page: Page, emulator: Emulator, other_site: str, path: str, options: dict[str, Any], seen: str
) -> None:
    """The page can't read the answer, and nothing has happened."""
    page.goto(other_site)
    assert page.evaluate(FETCH, [f"{emulator.url}{path}", options]) == seen
    assert tasks(emulator) == 1


@pytest.mark.parametrize("path", ["/control/reset", CREATE])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
def test_a_form_of_another_origin(page: Page, emulator: Emulator, other_site: str, path: str, kind: str) -> None:
    """The browser shows the error, which names the page's origin."""
    page.goto(other_site)
    form = f'<form method=post enctype="{kind}" action="{emulator.url}{path}"><input name=\'{TASK[:-1]}\' value="}}">'
    page.set_content(form)
    with page.expect_navigation() as shown:
        page.evaluate("document.forms[0].submit()")
    answer = shown.value
    assert answer.status == 403
    assert answer.json()["error"]["message"].startswith("The request was sent by a web page of the origin '")
    assert tasks(emulator) == 1


def test_events_for_another_origin(page: Page, emulator: Emulator, other_site: str) -> None:
    """The stream ends before it begins."""
    page.goto(other_site)
    script = """url => new Promise(done => {
        const events = new EventSource(url);
        events.onopen = () => done("open");
        events.onerror = () => done(events.readyState === EventSource.CLOSED ? "closed" : "error");
    })"""
    assert page.evaluate(script, f"{emulator.url}/control/events") == "closed"


def test_a_script_from_another_origin(page: Page, emulator: Emulator, other_site: str) -> None:
    """A request for a script is rejected, too."""
    page.goto(other_site)
    script = """url => new Promise(done => {
        const script = document.createElement("script");
        script.src = url; script.onload = () => done("loaded"); script.onerror = () => done("failed");
        document.head.append(script);
    })"""
    assert page.evaluate(script, f"{emulator.url}/control/timeline") == "failed"


def test_a_name_that_leads_here(page: Page, emulator: Emulator) -> None:
    """For the browser the page has the server's origin, so it may read the answers, but they are all errors."""
    port = emulator.url.rpartition(":")[2]
    answer = page.goto(f"http://evil.test:{port}/healthz")
    assert answer is not None
    assert answer.json()["error"]["message"] == (
        f"The request's Host is 'evil.test:{port}', and this server answers no requests for that name: a web page could"
        " have sent it. If the name is yours, allow it with --allow-host evil.test."
    )
    for path, options in [("/control/tasks", {}), ("/control/reset", {"method": "POST"})]:
        assert page.evaluate(FETCH, [path, options]) == 403
    assert tasks(emulator) == 1


def test_the_servers_own_page(page: Page, emulator: Emulator) -> None:
    """It can read and control the queues; under another name of this machine it is another origin."""
    page.goto(f"{emulator.url}/healthz")
    assert page.evaluate(FETCH, ["/control/tasks", {}]) == 200
    page.goto(f"{emulator.url.replace('127.0.0.1', 'localhost')}/healthz")
    assert page.evaluate(FETCH, ["/control/tasks", {}]) == 200
    assert page.evaluate(FETCH, [f"{emulator.url}/control/tasks", {}]) == "TypeError"


def test_the_page_takes_its_token_from_the_address(page: Page) -> None:
    """This works under any host name; then the page removes the token from the address, so that nobody copies it."""
    with running_emulator("--queue", "emails", "--token", "s3c+r/t=", "--log-format", "none") as server:
        address = f"http://evil.test:{server.url.rpartition(':')[2]}/"
        with page.expect_response(lambda response: "/control/overview" in response.url) as overview:
            page.goto(f"{address}#token=s3c+r/t=")
        assert overview.value.status == 200
        assert page.url == address
