"""Retries of 1.x's client: its default policy, the caller's own, and waits that cost no time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.legacy.transport import message_class
from pytest_cloudtasks._clients.retry_waits import _skipped, skipped_waits

QUEUE = "projects/test-project/locations/us-central1/queues/q"
TASK = f"{QUEUE}/tasks/t"
CALLS: dict[str, Callable[[Any], Any]] = {
    "list_queues": lambda client: list(client.list_queues("projects/p/locations/l")),
    "get_queue": lambda client: client.get_queue(QUEUE),
    "delete_queue": lambda client: client.delete_queue(QUEUE),
    "get_iam_policy": lambda client: client.get_iam_policy(QUEUE),
    "test_iam_permissions": lambda client: client.test_iam_permissions(QUEUE, []),
    "list_tasks": lambda client: list(client.list_tasks(QUEUE)),
    "get_task": lambda client: client.get_task(TASK),
    "delete_task": lambda client: client.delete_task(TASK),
    "create_queue": lambda client: client.create_queue("projects/p/locations/l", {"name": QUEUE}),
    "update_queue": lambda client: client.update_queue({"name": QUEUE}),
    "purge_queue": lambda client: client.purge_queue(QUEUE),
    "pause_queue": lambda client: client.pause_queue(QUEUE),
    "resume_queue": lambda client: client.resume_queue(QUEUE),
    "set_iam_policy": lambda client: client.set_iam_policy(QUEUE, {}),
    "create_task": lambda client: client.create_task(QUEUE, {}),
    "run_task": lambda client: client.run_task(TASK),
}
RETRIED = list(CALLS)[:8]


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The sleeps that would have taken real time."""
    sleeps: list[float] = []
    monkeypatch.setattr(time, "sleep", sleeps.append)
    return sleeps


class LongestWaits(random.Random):
    """Draws the longest wait that is allowed each time."""

    def uniform(self, a: float, b: float) -> float:
        return b


def longest_waits() -> list[float]:
    """The waits of the default policy when each is as long as it may be: 0.1 s, times 1.3, 60 s, 600 s in all."""
    waits, wait = [0.1], 0.13
    while sum(waits) + wait <= 600:
        waits.append(wait)
        wait = min(wait * 1.3, 60.0)
    return waits


@pytest.mark.parametrize("code", ["UNAVAILABLE", "DEADLINE_EXCEEDED"])
@pytest.mark.parametrize("rpc", RETRIED)
def test_reading_and_deleting_is_retried(
    client: Any, cloud_tasks: FakeCloudTasks, slept: list[float], rpc: str, code: str
) -> None:
    """“RetryError: If the request failed due to a retryable error and retry attempts failed”, after 600 s unslept."""
    cloud_tasks.fail_rpc(rpc, code, times=None)
    now = cloud_tasks.clock.now()
    with pytest.raises(exceptions.RetryError) as ended:
        CALLS[rpc](client)
    assert isinstance(ended.value.cause, (exceptions.ServiceUnavailable, exceptions.DeadlineExceeded))
    assert len(cloud_tasks.rpcs) > len(longest_waits())
    assert {call.timeout for call in cloud_tasks.rpcs} == {20.0}
    assert (slept, cloud_tasks.clock.now()) == ([], now)


@pytest.mark.parametrize("rpc", [rpc for rpc in CALLS if rpc not in RETRIED])
def test_what_changes_something_is_not_retried(client: Any, cloud_tasks: FakeCloudTasks, rpc: str) -> None:
    """“GoogleAPICallError: If the request failed for any reason”: the first error is raised, after one call."""
    cloud_tasks.fail_rpc(rpc, "UNAVAILABLE")
    with pytest.raises(exceptions.ServiceUnavailable):
        CALLS[rpc](client)
    assert [call.timeout for call in cloud_tasks.rpcs] == [20.0]


def test_a_call_that_recovers_is_answered(client: Any, cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """The third try succeeds, and the caller gets the answer."""
    cloud_tasks.fail_rpc("get_queue", "UNAVAILABLE", times=2)
    assert client.get_queue(queue).name == queue
    assert len(cloud_tasks.rpcs) == 3


def test_none_turns_the_default_retry_off(client: Any, cloud_tasks: FakeCloudTasks) -> None:
    """``retry=None`` turns the default policy off, as google.api_core has always had it."""
    cloud_tasks.fail_rpc("get_queue", "UNAVAILABLE")
    with pytest.raises(exceptions.ServiceUnavailable):
        client.get_queue(QUEUE, retry=None)
    assert len(cloud_tasks.rpcs) == 1


def test_a_policy_of_the_callers(client: Any, cloud_tasks: FakeCloudTasks, slept: list[float]) -> None:
    """“A retry object used to retry client library requests”; the time-out “applies to each individual attempt”."""
    cloud_tasks.clock.now()  # time is held from here on, for google.api_core's time-outs as well
    policy = Retry(if_exception_type(exceptions.NotFound), initial=60, maximum=600, timeout=3600)
    with pytest.raises(exceptions.RetryError):
        client.get_queue(QUEUE, retry=policy, timeout=5)
    assert {call.timeout for call in cloud_tasks.rpcs} == {5}
    assert len(cloud_tasks.rpcs) > 6
    assert slept == []


def test_the_policy_to_the_letter(
    legacy_class: Any,
    scripted: Callable[..., Any],
    failing: Callable[..., Any],
    slept: list[float],
    installed: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the longest waits that are allowed, a call is tried as often as in 600 s of real waits, and none is real."""
    monkeypatch.setattr(random, "uniform", lambda low, high: low)
    with FakeCloudTasks():
        client = legacy_class()
        backend = scripted(failing("UNAVAILABLE", jitter=LongestWaits()))
        with pytest.raises(exceptions.RetryError):
            client.get_queue(QUEUE)
    assert len(backend.calls) == len(longest_waits()) + 1
    assert slept == []
    assert _skipped.get()[1] == pytest.approx(sum(longest_waits()))


@pytest.fixture
def installed() -> Iterator[None]:
    """The module proxies are in place."""
    skipped_waits.install()
    yield
    skipped_waits.uninstall()


def test_jitter_comes_from_the_seed(legacy_class: Any) -> None:
    """The same seed gives the same number of tries, and the process's own random numbers don't decide."""

    def tries(seed: int) -> int:
        with FakeCloudTasks(seed=seed) as cloud_tasks:
            cloud_tasks.fail_rpc("get_queue", "UNAVAILABLE", times=200)
            with pytest.raises(exceptions.RetryError):
                legacy_class().get_queue(QUEUE)
            return len(cloud_tasks.rpcs)

    by_seed = [tries(seed) for seed in range(6)]
    assert [tries(seed) for seed in range(6)] == by_seed
    assert len(set(by_seed)) > 1


def test_an_error_of_another_service_is_really_waited_for(
    slept: list[float], installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry around anything else sleeps as usual, also while the caller handles an error of the fake."""
    outcomes: Iterator[Any] = iter([exceptions.ServiceUnavailable("busy"), "done"])

    def call() -> Any:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    with FakeCloudTasks() as cloud_tasks:
        try:
            cloud_tasks.legacy_client().get_queue(QUEUE, retry=None)
        except exceptions.NotFound:
            assert Retry(initial=5, maximum=5, timeout=60)(call)() == "done"
    assert slept == [5]


def test_a_queue_is_protobufs(client: Any, cloud_tasks: FakeCloudTasks, queue: str) -> None:
    """A retried call gives the same kind of message as any."""
    cloud_tasks.fail_rpc("get_queue", "UNAVAILABLE")
    assert type(client.get_queue(queue)) is message_class("Queue")
