"""Where a traceback ends: at the line of the test or the application that made the call."""

from __future__ import annotations

import re

import pytest

from tests.each import each

HEAD = """
    import asyncio
    import pytest
    from google.cloud import tasks_v2

    QUEUE = "projects/test-project/locations/us-central1/queues/work"
    TASK = {"http_request": {"url": "https://w.test/"}}

    def place_order():
        tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task=TASK)

    async def place_order_async():
        await tasks_v2.CloudTasksAsyncClient().create_task(parent=QUEUE, task=TASK)

    def rest():
        tasks_v2.CloudTasksClient(transport="rest").create_task(parent=QUEUE, task=TASK)

    def wrapping():
        try:
            place_order()
        except Exception as error:
            raise RuntimeError("no order") from error
"""
NO_QUEUE = (
    "404 Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
)
CASES = {
    "a refused call": ("place_order()", ["test", "place_order"]),
    "a refused call over REST": ("rest()", ["test", "rest"]),
    "a field that isn't one": ("tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task={'http': {}})", ["test"]),
    "a wrong keyword": ("cloud_tasks.assert_enqueued(jsn={})", ["test"]),
    "a wrong URL": ("cloud_tasks.route(1)", ["test"]),
    "a wrong queue": ("cloud_tasks.create_queue('work', bust=1)", ["test"]),
    "a rejected queue": ("cloud_tasks.create_queue('no queue')", ["test"]),
    "a wrong duration": ("cloud_tasks.advance(1)", ["test"]),
    "no target": (
        "cloud_tasks.create_queue('work'); place_order(); cloud_tasks.drain()",
        ["test"],
    ),
    "an exception of a handler": (
        "cloud_tasks.create_queue('work'); place_order();"
        " cloud_tasks.route('https://w.test/', handler=lambda _: 1 / 0); cloud_tasks.drain()",
        ["test", "<lambda>"],
    ),
}


@pytest.mark.needs("clients of 2.x")
@each("case", CASES)
def test_a_failure_ends_at_the_authors_line(pytester: pytest.Pytester, case: str) -> None:
    """Every entry of the traceback is in the test's file, and no cause is shown besides."""
    call, functions = CASES[case]
    pytester.makepyfile(HEAD + f"\n    def test(cloud_tasks):\n        {call}\n")
    result = pytester.runpytest("--tb=short")
    shown = [re.fullmatch(r"(.*):\d+: in (.*)", line) for line in result.outlines]
    assert [(line[1], line[2]) for line in shown if line] == [
        ("test_a_failure_ends_at_the_authors_line.py", function) for function in functions
    ]
    result.stdout.no_fnmatch_line("*direct cause*")
    result.stdout.no_fnmatch_line("*entries are hidden*")


@pytest.mark.needs("clients of 2.x")
def test_a_rejected_call_shows_the_call_and_the_sentence(pytester: pytest.Pytester) -> None:
    """Word for word, with nothing of Google's client in between."""
    pytester.makepyfile(HEAD + "\n    def test(cloud_tasks):\n        place_order()\n")
    lines = pytester.runpytest().outlines
    begin = lines.index("    def place_order():")
    assert lines[begin : begin + 5] == [
        "    def place_order():",
        ">       tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task=TASK)",
        f"E       google.api_core.exceptions.NotFound: {NO_QUEUE}",
        "",
        "test_a_rejected_call_shows_the_call_and_the_sentence.py:9: NotFound",
    ]


@pytest.mark.needs("clients of 2.x")
@pytest.mark.parametrize("case", ["testcase", "cause", "fixture", "async"])
def test_wherever_the_call_was_made(pytester: pytest.Pytester, case: str) -> None:
    """In a TestCase, in a fixture, in a coroutine, and below an exception of the application's own."""
    bodies = {
        "testcase": """
    import unittest
    from pytest_cloudtasks import FakeCloudTasks

    class TestOrder(unittest.TestCase):
        def test(self):
            with FakeCloudTasks():
                place_order()
""",
        "cause": "\n    def test(cloud_tasks):\n        wrapping()\n",
        "fixture": """
    @pytest.fixture
    def order(cloud_tasks):
        place_order()

    def test(order):
        pass
""",
        "async": "\n    def test(cloud_tasks):\n        asyncio.run(place_order_async())\n",
    }
    pytester.makepyfile(HEAD + bodies[case])
    output = pytester.runpytest().stdout.str()
    assert f"NotFound: {NO_QUEUE}" in output
    assert "api_core/" not in output
    assert "pytest_cloudtasks/" not in output
    assert "InProcessRpcError" not in output


@pytest.mark.needs("clients of 2.x")
@pytest.mark.parametrize("option", ["--full-trace", "--tb=native"])
def test_the_whole_traceback_is_there_for_the_asking(pytester: pytest.Pytester, option: str) -> None:
    """Google's frames, ours, and grpc's error as the cause."""
    pytester.makepyfile(HEAD + "\n    def test(cloud_tasks):\n        place_order()\n")
    output = pytester.runpytest(option).stdout.str()
    assert "grpc_helpers.py" in output
    assert "_clients/channel.py" in output
    assert "direct cause of the following exception" in output


@pytest.mark.needs("clients of 2.x")
def test_a_test_without_a_fake_is_not_touched(pytester: pytest.Pytester) -> None:
    """What Google's client raises there is shown as it is without the plugin."""
    pytester.makepyfile(HEAD + "\n    def test():\n        tasks_v2.CloudTasksClient(transport='none')\n")
    output = pytester.runpytest().stdout.str()
    assert "services/cloud_tasks/client.py" in output


def test_a_mistake_of_the_plugins_own_keeps_its_frames(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception that the plugin never raises on purpose is for its authors to see."""
    from pytest_cloudtasks._simulation.driving.driver import Driver

    monkeypatch.setattr(Driver, "_end_of", lambda self, until: self.nothing)
    pytester.makepyfile("def test(cloud_tasks):\n    cloud_tasks.drain()\n")
    output = pytester.runpytest().stdout.str()
    assert "AttributeError: 'Driver' object has no attribute 'nothing'" in output
    assert "test_tracebacks.py" in output
