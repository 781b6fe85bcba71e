"""The pages on event loops and on subtests run with the plugins that they are about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"^```(text|py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[str]:
    """Return the blocks of a page that need a plugin."""
    return [text for _, text in BLOCK.findall((PAGES / page).read_text("utf-8"))]


def test_event_loops(pytester: pytest.Pytester) -> None:
    """One client serves all tests, in one loop."""
    pytest.importorskip("pytest_asyncio", minversion="0.26")
    ini, conftest, tests = blocks("event-loops.md")
    (pytester.path / "pytest.ini").write_text(ini)
    pytester.makeconftest(conftest)
    pytester.makepyfile(tests)
    pytester.runpytest_subprocess("-W", "error::RuntimeWarning").assert_outcomes(passed=2)


def test_subtests(pytester: pytest.Pytester) -> None:
    """Each subtest finds its own task in the one queue."""
    pytest.importorskip("pytest", minversion="9.0")
    (test,) = blocks("subtests.md")
    pytester.makeini("[pytest]\ncloud_tasks_queues = receipts\n")
    pytester.makeconftest(
        """
        import json
        import pytest
        from google.cloud import tasks_v2

        class App:
            def place_order(self, order):
                request = {
                    "url": "https://mailer.test/send",
                    "headers": {"Content-Type": "application/json"},
                    "body": json.dumps({"order": order}).encode(),
                }
                queue = "projects/test-project/locations/us-central1/queues/receipts"
                tasks_v2.CloudTasksClient().create_task(parent=queue, task={"http_request": request})

        @pytest.fixture
        def app():
            return App()
        """
    )
    pytester.makepyfile(test)
    pytester.runpytest_subprocess("-p", "no:asyncio").assert_outcomes(passed=1)


def test_a_failed_subtest_has_a_timeline(pytester: pytest.Pytester) -> None:
    """Its report is as that of a failed test, and the test goes on; strict asks nothing of it afterwards."""
    pytest.importorskip("pytest", minversion="9.0")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.cloud_tasks(strict=True)
        def test_it(cloud_tasks, subtests):
            for number in (1, 2):
                with subtests.test(number=number):
                    cloud_tasks.create_queue(f"q{number}")
                    assert number == 2
        """
    )
    output = pytester.runpytest_subprocess("-p", "no:asyncio").stdout
    output.fnmatch_lines(
        ["*test_it (number=1)*", "*Cloud Tasks timeline*", "+0:00:00  queue q1 created", "*contains 1 failed subtest*"]
    )
    output.no_fnmatch_line("*queue q2 created*")
    output.no_fnmatch_line("*strict=True fails*")
