"""A test's own mock wins over the fake that the test has asked for as well."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from types import ModuleType
from typing import Any
from unittest import mock

import google.auth
import pytest
from google.cloud import tasks_v2

from pytest_cloudtasks import FakeCloudTasks
from tests.clients.channels import QueueChannel

QUEUE = "projects/test-project/locations/us-central1/queues/work"
TASK = {"http_request": {"url": "https://app.test/"}}


def enqueue() -> Any:
    return tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task=TASK)


@pytest.mark.parametrize("autospec", [False, True])
def test_a_mock_of_the_class(cloud_tasks: FakeCloudTasks, autospec: bool) -> None:
    """Calls go to the mock while it is there, and to the fake before and after."""
    cloud_tasks.create_queue("work")
    enqueue()
    with mock.patch("google.cloud.tasks_v2.CloudTasksClient", autospec=autospec) as client_class:
        enqueue()
        enqueue()
    assert client_class.return_value.create_task.call_count == 2
    assert len(cloud_tasks.tasks()) == 1
    enqueue()
    assert [call.method for call in cloud_tasks.rpcs] == ["create_task", "create_task"]


def test_a_method_that_was_replaced(cloud_tasks: FakeCloudTasks, monkeypatch: pytest.MonkeyPatch) -> None:
    """A method patched on the class is theirs; the others still reach the fake."""
    cloud_tasks.create_queue("work")
    monkeypatch.setattr(tasks_v2.CloudTasksClient, "create_task", lambda self, **request: request["parent"])
    assert enqueue() == QUEUE
    assert tasks_v2.CloudTasksClient().get_queue(name=QUEUE).name == QUEUE
    cloud_tasks.assert_nothing_enqueued()


def test_a_fake_by_hand(cloud_tasks: FakeCloudTasks, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class put in the place of Google's gets the calls."""

    class ByHand:
        def create_task(self, parent: str, task: object) -> str:
            return f"by hand in {parent}"

    monkeypatch.setattr(tasks_v2, "CloudTasksClient", ByHand)
    assert enqueue() == f"by hand in {QUEUE}"
    assert cloud_tasks.rpcs == []


def test_a_stub_in_place_of_the_module(cloud_tasks: FakeCloudTasks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code that imports a stubbed module uses the stub; the fake goes on with the library."""
    stub = ModuleType("google.cloud.tasks_v2")
    stub.CloudTasksClient = mock.Mock()  # type: ignore[attr-defined]
    cloud_tasks.create_queue("work")
    monkeypatch.setitem(sys.modules, "google.cloud.tasks_v2", stub)
    from google.cloud.tasks_v2 import CloudTasksClient

    CloudTasksClient().create_task(parent=QUEUE, task={})
    stub.CloudTasksClient.return_value.create_task.assert_called_once_with(parent=QUEUE, task={})
    assert cloud_tasks.tasks() == []
    assert cloud_tasks.create_queue("other").name.endswith("/queues/other")


@pytest.mark.needs("clients of 2.x")
def test_a_client_with_a_channel_of_its_own(cloud_tasks: FakeCloudTasks) -> None:
    """A transport with the user's channel keeps it, whatever fake is active."""
    transport = tasks_v2.CloudTasksClient.get_transport_class("grpc")(channel=QueueChannel("theirs"))
    assert tasks_v2.CloudTasksClient(transport=transport).get_queue(name=QUEUE).name == "theirs"
    assert cloud_tasks.rpcs == []


@pytest.mark.cloud_tasks(google_auth=True)
def test_a_patch_of_google_auth(cloud_tasks: FakeCloudTasks) -> None:
    """A patched google.auth.default is theirs, also under google_auth."""
    assert google.auth.default()[1] == "test-project"
    with mock.patch("google.auth.default", return_value=(None, "theirs")):
        assert google.auth.default()[1] == "theirs"


def test_a_mock_of_time(cloud_tasks: FakeCloudTasks) -> None:
    """A datetime that the test has replaced in its module is the test's."""
    cloud_tasks.create_queue("work")
    with mock.patch(f"{__name__}.datetime") as replaced:
        replaced.now.return_value = 42
        assert datetime.now(timezone.utc) == 42
    assert datetime.now(timezone.utc) == cloud_tasks.clock.now()
