from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import gapic_v1, retry
from google.api_core.gapic_v1.method import DEFAULT
from google.cloud import tasks_v2

from pytest_cloudtasks._clients.channel import caller_retry
from pytest_cloudtasks._clients.wrapped_retry import noting_retry, noting_retry_async, timeout_of_one_attempt

POLICY = retry.Retry(timeout=9)


class Method:
    """Stands for one of google-api-core's wrapped methods, with its policies; it notes how it was called."""

    __name__ = __qualname__ = "method"

    def __init__(self, retry: Any, timeout: Any) -> None:
        self._retry = retry
        self._timeout = timeout
        self.calls: list[dict[str, Any]] = []

    def __call__(self, request: Any, **options: Any) -> Any:
        self.calls.append({**options, "noted": caller_retry.get()})
        return request


class AsyncMethod(Method):
    """One of an asyncio client's."""

    async def __call__(self, request: Any, **options: Any) -> Any:
        return super().__call__(request, **options)


def called(method: Method, **options: Any) -> dict[str, Any]:
    """How ``method`` was called by what was called with ``options``; nothing stays noted afterwards."""
    if isinstance(method, AsyncMethod):
        assert asyncio.run(noting_retry_async(method)("the request", **options)) == "the request"
    else:
        assert noting_retry(method)("the request", **options) == "the request"
    assert caller_retry.get() is DEFAULT
    return method.calls[-1]


@pytest.fixture(params=[Method, AsyncMethod], ids=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Callable[..., Method]:
    """A wrapped method's class."""
    return request.param  # type: ignore[no-any-return]


def attempt(**options: Any) -> dict[str, Any]:
    """What makes one attempt: it gives back what it was called with."""
    return options


def test_the_private_parts_are_where_they_were() -> None:
    """google-api-core's wrapped methods still keep their default policies where this package looks for them."""
    moved = (
        "google-api-core has moved what pytest_cloudtasks._clients.wrapped_retry reads of wrapped methods: find the"
        " new place, and say in that module which versions have it"
    )
    wrapped = gapic_v1.method.wrap_method(attempt, default_retry=None, default_timeout=20.0)
    assert getattr(wrapped, "_retry", "moved") is None, moved
    assert getattr(wrapped, "_timeout", "moved") == 20.0, moved
    assert getattr(gapic_v1.method.wrap_method(attempt, default_retry=POLICY), "_retry", "moved") is POLICY, moved


def test_a_method_without_a_retry_gets_its_time_out_at_once(kind: Callable[..., Method]) -> None:
    """Where nothing is passed, the policy that it is called with gives each attempt the method's own time-out."""
    options = called(kind(None, 20.0), retry=DEFAULT, timeout=DEFAULT, metadata=())
    assert options["timeout"](attempt)(metadata="m") == {"metadata": "m", "timeout": 20.0}
    assert (options["retry"], options["noted"], options["metadata"]) == (DEFAULT, DEFAULT, ())


@pytest.mark.parametrize(
    "passed",
    [
        {"retry": POLICY, "timeout": DEFAULT},
        {"retry": None, "timeout": DEFAULT},
        {"retry": DEFAULT, "timeout": 7.0},
        {"retry": DEFAULT, "timeout": None},
        {"retry": DEFAULT},
    ],
    ids=["a retry", "no retry", "a time-out", "no time-out", "no word of it"],
)
def test_what_a_caller_passes_is_passed_on(kind: Callable[..., Method], passed: dict[str, Any]) -> None:
    """With policies of the caller's the method is called as ever, and the retry is noted meanwhile."""
    assert called(kind(None, 20.0), **passed) == {**passed, "noted": passed["retry"]}


@pytest.mark.parametrize(
    ("retry", "timeout"), [(POLICY, 20.0), (None, None), (None, "a decorator")], ids=["retry", "no time-out", "theirs"]
)
def test_other_methods_are_called_as_ever(kind: Callable[..., Method], retry: Any, timeout: Any) -> None:
    """A method that repeats attempts counts what they take; one without a number of seconds keeps what it has."""
    passed = {"retry": DEFAULT, "timeout": DEFAULT}
    assert called(kind(retry, timeout), **passed) == {**passed, "noted": DEFAULT}


@pytest.mark.parametrize(("outer", "inner"), [(POLICY, DEFAULT), (DEFAULT, POLICY), (POLICY, None), (None, POLICY)])
def test_a_call_within_a_call_notes_its_own_retry(kind: Callable[..., Method], outer: Any, inner: Any) -> None:
    """Callbacks of a retry, and handlers that are dispatched eagerly, call the client in the midst of a call."""
    within = kind(None, 20.0)

    class Outer(kind):  # type: ignore[misc,valid-type]
        def __call__(self, request: Any, **options: Any) -> Any:
            noted = noting_retry_async if issubclass(kind, AsyncMethod) else noting_retry
            found = noted(within)(request, retry=inner)
            self.calls.append({"noted": caller_retry.get()})
            return found

    assert called(Outer(None, 20.0), retry=outer) == {"noted": outer}
    assert [one["noted"] for one in within.calls] == [inner]


def test_a_method_that_may_repeat_attempts_is_called_as_ever() -> None:
    """Where only the time-out is found, nobody knows of the retry."""
    method = Method(None, 20.0)
    del method._retry
    assert timeout_of_one_attempt(method) is None


def test_what_has_no_policies_is_called_as_ever() -> None:
    """Where the private parts have moved nothing is left out."""
    assert timeout_of_one_attempt(attempt) is None
    assert noting_retry(attempt)(retry=DEFAULT, timeout=DEFAULT) == {"retry": DEFAULT, "timeout": DEFAULT}


def test_the_service_sees_the_clients_own_time_out(scripted: Callable[..., Any]) -> None:
    """CreateTask, which the client never repeats, arrives with the seconds of the client's policy."""
    task = tasks_v2.Task(name="projects/p/locations/l/queues/q/tasks/t")
    backend = scripted(task)
    client = tasks_v2.CloudTasksClient()
    method = client._transport._wrapped_methods[client._transport.create_task]
    assert timeout_of_one_attempt(method.__wrapped__) is not None
    unspoken = {"retry": DEFAULT, "timeout": DEFAULT}  # as it is in newer releases; in older ones None was
    assert client.create_task(parent="projects/p/locations/l/queues/q", task=task, **unspoken) == task
    assert [(call.timeout, call.retry) for call in backend.calls] == [(method.__wrapped__._timeout, DEFAULT)]
