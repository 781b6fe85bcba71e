"""What the service options change, through the real client; without them nothing of it happens."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.tasks_v2 import CloudTasksClient, Task
from google.iam.v1 import policy_pb2

from pytest_cloudtasks import FakeCloudTasks, NoTarget

URL = "https://worker.test/run"
START = datetime(2026, 7, 1, 12, tzinfo=timezone.utc)
MISSING = "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
MINUTE = timedelta(minutes=1)

on = pytest.mark.cloud_tasks


def create(cloud_tasks: FakeCloudTasks, task_id: str = "", queue: str = "work", **fields: Any) -> Task:
    """Create a task for `URL`, unless ``fields`` have another target."""
    name = {"name": f"{cloud_tasks.queue_path(queue)}/tasks/{task_id}"} if task_id else {}
    target = {} if "app_engine_http_request" in fields else {"http_request": {"url": URL}}
    return CloudTasksClient().create_task(parent=cloud_tasks.queue_path(queue), task={**name, **target, **fields})


# --- queues ------------------------------------------------------------------------------------------------------


@on(queues=["work"], start=START, service={"purge_delay": MINUTE})
def test_purged_tasks_may_be_dispatched_for_a_while(cloud_tasks: FakeCloudTasks) -> None:
    """Until the delay is over they are there and go out; what is created after the purge stays."""
    route = cloud_tasks.route(URL)
    for task_id, seconds in (("early", 30), ("late", 61)):
        create(cloud_tasks, task_id, schedule_time=START + timedelta(seconds=seconds))
    queue = CloudTasksClient().purge_queue(name=cloud_tasks.queue_path("work"))
    assert queue.purge_time == START
    create(cloud_tasks, "new", schedule_time=START + timedelta(seconds=61))
    assert [task.id for task in cloud_tasks.tasks()] == ["early", "late", "new"]
    cloud_tasks.advance(MINUTE)
    assert [task.id for task in cloud_tasks.tasks()] == ["new"]
    cloud_tasks.drain()
    assert [call.headers["X-CloudTasks-TaskName"] for call in route.calls] == ["early", "new"]


@on(queues=["work"], start=START, service={"purge_delay": timedelta(seconds=30)})
def test_a_late_purge_does_not_move_the_clock(cloud_tasks: FakeCloudTasks) -> None:
    """Draining a queue whose tasks only wait for their purge takes no time; a purged name stays reserved."""
    task = create(cloud_tasks, "far", schedule_time=START + timedelta(hours=1))
    client = CloudTasksClient()
    client.pause_queue(name=cloud_tasks.queue_path("work"))
    client.purge_queue(name=cloud_tasks.queue_path("work"))
    cloud_tasks.drain()
    assert cloud_tasks.clock.elapsed == timedelta(0)
    cloud_tasks.advance(timedelta(seconds=30))
    with pytest.raises(exceptions.AlreadyExists):
        create(cloud_tasks, "far")
    assert client.list_tasks(parent=cloud_tasks.queue_path("work")).tasks == []
    assert task.name.endswith("/far")


@on(queues=["work"], service={"purge_delay": timedelta(seconds=30)})
def test_draining_skips_a_task_that_will_be_purged(cloud_tasks: FakeCloudTasks) -> None:
    """Draining a running queue skips tasks that a purge will remove first; later tasks are dispatched."""
    route = cloud_tasks.route(URL)
    hour = timedelta(hours=1)
    create(cloud_tasks, "doomed", schedule_time=cloud_tasks.clock.now() + hour)
    CloudTasksClient().purge_queue(name=cloud_tasks.queue_path("work"))
    assert cloud_tasks.drain().attempts == 0
    assert cloud_tasks.clock.elapsed == timedelta(0)
    create(cloud_tasks, "new", schedule_time=cloud_tasks.clock.now() + 2 * hour)
    assert cloud_tasks.drain().attempts == 1
    assert cloud_tasks.clock.elapsed == 2 * hour
    assert [call.headers["X-CloudTasks-TaskName"] for call in route.calls] == ["new"]


@on(queues=["work"], service={"queue_init_delay": MINUTE})
def test_a_new_queue_takes_a_while_to_be_found(cloud_tasks: FakeCloudTasks) -> None:
    """CreateTask doesn't find what a client has just created or upserted; other RPCs and the test's own queues do."""
    client = CloudTasksClient()
    parent = cloud_tasks.queue_path("work").rpartition("/queues/")[0]
    client.create_queue(parent=parent, queue={"name": f"{parent}/queues/new"})
    client.update_queue(queue={"name": f"{parent}/queues/upserted"})
    for queue in ("new", "upserted"):
        with pytest.raises(exceptions.NotFound) as refusal:
            create(cloud_tasks, queue=queue)
        assert refusal.value.message == MISSING
        assert client.get_queue(name=f"{parent}/queues/{queue}").state.name == "RUNNING"
    cloud_tasks.assert_nothing_enqueued()
    create(cloud_tasks, queue="work")
    cloud_tasks.create_queue("mine")
    create(cloud_tasks, queue="mine")
    cloud_tasks.route(URL)
    cloud_tasks.advance(timedelta(seconds=59))
    with pytest.raises(exceptions.NotFound):
        create(cloud_tasks, queue="new")
    cloud_tasks.advance(timedelta(seconds=1))
    create(cloud_tasks, queue="new")


@on(queues=["work"], service={"ghost_recreate": True})
def test_a_deleted_queue_only_seems_to_come_back(cloud_tasks: FakeCloudTasks) -> None:
    """CreateQueue answers as if it had created the queue, which is not there, until its name is free again."""
    client, name = CloudTasksClient(), cloud_tasks.queue_path("work")
    parent = name.rpartition("/queues/")[0]
    client.delete_queue(name=name)
    ghost = client.create_queue(parent=parent, queue={"name": name, "retry_config": {"max_attempts": 3}})
    assert (ghost.name, ghost.retry_config.max_attempts) == (name, 3)
    with pytest.raises(exceptions.NotFound) as refusal:
        client.get_queue(name=name)
    assert refusal.value.message == MISSING
    assert list(client.list_queues(parent=parent)) == []
    cloud_tasks.advance(timedelta(days=7))
    client.create_queue(parent=parent, queue={"name": name})
    assert client.get_queue(name=name).name == name


# --- IAM ---------------------------------------------------------------------------------------------------------


@on(queues=["work"], service={"iam_emulation": "serviceAccount:web@test-project.iam.gserviceaccount.com"})
def test_an_application_has_the_permissions_of_its_role(cloud_tasks: FakeCloudTasks) -> None:
    """As an enqueuer it may create tasks and nothing else; without a policy it may do anything."""
    client, queue = CloudTasksClient(), cloud_tasks.queue_path("work")
    unset = client.get_iam_policy(request={"resource": queue})
    assert unset.etag == b"\x00\x20\x01"
    policy = policy_pb2.Policy(etag=unset.etag)
    member = "serviceAccount:web@test-project.iam.gserviceaccount.com"
    policy.bindings.add(role="roles/cloudtasks.enqueuer", members=[member])
    client.pause_queue(name=queue)
    assert client.set_iam_policy(request={"resource": queue, "policy": policy}).etag != unset.etag
    task = create(cloud_tasks)
    for call, permission, resource in (
        (lambda: client.delete_task(name=task.name), "cloudtasks.tasks.delete", task.name),
        (lambda: client.run_task(name=task.name), "cloudtasks.tasks.run", task.name),
        (lambda: client.get_task(name=task.name), "cloudtasks.tasks.get", task.name),
        (lambda: client.list_tasks(parent=queue), "cloudtasks.tasks.list", queue),
        (lambda: client.resume_queue(name=queue), "cloudtasks.queues.resume", queue),
        (lambda: client.purge_queue(name=queue), "cloudtasks.queues.purge", queue),
        (lambda: client.update_queue(queue={"name": queue}), "cloudtasks.queues.update", queue),
        (lambda: client.delete_queue(name=queue), "cloudtasks.queues.delete", queue),
    ):
        with pytest.raises(exceptions.PermissionDenied) as refusal:
            call()
        assert refusal.value.message == (
            f'The principal (user or service account) lacks IAM permission "{permission}" for the resource'
            f' "{resource}" (or the resource may not exist).'
        )
    asked = ["cloudtasks.tasks.create", "cloudtasks.tasks.run"]
    allowed = client.test_iam_permissions(request={"resource": queue, "permissions": asked})
    assert list(allowed.permissions) == ["cloudtasks.tasks.create"]
    assert [one.name for one in cloud_tasks.tasks()] == [task.name]


# --- answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_on", [True, False])
@pytest.mark.parametrize("target", ["http_request", "app_engine_http_request"])
def test_304_can_be_a_success(target: str, is_on: bool) -> None:
    """With the service option it ends the task, as it was reported once; without, it fails as any other 3xx."""
    with FakeCloudTasks(queues=["work"], service={"treat_304_as_success": is_on}) as cloud_tasks:
        cloud_tasks.route("*").returns(304, 200)
        fields = {} if target == "http_request" else {target: {"relative_uri": "/"}}
        create(cloud_tasks, **fields)
        summary = cloud_tasks.drain()
        assert (summary.attempts, summary.succeeded, summary.failed) == ((1, 1, 0) if is_on else (2, 1, 1))


@pytest.mark.parametrize(
    ("header", "delay"),
    [
        ("120", timedelta(seconds=120)),
        ("1", timedelta(seconds=10)),
        ("Wed, 01 Jul 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Wed, 01 Jul 2020 12:05:00 GMT", timedelta(seconds=10)),
        ("soon", timedelta(seconds=10)),
    ],
)
@on(
    queues={"work": {"retry_config": {"min_backoff": "10s"}}},
    start=START,
    service={"honour_retry_after": True},
)
def test_retry_after_puts_a_retry_off(cloud_tasks: FakeCloudTasks, header: str, delay: timedelta) -> None:
    """The retry comes at the backoff's instant or at the header's, whichever is later."""
    answers = iter([(503, {"Retry-After": header}), 200])
    cloud_tasks.route(URL, handler=lambda request: next(answers))
    task = create(cloud_tasks)
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(name=task.name), [503, 200])
    assert cloud_tasks.clock.elapsed == delay


@on(queues={"work": {"retry_config": {"min_backoff": "10s"}}}, start=START, service={"honour_retry_after": True})
def test_retry_after_counts_from_the_answer(cloud_tasks: FakeCloudTasks) -> None:
    """An answer that took its time puts the retry off by as much."""
    answers = iter([(429, {"Retry-After": "60"}), 200])
    cloud_tasks.route(URL, handler=lambda request: next(answers)).takes(timedelta(seconds=5))
    create(cloud_tasks)
    cloud_tasks.drain()
    assert cloud_tasks.clock.elapsed == timedelta(seconds=70)


@on(queues={"work": {"retry_config": {"min_backoff": "10s"}}}, start=START)
def test_retry_after_is_ignored_by_default(cloud_tasks: FakeCloudTasks) -> None:
    """Without the service option the backoff alone decides."""
    answers = iter([(503, {"Retry-After": "120"}), 200])
    cloud_tasks.route(URL, handler=lambda request: next(answers))
    create(cloud_tasks)
    cloud_tasks.drain()
    assert cloud_tasks.clock.elapsed == timedelta(seconds=10)


def to(location: str, status: int = 307) -> Any:
    return lambda request: (status, {"Location": location})


def app(environ: Any, start_response: Any) -> list[bytes]:
    """A WSGI application that sends /a to /b."""
    if environ["PATH_INFO"] == "/a":
        start_response("308 Permanent Redirect", [("Location", "/b")])
        return []
    start_response("200 OK", [])
    return [environ["REQUEST_METHOD"].encode() + b" " + environ["wsgi.input"].read()]


@on(queues=["work"])
def test_a_redirect_is_followed_within_the_attempt(cloud_tasks: FakeCloudTasks) -> None:
    """Through routes and mounts; it is one attempt, whose duration is that of all answers."""
    first = cloud_tasks.route(URL, handler=to("https://app.test/a")).takes(timedelta(seconds=3))
    mount = cloud_tasks.mount("https://app.test", app).takes(timedelta(seconds=2))
    task = create(cloud_tasks, http_request={"url": URL, "body": b"order"})
    summary = cloud_tasks.drain()
    assert (summary.attempts, summary.succeeded) == (1, 1)
    record = cloud_tasks.assert_enqueued(name=task.name)
    cloud_tasks.assert_attempts(record, [200])
    assert [call.url for call in (*first.calls, *mount.calls)] == [URL, "https://app.test/a", "https://app.test/b"]
    assert mount.calls[1].body == b"order"
    assert cloud_tasks.clock.elapsed == timedelta(seconds=7)


@on(queues={"work": {"retry_config": {"max_attempts": 1}}})
def test_a_circle_of_redirects_ends(cloud_tasks: FakeCloudTasks) -> None:
    """After 20 of them the redirect is the answer, and the attempt has failed."""
    route = cloud_tasks.route(URL, handler=to(URL))
    task = create(cloud_tasks)
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(name=task.name), [307])
    assert len(route.calls) == 21


@on(queues={"work": {"retry_config": {"max_attempts": 1}}})
def test_a_redirect_past_the_deadline_is_not_followed(cloud_tasks: FakeCloudTasks) -> None:
    """The attempt's deadline is one for all of its answers."""
    cloud_tasks.route(URL, handler=to("https://slow.test/")).takes(timedelta(seconds=10))
    slow = cloud_tasks.route("https://slow.test/", handler=to("https://last.test/")).takes(timedelta(seconds=10))
    last = cloud_tasks.route("https://last.test/")
    task = create(cloud_tasks, dispatch_deadline=timedelta(seconds=15))
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(name=task.name), ["DEADLINE_EXCEEDED"])
    assert (len(slow.calls), len(last.calls)) == (1, 0)
    assert cloud_tasks.clock.elapsed == timedelta(seconds=15)


@on(queues=["work"])
def test_a_redirect_to_nowhere_fails_the_test(cloud_tasks: FakeCloudTasks) -> None:
    """The attempt is recorded with the redirect, and the message names where it led."""
    cloud_tasks.route(URL, handler=to("https://nowhere.test/x"))
    task = create(cloud_tasks, "t")
    with pytest.raises(NoTarget) as failure:
        cloud_tasks.dispatch_due()
    assert str(failure.value).splitlines()[0] == (
        "The task work/t was redirected to a URL that has no target: POST https://nowhere.test/x. Did you mean"
        " 'https://worker.test/run'?"
    )
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(name=task.name), [307])


@on(queues=["work"])
def test_app_engine_tasks_follow_no_redirect(cloud_tasks: FakeCloudTasks) -> None:
    """A redirect is a failure there."""
    answers = iter([(302, {"Location": "/elsewhere"}), 200])
    route = cloud_tasks.route("*", handler=lambda request: next(answers))
    task = create(cloud_tasks, app_engine_http_request={"relative_uri": "/work"})
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(name=task.name), [302, 200])
    assert len(route.calls) == 2


@on(queues=["work"], service={"follow_redirects": False})
def test_no_redirect_is_followed_if_the_option_is_off(cloud_tasks: FakeCloudTasks) -> None:
    """It counts as a failed response like any other."""
    answers = iter([(302, {"Location": "https://nowhere.test/"}), 200])
    cloud_tasks.route(URL, handler=lambda request: next(answers))
    task = create(cloud_tasks)
    cloud_tasks.drain()
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(name=task.name), [302, 200])


SLOW = {"rate_limits": {"max_dispatches_per_second": 1}, "retry_config": {"min_backoff": "0.1s", "max_backoff": "0.1s"}}


def paced(cloud_tasks: FakeCloudTasks, count: int) -> list[float]:
    """The seconds at which ``count`` tasks go out, from the first on."""
    for _ in range(count):
        create(cloud_tasks)
    cloud_tasks.drain()
    at = [attempt.dispatch_time for attempt in cloud_tasks.attempts()]
    return [(one - at[0]).total_seconds() for one in at]


@on(queues={"work": SLOW}, service={"burst_size": 1, "system_throttle": "simple"})
def test_an_overloaded_target_slows_the_queue_down(cloud_tasks: FakeCloudTasks) -> None:
    """503 halves the rate again and again, successes bring it back by tenths; the queue's settings stay."""
    cloud_tasks.route(URL).returns(503, 503, 200)
    gaps = paced(cloud_tasks, 3)
    assert gaps[:3] == [0, 2, 6]  # at a half, then at a quarter of one a second
    assert gaps[3] == pytest.approx(6 + 1 / 0.35)
    queue = CloudTasksClient().get_queue(name=cloud_tasks.queue_path("work"))
    assert (queue.rate_limits.max_dispatches_per_second, queue.rate_limits.max_burst_size) == (1, 1)


@on(queues={"work": SLOW}, service={"burst_size": 1})
def test_an_overloaded_target_does_not_slow_the_queue_by_default(cloud_tasks: FakeCloudTasks) -> None:
    """Without the service option the rate is what was set."""
    cloud_tasks.route(URL).returns(503, 503, 200)
    assert paced(cloud_tasks, 3) == [0, 1, 2, 3, 4]


@on(queues={"work": SLOW}, service={"burst_size": 1, "system_throttle": "simple"})
def test_429_does_not_throttle_app_engine(cloud_tasks: FakeCloudTasks) -> None:
    """There 503 alone counts, as documented."""
    cloud_tasks.route("*").returns(429, 503, 200)
    create(cloud_tasks, app_engine_http_request={"relative_uri": "/"})
    create(cloud_tasks, app_engine_http_request={"relative_uri": "/"})
    cloud_tasks.drain()
    at = [attempt.dispatch_time for attempt in cloud_tasks.attempts()]
    assert [(one - at[0]).total_seconds() for one in at][:3] == [0, 1, 3]
