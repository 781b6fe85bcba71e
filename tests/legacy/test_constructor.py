"""The constructor of 1.x: its arguments, which of them exclude each other, and what it warns of."""

from __future__ import annotations

import copy
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.api_core.gapic_v1.client_info import ClientInfo
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import DefaultCredentialsError

from pytest_cloudtasks import FakeCloudTasks, LegacyCloudTasksClient
from pytest_cloudtasks._clients.legacy import transport
from pytest_cloudtasks._clients.legacy.rpcs import CLIENT_CONFIG
from pytest_cloudtasks._clients.legacy.transport import message_class

pytestmark = pytest.mark.usefixtures("no_network", "no_credentials")
QUEUE = "projects/test-project/locations/us-central1/queues/q"
ADDRESS = "localhost:8123"
REGIONAL = "europe-west1-cloudtasks.googleapis.com:443"


class OwnChannel(grpc.Channel):  # type: ignore[misc]
    """A channel of the user's: every call finds the queue "kept"."""

    def unary_unary(self, method: str, request_serializer: Any, response_deserializer: Any, **kwargs: Any) -> Any:
        answer = message_class("Queue")(name="kept").SerializeToString()
        return lambda request, **options: response_deserializer(answer)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("not asked for")

    stream_unary = stream_stream = subscribe = unsubscribe = __exit__ = unary_stream

    def __enter__(self) -> OwnChannel:
        return self

    def close(self) -> None:
        """Nothing to close."""


def stock_transport(legacy_class: Any) -> Any:
    """The transport's class that belongs to a class of clients."""
    if legacy_class is LegacyCloudTasksClient:
        return transport.CloudTasksGrpcTransport
    from google.cloud.tasks_v2.gapic.transports import cloud_tasks_grpc_transport

    return cloud_tasks_grpc_transport.CloudTasksGrpcTransport


# --- transport and channel ---------------------------------------------------------------------------------------


def test_a_transport_of_the_users_is_kept(legacy_class: Any, cloud_tasks: FakeCloudTasks) -> None:
    """A client on a transport with a channel of the user's own goes there, fake or not."""
    channel = OwnChannel()
    own = stock_transport(legacy_class)(channel=channel)
    client = legacy_class(own)
    assert client.transport is own
    assert client.transport.channel is channel
    assert client.get_queue(QUEUE).name == "kept"
    assert list(cloud_tasks.rpcs) == []


def test_a_channel_of_the_users_is_kept_and_deprecated(legacy_class: Any, cloud_tasks: FakeCloudTasks) -> None:
    """``channel`` works, with a warning at the line that gave it."""
    channel = OwnChannel()
    with pytest.warns(PendingDeprecationWarning) as warned:
        client = legacy_class(channel=channel)
    assert [(str(one.message), one.filename) for one in warned] == [
        ("The `channel` argument is deprecated; use `transport` instead.", __file__)
    ]
    assert client.transport.channel is channel
    assert client.get_queue(QUEUE).name == "kept"
    assert list(cloud_tasks.rpcs) == []


@pytest.mark.cloud_tasks(redirect_endpoints=[ADDRESS], queues=["q"])
def test_a_redirected_channel_reaches_the_fake(legacy_class: Any, cloud_tasks: FakeCloudTasks) -> None:
    """A channel to an address in redirect_endpoints is answered by the fake, however the client got it."""
    with grpc.insecure_channel(ADDRESS) as channel:
        assert legacy_class(stock_transport(legacy_class)(channel)).get_queue(QUEUE).name == QUEUE
        with pytest.warns(PendingDeprecationWarning):
            client = legacy_class(channel=channel)
        assert client.get_queue(QUEUE).name == QUEUE
    assert [call.method for call in cloud_tasks.rpcs] == ["get_queue"] * 2


def test_a_callable_makes_the_transport(legacy_class: Any, cloud_tasks: FakeCloudTasks) -> None:
    """A callable gets the credentials, the default class and the address, and its transport is used."""
    cloud_tasks.create_queue("q")
    credentials, given = AnonymousCredentials(), []

    def make(credentials: Any, default_class: Any, address: str) -> Any:
        given.append((credentials, address))
        return default_class(credentials=credentials, address=address)

    client = legacy_class(make, credentials=credentials, client_options={"api_endpoint": REGIONAL})
    assert given == [(credentials, REGIONAL)]
    assert isinstance(client.transport, stock_transport(legacy_class))
    assert client.get_queue(QUEUE).name == QUEUE


def test_a_transport_excludes_credentials(legacy_class: Any, cloud_tasks: FakeCloudTasks) -> None:
    """A transport instance and credentials are rejected with the text of 1.x."""
    own = stock_transport(legacy_class)(OwnChannel())
    with pytest.raises(ValueError, match="Received both") as refusal:
        legacy_class(transport=own, credentials=AnonymousCredentials())
    assert str(refusal.value) == "Received both a transport instance and credentials; these are mutually exclusive."


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_channel_excludes_credentials(legacy_class: Any, cloud_tasks: FakeCloudTasks) -> None:
    """A channel and credentials are rejected with the text of 1.x, by the client and by its transport."""
    credentials = AnonymousCredentials()
    builds = [
        lambda: legacy_class(channel=OwnChannel(), credentials=credentials),
        lambda: stock_transport(legacy_class)(OwnChannel(), credentials),
    ]
    for build in builds:
        with pytest.raises(ValueError, match="mutually exclusive") as refusal:
            build()
        assert str(refusal.value) == "The `channel` and `credentials` arguments are mutually exclusive."


def test_an_unknown_rpc_is_not_an_attribute(legacy_class: Any) -> None:
    """A transport has only the RPCs of the service."""
    own = stock_transport(legacy_class)(OwnChannel())
    assert callable(own.create_task)
    with pytest.raises(AttributeError) as unknown:
        _ = own.update_task
    assert str(unknown.value) == "'CloudTasksGrpcTransport' object has no attribute 'update_task'"


# --- options -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [dict, lambda **options: ClientOptions(**options)], ids=["dict", "ClientOptions"])
def test_the_endpoint_is_an_option(legacy_class: Any, cloud_tasks: FakeCloudTasks, form: Any) -> None:
    """``client_options`` comes as a dict or as ClientOptions; without an endpoint the address is the service's."""
    addresses = []

    def make(credentials: Any, default_class: Any, address: str) -> Any:
        addresses.append(address)
        return default_class(address=address)

    for options in (form(api_endpoint=REGIONAL), form(), None):
        legacy_class(make, client_options=options)
    assert addresses == [REGIONAL, *["cloudtasks.googleapis.com:443"] * 2]


def test_an_unknown_option_is_rejected(legacy_class: Any, cloud_tasks: FakeCloudTasks) -> None:
    """An option that there is not is google.api_core's ValueError."""
    with pytest.raises(ValueError, match="nonsense") as refusal:
        legacy_class(client_options={"nonsense": 1})
    assert str(refusal.value).endswith("does not accept an option 'nonsense'")


def test_client_info_names_the_caller(legacy_class: Any, cloud_tasks: FakeCloudTasks) -> None:
    """The caller's user agent is sent with each call, next to the version of the installed library."""
    cloud_tasks.create_queue("q")
    info = ClientInfo(user_agent="shop/1")
    legacy_class(client_info=info).get_queue(QUEUE)
    (header,) = (value for key, value in cloud_tasks.rpcs[0].metadata if key == "x-goog-api-client")
    assert str(header).startswith("shop/1 ")
    assert f"gapic/{info.gapic_version}" in str(header)
    assert info.gapic_version


def test_a_client_config_is_used_and_deprecated(legacy_class: Any, cloud_tasks: FakeCloudTasks) -> None:
    """``client_config`` decides about retries and time-outs, with a warning at the line that gave it."""
    config = copy.deepcopy(CLIENT_CONFIG)
    interface = config["interfaces"]["google.cloud.tasks.v2.CloudTasks"]
    interface["retry_codes"]["idempotent"] = ["NOT_FOUND"]
    interface["retry_params"]["default"].update(initial_rpc_timeout_millis=7_000, total_timeout_millis=60_000)
    with pytest.warns(PendingDeprecationWarning) as warned:
        client = legacy_class(client_config=config)
    assert [(str(one.message), one.filename) for one in warned] == [
        ("The `client_config` argument is deprecated.", __file__)
    ]
    with pytest.raises(exceptions.RetryError):
        client.get_queue(QUEUE)
    assert len(cloud_tasks.rpcs) > 2
    assert {call.timeout for call in cloud_tasks.rpcs} == {7.0}


def test_closing_the_fixtures_client_closes_nothing(
    cloud_tasks: FakeCloudTasks, cloud_tasks_legacy_client: Any
) -> None:
    """Its channel serves the next test, too; one of a client that was built is closed for good."""
    name = cloud_tasks.create_queue("q").name
    built = LegacyCloudTasksClient()
    for client in (cloud_tasks_legacy_client, built):
        client.transport.channel.close()
    assert cloud_tasks_legacy_client.get_queue(name).name == name
    with pytest.raises(ValueError, match="closed channel") as refusal:
        built.get_queue(name)
    assert str(refusal.value) == "Cannot invoke RPC on closed channel!"


# --- outside a fake ----------------------------------------------------------------------------------------------


def test_outside_a_fake_a_client_needs_credentials(legacy_class: Any) -> None:
    """In a running test without a fake a client is built as the library builds it: not without credentials."""
    with pytest.raises(DefaultCredentialsError):
        legacy_class()


@pytest.mark.parametrize("name", ["from_service_account_file", "from_service_account_json"])
def test_outside_a_fake_a_key_file_is_opened(legacy_class: Any, name: str) -> None:
    """A key file that is missing is missed at once outside a fake, and with the first call outside after one."""
    with pytest.raises(FileNotFoundError):
        getattr(legacy_class, name)("/no/such/key.json")
    with FakeCloudTasks():
        client = getattr(legacy_class, name)("/no/such/key.json")
    with pytest.raises(FileNotFoundError):
        client.get_queue(QUEUE)


def test_outside_a_fake_credentials_open_a_channel(legacy_class: Any) -> None:
    """With credentials a client outside a fake has the library's own channel, and after it in the next fake."""
    client = legacy_class(credentials=AnonymousCredentials())
    with FakeCloudTasks(queues=["q"]):
        assert client.get_queue(QUEUE).name == QUEUE
    client.transport.channel.close()
    with pytest.raises(ValueError, match="closed channel"):
        client.get_queue(QUEUE)


def test_a_client_is_bound_call_by_call(legacy_class: Any) -> None:
    """A client reaches the innermost fake, then the outer one again, and the next one; the fixture's its own only."""
    seen = []
    with FakeCloudTasks(queues=["q"]) as outer:
        client = legacy_class()
        with FakeCloudTasks(queues=["q"]) as inner:
            client.get_queue(QUEUE)
            outer.legacy_client().pause_queue(QUEUE)
            seen.append([call.method for call in inner.rpcs])
        client.get_queue(QUEUE)
        seen.append([call.method for call in outer.rpcs])
    with FakeCloudTasks(queues=["q"]) as later:
        client.get_queue(QUEUE)
        seen.append([call.method for call in later.rpcs])
    assert seen == [["get_queue"], ["pause_queue", "get_queue"], ["get_queue"]]
    with pytest.raises(DefaultCredentialsError):
        client.get_queue(QUEUE)
