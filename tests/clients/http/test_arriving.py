"""A request to Cloud Tasks arrives at the fake by each library, and outside a fake it is blocked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_cloudtasks import FakeCloudTasks

from .ways import SYNC, URL, Answer, name_of

WAYS = SYNC


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


@pytest.mark.parametrize("way", WAYS, ids=name_of)
def test_a_request_outside_is_blocked(pytester: pytest.Pytester, way: Callable[[], Answer]) -> None:
    """The sentence names the request and the place, and comes through the library as it is."""
    source = Path(__file__).with_name("ways.py").read_text("utf-8")
    pytester.makepyfile(app=source)
    pytester.makepyfile(f"import app\n\ndef test_it():\n    assert app.{way.__name__}() == 'blocked'\n")
    result = pytester.runpytest("-o", "cloud_tasks_outside=refuse")
    result.assert_outcomes(failed=1)
    (line,) = {line for line in result.outlines if line.startswith("POST ")}
    begin = f"POST {URL} was called outside a fake (app.py:"
    end = (
        f', in {way.__name__}), and outside="refuse" keeps calls away from the real service. Ask for the cloud_tasks'
        " fixture in the test or fixture that makes the call, or allow it with"
        ' @pytest.mark.cloud_tasks(outside="real").'
    )
    assert (line[: len(begin)], line[-len(end) :]) == (begin, end)
    at = int(line[len(begin) : -len(end)])
    assert f"def {way.__name__}(" in "\n".join(source.splitlines()[at - 5 : at])
