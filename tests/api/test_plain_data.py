"""Records as plain data: `as_dict()`, for snapshots."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from google.cloud import tasks_v2, tasks_v2beta2

from pytest_cloudtasks import FakeCloudTasks

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
MAILER = "https://mailer.test/send"
Enqueue = Callable[..., str]
pytestmark = pytest.mark.cloud_tasks(start=START, queues={"receipts": {"retry_config": {"min_backoff": "1.5s"}}})


def test_a_task_as_data(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """It has all that the service has of the task, and its attempts, in a fixed order."""
    cloud_tasks.route(MAILER).returns(503).raises(TimeoutError)
    enqueue(
        "one",
        body=b'{"order": 42, "paid": true}',
        headers={"Content-Type": "application/json"},
        oidc_token={"service_account_email": "me@project.iam.gserviceaccount.com"},
        dispatch_deadline=timedelta(seconds=20, milliseconds=500),
    )
    cloud_tasks.step()
    cloud_tasks.step()

    assert list(cloud_tasks.assert_enqueued().as_dict().items()) == [
        ("name", "projects/test-project/locations/us-central1/queues/receipts/tasks/one"),
        ("queue", "receipts"),
        ("state", "dispatched"),
        ("method", "POST"),
        ("url", MAILER),
        ("headers", {"Content-Type": "application/json", "User-Agent": "Google-Cloud-Tasks"}),
        ("json", {"order": 42, "paid": True}),
        ("oidc", {"service_account_email": "me@project.iam.gserviceaccount.com", "audience": MAILER}),
        ("create_time", "2030-01-01T00:00:00+00:00"),
        ("schedule_time", "2030-01-01T00:00:01.500000+00:00"),
        ("dispatch_deadline", "20.5s"),
        ("dispatch_count", 2),
        ("response_count", 0),
        (
            "attempts",
            [
                {
                    "number": 1,
                    "schedule_time": "2030-01-01T00:00:00+00:00",
                    "dispatch_time": "2030-01-01T00:00:00+00:00",
                    "response_time": "2030-01-01T00:00:00+00:00",
                    "status": 503,
                    "code": "UNAVAILABLE",
                    "response": {"status": 503, "headers": {}, "body": ""},
                },
                {
                    "number": 2,
                    "schedule_time": "2030-01-01T00:00:01.500000+00:00",
                    "dispatch_time": "2030-01-01T00:00:01.500000+00:00",
                    "response_time": None,
                    "status": None,
                    "code": None,
                    "response": None,
                },
            ],
        ),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", {"body": ""}),
        (b"null", {"json": None}),
        (b"[1, 2.5]", {"json": [1, 2.5]}),
        ("Grüße".encode(), {"body": "Grüße"}),
        (b"\x80{", {"body": "\\x80{"}),
    ],
)
def test_a_body_as_data(
    cloud_tasks: FakeCloudTasks, enqueue: Enqueue, body: bytes, expected: dict[str, object]
) -> None:
    """A body that is not JSON is a text, whatever its bytes are."""
    enqueue("one", body=body)
    data = cloud_tasks.assert_enqueued().as_dict()
    assert {key: data[key] for key in ("json", "body") if key in data} == expected
    assert json.loads(json.dumps(data)) == data


def test_an_app_engine_task_as_data(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """It has a routing, and no token."""
    enqueue("one", "/work", app_engine_routing={"service": "worker", "version": "v2"})
    data = cloud_tasks.assert_enqueued().as_dict()
    assert (data["url"], data["service"], data["version"], data["instance"]) == ("/work", "worker", "v2", "")
    assert "oidc" not in data


def test_a_pull_task_as_data(cloud_tasks: FakeCloudTasks) -> None:
    """It has a tag, and neither a URL nor headers."""
    cloud_tasks.create_queue("pulled", type_="PULL")
    tasks_v2beta2.CloudTasksClient().create_task(
        parent=cloud_tasks.queue_path("pulled"), task={"pull_message": {"payload": b"a", "tag": "small"}}
    )
    data = cloud_tasks.assert_enqueued().as_dict()
    assert (data["tag"], data["body"]) == ("small", "a")
    assert not data.keys() & {"method", "url", "headers", "oidc", "service"}


@pytest.mark.cloud_tasks(strict=True, on_exception="500")
def test_data_of_an_attempt_says_how_it_ended(cloud_tasks: FakeCloudTasks, enqueue: Enqueue) -> None:
    """For the option strict, reading it counts as checking a handler's error."""

    def handler(request: object) -> None:
        raise ZeroDivisionError

    cloud_tasks.route(MAILER, handler=handler)
    name = enqueue("one")
    attempt = cloud_tasks.dispatch(name)
    assert attempt.as_dict()["status"] == 500
    tasks_v2.CloudTasksClient().delete_task(name=name)


@pytest.mark.parametrize(
    ("headers", "body", "data"),
    [
        (
            [("Content-Type", "application/json"), ("Date", "Tue, 01 Jan 2030 00:00:00 GMT")],
            b'{"ok": true}',
            {"headers": {"Content-Type": "application/json"}, "json": {"ok": True}},
        ),
        (
            [("Content-Encoding", "gzip"), ("Set-Cookie", "a=1"), ("set-cookie", "b=2")],
            gzip.compress(b"done"),
            {"headers": {"Content-Encoding": "gzip", "Set-Cookie": "a=1, b=2"}, "body": "done"},
        ),
        (
            [("Content-Encoding", "gzip")],
            b"no gzip",
            {"headers": {"Content-Encoding": "gzip"}, "body": "no gzip"},
        ),
    ],
    ids=["json", "gzip", "broken gzip"],
)
def test_a_response_as_data(
    cloud_tasks: FakeCloudTasks,
    enqueue: Enqueue,
    headers: list[tuple[str, str]],
    body: bytes,
    data: dict[str, object],
) -> None:
    """Headers that came several times are in one text, and the time at which a server sent it is left out."""

    def application(environ: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", headers)
        return [body]

    cloud_tasks.mount("https://mailer.test", application)
    attempt = cloud_tasks.dispatch(enqueue("one"))
    assert attempt.as_dict()["response"] == {"status": 200, **data}
