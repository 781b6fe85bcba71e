"""What each strategy shrinks to, which its docstring names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.cloud import tasks_v2
from hypothesis import find, settings
from hypothesis.strategies import SearchStrategy

from pytest_cloudtasks import strategies as cloud

NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)
QUEUE = "projects/test-project/locations/us-central1/queues/0"
SIMPLEST = {"http_request": {"url": "https://example.com/", "http_method": "POST"}}


def minimal(strategy: SearchStrategy[Any], condition: Callable[[Any], bool] = lambda value: True) -> Any:
    return find(strategy, condition, settings=settings(max_examples=2000))


TARGETS = {
    "tasks": (cloud.tasks(as_dict=True), SIMPLEST),
    "http_requests": (cloud.http_requests(as_dict=True), SIMPLEST["http_request"]),
    "app_engine_http_requests": (
        cloud.app_engine_http_requests(as_dict=True),
        {"relative_uri": "/", "http_method": "POST"},
    ),
    "queues": (cloud.queues(as_dict=True), {"name": QUEUE}),
    "rate_limits": (cloud.rate_limits(as_dict=True), {}),
    "retry_configs": (cloud.retry_configs(as_dict=True), {}),
    "queue_ids": (cloud.queue_ids(), "0"),
    "task_ids": (cloud.task_ids(), "0"),
    "resource_names": (cloud.resource_names(), QUEUE),
    "names of tasks": (cloud.resource_names(of="task"), f"{QUEUE}/tasks/0"),
    "schedule_times": (cloud.schedule_times(now=NOW), NOW),
    "create_task_requests": (cloud.create_task_requests(as_dict=True), {"parent": QUEUE, "task": SIMPLEST}),
    "pull_messages": (cloud.pull_messages(as_dict=True), {}),
    "workloads": (
        cloud.workloads(as_dict=True),
        cloud.Workload(({"name": QUEUE},), (cloud.Step(timedelta(0), QUEUE, SIMPLEST),)),
    ),
    "boundary_tasks": (cloud.boundary_tasks(as_dict=True), {**SIMPLEST, "dispatch_deadline": timedelta(seconds=15)}),
    "boundary_queues": (cloud.boundary_queues(as_dict=True), {"name": f"{QUEUE[:-1]}{'0' * 99}"}),
    "outcomes": (cloud.outcomes(), 200),
    "outcomes that fail": (cloud.outcomes(success=False), 500),
}


@pytest.mark.parametrize("name", TARGETS)
def test_the_simplest(name: str) -> None:
    """Without a condition a strategy shrinks to what its docstring says."""
    strategy, simplest = TARGETS[name]

    assert minimal(strategy) == simplest


def test_the_simplest_message() -> None:
    """As a message the simplest task is POST https://example.com/ and nothing else."""
    assert minimal(cloud.tasks()) == tasks_v2.Task(SIMPLEST)


def test_only_what_matters_stays() -> None:
    """What a failure needs is kept at its simplest, and all else goes."""
    body = minimal(cloud.tasks(as_dict=True), lambda task: len(task.get("http_request", {}).get("body", b"")) >= 2)
    deadline = minimal(cloud.tasks(as_dict=True), lambda task: "dispatch_deadline" in task)
    app_engine = minimal(cloud.tasks(as_dict=True), lambda task: "app_engine_http_request" in task)
    later = minimal(cloud.schedule_times(now=NOW), lambda at: at >= NOW + timedelta(hours=1))

    assert body == {"http_request": {**SIMPLEST["http_request"], "body": b"\x00\x00"}}
    assert deadline == {**SIMPLEST, "dispatch_deadline": timedelta(seconds=15)}
    assert app_engine == {"app_engine_http_request": {"relative_uri": "/", "http_method": "POST"}}
    assert later == NOW + timedelta(hours=1)


def test_headers_shrink_to_none() -> None:
    """A task that needs a token, a method or a routing has no header and no body."""
    token = minimal(cloud.http_requests(as_dict=True), lambda request: "oidc_token" in request)
    put = minimal(cloud.http_requests(as_dict=True), lambda request: request["http_method"] == "PUT")

    assert set(token) == {"url", "http_method", "oidc_token"}
    assert put == {"url": "https://example.com/", "http_method": "PUT"}


def test_invalid_ones_shrink() -> None:
    """The simplest wrong task has nothing in it, the simplest wrong queue a negative rate."""
    task, error = minimal(cloud.invalid_tasks(as_dict=True))
    queue, refusal = minimal(cloud.invalid_queues(as_dict=True))

    assert (task, str(error)) == ({}, "400 Task.payload_type is not set.")
    assert queue == {"name": QUEUE, "rate_limits": {"max_dispatches_per_second": -1.0}}
    assert type(refusal) is type(error)
