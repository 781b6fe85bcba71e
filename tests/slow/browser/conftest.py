"""Headless Chromium, by Playwright's driver and the browser of the machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.conftest import enqueue
from tests.report.stories import Enqueue, a_hostile_story, a_short_story, a_story

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["enqueue"]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DESKTOP, PHONE = (1280, 900), (390, 844)

Open = Callable[..., "Page"]
Launch = Callable[..., "Browser"]


@pytest.fixture(scope="session")
def stories(enqueue: Enqueue) -> dict[str, Any]:
    """Return the data of the example tests. They run before the browser, whose driver has an event loop."""
    return {"all": a_story(enqueue), "hostile": a_hostile_story(enqueue), "short": a_short_story(enqueue)}


@pytest.fixture(scope="package")
def launch(stories: dict[str, Any]) -> Iterator[Launch]:
    """Yield a function that starts a browser with more arguments. Playwright has one driver for a process."""
    if CHROMIUM is None:
        pytest.skip("There is no chromium or google-chrome on this machine. Install one to run these tests.")
    playwright = pytest.importorskip("playwright.sync_api", reason="The driver is in the dependency group `browser`.")
    # Root has no sandbox, and containers a small /dev/shm.
    usual = ("--no-sandbox", "--disable-dev-shm-usage")
    with playwright.sync_playwright() as driver:
        yield lambda *arguments: driver.chromium.launch(executable_path=CHROMIUM, args=[*usual, *arguments])


@pytest.fixture(scope="package")
def browser(launch: Launch) -> Iterator[Browser]:
    """Yield one browser for the tests of this folder; it can't reach a network."""
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Return a function that opens HTML, a file or a URL; console messages and requests elsewhere fail the test."""
    problems: list[str] = []
    contexts: list[Any] = []

    def open_page(
        html: str | Path,
        *,
        size: tuple[int, int] = DESKTOP,
        scheme: str = "light",
        scripts: bool = True,
        ready: bool = True,
        url: str = "",
        problems_are: tuple[str, ...] = (),
    ) -> Page:
        path = html if isinstance(html, Path) else tmp_path / "page.html"
        if isinstance(html, str):
            path.write_text(html, "utf-8", newline="\n")
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, java_script_enabled=scripts
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        own = url or "file:///"
        page.on(
            "console",
            lambda message: (
                None
                if any(known in message.text for known in problems_are)
                else problems.append(f"console: {message.text}")
            ),
        )
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((own, "data:")) else problems.append(f"request: {request.url}")
            ),
        )
        page.goto(url or path.as_uri())
        if scripts and ready:
            page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []
