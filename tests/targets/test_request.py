from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pytest_cloudtasks import TargetRequest
from pytest_cloudtasks._service.request import AppEngineTarget, HttpTarget, Routing
from pytest_cloudtasks._service.task import DEADLINE_EXCEEDED, NO_RESPONSE, Outcome, response
from pytest_cloudtasks._targets.request import own_duration, url_of

NOW = 1_900_000_000_123_456_789
URL = "https://app.test/work"

RequestFor = Callable[..., TargetRequest]


def test_a_request_is_what_the_task_says(request_for: RequestFor) -> None:
    """Method, URL and body are the task's."""
    request = request_for("https://app.test/work?x=1", "PUT", body="grüß".encode())
    assert (request.method, request.url) == ("PUT", "https://app.test/work?x=1")
    assert request.body == "grüß".encode()
    assert request.text == "grüß"


def test_a_body_is_read_as_json(request_for: RequestFor) -> None:
    """A JSON body is read; any other raises ValueError."""
    assert request_for(body=b'{"order": 42}').json == {"order": 42}


@pytest.mark.parametrize("body", [b"", b"{", b"\xff"])
def test_invalid_json_is_a_value_error(request_for: RequestFor, body: bytes) -> None:
    """An empty, a broken and an undecodable body are not JSON."""
    with pytest.raises(ValueError):
        _ = request_for(body=body).json


def test_the_tasks_own_headers_come_along(request_for: RequestFor) -> None:
    """Headers of the task arrive as they were given, in any case of their names; the service adds its own."""
    request = request_for(headers=(("X-Mixed-Case", "kept"), ("content-type", "text/plain")), body=b"abc")
    assert request.headers["x-mixed-case"] == "kept"
    assert request.headers["Content-Type"] == "text/plain"
    assert request.headers["User-Agent"] == "Google-Cloud-Tasks"
    assert request.headers["Host"] == "app.test"
    assert request.headers.getlist("Content-Length") == ["3"]


def test_the_first_requests_headers(request_for: RequestFor) -> None:
    """The first request has queue and task names, counts of zero, its ETA, and no previous response."""
    headers = request_for().headers
    assert headers["X-CloudTasks-QueueName"] == "mails"
    assert headers["X-CloudTasks-TaskName"] == "welcome"
    assert headers["X-CloudTasks-TaskRetryCount"] == "0"
    assert headers["X-CloudTasks-TaskExecutionCount"] == "0"
    assert headers["X-CloudTasks-TaskETA"] == "1900000000.123456"
    assert "X-CloudTasks-TaskPreviousResponse" not in headers
    assert "X-CloudTasks-TaskRetryReason" not in headers
    assert not [name for name in headers if name.startswith("X-AppEngine")]


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("POST", b"", ["0"]),
        ("PUT", b"", ["0"]),
        ("PATCH", b"abc", ["3"]),
        ("GET", b"", []),
        ("DELETE", b"", []),
        ("HEAD", b"", []),
    ],
)
def test_the_length_is_that_of_the_body(request_for: RequestFor, method: str, body: bytes, length: list[str]) -> None:
    """Methods that have a body announce its length, the others only where there is one."""
    assert request_for(method=method, body=body).headers.getlist("Content-Length") == length


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://app.test/x", "app.test"),
        ("http://localhost:8080/x", "localhost:8080"),
        ("https://user:secret@app.test/x", "app.test"),
        ("https://[::1]:8443/x", "[::1]:8443"),
    ],
)
def test_the_host_is_that_of_the_url(request_for: RequestFor, url: str, host: str) -> None:
    """The Host header has host and port, and no credentials."""
    assert request_for(url).headers.getlist("host") == [host]


@pytest.mark.parametrize(
    ("outcome", "previous", "execution_count"),
    [
        (response(503), "503", "0"),
        (response(404), "404", "1"),
        (DEADLINE_EXCEEDED, "504", "0"),
        (NO_RESPONSE, "0", "0"),
    ],
    ids=["503", "404", "deadline", "no response"],
)
def test_a_retry_has_the_previous_response(post: Any, outcome: Outcome, previous: str, execution_count: str) -> None:
    """The second request of an HTTP task has the first one's status, and an empty reason."""
    task = post.task(HttpTarget(URL))
    post.answer(post.attempt(task), outcome)
    headers = TargetRequest(post.attempt(task)).headers
    assert headers["X-CloudTasks-TaskRetryCount"] == "1"
    assert headers["X-CloudTasks-TaskExecutionCount"] == execution_count
    assert headers["X-CloudTasks-TaskPreviousResponse"] == previous
    assert headers["X-CloudTasks-TaskRetryReason"] == ""


@pytest.mark.parametrize(
    ("outcome", "previous", "reason", "execution_count"),
    [
        (response(503), "503", "App Error", "1"),
        (DEADLINE_EXCEEDED, "0", "Instance Unavailable", "0"),
        (NO_RESPONSE, "0", "App Error", "0"),
    ],
    ids=["503", "deadline", "no response"],
)
def test_an_app_engine_retry_has_a_reason(
    post: Any, outcome: Outcome, previous: str, reason: str, execution_count: str
) -> None:
    """The second request of an App Engine task has the first one's status, and a reason."""
    task = post.task(AppEngineTarget("/work"))
    post.answer(post.attempt(task), outcome)
    headers = TargetRequest(post.attempt(task)).headers
    assert headers["X-AppEngine-TaskRetryCount"] == "1"
    assert headers["X-AppEngine-TaskExecutionCount"] == execution_count
    assert headers["X-AppEngine-TaskPreviousResponse"] == previous
    assert headers["X-AppEngine-TaskRetryReason"] == reason
    assert not [name for name in headers if name.startswith("X-CloudTasks")]


def test_an_app_engine_task_goes_to_its_host(post: Any) -> None:
    """An App Engine task is requested from the host of its service and version, at its relative URI."""
    task = post.task(AppEngineTarget("/work?x=1", body=b"abc", routing=Routing("api", "v2")))
    request = TargetRequest(post.attempt(task))
    assert request.url == "http://v2.api.p.uc.r.appspot.com/work?x=1"
    assert request.headers["Host"] == "v2.api.p.uc.r.appspot.com"
    assert request.headers.getlist("Content-Length") == ["3"]
    assert request.headers["Content-Type"] == "application/octet-stream"
    assert request.headers["User-Agent"] == "AppEngine-Google; (+http://code.google.com/appengine)"


def test_a_target_that_was_not_stored_has_no_host() -> None:
    """The host is filled in when the task is created; before, only the path is known."""
    assert url_of(AppEngineTarget("/work")) == "http:///work"


@pytest.mark.parametrize(
    ("instant", "eta"),
    [
        (NOW, "1900000000.123456"),
        (1_900_000_000_000_000_000, "1900000000"),
        (1_900_000_000_000_001_999, "1900000000.000001"),
        (0, "0"),
        (-1_500_000_000, "-1.5"),
        (-1_000, "-0.000001"),
    ],
)
def test_the_eta_has_six_decimals_at_most(post: Any, instant: int, eta: str) -> None:
    """The ETA is the attempt's schedule time in seconds, with no zero at its end, before 1970 as well."""
    attempt = post.attempt(post.task(HttpTarget(URL)), NOW)
    attempt.schedule_time = instant
    assert TargetRequest(attempt).headers["X-CloudTasks-TaskETA"] == eta
    assert float(eta) == pytest.approx(instant / 1e9, abs=2e-6)


def test_a_handler_may_delay_its_answer(request_for: RequestFor) -> None:
    """The duration is None until the handler sets one; the last one counts."""
    request = request_for()
    assert own_duration(request) is None
    request.takes(timedelta(seconds=5))
    request.takes(timedelta(milliseconds=1))
    assert own_duration(request) == 1_000_000


def test_an_answer_cannot_come_before_its_request(request_for: RequestFor) -> None:
    """A negative duration is rejected, and the one before stays."""
    request = request_for()
    request.takes(timedelta(seconds=5))
    with pytest.raises(ValueError) as refused:
        request.takes(timedelta(seconds=-1))
    assert str(refused.value) == (
        "request.takes() takes a duration of zero or more, but got datetime.timedelta(days=-1, seconds=86399)."
    )
    assert own_duration(request) == 5_000_000_000


def test_repr_names_the_attempt(request_for: RequestFor) -> None:
    """The repr has method, URL, the number of the attempt and the size of the body."""
    assert repr(request_for(body=b"abc")) == "<POST https://app.test/work (attempt 1, 3 bytes)>"
