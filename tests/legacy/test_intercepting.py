"""How the modules of 1.x are patched, with modules of the test's own by their names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

from pytest_cloudtasks import FakeCloudTasks
from pytest_cloudtasks._clients.interception import Interception

CLIENT = "google.cloud.tasks_v2.gapic.cloud_tasks_client"
TRANSPORT = "google.cloud.tasks_v2.gapic.transports.cloud_tasks_grpc_transport"

ADDRESS = "cloudtasks.googleapis.com:443"


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """Modules like those of 1.x; the client is without ``from_service_account_info``, as in old ones."""

    class CloudTasksGrpcTransport:
        def __init__(
            self, channel: Any = None, credentials: Any = None, address: str = "cloudtasks.googleapis.com:443"
        ):
            self.channel = channel
            self._credentials = credentials

    class CloudTasksClient:
        @classmethod
        def from_service_account_file(cls, filename: str, credentials: Any = None) -> Any:
            return filename

        from_service_account_json = from_service_account_file

    client, transport = module_named(CLIENT), module_named(TRANSPORT)
    client.CloudTasksClient = CloudTasksClient
    transport.CloudTasksGrpcTransport = CloudTasksGrpcTransport
    for module in (client, transport):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return client, transport


def module_named(name: str) -> Any:
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    return module


def parts(modules: tuple[Any, Any]) -> list[object]:
    """What a patch may replace."""
    client, transport = modules
    constructors: dict[str, Callable[..., Any]] = vars(client.CloudTasksClient)
    return [
        vars(transport.CloudTasksGrpcTransport)["__init__"],
        constructors["from_service_account_file"],
        constructors["from_service_account_json"],
    ]


def test_interception_reaches_the_modules_of_1x(modules: tuple[Any, Any]) -> None:
    """The constructors that transport and client have are replaced, and put back."""
    before, interception = parts(modules), Interception()
    interception.install()
    during = parts(modules)
    interception.uninstall()
    assert all(one is not other for one, other in zip(before, during, strict=True))
    assert parts(modules) == before


def test_a_transport_of_1x_looks_for_no_credentials_in_a_fake(modules: tuple[Any, Any]) -> None:
    """It takes its arguments by position, too; with a channel it has none, and those that are given are kept."""
    stock = modules[1].CloudTasksGrpcTransport
    interception = Interception()
    interception.install()
    with FakeCloudTasks():
        deferred = stock()
        assert (deferred.channel, type(deferred._credentials).__name__) == (None, "DeferredCredentials")
        assert (stock("theirs").channel, stock("theirs")._credentials) == ("theirs", None)
        assert stock(None, "theirs")._credentials == "theirs"
    interception.uninstall()
    assert stock()._credentials is None
