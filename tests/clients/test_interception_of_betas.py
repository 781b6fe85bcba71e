"""The clients of the beta versions are intercepted as v2's are."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from google.auth.exceptions import DefaultCredentialsError

from pytest_cloudtasks import FakeCloudTasks

pytestmark = pytest.mark.usefixtures("no_network", "no_credentials")

VERSIONS = ("v2beta3", "v2beta2")
LOCATION = "projects/test-project/locations/us-central1"


def library(version: str) -> Any:
    return import_module(f"google.cloud.tasks_{version}")


IMPORT_TIME_CLIENTS = {version: library(version).CloudTasksClient() for version in VERSIONS}
"""As application code builds them, when it is imported and nobody has credentials."""


def names(client: Any) -> list[str]:
    return [queue.name.rpartition("/")[2] for queue in client.list_queues(parent=LOCATION)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_built_at_import_reaches_the_fake(version: str) -> None:
    """A client that was built before any fake was there is bound call by call, to the innermost."""
    client = IMPORT_TIME_CLIENTS[version]
    with FakeCloudTasks(queues=["outer"]):
        with FakeCloudTasks(queues=["inner"]):
            assert names(client) == ["inner"]
        assert names(client) == ["outer"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_client_built_in_a_fake_needs_credentials_after_it(version: str, transport: str) -> None:
    """No credentials are looked up in the fake; a call outside of it is the library's own again."""
    with FakeCloudTasks(queues=["q"]):
        client = library(version).CloudTasksClient(transport=transport)
        assert names(client) == ["q"]
    with pytest.raises(DefaultCredentialsError):
        names(client)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_key_file_is_not_opened(version: str) -> None:
    """from_service_account_file looks for no file as long as a fake answers."""
    with FakeCloudTasks(queues=["q"]):
        assert names(library(version).CloudTasksClient.from_service_account_file("/no/such/key.json")) == ["q"]
