"""What stands for a target when the suite meets another endpoint."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from pytest_cloudtasks._ledger.reading import Case, entries
from tests.each import each

from .endpoint import Endpoint
from .receiver import Receiver

CASES = {case.id: case for entry in entries() for case in entry.cases}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def deliver(url: str, retry_count: int) -> int:
    request = Request(url, b"{}", {"X-CloudTasks-TaskRetryCount": str(retry_count)}, method="PUT")
    try:
        with urlopen(request) as answer:
            return int(answer.status)
    except HTTPError as failed:
        with failed:
            return failed.code


def test_a_receiver_answers_as_it_is_reported_and_keeps_what_came() -> None:
    """Each delivery gets the next answer; method, headers and body are kept with it."""
    receiver = Receiver(f"http://127.0.0.1:{free_port()}")
    try:
        with ThreadPoolExecutor(1) as service:
            statuses = [service.submit(deliver, receiver.url, count) for count in range(2)]
            attempts = receiver.answer([503, 204])
            assert [status.result() for status in statuses] == [503, 204]
    finally:
        receiver.close()
    assert [one["result"] for one in attempts] == [503, 204]
    assert [one["headers"]["x-cloudtasks-taskretrycount"] for one in attempts] == ["0", "1"]
    assert {(one["method"], one["body"]) for one in attempts} == {("PUT", "{}")}


@each(
    ("case", "why_not"),
    [
        ("create-queue/name-already-live/live", None),
        ("create-queue/tombstone-ends/before", "It needs a clock that can be moved."),
        ("create-queue/ghost-recreate/service option", "It turns a service option of the fake."),
        ("create-task/schedule-time-in-the-past/the-past", "It expects an instant."),
        ("cmek-config/echo/echo", "It changes how the project's tasks are encrypted."),
        ("dispatch/success-deletes/200", "It needs a receiver."),
    ],
)
def test_what_an_endpoint_is_not_asked(case: str, why_not: str | None) -> None:
    """Without a receiver a case of dispatch is left, and so is what only the fake can do."""
    endpoint = Endpoint("127.0.0.1:1", "p", "l", None)
    try:
        assert endpoint.why_not(CASES[case]) == why_not
    finally:
        endpoint.close()


def asked_with_a_receiver(case: Case) -> str | None:
    endpoint = Endpoint("127.0.0.1:1", "p", "l", f"http://127.0.0.1:{free_port()}")
    try:
        return endpoint.why_not(case)
    finally:
        endpoint.close()


def test_with_a_receiver_dispatch_is_asked() -> None:
    """Deliveries are waited for, but not those whose instants count, or that take no answer."""
    assert asked_with_a_receiver(CASES["dispatch/success-deletes/200"]) is None
    cant = "It needs deliveries that can't be had, or waited for."
    assert asked_with_a_receiver(CASES["dispatch/rate/twelve"]) == cant
    assert asked_with_a_receiver(CASES["request/headers-http-timeout/recorded"]) == cant
