"""Calls that fail and responses that are lost, as application code meets them, over every transport."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.api_core.retry_async import AsyncRetry
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks

from .conftest import SYNC_TRANSPORTS, AsyncInSteps

URL = "https://worker.test/do"
CODES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]

retried_by_default = pytest.mark.parametrize("client", SYNC_TRANSPORTS, indirect=True)
"""The asyncio client of older releases makes no retries of its own."""


@pytest.fixture
def is_rest(request: pytest.FixtureRequest) -> bool:
    """Whether errors come as HTTP statuses."""
    return bool(request.node.callspec.params["client"] == "rest")


def create(client: Any, queue: str, task_id: str = "one", **options: Any) -> Any:
    task = {"name": f"{queue}/tasks/{task_id}", "http_request": {"url": URL}}
    return client.create_task(request={"parent": queue, "task": task}, **options)


def ids(cloud_tasks: FakeCloudTasks) -> list[str]:
    return [task.id for task in cloud_tasks.tasks()]


def retrying(client: Any, *errors: type[Exception]) -> Any:
    """The retry of an application that gives this client one of its own."""
    kind = AsyncRetry if isinstance(client, AsyncInSteps) else Retry
    return kind(predicate=if_exception_type(*errors), initial=1.0, timeout=60.0)


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_every_code_becomes_googles_exception(
    cloud_tasks: FakeCloudTasks, client: Any, queue: str, code: grpc.StatusCode, is_rest: bool
) -> None:
    """The caller gets the class that the library has for the code, and over REST the one for its HTTP status.

    Over REST google-auth asks for a new token after a 401, and sends the request again, twice at the most.
    """
    by_code = type(exceptions.from_grpc_status(code, ""))
    expected = type(exceptions.from_http_status(by_code.code or 500, "")) if is_rest else by_code
    cloud_tasks.fail_rpc("create_task", code, times=3 if is_rest and code is grpc.StatusCode.UNAUTHENTICATED else 1)

    with pytest.raises(exceptions.GoogleAPICallError) as caught:
        create(client, queue)

    assert type(caught.value) is expected
    assert caught.value.message.endswith(cloud_tasks.rpcs[-1].error.details())  # type: ignore[union-attr]
    assert ids(cloud_tasks) == []


def test_a_failed_call_never_reaches_the_service(cloud_tasks: FakeCloudTasks, client: Any, queue: str) -> None:
    """Nothing has happened, the call is in rpcs with its error, and the next one goes through."""
    plan = cloud_tasks.fail_rpc("create_task", exceptions.ServiceUnavailable("Come back later."))
    before = list(cloud_tasks._active.history.events())

    with pytest.raises(exceptions.ServiceUnavailable, match=r"Come back later\.$"):
        create(client, queue)

    call = cloud_tasks.rpcs[-1]
    assert (call.method, call.result, call.error.details()) == ("create_task", None, "Come back later.")  # type: ignore[union-attr]
    assert list(cloud_tasks._active.history.events()) == before
    assert (plan.hits, plan.is_over) == (1, True)
    create(client, queue)
    assert ids(cloud_tasks) == ["one"]


@retried_by_default
def test_the_clients_own_retries_meet_it(cloud_tasks: FakeCloudTasks, client: Any, queue: str) -> None:
    """A call that the library retries succeeds after two failures, waits no time, and the caller sees nothing."""
    cloud_tasks.fail_rpc("get_queue", "UNAVAILABLE", times=2)

    assert client.get_queue(name=queue).name == queue

    assert [call.method for call in cloud_tasks.rpcs] == ["get_queue"] * 3
    assert [call.error is None for call in cloud_tasks.rpcs] == [False, False, True]
    assert cloud_tasks.clock.elapsed == timedelta(0)


@retried_by_default
def test_the_clients_own_retries_come_to_an_end(cloud_tasks: FakeCloudTasks, client: Any, queue: str) -> None:
    """A fault without an end exhausts the library's retry policy, whose time-out is played without waiting."""
    cloud_tasks.fail_rpc("list_tasks", "UNAVAILABLE", times=None)

    with pytest.raises(exceptions.RetryError) as caught:
        list(client.list_tasks(parent=queue))

    assert isinstance(caught.value.cause, exceptions.ServiceUnavailable)
    assert len(cloud_tasks.rpcs) > 3


def test_the_applications_own_retry_meets_it(cloud_tasks: FakeCloudTasks, client: Any, queue: str) -> None:
    """What the library does not retry, the application may."""
    plan = cloud_tasks.fail_rpc("create_task", "UNAVAILABLE", times=3)

    create(client, queue, retry=retrying(client, exceptions.ServiceUnavailable))

    assert plan.hits == 3
    assert ids(cloud_tasks) == ["one"]


def test_a_lost_response(cloud_tasks: FakeCloudTasks, client: Any, queue: str, is_rest: bool) -> None:
    """The task is there, the caller sees a deadline, and its retry under the same name meets ALREADY_EXISTS."""
    cloud_tasks.lose_rpc_response("create_task")

    with pytest.raises(exceptions.GatewayTimeout, match=r"Deadline Exceeded$") as caught:
        create(client, queue)
    assert type(caught.value) is (exceptions.GatewayTimeout if is_rest else exceptions.DeadlineExceeded)
    assert ids(cloud_tasks) == ["one"]
    call = cloud_tasks.rpcs[-1]
    assert call.result.name.endswith("/tasks/one")
    assert call.error.code() is grpc.StatusCode.DEADLINE_EXCEEDED  # type: ignore[union-attr]

    with pytest.raises(exceptions.Conflict, match="Requested entity already exists"):
        create(client, queue)
    assert ids(cloud_tasks) == ["one"]


def test_a_retry_without_a_name_makes_a_second_task(cloud_tasks: FakeCloudTasks, client: Any, queue: str) -> None:
    """An application that retries after a deadline and names no task has two in the end."""
    cloud_tasks.lose_rpc_response("create_task")

    request = {"parent": queue, "task": {"http_request": {"url": URL}}}
    client.create_task(request=request, retry=retrying(client, exceptions.GatewayTimeout))

    cloud_tasks.assert_enqueued(url=URL, count=2)


def test_a_rejected_call_has_no_response_to_lose(cloud_tasks: FakeCloudTasks, client: Any, queue: str) -> None:
    """The plan waits for a call that takes effect; the error comes through."""
    plan = cloud_tasks.lose_rpc_response("create_task")

    with pytest.raises(exceptions.NotFound):
        create(client, f"{queue}-missing")
    assert plan.hits == 0

    with pytest.raises(exceptions.GatewayTimeout):
        create(client, queue)
    assert plan.hits == 1


@pytest.mark.cloud_tasks(eager=True)
def test_eager_dispatches_before_the_caller_sees_the_deadline(
    cloud_tasks: FakeCloudTasks, client: Any, queue: str
) -> None:
    """With eager dispatch the task whose response is lost has been delivered when the call fails."""
    route = cloud_tasks.route(URL)
    cloud_tasks.lose_rpc_response("create_task")

    with pytest.raises(exceptions.GatewayTimeout):
        create(client, queue)

    assert len(route.calls) == 1
    cloud_tasks.assert_empty()


@pytest.mark.cloud_tasks(eager=True)
def test_eager_dispatches_nothing_of_a_failed_call(cloud_tasks: FakeCloudTasks, client: Any, queue: str) -> None:
    """With eager dispatch a call that fails has created nothing that could be delivered."""
    route = cloud_tasks.route(URL)
    cloud_tasks.fail_rpc("create_task", "INTERNAL")

    with pytest.raises(exceptions.InternalServerError):
        create(client, queue)

    assert route.calls == []


# --- a queue that is not ready yet -------------------------------------------------------------------------------


@pytest.mark.cloud_tasks(service={"queue_init_delay": timedelta(seconds=30)})
def test_a_queue_that_a_client_creates_takes_its_time(cloud_tasks: FakeCloudTasks, client: Any, parent: str) -> None:
    """CreateTask does not find it until its time has come, while GetQueue does, and the test's own are ready."""
    queue = f"{parent}/queues/fresh"
    client.create_queue(parent=parent, queue={"name": queue})
    assert client.get_queue(name=queue).name == queue
    with pytest.raises(exceptions.NotFound, match="If you just created the queue, wait at least a minute"):
        create(client, queue)

    cloud_tasks.advance(seconds=29)
    with pytest.raises(exceptions.NotFound):
        create(client, queue)
    cloud_tasks.advance(seconds=1)
    create(client, queue)

    create(client, str(cloud_tasks.create_queue("ready").name))
    assert ids(cloud_tasks) == ["one", "one"]


def test_one_queue_that_is_not_ready(cloud_tasks: FakeCloudTasks, client: Any, queue: str) -> None:
    """A predicate limits the failure to one queue, and an application that retries NOT_FOUND gets over it."""
    fresh = str(cloud_tasks.create_queue("fresh").name)
    cloud_tasks.fail_rpc("create_task", exceptions.NotFound, times=2, when=lambda request: request.parent == fresh)

    create(client, queue)
    create(client, fresh, retry=retrying(client, exceptions.NotFound))

    outcomes = [(call.request.parent == fresh, call.error is None) for call in cloud_tasks.rpcs]
    assert outcomes == [(False, True), (True, False), (True, False), (True, True)]


# --- batches and other calls -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lose", [lambda fake: fake.lose_rpc_response, lambda fake: _failing(fake)], ids=["lose", "fail"]
)
def test_any_call_can_be_hit(
    cloud_tasks: FakeCloudTasks, client: Any, queue: str, lose: Callable[[FakeCloudTasks], Callable[..., Any]]
) -> None:
    """The star matches every RPC, one after the other, until the plan is over."""
    plan = lose(cloud_tasks)("*", times=2)

    with pytest.raises(exceptions.GatewayTimeout):
        client.pause_queue(name=queue)
    with pytest.raises(exceptions.GatewayTimeout):
        client.purge_queue(name=queue)

    assert client.resume_queue(name=queue).state == tasks_v2.Queue.State.RUNNING
    assert plan.hits == 2


def _failing(fake: FakeCloudTasks) -> Callable[..., Any]:
    return lambda rpc, **options: fake.fail_rpc(rpc, "DEADLINE_EXCEEDED", **options)
