"""Example tests whose report pages other tests check."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._report.data import report_data
from pytest_cloudtasks._report.page import Heading, page

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
EVIL = "</script><script>boom()</script><img src=x onerror=boom()><!--\u202e\x1b[31m\x00"
"""A text that would be markup, and has characters that change what is around them."""
Enqueue = Callable[..., str]


def data_of(cloud_tasks: FakeCloudTasks) -> dict[str, Any]:
    """Return the data of a fake's page."""
    simulation = cloud_tasks._active
    return report_data(simulation.history, simulation.service, simulation.clock, simulation.randomness.choices.replay)


def a_page(data: dict[str, Any], **heading: Any) -> str:
    """Return the page of a failed test."""
    return page(data, Heading(**{"test": "test_it.py::test", "outcome": "failed", "message": "", **heading}))


def a_story(enqueue: Enqueue) -> dict[str, Any]:
    """Return the data of a test with every class of attempt, several queues, waits, calls and a fault."""
    retries = {"retry_config": {"min_backoff": "10s", "max_attempts": 2}}
    patient = {"retry_config": {"min_backoff": "1s", "max_attempts": 9}}
    queues = {"receipts": retries, "hooks": patient, "reports": {"rate_limits": {"max_concurrent_dispatches": 1}}}
    with FakeCloudTasks(start=START, queues=queues) as cloud_tasks:
        cloud_tasks.route("https://mailer.test/send").returns(503)
        hook = cloud_tasks.route("https://hooks.test/v1/orders?shop=9").returns(302, 404, 429)
        hook.raises(TimeoutError).raises(ConnectionError).returns(200)
        cloud_tasks.route("https://reports.test/daily").takes(timedelta(seconds=20))
        headers = {"Content-Type": "application/json", "X-Api-Key": "hunter2"}
        enqueue("receipt-42", "https://mailer.test/send", body=b'{"order": 42}', headers=headers)
        enqueue("hook-1", "https://hooks.test/v1/orders?shop=9", queue="hooks")
        for day in ("monday", "tuesday"):
            enqueue(day, "https://reports.test/daily", queue="reports")
        cloud_tasks.fail_rpc("get_queue", "UNAVAILABLE")
        client = cloud_tasks.client()
        client.get_queue(name=cloud_tasks.queue_path("receipts"))
        cloud_tasks.drain()
        client.pause_queue(name=cloud_tasks.queue_path("reports"))
        enqueue("wednesday", "https://reports.test/daily", queue="reports")
        cloud_tasks.advance(days=3)
        return data_of(cloud_tasks)


def a_short_story(enqueue: Enqueue) -> dict[str, Any]:
    """Return the data of a test with one success."""
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        cloud_tasks.route("https://a.test/")
        enqueue("one", "https://a.test/")
        cloud_tasks.drain()
        return data_of(cloud_tasks)


def a_hostile_story(enqueue: Enqueue) -> dict[str, Any]:
    """Return the data of a test with markup, control characters and a huge text in every text that a user can write."""
    with FakeCloudTasks(start=START, queues=["receipts"]) as cloud_tasks:
        answer = SimpleNamespace(status_code=500, headers={"X-Evil": "<b>bold</b>"}, content=EVIL.encode())
        cloud_tasks.route("https://a.test/", handler=lambda request: answer)
        enqueue("one", "https://a.test/", body=EVIL.encode(), headers={"X-Evil": "<script>boom()</script>"})
        enqueue("two", f"https://a.test/?q={'%3Cscript%3E' * 100}")
        enqueue("three", "https://a.test/", body=("x" * 300_000).encode())
        cloud_tasks.route(f"https://a.test/?q={'%3Cscript%3E' * 100}").returns(200)
        cloud_tasks.drain(until=timedelta(seconds=1))
        return data_of(cloud_tasks)
