"""How a module of 1.x's client is patched, with stand-ins for the module and its classes."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pytest_cloudtasks._clients.interception import Interception
from pytest_cloudtasks._clients.legacy.interception import is_of_1x, patch_transport
from pytest_cloudtasks._clients.patching import Patch

NAME = "google.cloud.tasks_v2.gapic.cloud_tasks_client"


@pytest.fixture
def module() -> Any:
    """A module like that of 1.x's client; the class is without ``from_service_account_info``, as in old ones."""

    class CloudTasksGrpcTransport:
        def __init__(self, channel: Any = None, credentials: Any = None) -> None:
            self.channel = channel

    class CloudTasksClient:
        @classmethod
        def from_service_account_file(cls, filename: str) -> str:
            return filename

        from_service_account_json = from_service_account_file

    module: Any = ModuleType(NAME)
    module.__spec__ = ModuleSpec(NAME, None)
    module.cloud_tasks_grpc_transport = SimpleNamespace(CloudTasksGrpcTransport=CloudTasksGrpcTransport)
    module.CloudTasksClient = CloudTasksClient
    return module


def parts(module: Any) -> list[object]:
    """What a patch may replace."""
    stock = module.cloud_tasks_grpc_transport.CloudTasksGrpcTransport
    client = vars(module.CloudTasksClient)
    return [
        module.cloud_tasks_grpc_transport,
        stock.__init__,
        client["from_service_account_file"],
    ]


def test_a_module_of_1x_is_known_by_its_transport(module: Any) -> None:
    """A newer one has none under that name."""
    assert is_of_1x(module)
    assert not is_of_1x(ModuleType(NAME))


def test_clients_are_built_on_a_late_bound_transport(module: Any) -> None:
    """A subclass takes the stock one's place in the module, and what was there comes back."""
    before, patch = parts(module), Patch()
    stock = module.cloud_tasks_grpc_transport.CloudTasksGrpcTransport
    patch_transport(module, patch)
    own = module.cloud_tasks_grpc_transport.CloudTasksGrpcTransport
    assert issubclass(own, stock)
    assert own is not stock
    assert own().channel is not None
    assert stock("theirs").channel == "theirs"

    patch.undo()

    assert parts(module) == before
    assert stock().channel is None


def test_interception_reaches_a_module_of_1x(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the constructors that its client has, and undone with the rest."""
    monkeypatch.setitem(sys.modules, NAME, module)
    before, interception = parts(module), Interception()
    interception.install()
    during = parts(module)
    interception.uninstall()
    assert all(one is not other for one, other in zip(before, during, strict=True))
    assert parts(module) == before
