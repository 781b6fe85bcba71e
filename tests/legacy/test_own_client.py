"""The client of an installed google-cloud-tasks 1.x, which is intercepted under every name it has."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from unittest import mock

import google.cloud.tasks
import pytest
from google.cloud import tasks_v2
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.gapic import cloud_tasks_client as client_module
from google.cloud.tasks_v2.gapic import cloud_tasks_client_config, enums
from google.cloud.tasks_v2.gapic.transports.cloud_tasks_grpc_transport import CloudTasksGrpcTransport

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.interception import Interception
from pytest_cloudtasks._clients.legacy import enums as own_enums
from pytest_cloudtasks._clients.legacy.rpcs import CLIENT_CONFIG, INTERFACE

pytestmark = pytest.mark.usefixtures("no_network", "no_credentials")
QUEUE = "projects/test-project/locations/us-central1/queues/q"
NAMES: dict[str, Callable[[], CloudTasksClient]] = {
    "package": lambda: tasks_v2.CloudTasksClient(),
    "imported name": lambda: CloudTasksClient(),
    "alias package": lambda: google.cloud.tasks.CloudTasksClient(),
    "module": lambda: client_module.CloudTasksClient(),
}


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_intercepted(name: str, cloud_tasks: FakeCloudTasks) -> None:
    """Under whichever name a client's class was imported, the client reaches the fake."""
    cloud_tasks.create_queue("q")
    assert NAMES[name]().get_queue(QUEUE).name == QUEUE
    assert [call.method for call in cloud_tasks.rpcs] == ["get_queue"]


def test_both_fixtures_are_the_librarys_own_client(
    cloud_tasks_client: CloudTasksClient, cloud_tasks_legacy_client: CloudTasksClient
) -> None:
    """Where 1.x is installed, both fixtures give its own class."""
    assert type(cloud_tasks_client) is type(cloud_tasks_legacy_client) is CloudTasksClient


def test_there_is_no_async_client(cloud_tasks: FakeCloudTasks) -> None:
    """The error for an async client says that the release has none."""
    with pytest.raises(RuntimeError) as refusal:
        cloud_tasks.async_client()
    assert str(refusal.value) == (
        "The installed google-cloud-tasks has no CloudTasksAsyncClient; it came with release 2.0. Call the service"
        " through cloud_tasks_client, or install a newer release."
    )


def test_no_channel_is_opened(cloud_tasks: FakeCloudTasks, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a fake neither building a client nor calling it asks grpc for a channel."""

    def opened(*args: object, **kwargs: object) -> None:
        pytest.fail(f"Opened: {args}")

    monkeypatch.setattr("grpc._channel.Channel", opened)
    cloud_tasks.create_queue("q")
    for build in NAMES.values():
        build().get_queue(QUEUE)
    assert len(cloud_tasks.rpcs) == len(NAMES)


def test_a_transport_is_of_the_stock_class(cloud_tasks: FakeCloudTasks) -> None:
    """The one that a client makes, and the one that the user builds: both reach the fake."""
    cloud_tasks.create_queue("q")
    for client in (CloudTasksClient(), CloudTasksClient(transport=CloudTasksGrpcTransport())):
        assert type(client.transport) is CloudTasksGrpcTransport
        assert client.get_queue(QUEUE).name == QUEUE


def test_a_users_patch_of_the_class_wins(cloud_tasks: FakeCloudTasks) -> None:
    """Where a test patches the class or a method itself, its mock is what application code gets."""
    with mock.patch("google.cloud.tasks_v2.CloudTasksClient") as patched:
        tasks_v2.CloudTasksClient().get_queue(QUEUE)
        patched.return_value.get_queue.assert_called_once_with(QUEUE)
    with mock.patch.object(CloudTasksClient, "get_queue", autospec=True) as method:
        CloudTasksClient().get_queue(QUEUE)
        assert method.call_count == 1
    assert list(cloud_tasks.rpcs) == []


def test_uninstalling_puts_everything_back() -> None:
    """After the last uninstall the module and the class are what they were."""

    def seen() -> list[object]:
        base = client_module.CloudTasksClient
        names = ("from_service_account_file", "from_service_account_json", "_inner_api_calls")
        return [
            vars(CloudTasksGrpcTransport)["__init__"],
            *(vars(base).get(name) for name in names),
        ]

    before, hooks, one = seen(), list(sys.meta_path), Interception()
    one.install()
    client, installed = CloudTasksClient(transport=CloudTasksGrpcTransport(mock.MagicMock())), seen()
    client._inner_api_calls["noted"] = len
    one.uninstall()
    assert [new is old for new, old in zip(installed, before, strict=True)] == [*[False] * 3, True]
    assert all(new is old for new, old in zip(seen(), before, strict=True))
    assert sys.meta_path == hooks
    assert client._inner_api_calls["noted"]("four") == 4


def test_the_policy_of_the_surface_is_the_librarys() -> None:
    """Our own table of default retries is that of 1.5.0, but for a field that google.api_core does not read."""
    expected = copy.deepcopy(cloud_tasks_client_config.config)
    for method in expected["interfaces"][INTERFACE]["methods"].values():
        assert isinstance(method.pop("timeout_millis", 0), int)
    assert expected == CLIENT_CONFIG


@pytest.mark.parametrize(
    ("ours", "its"),
    [
        (own_enums.HttpMethod, enums.HttpMethod),
        (own_enums.Queue.State, enums.Queue.State),
        (own_enums.Task.View, enums.Task.View),
    ],
)
def test_the_enums_of_the_surface_are_the_librarys(ours: type[enums.HttpMethod], its: type[enums.HttpMethod]) -> None:
    """Our own enums have the members of 1.5.0's."""
    assert {one.name: one.value for one in ours} == {one.name: one.value for one in its}
