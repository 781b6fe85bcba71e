"""A request to Cloud Tasks arrives at the fake by each library, and outside a fake it is blocked."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cloudtasks import FakeCloudTasks

from . import ways
from .ways import AIOHTTP, HTTPX, SYNC, URL, Answer, name_of

WAYS = SYNC + HTTPX + AIOHTTP


@pytest.mark.parametrize("way", WAYS, ids=name_of)
@pytest.mark.cloud_tasks(queues=["work"])
def test_a_request_arrives(cloud_tasks: FakeCloudTasks, no_network: None, way: Callable[[], Answer]) -> None:
    """The task is in the queue, the response is its JSON, and no socket was connected."""
    status, task = way()
    assert (status, task["name"]) == (200, cloud_tasks.assert_enqueued(url="https://app.test/").name)
    assert [call.method for call in cloud_tasks.rpcs] == ["create_task"]


@pytest.mark.parametrize("way", WAYS, ids=name_of)
def test_an_error_arrives(cloud_tasks: FakeCloudTasks, no_network: None, way: Callable[[], Answer]) -> None:
    """A missing queue is the service's error, in Google's JSON."""
    status, value = way()
    assert (status, value["error"]["status"]) == (404, "NOT_FOUND")
    assert value["error"]["message"] == (
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
    )


def test_requests_outside_are_blocked(pytester: pytest.Pytester) -> None:
    """The sentence names the request and the place, and comes through each library as it is."""
    pytester.makepyfile(app=Path(ways.__file__).read_text("utf-8"))
    tests = (f"def test_{name_of(way)}():\n    app.{way.__name__}()\n" for way in WAYS)
    pytester.makepyfile("\n".join(["import app", *tests]))
    result = pytester.runpytest("-o", "cloud_tasks_outside=refuse", "-p", "no:randomly")
    result.assert_outcomes(failed=len(WAYS))
    blocked = re.findall(BLOCKED, result.stdout.str())
    assert len(blocked) == len(WAYS)
    for (line, function), way in zip(blocked, WAYS, strict=True):
        lines, first = inspect.getsourcelines(way)
        assert function in (way.__name__, "post")
        assert first < int(line) < first + len(lines)


BLOCKED = (
    re.escape(f"POST {URL} was called").replace("/v2/", "/v2(?:beta3)?/")
    + re.escape(
        ' outside a fake, and outside="refuse" keeps calls away from the real service. Ask for the cloud_tasks fixture'
        ' in the test or fixture that makes the call, or allow it with @pytest.mark.cloud_tasks(outside="real").\n'
        "The call was made at app.py:"
    )
    + r"(\d+), in (\w+)\."
)
