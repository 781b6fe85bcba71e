"""Firebase from end to end: the Python Admin SDK enqueues, and a function of Firebase runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks

pytestmark = [
    pytest.mark.needs("firebase"),
    pytest.mark.cloud_tasks(
        project="gallery",
        start=datetime(2030, 1, 1, tzinfo=timezone.utc),
        queues={"resize": {"retry_config": {"min_backoff": "1s", "max_attempts": 3}}},
        google_auth=True,
    ),
]
QUEUE = "projects/gallery/locations/us-central1/queues/resize"
URL = "https://us-central1-gallery.cloudfunctions.net/resize"
EMULATOR = "127.0.0.1:9499"
ACCOUNT = "firebase-adminsdk@gallery.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def certificate() -> dict[str, str]:
    """What Firebase's console gives for a service account, with a key of nobody's."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "gallery",
        "private_key": key.decode(),
        "client_email": ACCOUNT,
        "token_uri": "https://oauth2.googleapis.com/token",
    }


@pytest.fixture
def functions() -> Any:
    """The SDK's module."""
    return pytest.importorskip("firebase_admin.functions")


@pytest.fixture
def app(functions: Any) -> Iterator[Any]:
    """An app with the credentials of the environment."""
    import firebase_admin

    app = firebase_admin.initialize_app(options={"projectId": "gallery"}, name="of this test")
    yield app
    firebase_admin.delete_app(app)


@pytest.fixture
def queue(functions: Any, app: Any) -> Any:
    """The SDK's reference to the function's queue."""
    return functions.task_queue("resize", app=app)


def test_from_the_admin_sdk_to_the_function(cloud_tasks: FakeCloudTasks, queue: Any) -> None:
    """The task has the function's URL, the data as it was given, and a token of the environment's account."""
    from firebase_functions import https_fn, tasks_fn

    seen: list[Any] = []

    @tasks_fn.on_task_dispatched()
    def resize(request: Any) -> None:
        seen.append((request.data, request.raw_request.headers["X-CloudTasks-TaskRetryCount"]))
        if len(seen) == 1:
            raise https_fn.HttpsError(https_fn.FunctionsErrorCode.UNAVAILABLE, "the disk is full")

    cloud_tasks.mount(URL, resize)
    task_id = queue.enqueue({"data": {"image": 7}})
    cloud_tasks.drain()
    task = cloud_tasks.assert_enqueued(queue="resize", name=task_id, url=URL, json={"data": {"image": 7}})
    assert task.oidc == {
        "service_account_email": "123456789012-compute@developer.gserviceaccount.com",
        "audience": URL,
    }
    assert seen == [({"image": 7}, "0"), ({"image": 7}, "1")]
    cloud_tasks.assert_attempts(task, [503, 200])
    cloud_tasks.assert_backoff(task, ["1s"])
    assert cloud_tasks.clock.elapsed == timedelta(seconds=1)


def test_the_data_goes_as_it_is(cloud_tasks: FakeCloudTasks, queue: Any) -> None:
    """The Python SDK wraps nothing, and a function without ``data`` in the body answers 400."""
    from firebase_functions import tasks_fn

    queue.enqueue({"image": 7})
    assert json.loads(cloud_tasks.assert_enqueued().body) == {"image": 7}
    cloud_tasks.mount(URL, tasks_fn.on_task_dispatched()(lambda request: None))
    cloud_tasks.step()
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(), [400])


def test_the_sdks_options(cloud_tasks: FakeCloudTasks, functions: Any, queue: Any) -> None:
    """Time, deadline, ID, headers and another URL."""
    in_an_hour = datetime(2030, 1, 1, 1, tzinfo=timezone.utc)
    queue.enqueue({}, functions.TaskOptions(schedule_delay_seconds=60, dispatch_deadline_seconds=30))
    queue.enqueue({}, functions.TaskOptions(schedule_time=in_an_hour, task_id="a", headers={"X-A": "b"}))
    queue.enqueue({}, functions.TaskOptions(uri="https://worker.test/resize"))
    cloud_tasks.assert_enqueued(url=URL, delay=timedelta(minutes=1), deadline=timedelta(seconds=30))
    cloud_tasks.assert_enqueued(url=URL, at=in_an_hour, name="a", headers={"X-A": "b"})
    cloud_tasks.assert_enqueued(url="https://worker.test/resize")


def test_deduplicated_and_deleted_by_id(cloud_tasks: FakeCloudTasks, functions: Any, queue: Any) -> None:
    """The errors are the SDK's own, made of the service's."""
    from firebase_admin.exceptions import AlreadyExistsError, NotFoundError

    named = functions.TaskOptions(task_id="a")
    assert queue.enqueue({}, named) == "a"
    with pytest.raises(AlreadyExistsError, match="Requested entity already exists"):
        queue.enqueue({}, named)
    queue.delete("a")
    cloud_tasks.assert_empty()
    with pytest.raises(AlreadyExistsError, match="existed too recently"):
        queue.enqueue({}, named)
    with pytest.raises(NotFoundError, match="Requested entity was not found"):
        queue.delete("a")


def test_an_id_is_used_once(cloud_tasks: FakeCloudTasks, functions: Any, queue: Any) -> None:
    """It isn't free when its task has run; the SDK's error has Google's text."""
    from firebase_admin.exceptions import AlreadyExistsError

    cloud_tasks.route(URL)
    named = functions.TaskOptions(task_id="a")
    queue.enqueue({}, named)
    with pytest.raises(AlreadyExistsError) as there:
        queue.enqueue({}, named)
    cloud_tasks.drain()
    with pytest.raises(AlreadyExistsError) as gone:
        queue.enqueue({}, named)
    assert str(there.value) == "Requested entity already exists"
    assert str(gone.value) == (
        "The task cannot be created because a task with this name existed too recently. For more information about task"
        " de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks"
        "/create#body.request_body.FIELDS.task."
    )
    cloud_tasks.assert_dispatched(name="a", count=1)


@pytest.mark.parametrize(
    ("name", "queue_name", "url"),
    [
        (
            "locations/europe-west1/functions/resize",
            "projects/gallery/locations/europe-west1/queues/resize",
            "https://europe-west1-gallery.cloudfunctions.net/resize",
        ),
        (
            "projects/other/locations/europe-west1/functions/resize",
            "projects/other/locations/europe-west1/queues/resize",
            "https://europe-west1-other.cloudfunctions.net/resize",
        ),
    ],
)
def test_functions_elsewhere(
    cloud_tasks: FakeCloudTasks, functions: Any, app: Any, name: str, queue_name: str, url: str
) -> None:
    """Project and location are part of queue and URL."""
    cloud_tasks.create_queue(queue_name)
    functions.task_queue(name, app=app).enqueue({})
    cloud_tasks.assert_enqueued(queue=queue_name, url=url)


def test_an_extension(cloud_tasks: FakeCloudTasks, functions: Any, app: Any) -> None:
    """Its queue has the extension's name, and the task has a header in place of a token."""
    cloud_tasks.create_queue("ext-images-resize")
    functions.task_queue("resize", "images", app=app).enqueue({})
    task = cloud_tasks.assert_enqueued(
        queue="ext-images-resize", url="https://us-central1-gallery.cloudfunctions.net/ext-images-resize"
    )
    assert task.oidc is None
    assert task.headers["Authorization"].startswith("Bearer ")


def test_a_missing_queue(cloud_tasks: FakeCloudTasks, functions: Any, app: Any) -> None:
    """Nobody has deployed the function."""
    from firebase_admin.exceptions import NotFoundError

    with pytest.raises(NotFoundError) as rejected:
        functions.task_queue("other", app=app).enqueue({})
    assert str(rejected.value) == (
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
    )


@pytest.mark.cloud_tasks(google_auth=False)
def test_the_certificate_of_a_service_account(
    cloud_tasks: FakeCloudTasks, functions: Any, certificate: dict[str, str]
) -> None:
    """Its key signs the request for a token, which the fake answers; the task's token is of that account."""
    import firebase_admin

    app = firebase_admin.initialize_app(firebase_admin.credentials.Certificate(certificate), name="with a certificate")
    try:
        functions.task_queue("resize", app=app).enqueue({"data": 1})
    finally:
        firebase_admin.delete_app(app)
    task = cloud_tasks.assert_enqueued(queue="resize", url=URL)
    assert task.oidc == {"service_account_email": ACCOUNT, "audience": URL}


def test_a_call_that_fails_is_repeated_by_the_sdk(cloud_tasks: FakeCloudTasks, queue: Any) -> None:
    """It repeats what was answered by 500 or 503, and creates one task."""
    cloud_tasks.fail_rpc("create_task", "UNAVAILABLE", times=1)
    queue.enqueue({})
    cloud_tasks.assert_enqueued(count=1)
    assert [call.method for call in cloud_tasks.rpcs] == ["create_task", "create_task"]


# --- with the variable of an emulator ------------------------------------------------------------------------------


@pytest.mark.cloud_tasks(google_auth=False, redirect_endpoints=[EMULATOR], firebase_functions="http://127.0.0.1:5001")
def test_an_emulator_that_is_redirected(
    cloud_tasks: FakeCloudTasks, functions: Any, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the SDK says to the address in its variable arrives at the fake, without credentials."""
    from firebase_admin.exceptions import AlreadyExistsError

    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", EMULATOR)
    queue = functions.task_queue("resize", app=app)
    named = functions.TaskOptions(task_id="a", schedule_delay_seconds=60)
    assert queue.enqueue({"data": 1}, named) == "a"
    assert queue.enqueue({"data": 1}).isdecimal()
    with pytest.raises(AlreadyExistsError):
        queue.enqueue({"data": 1}, named)
    cloud_tasks.assert_enqueued(name="a", url="http://127.0.0.1:5001/gallery/us-central1/resize", delay="60s")
    queue.delete("a")
    cloud_tasks.assert_enqueued(count=2)


@pytest.mark.cloud_tasks(google_auth=False, firebase_functions="http://127.0.0.1:5001")
def test_the_loopback_server(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, functions: Any, app: Any
) -> None:
    """The SDK finds it by the variable that the fixture sets, and needs no credentials."""
    function = cloud_tasks.route("http://127.0.0.1:5001/gallery/us-central1/resize").returns(503, 204)
    queue = functions.task_queue("resize", app=app)
    task_id = queue.enqueue({"data": {"image": 7}})
    cloud_tasks.drain()
    assert [call.json for call in function.calls] == [{"data": {"image": 7}}] * 2
    cloud_tasks.assert_attempts(cloud_tasks.assert_enqueued(name=task_id), [503, 204])


@pytest.mark.cloud_tasks(google_auth=False)
def test_the_sentence_of_a_missing_address(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, functions: Any, app: Any
) -> None:
    """The SDK's exception has it."""
    from firebase_admin.exceptions import InvalidArgumentError

    with pytest.raises(InvalidArgumentError) as refusal:
        functions.task_queue("resize", app=app).enqueue({"data": 1})
    assert str(refusal.value) == (
        "This task has no URL. So it is for the Firebase function resize, and the fake has no address of functions."
        " Set the option firebase_functions (of serve: --firebase-functions) to the base URL of a server that runs"
        " them, such as http://127.0.0.1:5001."
    )
