from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import google.cloud.tasks
import grpc
import pytest
from google.api_core import exceptions, retry
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import tasks_v2
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks import client as client_module
from google.cloud.tasks_v2.services.cloud_tasks.transports import (
    CloudTasksGrpcAsyncIOTransport,
    CloudTasksGrpcTransport,
)

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients import interception as interception_module
from pytest_cloudtasks._clients.interception import Interception
from pytest_cloudtasks._clients.patching import Patch
from tests.clients.channels import QueueChannel
from tests.installed import CAPABILITIES, CloudTasksRestTransport

pytestmark = pytest.mark.usefixtures("no_network", "no_credentials")

LOCATION = "projects/test-project/locations/us-central1"
QUEUE = f"{LOCATION}/queues/q"
ADDRESS = "localhost:8123"
REGIONAL = "europe-west1-cloudtasks.googleapis.com"
MISSING_KEY = "/no/such/key.json"
STOCK = [one for one in (CloudTasksGrpcTransport, CloudTasksGrpcAsyncIOTransport, CloudTasksRestTransport) if one]
IMPORT_TIME_CLIENT = tasks_v2.CloudTasksClient()
"""As application code builds it, when it is imported and nobody has credentials."""
TASK = {"http_request": {"url": "https://app.test/work"}}

Build = Callable[[], CloudTasksClient]
BUILDS: dict[str, Build] = {
    "no arguments": lambda: tasks_v2.CloudTasksClient(),
    "credentials": lambda: tasks_v2.CloudTasksClient(credentials=AnonymousCredentials()),
    "imported name": lambda: CloudTasksClient(),
    "alias package": lambda: google.cloud.tasks.CloudTasksClient(),
    "module of the client": lambda: client_module.CloudTasksClient(),
    "endpoint in a dict": lambda: tasks_v2.CloudTasksClient(client_options={"api_endpoint": REGIONAL}),
    "endpoint in options": lambda: tasks_v2.CloudTasksClient(client_options=ClientOptions(api_endpoint=REGIONAL)),
    "key file in options": lambda: tasks_v2.CloudTasksClient(client_options={"credentials_file": MISSING_KEY}),
    "quota project": lambda: tasks_v2.CloudTasksClient(client_options={"quota_project_id": "p"}),
    "from file": lambda: tasks_v2.CloudTasksClient.from_service_account_file(MISSING_KEY),
    "from json": lambda: tasks_v2.CloudTasksClient.from_service_account_json(MISSING_KEY),
    "from info": lambda: tasks_v2.CloudTasksClient.from_service_account_info({"no": "key"}),
    "from file over rest": lambda: CloudTasksClient.from_service_account_file(MISSING_KEY, transport="rest"),
    "grpc": lambda: tasks_v2.CloudTasksClient(transport="grpc"),
    "rest": lambda: tasks_v2.CloudTasksClient(transport="rest"),
    "stock class": lambda: tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport),
    "callable": lambda: tasks_v2.CloudTasksClient(
        transport=lambda *args, **given: CloudTasksGrpcTransport(*args, **given)
    ),
    "instance": lambda: tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport()),
    "class of the transport": lambda: tasks_v2.CloudTasksClient(
        transport=tasks_v2.CloudTasksClient.get_transport_class("grpc")
    ),
    "class of the transport for rest": lambda: tasks_v2.CloudTasksClient(
        transport=tasks_v2.CloudTasksClient.get_transport_class("rest")
    ),
}
NEEDS = {"from info": "keys from a dict", **dict.fromkeys((how for how in BUILDS if how.endswith("rest")), "rest")}
NEEDS |= dict.fromkeys(
    (how for how in BUILDS if how.startswith(("class", "stock class", "callable"))), "transports by class"
)
HOWS = [pytest.param(how, marks=pytest.mark.needs(NEEDS[how]) if how in NEEDS else ()) for how in BUILDS]


def reaches(client: CloudTasksClient, cloud_tasks: FakeCloudTasks) -> bool:
    """Whether a task that ``client`` creates arrives in ``cloud_tasks``."""
    before = len(cloud_tasks.tasks())
    client.create_task(parent=QUEUE, task=TASK)
    return len(cloud_tasks.tasks()) == before + 1


def test_what_is_patched_is_where_it_was() -> None:
    """The library still defines its constructors, and keeps its credentials, where this package looks for them."""
    moved = (
        "google-cloud-tasks has moved what pytest_cloudtasks._clients.client_patches replaces: find the new place, and"
        " say in that module which versions have it"
    )
    constructors = [name for name in vars(CloudTasksClient) if name.startswith("from_service_account_")]
    assert {"from_service_account_file", "from_service_account_json"} <= {*constructors}, moved
    assert all(isinstance(vars(CloudTasksClient)[name], classmethod) for name in constructors), moved
    credentials = AnonymousCredentials()
    with FakeCloudTasks():
        for transport in STOCK:
            assert "__init__" in vars(transport), moved
            assert transport(credentials=credentials)._credentials is credentials, moved


# --- however it is built -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", HOWS)
def test_a_client_built_in_a_fake_reaches_it(how: str) -> None:
    """However a client is built and under whichever name, its calls arrive, without credentials or key file."""
    with FakeCloudTasks(queues=["q"]) as cloud_tasks:
        assert reaches(BUILDS[how](), cloud_tasks)


def test_a_client_built_at_import_reaches_the_fake() -> None:
    """A client that was built when its module was imported talks to the fake of the moment."""
    with FakeCloudTasks(queues=["q"]) as cloud_tasks:
        assert reaches(IMPORT_TIME_CLIENT, cloud_tasks)


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_client_built_before_the_fake_reaches_it(transport: str) -> None:
    """A client that a test built beforehand, with credentials of its own, talks to the fake as well."""
    client = tasks_v2.CloudTasksClient(credentials=AnonymousCredentials(), transport=transport)
    with FakeCloudTasks(queues=["q"]) as cloud_tasks:
        assert reaches(client, cloud_tasks)


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_cached_client_reaches_each_fake_in_its_turn(transport: str) -> None:
    """A client that outlives the fake it was built in talks to the next one."""
    with FakeCloudTasks(queues=["q"]) as first:
        client = tasks_v2.CloudTasksClient(transport=transport)
        assert reaches(client, first)
    with FakeCloudTasks(queues=["q"]) as second:
        assert reaches(client, second)
        assert len(second.tasks()) == 1


def test_the_innermost_of_nested_fakes_gets_the_calls() -> None:
    """The innermost fake gets the calls of any client; the outer one gets them again afterwards."""
    with FakeCloudTasks(queues=["q"]) as outer:
        client = tasks_v2.CloudTasksClient()
        with FakeCloudTasks(queues=["q"]) as inner:
            assert reaches(client, inner)
            assert reaches(outer.client(), outer)
        assert reaches(client, outer)


def test_a_subclass_is_intercepted_too() -> None:
    """A client class of the application's own, and its constructors, talk to the fake."""

    class OwnClient(CloudTasksClient):
        pass

    with FakeCloudTasks(queues=["q"]) as cloud_tasks:
        client = OwnClient.from_service_account_file(MISSING_KEY)
        assert type(client) is OwnClient
        assert reaches(client, cloud_tasks)


def test_no_channel_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a fake neither building a client nor calling it asks grpc for a channel or the system for a connection."""

    def opened(*args: object, **kwargs: object) -> None:
        pytest.fail(f"Opened: {args}")

    monkeypatch.setattr("grpc._channel.Channel", opened)
    monkeypatch.setattr(socket, "create_connection", opened)
    with FakeCloudTasks(queues=["q"]) as cloud_tasks:
        for how in (one for one in BUILDS if NEEDS.get(one) in (None, *CAPABILITIES)):
            assert reaches(BUILDS[how](), cloud_tasks)


# --- outside -----------------------------------------------------------------------------------------------------


def test_outside_a_fake_a_constructor_does_what_the_librarys_does() -> None:
    """In a running test without a fake a client without credentials cannot be built."""
    with pytest.raises(DefaultCredentialsError):
        tasks_v2.CloudTasksClient()


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_after_the_fake_a_client_needs_credentials(transport: str) -> None:
    """A client built in a fake fails for want of credentials with its first call outside."""
    with FakeCloudTasks(queues=["q"]):
        client = tasks_v2.CloudTasksClient(transport=transport)
    with pytest.raises(DefaultCredentialsError):
        client.get_queue(name=QUEUE)


@pytest.mark.parametrize("name", ["from_service_account_file", "from_service_account_json"])
def test_outside_a_fake_the_key_file_is_opened(name: str) -> None:
    """A key file that is missing is missed at once outside a fake, and with the first call outside after one."""
    with pytest.raises(FileNotFoundError):
        getattr(tasks_v2.CloudTasksClient, name)(MISSING_KEY)
    with FakeCloudTasks(queues=["q"]):
        client = getattr(tasks_v2.CloudTasksClient, name)(MISSING_KEY)
    with pytest.raises(FileNotFoundError):
        client.get_queue(name=QUEUE)


@pytest.mark.needs("keys from a dict")
def test_outside_a_fake_a_keys_content_is_read(tmp_path: Path) -> None:
    """A key without its parts is refused outside a fake, given as a file or as a dict."""
    key = tmp_path / "key.json"
    key.write_text(json.dumps({"no": "key"}))
    with pytest.raises(ValueError, match=r"^Service account info was not in the expected format"):
        tasks_v2.CloudTasksClient.from_service_account_info({"no": "key"})
    with pytest.raises(ValueError, match=r"^Service account info was not in the expected format"):
        tasks_v2.CloudTasksClient.from_service_account_file(str(key))


# --- what the user gave ------------------------------------------------------------------------------------------


@pytest.mark.needs("clients to close")
def test_a_users_channel_is_kept() -> None:
    """A client on a channel of the user's own goes there, fake or not."""
    with FakeCloudTasks(queues=["q"]) as cloud_tasks:
        channel = QueueChannel("kept")
        client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        assert client.transport.grpc_channel is channel
        assert client.get_queue(name=QUEUE).name == "kept"
        assert cloud_tasks.rpcs == []


def test_a_channel_to_an_address_that_is_not_redirected_is_kept() -> None:
    """Without redirect_endpoints even a channel to localhost is the user's."""
    with FakeCloudTasks(redirect_endpoints=["localhost:9999"]), grpc.insecure_channel(ADDRESS) as channel:
        assert CloudTasksGrpcTransport(channel=channel).grpc_channel is channel


@pytest.mark.parametrize("target", [ADDRESS, f"dns:///{ADDRESS}"])
def test_a_redirected_channel_reaches_the_fake(target: str) -> None:
    """A hard-wired channel to an address in redirect_endpoints is answered by the fake."""
    with (
        FakeCloudTasks(queues=["q"], redirect_endpoints=[ADDRESS]) as cloud_tasks,
        grpc.insecure_channel(target) as channel,
    ):
        transport = CloudTasksGrpcTransport(channel=channel)
        assert reaches(tasks_v2.CloudTasksClient(transport=transport), cloud_tasks)


def test_an_intercepted_channel_is_redirected_too() -> None:
    """A channel with interceptors of the user's on it is redirected by the address beneath."""

    class Nothing(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
        def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
            return continuation(details, request)

    with (
        FakeCloudTasks(queues=["q"], redirect_endpoints=[ADDRESS]) as cloud_tasks,
        grpc.insecure_channel(ADDRESS) as channel,
    ):
        transport = CloudTasksGrpcTransport(channel=grpc.intercept_channel(channel, Nothing()))
        assert reaches(tasks_v2.CloudTasksClient(transport=transport), cloud_tasks)


def test_a_redirected_channel_is_the_users_again_after_the_fake() -> None:
    """Outside the fake a redirected channel goes where it leads: it is closed here, so that nothing is sent."""
    with FakeCloudTasks(queues=["q"], redirect_endpoints=[ADDRESS]), grpc.insecure_channel(ADDRESS) as channel:
        client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        assert client.get_queue(name=QUEUE).name == QUEUE
    with pytest.raises(ValueError, match="closed channel"):
        client.get_queue(name=QUEUE)


@pytest.mark.parametrize("listed", [ADDRESS, "localhost"])
def test_a_client_that_is_pointed_at_a_redirected_address_reaches_the_fake(listed: str) -> None:
    """So does a client whose options name it, without credentials."""
    with FakeCloudTasks(queues=["q"], redirect_endpoints=[listed]) as cloud_tasks:
        assert reaches(tasks_v2.CloudTasksClient(client_options={"api_endpoint": ADDRESS}), cloud_tasks)


def test_a_client_that_is_pointed_elsewhere_is_the_users() -> None:
    """A client for another address than Google's is the library's own, which looks for credentials."""
    with FakeCloudTasks(queues=["q"]) as cloud_tasks:
        with pytest.raises(DefaultCredentialsError):
            tasks_v2.CloudTasksClient(client_options={"api_endpoint": ADDRESS})
        with pytest.raises(FileNotFoundError):
            tasks_v2.CloudTasksClient.from_service_account_file(MISSING_KEY, client_options={"api_endpoint": ADDRESS})
        assert cloud_tasks.rpcs == []


def test_a_users_patch_of_the_class_wins() -> None:
    """Where a test patches the class itself, its mock is what application code gets."""
    with FakeCloudTasks(queues=["q"]) as cloud_tasks:
        with mock.patch("google.cloud.tasks_v2.CloudTasksClient") as patched:
            tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task=TASK)
            patched.return_value.create_task.assert_called_once_with(parent=QUEUE, task=TASK)
        with mock.patch.object(CloudTasksClient, "create_task", autospec=True) as method:
            CloudTasksClient().create_task(parent=QUEUE, task=TASK)
            assert method.call_count == 1
        assert cloud_tasks.rpcs == []
        assert reaches(tasks_v2.CloudTasksClient(), cloud_tasks)


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_the_class_takes_an_autospec(transport: str) -> None:
    """Interception leaves the class one that mock can make a spec of."""
    with FakeCloudTasks():
        double = mock.create_autospec(CloudTasksClient)
        with pytest.raises(TypeError):
            double.return_value.get_queue(nonsense=transport)


@pytest.mark.needs("clients to close")
def test_a_closed_client_rejects() -> None:
    """After its with-block a client rejects to call, as with a real channel, and the fake sees nothing."""
    with FakeCloudTasks(queues=["q"]) as cloud_tasks:
        with tasks_v2.CloudTasksClient() as client:
            client.get_queue(name=QUEUE)
        with pytest.raises(ValueError) as refused:
            client.get_queue(name=QUEUE)
        assert str(refused.value) == "Cannot invoke RPC on closed channel!"
        assert len(cloud_tasks.rpcs) == 1


# --- what arrives ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_calls_are_logged_as_they_arrived(transport: str) -> None:
    """The log has method, request, metadata, and the result or the error; over gRPC the time-out as passed, too."""
    policy = retry.Retry(timeout=9)
    with FakeCloudTasks(queues=["q"]) as cloud_tasks:
        client = tasks_v2.CloudTasksClient(transport=transport)
        found = client.get_queue(name=QUEUE, retry=policy, timeout=7, metadata=[("x-mine", "1")])
        with pytest.raises(exceptions.NotFound):
            client.get_task(name=f"{QUEUE}/tasks/t", retry=None)
        first, second = cloud_tasks.rpcs
    assert first.method == "get_queue"
    assert first.timeout == (None if transport == "rest" else pytest.approx(7, abs=0.5))
    assert first.request == tasks_v2.GetQueueRequest(name=QUEUE)
    assert ("x-mine", "1") in first.metadata
    assert (first.result, first.error) == (found, None)
    assert (second.method, second.result) == ("get_task", None)
    assert str(second.error) == "NOT_FOUND: Requested entity was not found."


@pytest.mark.needs("time-outs of 20 s")
def test_the_librarys_defaults_are_in_the_log() -> None:
    """Where the caller passes nothing, the time-out is Google's own."""
    with FakeCloudTasks(queues=["q"]) as cloud_tasks:
        client = tasks_v2.CloudTasksClient()
        client.get_queue(name=QUEUE)
        client.create_task(parent=QUEUE, task=TASK)
        assert [call.timeout for call in cloud_tasks.rpcs] == [pytest.approx(20.0, abs=0.5)] * 2


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_the_routing_header_is_there(transport: str) -> None:
    """Google's client adds its routing header and its own version; the fake sees both."""
    with FakeCloudTasks(queues=["q"]) as cloud_tasks:
        tasks_v2.CloudTasksClient(transport=transport).create_task(parent=QUEUE, task=TASK)
        metadata = dict(cloud_tasks.rpcs[0].metadata)
    assert metadata["x-goog-request-params"] == f"parent={QUEUE}"
    assert "gapic/" in str(metadata["x-goog-api-client"])


def test_pagers_are_the_librarys_own() -> None:
    """A listing comes in pages that the client fetches one by one."""
    with FakeCloudTasks(queues=["a", "b", "c"]) as cloud_tasks:
        pager = tasks_v2.CloudTasksClient().list_queues(request={"parent": LOCATION, "page_size": 2})
        assert [queue.name.rpartition("/")[2] for queue in pager] == ["a", "b", "c"]
        assert [call.method for call in cloud_tasks.rpcs] == ["list_queues"] * 3


def test_a_misspelt_field_is_the_librarys_error() -> None:
    """Requests are built by Google's messages, which reject unknown fields before anything is sent."""
    with FakeCloudTasks(queues=["q"]) as cloud_tasks:
        with pytest.raises(ValueError, match="htp_request"):
            tasks_v2.CloudTasksClient().create_task(parent=QUEUE, task={"htp_request": {}})
        with pytest.raises(ValueError, match=r"^If the `request` argument is set"):
            tasks_v2.CloudTasksClient().get_queue(request={"name": QUEUE}, name=QUEUE)
        assert cloud_tasks.rpcs == []


# --- switching on and off ----------------------------------------------------------------------------------------


def test_uninstalling_puts_everything_back() -> None:
    """After the last uninstall grpc's functions, transports and constructors are the very objects they were."""

    def seen() -> list[object]:
        channels = [
            vars(module)[name] for module in (grpc, grpc.aio) for name in ("secure_channel", "insecure_channel")
        ]
        names = [name for name in vars(CloudTasksClient) if name.startswith("from_service_account_")]
        transports = [vars(transport)["__init__"] for transport in STOCK]
        return [*channels, *transports, *(vars(CloudTasksClient)[name] for name in names)]

    before, hooks, one = seen(), list(sys.meta_path), Interception()
    one.install()
    installed = seen()
    one.install()
    one.uninstall()
    still_installed = seen()
    one.uninstall()
    assert len(before) > 7
    assert not any(new is old for new, old in zip(installed, before, strict=True))
    assert all(new is old for new, old in zip(still_installed, installed, strict=True))
    assert all(new is old for new, old in zip(seen(), before, strict=True))
    assert sys.meta_path == hooks


def test_a_patch_is_undone_last_first() -> None:
    """What was replaced twice is what it was at first again."""

    class Owner:
        attribute = other = "first"

    patch = Patch()
    for value in ("second", "third"):
        patch.attribute(Owner, "other", value)
        patch.attribute(Owner, "attribute", value)
    assert (Owner.other, Owner.attribute) == ("third", "third")
    patch.undo()
    patch.undo()
    assert (Owner.other, Owner.attribute) == ("first", "first")


MODULES = (*interception_module.CLIENT_MODULES, *interception_module.TRANSPORT_MODULES)


@pytest.mark.parametrize("name", [*MODULES, "grpc", "google.oauth2.id_token"])
def test_a_stub_that_is_imported_from_a_file_is_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module by the name of Google's that has nothing of Google's is the user's."""
    stub: Any = ModuleType(name)
    stub.__spec__ = ModuleSpec(name, None)
    stub.CloudTasksClient = own = type("CloudTasksClient", (), {})
    monkeypatch.setitem(sys.modules, name, stub)
    interception = Interception()
    interception.install()
    assert stub.CloudTasksClient is own
    interception.uninstall()
