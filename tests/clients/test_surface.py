"""The surface: what the installed release of the library can ask for, in each version of the API."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from google.api_core import operations_v1

from pytest_cloudtasks._messages import api_versions as frontends
from pytest_cloudtasks._messages.rest_http import HTTP_RULES
from pytest_cloudtasks._messages.versioned_rpcs import NOT_SERVED

VERSIONS = ("v2", "v2beta3", "v2beta2")
NO_RPC = {"host", "kind", "operations_client"}
MODELLED = {version: set(frontends.speaking(f"google.cloud.tasks.{version}").rpcs) for version in VERSIONS}
FIRST = {
    *("list_queues", "get_queue", "create_queue", "update_queue", "delete_queue", "purge_queue", "pause_queue"),
    *("resume_queue", "get_iam_policy", "set_iam_policy", "test_iam_permissions"),
    *("list_tasks", "get_task", "create_task", "delete_task", "run_task"),
}
"""What every release has."""
PULL = {"lease_tasks", "acknowledge_task", "renew_lease", "cancel_lease"}
NOT_IN_REST = {"upload_queue_yaml"}
"""Refused by the library's own REST transport."""


def library(version: str) -> Any:
    return import_module(f"google.cloud.tasks_{version}")


def transports(version: str) -> Any:
    return import_module(f"google.cloud.tasks_{version}.services.cloud_tasks.transports")


def rpcs_of_the_transport(version: str) -> set[str]:
    """The RPCs of the installed transport; it has a property for each."""
    base = transports(version).base.CloudTasksTransport
    return {name for name, member in vars(base).items() if isinstance(member, property)} - NO_RPC


def rpcs_of_the_operations_client(version: str) -> set[str]:
    """Those for which the transport has a client of its own, where it has one."""
    if not hasattr(transports(version).CloudTasksGrpcTransport, "operations_client"):
        return set()
    return {name for name in vars(operations_v1.OperationsClient) if name.endswith(("_operation", "_operations"))}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_rpc_is_modelled_or_listed_as_not_served(version: str) -> None:
    """A release that brings another RPC fails here until it is one or the other."""
    found = rpcs_of_the_transport(version)
    assert found >= FIRST | (PULL if version == "v2beta2" else set())
    assert found | rpcs_of_the_operations_client(version) <= MODELLED[version] | NOT_SERVED


def test_what_is_listed_as_not_served_is_not_modelled() -> None:
    """An RPC is in one of both."""
    assert not set().union(*MODELLED.values()) & NOT_SERVED


def test_what_is_modelled_has_its_form_in_rest() -> None:
    """No RPC is forgotten there, but for the one that the library doesn't have there."""
    assert HTTP_RULES.keys() == set().union(*MODELLED.values()) - NOT_IN_REST


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_installed_client_lacks_is_absent(version: str) -> None:
    """The clients are the library's own: they have the RPCs of its transport and no others."""
    found = rpcs_of_the_transport(version)
    for client in (library(version).CloudTasksClient, library(version).CloudTasksAsyncClient):
        assert {rpc for rpc in MODELLED[version] if hasattr(client, rpc)} == found & MODELLED[version]
