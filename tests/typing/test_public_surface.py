"""The public surface as type checkers see it: mypy (strict) and pyright check this file, and pytest runs it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, ClassVar

import grpc
import pytest
from google.api_core.exceptions import NotFound, ServiceUnavailable
from google.cloud import tasks_v2, tasks_v2beta2, tasks_v2beta3
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, rule
from hypothesis.strategies import SearchStrategy

from pytest_cloudtasks import (
    AppEngineMount,
    Attempt,
    AwaitableMethods,
    Blocked,
    BlockedReason,
    ClockView,
    CloudTasksAssertionError,
    CloudTasksLintWarning,
    CloudTasksServer,
    CloudTasksWarning,
    FakeCloudTasks,
    FaultPlan,
    Forward,
    Headers,
    LegacyCloudTasksClient,
    LoopbackForward,
    MatchArguments,
    Mount,
    Oidc,
    QueueRecord,
    RetrySchedule,
    Route,
    RpcCall,
    Summary,
    TargetRequest,
    TargetResponse,
    TaskRecord,
    TaskState,
    current,
    exactly,
    retry_schedule,
    strategies,
)
from pytest_cloudtasks.stateful import CloudTasksMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import Unpack, assert_type
else:

    def assert_type(value, kind):
        return value


URL = "https://worker.test/do"


def answer_busy(request: TargetRequest) -> int:
    """A handler as users write it."""
    return 503 if request.attempt_number == 1 else 200


def wsgi_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application as users write it."""
    start_response("204 No Content", [])
    return [b""]


def enqueue(cloud_tasks: FakeCloudTasks) -> None:
    """One task in the queue "work"."""
    task = tasks_v2.Task(http_request=tasks_v2.HttpRequest(url=URL, body=b'{"n": 1}'))
    cloud_tasks.client().create_task(parent=cloud_tasks.queue_path("work"), task=task)


@pytest.mark.cloud_tasks(queues=["work"])
def test_assertions_give_a_record_or_a_list(cloud_tasks: FakeCloudTasks) -> None:
    """A count of 1, given or not, gives a TaskRecord; any other count, and None, gives a list of them."""
    cloud_tasks.route(URL)
    enqueue(cloud_tasks)

    one = assert_type(cloud_tasks.assert_enqueued(queue="work"), TaskRecord)
    assert_type(cloud_tasks.assert_enqueued(queue="work", count=1), TaskRecord)
    some = assert_type(cloud_tasks.assert_enqueued(json=exactly({"n": 1}), count=None), list[TaskRecord])
    none = assert_type(cloud_tasks.assert_enqueued(url=re.compile("nowhere"), count=0), list[TaskRecord])
    cloud_tasks.dispatch_due()
    gone = assert_type(cloud_tasks.assert_dispatched(method="POST"), TaskRecord)
    all_gone = assert_type(cloud_tasks.assert_dispatched(name=lambda name: bool(name), count=None), list[TaskRecord])

    assert [one] == some == [gone] == all_gone
    assert none == []


def receipt(cloud_tasks: FakeCloudTasks, **match: Unpack[MatchArguments]) -> TaskRecord:
    """A helper as users write it, which passes a match on."""
    match.setdefault("queue", "work")
    return cloud_tasks.assert_enqueued(**match)


@pytest.mark.cloud_tasks(queues=["work"])
def test_matches_are_typed(cloud_tasks: FakeCloudTasks) -> None:
    """A keyword that no match has is an error for a type checker, too; helpers pass the arguments on."""
    enqueue(cloud_tasks)
    assert_type(receipt(cloud_tasks, json={"n": 1}, delay="0s"), TaskRecord)
    with pytest.raises(TypeError):
        cloud_tasks.assert_not_enqueued(quue="work")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        cloud_tasks.assert_enqueued(quue="work")  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        cloud_tasks.assert_not_enqueued(within=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        cloud_tasks.lose_handler_response("work")  # type: ignore[arg-type, call-arg]


@pytest.mark.cloud_tasks(queues=["work"])
def test_driving_methods_give_attempts_and_summaries(cloud_tasks: FakeCloudTasks) -> None:
    """step() may find nothing to do, dispatch() always gives an attempt, and the other methods give a summary."""
    route = assert_type(cloud_tasks.route(URL, method="POST", handler=answer_busy), Route)
    enqueue(cloud_tasks)

    first = assert_type(cloud_tasks.step(), "Attempt | None")
    second = assert_type(cloud_tasks.dispatch(cloud_tasks.tasks()[0]), Attempt)
    summaries = [
        assert_type(cloud_tasks.dispatch_due("work"), Summary),
        assert_type(cloud_tasks.advance(timedelta(seconds=1)), Summary),
        assert_type(cloud_tasks.advance(hours=1.5), Summary),
        assert_type(cloud_tasks.advance(to=datetime(2500, 1, 1, tzinfo=timezone.utc)), Summary),
        assert_type(cloud_tasks.drain(timedelta(days=1), queue="work", limit=10), Summary),
        assert_type(cloud_tasks.drain("1d", queue="work", method="POST", json={"n": 1}, limit=10), Summary),
    ]

    assert first is not None
    assert (first.result, second.result) == (503, 200)
    assert [summary.attempts for summary in summaries] == [0, 0, 0, 0, 0, 0]
    assert len(assert_type(route.calls, list[TargetRequest])) == 2


@pytest.mark.cloud_tasks(queues=["work"])
def test_records_carry_their_types(cloud_tasks: FakeCloudTasks) -> None:
    """The fields of tasks, attempts, requests and summaries are typed as the reference says."""
    route = cloud_tasks.route(re.compile("do$")).returns(503).raises(TimeoutError).takes(timedelta(seconds=1))
    mount = assert_type(cloud_tasks.mount("https://other.test", wsgi_app).takes(timedelta(seconds=1)), Mount)
    cloud_tasks.mount("https://functions.test/resize", lambda request: {"path": request.path})
    enqueue(cloud_tasks)
    (task,) = assert_type(cloud_tasks.tasks(), list[TaskRecord])
    assert_type(cloud_tasks.tasks(queue="work", method="POST"), list[TaskRecord])
    assert_type(cloud_tasks.assert_enqueued(queue="work", timeout=0.5), TaskRecord)
    assert_type(cloud_tasks.assert_enqueued(count=None, timeout=1), list[TaskRecord])
    assert_type(cloud_tasks.tasks(task=lambda task: task.dispatch_count == 7), list[TaskRecord])
    assert_type(cloud_tasks.tasks()[0].as_dict(), dict[str, Any])

    assert_type(task.name, str)
    assert_type(task.headers, Headers)
    assert_type(task.body, bytes)
    assert_type(task.tag, str)
    assert_type(task.oidc, "dict[str, str] | None")
    assert_type(task.schedule_time, datetime)
    assert_type(task.dispatch_deadline, timedelta)
    assert assert_type(task.state, TaskState) is TaskState.SCHEDULED

    cloud_tasks.drain(timedelta(seconds=1))
    attempt = assert_type(task.attempts, list[Attempt])[0]
    assert_type(attempt.response_time, "datetime | None")
    assert_type(attempt.result, "int | str | None")
    assert_type(attempt.request, "TargetRequest | None")
    response = assert_type(attempt.response, "TargetResponse | None")
    assert isinstance(response, TargetResponse)
    assert (assert_type(response.status, int), assert_type(response.body, bytes)) == (503, b"")
    assert (assert_type(response.text, str), list(assert_type(response.headers, Headers))) == ("", [])
    assert assert_type(attempt.status, "int | None") == 503
    assert assert_type(route.calls[0].headers.getlist("x-cloudtasks-taskretrycount"), list[str]) == ["0"]
    assert mount.calls == []
    assert assert_type(mount.called, bool) is (assert_type(mount.call_count, int) > 0)


def test_targets_are_typed(cloud_tasks: FakeCloudTasks) -> None:
    """Every kind of target gives itself back from takes(), and has calls."""
    later = timedelta(seconds=1)
    mount = assert_type(cloud_tasks.mount_app_engine(wsgi_app, service="api", version="v2"), AppEngineMount)
    forward = assert_type(cloud_tasks.forward("https://worker.test", allow_remote=False, timeout=later), Forward)

    assert assert_type(mount.takes(later), AppEngineMount) is mount
    assert assert_type(forward.takes(later), Forward) is forward
    loopback = assert_type(cloud_tasks.forward_loopback(timeout=later), LoopbackForward)
    assert assert_type(loopback.takes(later), LoopbackForward) is loopback
    assert assert_type(mount.calls, list[TargetRequest]) == forward.calls == []
    parts = (assert_type(cloud_tasks.clock, ClockView), assert_type(cloud_tasks.aio, AwaitableMethods))
    assert [type(part) for part in (*parts, assert_type(cloud_tasks.oidc, Oidc))] == [ClockView, AwaitableMethods, Oidc]
    assert assert_type(cloud_tasks.task_request().client_address, str) == "127.0.0.1"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (Route, ["call_count", "called", "calls", "raises", "returns", "takes", "then_pass_through"]),
        (Mount, ["call_count", "called", "calls", "takes"]),
        (AppEngineMount, ["call_count", "called", "calls", "takes"]),
        (Forward, ["call_count", "called", "calls", "takes"]),
        (LoopbackForward, ["call_count", "called", "calls", "takes"]),
        (FaultPlan, ["hits", "is_over", "stop"]),
        (
            TargetRequest,
            ["attempt_number", "body", "client_address", "headers", "json", "method", "takes", "text", "url"],
        ),
        (RpcCall, ["api", "error", "metadata", "method", "request", "result", "timeout"]),
    ],
)
def test_public_classes_show_what_users_use(kind: type, names: list[str]) -> None:
    """Code completion offers the members that the documentation has, and no others."""
    assert [name for name in dir(kind) if not name.startswith("_")] == names


@pytest.mark.cloud_tasks(queues=["work"])
def test_records_of_the_fake_are_typed(cloud_tasks: FakeCloudTasks) -> None:
    """Clock, timeline, calls and blocked tasks are typed as the reference says."""
    enqueue(cloud_tasks)
    client = cloud_tasks.client()
    client.pause_queue(name=cloud_tasks.queue_path("work"))

    blocked = assert_type(cloud_tasks.drain().blocked, tuple[Blocked, ...])

    queue = assert_type(cloud_tasks.queue("work"), QueueRecord)
    assert assert_type(queue.attempts, list[Attempt]) == []
    assert assert_type(queue.peak_concurrency, int) == assert_type(queue.peak_rate(timedelta(minutes=1)), int) == 0
    assert assert_type(queue.span, timedelta) == timedelta(0)
    assert assert_type(blocked[0].reason, BlockedReason) is BlockedReason.PAUSED
    assert assert_type(cloud_tasks.clock.now(), datetime).tzinfo is timezone.utc
    assert assert_type(cloud_tasks.clock.elapsed, timedelta) == timedelta(0)
    assert assert_type(cloud_tasks.timeline(), str).endswith("blocked: the queue is paused")
    assert assert_type(cloud_tasks.timeline(format="json"), str).startswith("[")
    assert [call.method for call in assert_type(cloud_tasks.rpcs, Sequence[RpcCall])] == ["create_task", "pause_queue"]


@pytest.mark.cloud_tasks(queues=["work"], order="shuffle")
def test_faults_are_planned_with_types(cloud_tasks: FakeCloudTasks) -> None:
    """Errors come in four forms, matches are those of the assertions, and each method gives a FaultPlan."""
    plans = [
        assert_type(cloud_tasks.fail_rpc("create_task", ServiceUnavailable, times=2, after=1, rate=0.5), FaultPlan),
        cloud_tasks.fail_rpc("*", NotFound("gone"), times=None, rate=1, when=lambda request: request.parent == ""),
        cloud_tasks.fail_rpc("get_queue", grpc.StatusCode.INTERNAL, rate=0.5),
        cloud_tasks.fail_rpc("get_queue", "INTERNAL", rate=0.5),
        assert_type(cloud_tasks.lose_rpc_response("delete_task", rate=0.1), FaultPlan),
        assert_type(cloud_tasks.deliver_twice(queue="work", json={"n": 1}, rate=0.1), FaultPlan),
        assert_type(cloud_tasks.lose_handler_response(url=re.compile("do$"), times=None, rate=0.1), FaultPlan),
        assert_type(cloud_tasks.delay_dispatch(timedelta(seconds=5), headers={}, rate=0.1), FaultPlan),
    ]

    for fault in plans:
        fault.stop()
    with cloud_tasks.lose_handler_response(rate=0.1) as entered:
        assert assert_type(entered, FaultPlan).hits == 0

    assert [assert_type(fault.is_over, bool) for fault in plans] == [True] * 8


@given(data=st.data())
def test_choices_come_from_an_example(cloud_tasks: FakeCloudTasks, data: st.DataObject) -> None:
    """choose_from() takes what st.data() gives."""
    assert_type(
        cloud_tasks.choose_from(data, order=True, duplicates=False, lost_answers=False, delays=timedelta(minutes=1)),
        None,
    )


def test_the_surface_of_1x_is_typed(cloud_tasks: FakeCloudTasks) -> None:
    """Its arguments go by position and by keyword; paths are texts, deletions give nothing."""
    cloud_tasks.create_queue("work")
    client = assert_type(cloud_tasks.legacy_client(), LegacyCloudTasksClient)
    queue = assert_type(client.queue_path("test-project", "us-central1", "work"), str)
    view = client.enums.Task.View.FULL

    task = client.create_task(queue, {"http_request": {"url": URL}}, response_view=view, timeout=5, retry=None)
    client.delete_task(task.name, metadata=[("x-mine", "1")])

    assert [one.name for one in client.list_queues(client.location_path("test-project", "us-central1"))] == [queue]
    assert_type(LegacyCloudTasksClient.from_service_account_file("missing.json"), LegacyCloudTasksClient)


def test_context_manager_gives_the_fake() -> None:
    """FakeCloudTasks is its own context manager, and current() gives the same object."""
    with FakeCloudTasks(queues={"work": {}}, time="virtual", service={"burst_size": 1}) as entered:
        cloud_tasks = assert_type(entered, FakeCloudTasks)

        with cloud_tasks.expect_enqueued(queue="work") as tasks:
            enqueue(cloud_tasks)
        with pytest.raises(CloudTasksAssertionError):
            cloud_tasks.assert_nothing_enqueued()

        assert assert_type(current(), FakeCloudTasks) is cloud_tasks
        assert len(assert_type(tasks, list[TaskRecord])) == 1


def test_plans() -> None:
    """A plan is typed, and its assertions take durations."""
    receipts = assert_type(retry_schedule({"max_attempts": 5}, attempt_takes=timedelta(seconds=2)), RetrySchedule)
    assert len(assert_type(receipts.attempts, "Sequence[timedelta]")) == 5
    assert assert_type(receipts.span, timedelta) < timedelta(minutes=1)
    assert assert_type(receipts.gives_up_after, "timedelta | None") is not None
    assert assert_type(receipts.reason, "str | None") == "max_attempts 5"
    receipts.assert_gives_up_within(timedelta(hours=1))
    receipts.assert_survives_outage(timedelta(seconds=1))


@pytest.mark.cloud_tasks(queues=["work"], strict="drained")
def test_assertions_on_one_task_are_typed(cloud_tasks: FakeCloudTasks) -> None:
    """They take a record and a sequence, and give nothing; delays are timedeltas or matchers."""
    cloud_tasks.route(URL).returns(503, 200)
    with cloud_tasks.expect_enqueued(queue="work") as tasks:
        enqueue(cloud_tasks)
    assert_type(tasks, list[TaskRecord])
    cloud_tasks.drain()

    cloud_tasks.assert_attempts(tasks[0], [503, lambda status: status < 300])
    cloud_tasks.assert_backoff(tasks[0], [timedelta(milliseconds=100)])
    with pytest.raises(CloudTasksAssertionError):
        cloud_tasks.assert_exhausted(tasks[0])
    with pytest.raises(CloudTasksAssertionError):
        cloud_tasks.assert_expired(tasks[0])
    assert issubclass(CloudTasksLintWarning, CloudTasksWarning)


@pytest.mark.cloud_tasks(queues=["work"])
def test_a_task_may_be_given_by_its_message_or_its_name(cloud_tasks: FakeCloudTasks) -> None:
    """A message from create_task() in any version, or the full name, works instead of the record; a list of them does
    not.
    """
    cloud_tasks.route(URL)
    enqueue(cloud_tasks)
    cloud_tasks.drain()
    message: tasks_v2.Task = cloud_tasks.assert_dispatched().message
    older = tasks_v2beta3.Task(name=message.name), tasks_v2beta2.Task(name=message.name)
    for task in (message, *older, message.name):
        cloud_tasks.assert_attempts(task, [200])
        cloud_tasks.assert_backoff(task, [])
        with pytest.raises(CloudTasksAssertionError):
            cloud_tasks.assert_exhausted(task)
        with pytest.raises(CloudTasksAssertionError):
            cloud_tasks.assert_expired(task)
    with pytest.raises(TypeError):
        cloud_tasks.assert_exhausted([message])  # type: ignore[arg-type]


def test_strict_is_a_flag_or_a_word() -> None:
    """FakeCloudTasks takes True, False and "drained"."""
    for fake in (FakeCloudTasks(strict=True), FakeCloudTasks(strict=False), FakeCloudTasks(strict="drained")):
        with fake as cloud_tasks:
            cloud_tasks.assert_empty()


def test_the_state_machine_is_typed() -> None:
    """Its attributes can be set in a subclass, and its fake and its client are what they are."""

    class Shop(CloudTasksMachine):
        queues = ("orders",)
        options: ClassVar[Mapping[str, Any]] = {"service": {"burst_size": 1}}
        without = ("drain",)
        own_work = False
        delays = timedelta(minutes=1)

        def targets(self, cloud_tasks: FakeCloudTasks) -> None:
            cloud_tasks.route(URL)

        @rule(queue=CloudTasksMachine.queue_names)
        def look(self, queue: str) -> None:
            self.purge_queue(queue)

    shop = Shop()
    assert_type(shop.cloud_tasks, FakeCloudTasks)
    assert_type(shop.client, tasks_v2.CloudTasksClient)
    assert_type(Shop.task_names, Bundle[str])
    assert_type(shop.cloud_tasks.queue("orders").message, Any)
    shop.teardown()


def test_a_server_is_typed() -> None:
    """Its addresses are texts."""
    with FakeCloudTasks() as fake, CloudTasksServer(fake) as server:
        assert_type(server, CloudTasksServer)
        assert_type(server.grpc_target, str)
        assert_type(server.rest_url, str)
        assert_type(server.environment, Mapping[str, str])


def test_strategies_are_typed() -> None:
    """Fields take values, strategies, None and `...`; messages are of whichever version, so of any type."""
    now = datetime(2030, 1, 1, tzinfo=timezone.utc)
    times = assert_type(strategies.schedule_times(now=now, within=timedelta(hours=1)), SearchStrategy[datetime])
    names = assert_type(strategies.resource_names(of="task", queue_id="work"), SearchStrategy[str])
    tasks = [
        strategies.tasks(name=names, schedule_time=times, dispatch_deadline=None, version="v2beta3"),
        strategies.tasks(http_request=strategies.http_requests(body=b"a", url=...), as_dict=True),
        strategies.tasks(app_engine_http_request=strategies.app_engine_http_requests(relative_uri="/")),
        strategies.create_task_requests(parent="projects/p/locations/l/queues/q"),
        strategies.queues(rate_limits=strategies.rate_limits(max_dispatches_per_second=1.5)),
        strategies.queues(retry_config=strategies.retry_configs(min_backoff=timedelta(seconds=1))),
    ]
    assert_type(tasks, list[SearchStrategy[Any]])
    assert_type(strategies.queue_ids(), SearchStrategy[str])
    assert_type(strategies.task_ids(), SearchStrategy[str])
    assert_type(strategies.outcomes(success=True), "SearchStrategy[int | type[Exception]]")
    assert_type(strategies.invalid_tasks(now=now, parent=None), SearchStrategy[tuple[Any, Exception]])
    assert_type(strategies.invalid_queues(), SearchStrategy[tuple[Any, Exception]])
    assert_type(strategies.boundary_tasks(now=now, in_pull_queue=False), SearchStrategy[Any])
    assert_type(strategies.boundary_queues(version="v2beta2"), SearchStrategy[Any])
    assert_type(strategies.pull_messages(tag="a", payload=None), SearchStrategy[Any])
    assert_type(strategies.queues(pull_target={}, version="v2beta2"), SearchStrategy[Any])
    workloads = strategies.workloads(queues=["work"], outcomes=[503, TimeoutError], within=timedelta(hours=1))
    assert_type(workloads, SearchStrategy[strategies.Workload])


def test_a_workload_is_played_by_the_fake(cloud_tasks: FakeCloudTasks) -> None:
    """play() takes the fake, and steps are typed."""
    name = cloud_tasks.queue_path("work")
    step = strategies.Step(timedelta(0), name, {"http_request": {"url": URL}}, outcomes=(503,))
    workload = strategies.Workload(queues=({"name": name},), steps=(step,))
    cloud_tasks.route(URL)

    (task,) = assert_type(workload.play(cloud_tasks), list[Any])

    assert_type(cloud_tasks.route("*", name=task.name), Route)
    assert_type(workload.steps, tuple[strategies.Step, ...])
    assert_type(step.outcomes, "tuple[int | type[Exception], ...]")
