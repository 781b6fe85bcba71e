"""App Engine's SDK: `taskqueue` and `deferred` over Cloud Tasks, with the fake behind Google's own client.

The SDK needs urllib3 1.26, so it has an environment of its own: ``tox -e appengine``. Elsewhere the tests are skipped.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from datetime import timedelta

import flask
import pytest

from pytest_cloudtasks import FakeCloudTasks, TaskState

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the SDK's own, of its import
    api = pytest.importorskip("google.appengine.api")
    from google.appengine.api import taskqueue
    from google.appengine.api.taskqueue import cloudtask
    from google.appengine.ext import deferred

pytestmark = [
    pytest.mark.cloud_tasks(queues=["default", "receipts"], project="my-shop", location="europe-west1"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # the SDK's own
]
ENVIRONMENT = {
    "APPENGINE_USE_CLOUDTASK_PUSH_QUEUE": "true",
    "GOOGLE_CLOUD_PROJECT": "my-shop",
    "GAE_LOCATION": "europe-west1",
    "GAE_SERVICE": "default",
    "GAE_VERSION": "v7",
}
ORDERS: list[int] = []


@pytest.fixture(scope="module", autouse=True)
def application() -> Iterator[flask.Flask]:
    """A service of App Engine that uses Cloud Tasks, and whose deferred work arrives at a route of the SDK.

    The SDK replaces os.environ by one that each thread has for itself, with what is set when the thread begins. It
    makes its calls in threads that it keeps, so the environment is set first, for all of the tests.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "environ", os.environ)
        for name, value in ENVIRONMENT.items():
            patched.setenv(name, value)
        app = flask.Flask("shop")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            app.wsgi_app = api.wrap_wsgi_app(app.wsgi_app, use_deferred=True)  # type: ignore[method-assign]
        yield app


@pytest.fixture(autouse=True)
def no_orders() -> None:
    ORDERS.clear()


def test_a_task_is_added(cloud_tasks: FakeCloudTasks) -> None:
    """It is an App Engine task, for the service and version that adds it, at its ETA."""
    added = taskqueue.add(
        url="/receipt", params={"order": "42"}, queue_name="receipts", countdown=60, headers={"X-Shop": "north"}
    )

    task = cloud_tasks.assert_enqueued(
        queue="receipts",
        url="/receipt",
        body="order=42",
        headers={"Content-Type": "application/x-www-form-urlencoded", "X-Shop": "north"},
        delay="60s",
        service="default",
        version="v7",
    )
    assert (added.name, added.was_enqueued) == (task.id, True)


def test_a_task_for_another_version(cloud_tasks: FakeCloudTasks) -> None:
    """The target of a task is its service, with a version before it."""
    taskqueue.add(url="/receipt", target="v2.mailer")
    cloud_tasks.assert_enqueued(service="mailer", version="v2")
    cloud_tasks.route("http://v2.mailer.my-shop.uc.r.appspot.com/receipt").returns(200)
    assert cloud_tasks.drain().succeeded == 1


def test_a_batch_is_added(cloud_tasks: FakeCloudTasks) -> None:
    """Several tasks are added by one call, and each has its name."""
    queue = taskqueue.Queue("receipts")
    tasks = queue.add([taskqueue.Task(url="/receipt", name=name, payload=name) for name in ("one", "two", "three")])
    assert [task.name for task in tasks] == ["one", "two", "three"]
    assert [(task.id, task.body) for task in cloud_tasks.tasks(queue="receipts")] == [
        ("one", b"one"),
        ("two", b"two"),
        ("three", b"three"),
    ]
    assert [call.method for call in cloud_tasks.rpcs] == ["batch_create_tasks"]


def test_of_a_batch_the_others_are_added(cloud_tasks: FakeCloudTasks) -> None:
    """A name that is taken fails its own task."""
    queue = taskqueue.Queue("receipts")
    queue.add(taskqueue.Task(url="/receipt", name="one"))
    again, other = taskqueue.Task(url="/receipt", name="one"), taskqueue.Task(url="/receipt", name="two")
    with pytest.raises(taskqueue.TaskAlreadyExistsError):
        queue.add([again, other])
    assert (again.was_enqueued, other.was_enqueued) == (False, True)
    assert [task.id for task in cloud_tasks.tasks(queue="receipts")] == ["one", "two"]


def test_tasks_are_deleted(cloud_tasks: FakeCloudTasks) -> None:
    """By the task or by its name; a task that is not there is no error."""
    queue = taskqueue.Queue("receipts")
    tasks = queue.add([taskqueue.Task(url="/receipt", name=name) for name in ("one", "two", "three")])
    queue.delete_tasks(tasks[:1])
    queue.delete_tasks_by_name(["two"])
    missing = queue.delete_tasks_by_name("missing")
    assert [task.id for task in cloud_tasks.tasks(queue="receipts")] == ["three"]
    assert (tasks[0].was_deleted, missing.was_deleted) == (True, False)


def test_a_queue_is_purged(cloud_tasks: FakeCloudTasks) -> None:
    """All of its tasks go."""
    queue = taskqueue.Queue("receipts")
    queue.add([taskqueue.Task(url="/receipt") for _ in range(3)])
    queue.purge()
    cloud_tasks.assert_empty()


def test_statistics(cloud_tasks: FakeCloudTasks) -> None:
    """They count what waits, and what ran in the last minute."""
    queue = taskqueue.Queue("receipts")
    cloud_tasks.route("/receipt")
    queue.add([taskqueue.Task(url="/receipt", countdown=seconds) for seconds in (0, 0, 3600)])
    cloud_tasks.dispatch_due()
    found = queue.fetch_statistics()
    assert (found.tasks, found.executed_last_minute, found.in_flight, found.enforced_rate) == (1, 2, 0, 500.0)
    assert found.oldest_eta_usec == int(cloud_tasks.tasks()[0].schedule_time.timestamp() * 1e6)


def test_retry_options(cloud_tasks: FakeCloudTasks) -> None:
    """A task's own options count, its queue's do not."""
    options = taskqueue.TaskRetryOptions(
        task_retry_limit=3, min_backoff_seconds=1, max_backoff_seconds=5, max_doublings=1
    )
    cloud_tasks.route("/receipt").returns(500)
    taskqueue.add(url="/receipt", retry_options=options)
    cloud_tasks.drain()
    task = cloud_tasks.assert_enqueued()
    cloud_tasks.assert_attempts(task, [500, 500, 500, 500])
    cloud_tasks.assert_backoff(task, ["1s", "2s", "4s"])
    cloud_tasks.assert_exhausted(task)


def test_a_task_is_retried(cloud_tasks: FakeCloudTasks) -> None:
    """A handler that answers 503 gets the task again when its backoff is over."""
    handler = cloud_tasks.route("/receipt").returns(503, 200)
    taskqueue.add(url="/receipt", name="order-42", retry_options=taskqueue.TaskRetryOptions(min_backoff_seconds=10))
    assert cloud_tasks.drain().succeeded == 1
    task = cloud_tasks.assert_dispatched(name="order-42")
    cloud_tasks.assert_attempts(task, [503, 200])
    first, second = task.attempts
    assert second.dispatch_time - first.dispatch_time == timedelta(seconds=10)
    assert [call.headers["X-AppEngine-TaskRetryCount"] for call in handler.calls] == ["0", "1"]


def test_calls_in_the_background(cloud_tasks: FakeCloudTasks) -> None:
    """The SDK's asynchronous calls run in threads of its own, and arrive at the same fake."""
    queue = taskqueue.Queue("receipts")
    calls = [queue.add_async(taskqueue.Task(url="/receipt", name=name)) for name in ("one", "two")]
    added = [call.get_result() for call in calls]
    assert sorted(task.name for task in added) == ["one", "two"]
    assert queue.fetch_statistics_async().get_result().tasks == 2
    queue.delete_tasks_async(added[0]).get_result()
    assert [task.id for task in cloud_tasks.tasks(queue="receipts")] == ["two"]


def test_a_name_is_used_once(cloud_tasks: FakeCloudTasks) -> None:
    """Not again while the task is there, and not soon after it has run."""
    cloud_tasks.route("/receipt")
    taskqueue.add(url="/receipt", name="order-42")
    with pytest.raises(taskqueue.TaskAlreadyExistsError) as there:
        taskqueue.add(url="/receipt", name="order-42")
    cloud_tasks.drain()
    with pytest.raises(taskqueue.TaskAlreadyExistsError) as gone:
        taskqueue.add(url="/receipt", name="order-42")
    assert (str(there.value), str(gone.value)) == (
        "409 Requested entity already exists",
        "409 The task cannot be created because a task with this name existed too recently. For more information about"
        " task de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks"
        "/create#body.request_body.FIELDS.task.",
    )
    cloud_tasks.assert_dispatched(name="order-42")


@pytest.mark.parametrize(
    ("count", "error", "code"), [(1, taskqueue.UnknownQueueError, "404 "), (2, taskqueue.Error, "")]
)
def test_a_queue_that_is_not_there(cloud_tasks: FakeCloudTasks, count: int, error: type[Exception], code: str) -> None:
    """The SDK raises its own error; of a batch it is the plain one, since each of its tasks fails by itself."""
    with pytest.raises(taskqueue.Error) as caught:
        taskqueue.Queue("missing").add([taskqueue.Task(url="/receipt") for _ in range(count)])
    assert type(caught.value) is error
    assert str(caught.value) == (
        f"{code}Queue does not exist. If you just created the queue, wait at least a minute for the queue to"
        " initialize."
    )
    cloud_tasks.assert_nothing_enqueued()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("PERMISSION_DENIED", taskqueue.PermissionDeniedError),
        ("UNAVAILABLE", taskqueue.TransientError),
        ("RESOURCE_EXHAUSTED", taskqueue.TransientError),
        ("INTERNAL", taskqueue.InternalError),
    ],
)
def test_calls_that_fail(cloud_tasks: FakeCloudTasks, code: str, error: type[Exception]) -> None:
    """A planned fault is the SDK's own error to the application."""
    cloud_tasks.fail_rpc("create_task", code, times=None)
    with pytest.raises(error):
        taskqueue.add(url="/receipt")


@pytest.fixture
def no_cached_region() -> Iterator[None]:
    """The SDK asks for its region once."""
    cloudtask._reset_clients()
    yield
    cloudtask._reset_clients()


@pytest.mark.usefixtures("no_cached_region", "cloud_tasks")
def test_the_location_comes_from_the_metadata_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no variable names it, the SDK asks there, and the fake answers."""
    monkeypatch.delenv("GAE_LOCATION")
    assert cloudtask._get_region() == "europe-west1"


# --- deferred ----------------------------------------------------------------------------------------------------


def send_receipt(order: int, *, fails: int = 0) -> None:
    """The work that is put off; it fails the first times."""
    ORDERS.append(order)
    if len(ORDERS) <= fails:
        raise deferred.SingularTaskFailure


def refuse_receipt() -> None:
    raise deferred.PermanentTaskFailure


def test_deferred_work_is_done(cloud_tasks: FakeCloudTasks, application: flask.Flask) -> None:
    """The mounted application runs what was deferred."""
    shop = cloud_tasks.mount_app_engine(application)
    deferred.defer(send_receipt, 42, _countdown=30, _queue="receipts")
    cloud_tasks.assert_enqueued(queue="receipts", url="/_ah/queue/deferred", delay="30s")

    cloud_tasks.drain()

    assert ORDERS == [42]
    assert cloud_tasks.clock.elapsed == timedelta(seconds=30)
    assert shop.calls[0].headers["X-AppEngine-QueueName"] == "receipts"


def test_deferred_work_is_tried_again(cloud_tasks: FakeCloudTasks, application: flask.Flask) -> None:
    """Work that raises SingularTaskFailure comes again."""
    cloud_tasks.mount_app_engine(application)
    deferred.defer(send_receipt, 42, fails=2)
    cloud_tasks.drain()
    assert ORDERS == [42, 42, 42]
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [408, 408, 200])


def test_deferred_work_is_given_up(cloud_tasks: FakeCloudTasks, application: flask.Flask) -> None:
    """Work that raises PermanentTaskFailure does not come again."""
    cloud_tasks.mount_app_engine(application)
    deferred.defer(refuse_receipt)
    cloud_tasks.drain()
    task = cloud_tasks.assert_enqueued()
    cloud_tasks.assert_attempts(task, [200])
    assert task.state is TaskState.SUCCEEDED


def test_one_request_of_deferred_work(cloud_tasks: FakeCloudTasks) -> None:
    """`task_request` makes what the handler of deferred work accepts."""
    request = cloud_tasks.task_request(
        relative_uri="/_ah/queue/deferred", body=deferred.serialize(send_receipt, 7), name="t1"
    )
    assert request.send(deferred.application).status == 200
    assert ORDERS == [7]
