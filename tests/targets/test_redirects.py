"""What the headers of an answer ask for."""

from __future__ import annotations

import pytest

from pytest_cloudtasks._service.task import response
from pytest_cloudtasks._targets.answers import Answer
from pytest_cloudtasks._targets.headers import Headers
from pytest_cloudtasks._targets.redirects import redirected, retry_at
from pytest_cloudtasks._targets.request import TargetRequest
from tests.each import each

from ..service.driving import URL, add, driver_with

SECOND = 1_000_000_000
NOON = 1_782_907_200 * SECOND
"""2026-07-01T12:00:00Z."""


@each(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 5 ", 5),
        ("Wed, 01 Jul 2026 12:01:30 GMT", 90),
        ("Wed, 01 Jul 2026 11:59:00 GMT", -60),
        ("Wed, 01 Jul 2026 12:01:30 -0000", 90),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9999999999999", None),
        ("Wed, 41 Jul 2026 12:01:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: int | None) -> None:
    """Seconds count from the answer; what can't be read asks for nothing."""
    expected = None if seconds is None else NOON + seconds * SECOND
    assert retry_at(Headers([("retry-after", value)]), NOON) == expected


def test_an_answer_without_the_header_asks_for_nothing() -> None:
    """No Retry-After, no instant."""
    assert retry_at(Headers(), NOON) is None


def sent(authorization: str | None = None) -> TargetRequest:
    """A request to `URL` with a body."""
    driver = driver_with()
    task = add(driver)
    task.target.headers = (("Content-Type", "text/plain"),)
    task.target.body = b"order"
    attempt = driver.service.begin(driver.now, task, forced=True)
    return TargetRequest(attempt, authorization)


def answer(status: int, location: str | None) -> Answer:
    return Answer(response(status), Headers([] if location is None else [("location", location)]))


@each(
    ("status", "location"),
    [(200, "/a"), (300, "/a"), (304, "/a"), (305, "/a"), (302, None), (302, "ftp://a.test/"), (302, "http://[a/")],
)
def test_answers_that_are_not_redirects(status: int, location: str | None) -> None:
    """Another status, no Location, or a Location that is not an HTTP URL."""
    assert redirected(sent(), answer(status, location)) is None


@pytest.mark.parametrize("status", [307, 308])
def test_a_temporary_and_a_permanent_redirect_send_the_same_on(status: int) -> None:
    """Method, body and headers are kept; a relative Location is one of the same host."""
    request = redirected(sent("Bearer t"), answer(status, "../other?a=1"))
    assert request is not None
    assert (request.method, request.url, request.body) == ("POST", "https://worker.test/other?a=1", b"order")
    assert request.headers["Host"] == "worker.test"
    assert request.headers["Content-Type"] == "text/plain"
    assert request.headers["Content-Length"] == "5"
    assert request.headers["Authorization"] == "Bearer t"
    assert request.headers["X-CloudTasks-QueueName"] == "q"


@pytest.mark.parametrize("status", [301, 302, 303])
def test_other_redirects_turn_a_post_into_a_get(status: int) -> None:
    """Without its body, and without the headers that describe one."""
    request = redirected(sent(), answer(status, "https://worker.test/seen"))
    assert request is not None
    assert (request.method, request.url, request.body) == ("GET", "https://worker.test/seen", b"")
    assert "Content-Type" not in request.headers
    assert "Content-Length" not in request.headers
    assert request.headers["X-CloudTasks-TaskRetryCount"] == "0"


@pytest.mark.parametrize("location", ["https://elsewhere.test/", "http://worker.test/", "https://worker.test:8443/"])
def test_a_token_is_not_sent_to_another_origin(location: str) -> None:
    """Another host, port or scheme doesn't see it."""
    request = redirected(sent("Bearer t"), answer(307, location))
    assert request is not None
    assert "Authorization" not in request.headers
    assert request.headers["Host"] == location.split("/")[2]


def test_the_first_request_stays_as_it_was() -> None:
    """What the redirecting target has seen isn't changed by where the request goes next."""
    request = sent()
    headers = request.headers
    redirected(request, answer(302, "/elsewhere"))
    assert (request.method, request.url, request.body, request.headers) == ("POST", URL, b"order", headers)
