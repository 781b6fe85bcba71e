from __future__ import annotations

import asyncio
import json
import subprocess
from base64 import b64encode
from datetime import datetime, timezone
from typing import Any

import pytest
import requests
from gcloud.aio.taskqueue import PushQueue
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2, tasks_v2beta2, tasks_v2beta3
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from pytest_cloudtasks import CloudTasksServer, FakeCloudTasks
from tests.patience import PATIENCE

from .clients import PARENT, QUEUE, TASK, over_grpc, over_grpc_async, over_rest

START = datetime(2030, 1, 1, tzinfo=timezone.utc)
pytestmark = pytest.mark.cloud_tasks(queues=["default"], start=START)


def clients(server: CloudTasksServer) -> list[Any]:
    return [over_grpc(server), over_rest(server)]


@pytest.mark.parametrize("transport", [0, 1], ids=["grpc", "rest"])
def test_the_real_client_does_all_it_can(
    cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, transport: int
) -> None:
    """Queues and tasks are created, read, listed by pages, changed and deleted over either transport."""
    with clients(cloud_tasks_server)[transport] as client:
        queue = client.create_queue(parent=PARENT, queue={"name": f"{PARENT}/queues/mails"})
        assert queue.state == tasks_v2.Queue.State.RUNNING
        queue.rate_limits.max_dispatches_per_second = 5
        changed = client.update_queue(queue=queue, update_mask={"paths": ["rate_limits.max_dispatches_per_second"]})
        assert changed.rate_limits.max_dispatches_per_second == 5
        assert [one.name for one in client.list_queues(parent=PARENT)] == [QUEUE, queue.name]
        for number in range(3):
            client.create_task(parent=queue.name, task={**TASK, "name": f"{queue.name}/tasks/n{number}"})
        pages = list(client.list_tasks(request={"parent": queue.name, "page_size": 2}).pages)
        assert [[task.name[-2:] for task in page.tasks] for page in pages] == [["n0", "n1"], ["n2"], []]
        task = client.get_task(request={"name": f"{queue.name}/tasks/n1", "response_view": "FULL"})
        assert task.schedule_time == START
        assert task.http_request.headers["User-Agent"] == "Google-Cloud-Tasks"
        assert client.delete_task(name=task.name) is None
        assert client.pause_queue(name=queue.name).state == tasks_v2.Queue.State.PAUSED
        assert client.purge_queue(name=queue.name).purge_time == START
        policy = client.set_iam_policy(
            request={
                "resource": queue.name,
                "policy": {"bindings": [{"role": "roles/cloudtasks.enqueuer", "members": ["user:a@b.test"]}]},
            }
        )
        assert client.get_iam_policy(request={"resource": queue.name}) == policy
        client.delete_queue(name=queue.name)
    cloud_tasks.assert_empty()


@pytest.mark.parametrize("transport", [0, 1], ids=["grpc", "rest"])
def test_rejections_arrive_with_class_text_and_details(cloud_tasks_server: CloudTasksServer, transport: int) -> None:
    """An error over the network equals the one that the client raises in the process, with its details."""
    with clients(cloud_tasks_server)[transport] as client:
        with pytest.raises(exceptions.NotFound) as missing:
            client.get_queue(name=f"{PARENT}/queues/none")
        with pytest.raises(exceptions.BadRequest) as invalid:
            client.create_queue(parent=PARENT, queue={"name": "none"})
    text = "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
    assert missing.value.message.endswith(text)
    assert invalid.value.code == 400
    assert "Definition of queue name" in str(invalid.value.details[0])


@pytest.mark.parametrize("transport", [0, 1], ids=["grpc", "rest"])
@pytest.mark.needs("batches")
def test_batches_and_their_operations(cloud_tasks_server: CloudTasksServer, transport: int) -> None:
    """A batch is a finished operation with its tasks as the result, and can be read again."""
    with clients(cloud_tasks_server)[transport] as client:
        requests_ = [{"parent": QUEUE, "task": {**TASK, "name": f"{QUEUE}/tasks/b{number}"}} for number in range(2)]
        operation = client.batch_create_tasks(request={"parent": QUEUE, "requests": requests_})
        assert [task.name[-2:] for task in operation.result().tasks] == ["b0", "b1"]
        again = client.get_operation({"name": operation.operation.name})
        assert again.done
        location = client.get_location({"name": PARENT})
        assert location.location_id == "us-central1"


def test_the_asyncio_client(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """The real asyncio client connects as well, and many calls at once are answered."""

    async def enqueue() -> list[Any]:
        async with over_grpc_async(cloud_tasks_server) as client:
            return await asyncio.gather(*(client.create_task(parent=QUEUE, task=TASK) for _ in range(20)))

    created = asyncio.run(enqueue())
    assert {task.name for task in created} == {task.name for task in cloud_tasks.tasks()}
    assert len(created) == 20


@pytest.mark.parametrize("version", [tasks_v2beta3, tasks_v2beta2], ids=["v2beta3", "v2beta2"])
def test_clients_of_the_betas(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer, version: Any) -> None:
    """All versions of the API are served, with the same queues and tasks."""
    with over_grpc(cloud_tasks_server, version) as client:
        created = client.create_task(parent=QUEUE, task=TASK)
        assert client.get_task(name=created.name).name == created.name
    cloud_tasks.assert_enqueued(name=created.name, url=TASK["http_request"]["url"])


def test_leases_over_grpc_and_rest(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """A task of a pull queue is leased over gRPC and acknowledged over REST."""
    name = f"{PARENT}/queues/pull"
    with over_grpc(cloud_tasks_server, tasks_v2beta2) as client:
        client.create_queue(parent=PARENT, queue={"name": name, "pull_target": {}})
        client.create_task(parent=name, task={"pull_message": {"payload": b"work", "tag": "a"}})
        (leased,) = client.lease_tasks(
            request={"parent": name, "max_tasks": 1, "lease_duration": "60s", "response_view": "FULL"}
        ).tasks
    assert leased.pull_message.payload == b"work"
    url = f"{cloud_tasks_server.rest_url}/v2beta2/{leased.name}:acknowledge"
    answer = requests.post(url, json={"scheduleTime": "2030-01-01T00:01:00Z"}, timeout=PATIENCE)
    assert (answer.status_code, answer.json()) == (200, {})
    cloud_tasks.assert_empty()


def test_gcloud_aio(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """gcloud-aio-taskqueue finds the server by CLOUDTASKS_EMULATOR_HOST and works, even with empty page tokens."""

    async def story() -> tuple[Any, Any, Any]:
        queue = PushQueue("test-project", "default")
        try:
            task = {"httpRequest": {"url": "https://mailer.test/send", "body": b64encode(b"hi").decode()}}
            created = await queue.create(task)
            listed = await queue.list(full=True)
            rest = await queue.list(full=True, page_token=listed.pop("nextPageToken"))
            return created, (listed, rest), await queue.delete(created["name"])
        finally:
            await queue.close()

    created, listed, deleted = asyncio.run(story())
    assert created["httpRequest"]["body"] == b64encode(b"hi").decode()
    assert listed == ({"tasks": [created]}, {})
    assert deleted == {}
    cloud_tasks.assert_enqueued(name=created["name"], body=b"hi")


def test_the_discovery_client(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """google-api-python-client works with its own description of the API, in names, masks and errors."""
    options = {"api_endpoint": cloud_tasks_server.rest_url}
    with build("cloudtasks", "v2", client_options=options, credentials=AnonymousCredentials()) as service:
        queues = service.projects().locations().queues()
        made = queues.create(parent=PARENT, body={"name": f"{PARENT}/queues/mails"}).execute()
        body = {"rateLimits": {"maxConcurrentDispatches": 3}}
        changed = queues.patch(name=made["name"], updateMask="rateLimits.maxConcurrentDispatches", body=body).execute()
        task = {"httpRequest": {"url": "https://mailer.test/send", "httpMethod": "PUT"}}
        queues.tasks().create(parent=made["name"], body={"task": task}).execute()
        with pytest.raises(HttpError) as refused:
            queues.get(name=f"{PARENT}/queues/none").execute()
    assert changed["rateLimits"]["maxConcurrentDispatches"] == 3
    assert refused.value.status_code == 404
    assert refused.value.reason == (
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
    )
    cloud_tasks.assert_enqueued(queue="mails", method="PUT")


def test_curl(cloud_tasks: FakeCloudTasks, cloud_tasks_server: CloudTasksServer) -> None:
    """One curl command can create a task."""
    body = json.dumps({"task": {"appEngineHttpRequest": {"relativeUri": "/work"}}})
    command = ["curl", "-sS", "-H", "Content-Type: application/json", "-d", body]
    url = f"{cloud_tasks_server.rest_url}/v2/{QUEUE}/tasks"
    done = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    task = cloud_tasks.assert_enqueued(url="/work")
    assert json.loads(done.stdout)["name"] == task.name
